"""transformers' side of a comparison: `generate` on windows, and the pipeline as users write it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import WhisperFeatureExtractor, WhisperForCausalLM, WhisperForConditionalGeneration, pipeline

from benchmarks.checkpoints import quiet
from benchmarks.corrupted import CorruptedAssistant
from benchmarks.machine import DeviceWatch, wait
from benchmarks.measure import Run, Side, Stopwatch
from benchmarks.ours import TimedEncoder, Work
from benchmarks.sound import RATE, Samples
from whisper_magic.engine.model.device import DTYPES


@dataclass(frozen=True)
class Assist:
    """How `generate` is assisted. threshold: `assistant_confidence_threshold`; length: `num_assistant_tokens`."""

    threshold: float
    length: int

    @property
    def name(self) -> str:
        return f"transformers, assisted, threshold {self.threshold:g}, {self.length} tokens"


# The defaults; drafting never cut short by doubt; the same with a draft as short as ours, as a careful user sets it.
ASSISTS = (Assist(0.4, 20), Assist(0.0, 20), Assist(0.0, 5))
FORCED = {"language": "en", "task": "transcribe"}


def features_of(folder: Path, sounds: Sequence[Samples]) -> torch.Tensor:
    """(N, mels, frames): what every side is given, by transformers' own feature extractor."""
    extractor = WhisperFeatureExtractor.from_pretrained(folder)
    features: torch.Tensor = extractor(list(sounds), sampling_rate=RATE, return_tensors="pt").input_features
    return features


class Transformers:
    """A target and its assistant, as transformers loads them. Attention: sdpa, its default."""

    def __init__(self, target: Path, draft: Path, device: str, dtype: str, work: Work) -> None:
        self.device, self.work, kind = device, work, DTYPES[dtype]
        with quiet():
            self.model = WhisperForConditionalGeneration.from_pretrained(target, dtype=kind).to(device).eval()
            self.assistant = WhisperForCausalLM.from_pretrained(draft, dtype=kind).to(device).eval()
        self.encoder = TimedEncoder(self.model.model.encoder.forward, Stopwatch(lambda: wait(device)))
        self.model.model.encoder.forward = self.encoder
        self._generator = self.model._get_candidate_generator
        self._special = self.model.generation_config.eos_token_id

    def greedy(self, features: torch.Tensor, together: int) -> Run:
        """Windows (N, mels, frames), `together` in one `generate`."""
        runs = [self._generate(features[first : first + together]) for first in range(0, len(features), together)]
        return Run(
            wall=sum(run.wall for run in runs),
            decode=sum(run.decode or 0.0 for run in runs),
            tokens=sum(run.tokens for run in runs),
            windows=len(features),
            written=tuple(text for run in runs for text in self.texts(run)),
            peak_bytes=max((run.peak_bytes for run in runs if run.peak_bytes is not None), default=None),
        )

    @staticmethod
    def texts(run: Run) -> tuple[tuple[int, ...], ...]:
        """What a run wrote in each window."""
        written: Any = run.written
        texts: tuple[tuple[int, ...], ...] = written
        return texts

    def assisted(self, features: torch.Tensor, assist: Assist, script: Sequence[int] | None = None) -> Run:
        """One window; `generate` refuses more. script: what the assistant proposes, at its own cost."""
        chosen = self.assistant.generation_config
        chosen.assistant_confidence_threshold, chosen.num_assistant_tokens = assist.threshold, assist.length
        chosen.num_assistant_tokens_schedule = "constant"  # its default
        made: list[CorruptedAssistant] = []

        def scripted(*inputs: Any, **named: Any) -> CorruptedAssistant:
            begin = (inputs[1] if len(inputs) > 1 else named["input_ids"]).shape[1]
            made.append(CorruptedAssistant(self._generator(*inputs, **named), script or (), begin))
            return made[-1]

        self.model._get_candidate_generator = self._generator if script is None else scripted
        try:
            run = self._generate(features, assistant_model=self.assistant)
        finally:
            self.model._get_candidate_generator = self._generator
        judged, accepted = sum(one.judged for one in made), sum(one.accepted for one in made)
        return Run(**{**vars(run), "judged": judged, "accepted": accepted})

    @torch.inference_mode()
    def _generate(self, features: torch.Tensor, **named: Any) -> Run:
        length = {} if self.work.tokens is None else {"max_new_tokens": self.work.tokens}
        sound = features.to(self.device, self.model.dtype)
        before, watch = self.encoder.seconds, DeviceWatch(self.device)
        with quiet():
            watch.start()
            ids = self.model.generate(
                sound, return_timestamps=self.work.timestamps, do_sample=False, num_beams=1, **FORCED, **length, **named
            )
            written = tuple(self._texts(ids.tolist()))
            wall = watch.stop()
        return Run(
            wall=wall,
            decode=wall - (self.encoder.seconds - before),
            tokens=sum(len(text) for text in written),
            windows=len(features),
            written=written,
            peak_bytes=watch.peak(self._resident("assistant_model" in named)),
        )

    def _resident(self, assisted: bool) -> int:
        """Bytes of the weights in use."""
        models = [self.model, self.assistant] if assisted else [self.model]
        return sum(weight.nbytes for model in models for weight in model.parameters())

    def _texts(self, rows: list[list[int]]) -> list[tuple[int, ...]]:
        """Without the prompt, where it is returned, and from end-of-text on."""
        config = self.model.generation_config
        prompt = 1 + len([config.lang_to_id, config.task_to_id]) + (0 if self.work.timestamps else 1)
        texts = []
        for row in rows:
            text = row[prompt:] if row[0] == config.decoder_start_token_id else row
            ends = text.index(self._special) if self._special in text else len(text)
            texts.append(tuple(text[:ends]))
        return texts


class Pipelines:
    """`pipeline("automatic-speech-recognition", ...)` as users write it, on whole recordings: sequential long form."""

    def __init__(self, target: Path, draft: Path, device: str, dtype: str) -> None:
        self.device = device
        with quiet():
            self.pipe = pipeline("automatic-speech-recognition", str(target), dtype=DTYPES[dtype], device=device)
            self.assistant = WhisperForCausalLM.from_pretrained(draft, dtype=DTYPES[dtype]).to(device)

    def sides(self, samples: Samples) -> list[Side]:
        greedy = Side("transformers pipeline, greedy", partial(self.run, samples, None))
        assisted = [(assist.name.replace(",", " pipeline,", 1), assist) for assist in ASSISTS]
        return [greedy, *(Side(name, partial(self.run, samples, assist)) for name, assist in assisted)]

    def run(self, samples: Samples, assist: Assist | None) -> Run:
        forced: dict[str, Any] = dict(FORCED)
        if assist is not None:
            config = self.assistant.generation_config
            config.assistant_confidence_threshold, config.num_assistant_tokens = assist.threshold, assist.length
            forced["assistant_model"] = self.assistant
        watch = Stopwatch(lambda: wait(self.device))
        with quiet():
            watch.start()
            text = self.pipe({"raw": samples, "sampling_rate": RATE}, return_timestamps=True, generate_kwargs=forced)
            wall = watch.stop()
        return Run(wall=wall, written=text["text"].strip())
