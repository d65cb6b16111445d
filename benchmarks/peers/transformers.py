"""transformers: `generate` on windows, and the pipeline as its documentation uses it, on whole recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import WhisperFeatureExtractor, WhisperForCausalLM, WhisperForConditionalGeneration, pipeline

from benchmarks.checkpoints import quiet
from benchmarks.machine import DeviceStopwatch, synchronize
from benchmarks.measure import Side, Stopwatch, TimedCallable, TimedRun
from benchmarks.settings import Workload
from benchmarks.sound import RATE, Samples


@dataclass(frozen=True)
class Assist:
    """How `generate` is assisted.

    Attributes:
        threshold: `assistant_confidence_threshold`.
        length: `num_assistant_tokens`.
    """

    threshold: float
    length: int

    @property
    def name(self) -> str:
        """The side's name."""
        return f"transformers, assisted, threshold {self.threshold:g}, {self.length} tokens"


# The defaults; drafting never cut short by low confidence; the same with a draft as short as ours.
ASSISTS = (Assist(0.4, 20), Assist(0.0, 20), Assist(0.0, 5))
FORCED = {"language": "en", "task": "transcribe"}


def features_of(folder: Path, sounds: Sequence[Samples]) -> Tensor:
    """Log-mel features by transformers' own extractor, which every side is given: (windows, n_mels, frames)."""
    extractor = WhisperFeatureExtractor.from_pretrained(folder)
    features: Tensor = extractor(list(sounds), sampling_rate=RATE, return_tensors="pt").input_features
    return features


class Transformers:
    """A target and its assistant, as transformers loads them. Attention: sdpa, its default."""

    def __init__(self, target: Path, draft: Path | None, device: str, dtype: str, workload: Workload) -> None:
        """Load both from Hugging Face folders; without a draft it cannot be assisted."""
        self.device, self.workload, kind = device, workload, getattr(torch, dtype)
        with quiet():
            self.model = WhisperForConditionalGeneration.from_pretrained(target, dtype=kind).to(device).eval()
            if draft is not None:
                self.assistant = WhisperForCausalLM.from_pretrained(draft, dtype=kind).to(device).eval()
        self.encoder = TimedCallable(self.model.model.encoder.forward, Stopwatch(lambda: synchronize(device)))
        self.model.model.encoder.forward = self.encoder
        self._generator = self.model._get_candidate_generator
        self._special = self.model.generation_config.eos_token_id

    def greedy(self, features: Tensor, batch: int) -> TimedRun:
        """Decode windows without the assistant.

        Args:
            features: Log-mel features, (windows, n_mels, frames).
            batch: Windows in one `generate`.
        """
        runs = [self._generate(features[first : first + batch]) for first in range(0, len(features), batch)]
        return TimedRun(
            wall=sum(run.wall for run in runs),
            decode=sum(run.decode or 0.0 for run in runs),
            tokens=sum(run.tokens for run in runs),
            windows=len(features),
            output=tuple(text for run in runs for text in run.window_tokens),
            peak_bytes=max((run.peak_bytes for run in runs if run.peak_bytes is not None), default=None),
        )

    def assisted(self, features: Tensor, assist: Assist, script: Sequence[int] | None = None) -> TimedRun:
        """Decode one window (`generate` refuses more) with the assistant.

        Args:
            features: Log-mel features, (1, n_mels, frames).
            assist: How the assistant drafts.
            script: Tokens proposed in place of the assistant's own choice, which is computed all the same.
        """
        chosen = self.assistant.generation_config
        chosen.assistant_confidence_threshold, chosen.num_assistant_tokens = assist.threshold, assist.length
        chosen.num_assistant_tokens_schedule = "constant"  # its default
        assistants: list[ScriptedAssistant] = []

        def scripted(*inputs: Any, **named: Any) -> ScriptedAssistant:
            begin = (inputs[1] if len(inputs) > 1 else named["input_ids"]).shape[1]
            assistants.append(ScriptedAssistant(self._generator(*inputs, **named), script or (), begin))
            return assistants[-1]

        self.model._get_candidate_generator = self._generator if script is None else scripted
        try:
            run = self._generate(features, assistant_model=self.assistant)
        finally:
            self.model._get_candidate_generator = self._generator
        judged, accepted = (
            sum(assistant.judged for assistant in assistants),
            sum(assistant.accepted for assistant in assistants),
        )
        return TimedRun(**{**vars(run), "judged": judged, "accepted": accepted})

    @torch.inference_mode()
    def _generate(self, features: Tensor, **named: Any) -> TimedRun:
        length = {} if self.workload.tokens is None else {"max_new_tokens": self.workload.tokens}
        sound = features.to(self.device, self.model.dtype)
        before, watch = self.encoder.seconds, DeviceStopwatch(self.device)
        with quiet():
            watch.start()
            ids = self.model.generate(
                sound,
                return_timestamps=self.workload.timestamps,
                do_sample=False,
                num_beams=1,
                **FORCED,
                **length,
                **named,
            )
            written = tuple(self._texts(ids.tolist()))
            wall = watch.stop()
        return TimedRun(
            wall=wall,
            decode=wall - (self.encoder.seconds - before),
            tokens=sum(len(text) for text in written),
            windows=len(features),
            output=written,
            peak_bytes=watch.peak_bytes(self._resident("assistant_model" in named)),
        )

    @torch.inference_mode()
    def logit_gap(self, features: Tensor, prompt: Sequence[int], text: Sequence[int], ours: int) -> float:
        """By how much its likeliest token after a text is ahead of another one, before any logit rule.

        Args:
            features: Log-mel features, (1, n_mels, frames).
            prompt: Forced ids.
            text: Ids written so far.
            ours: The other token.
        """
        ids = torch.tensor([[*prompt, *text]], device=self.device)
        sound = features.to(self.device, self.model.dtype)
        logits = self.model(input_features=sound, decoder_input_ids=ids).logits[0, -1].float()
        return float(logits.max() - logits[ours])

    def _resident(self, assisted: bool) -> int:
        """Bytes of the weights in use."""
        models = [self.model, self.assistant] if assisted else [self.model]
        return sum(weight.nbytes for model in models for weight in model.parameters())

    def _texts(self, rows: list[list[int]]) -> list[tuple[int, ...]]:
        """Drop the prompt, where it is returned, and everything from end-of-text on."""
        config = self.model.generation_config
        prompt = 1 + len([config.lang_to_id, config.task_to_id]) + (0 if self.workload.timestamps else 1)
        texts = []
        for row in rows:
            text = row[prompt:] if row[0] == config.decoder_start_token_id else row
            ends = text.index(self._special) if self._special in text else len(text)
            texts.append(tuple(text[:ends]))
        return texts


class ScriptedAssistant:
    """transformers' candidate generator, computed at its full cost, with its candidates replaced by a script."""

    def __init__(self, generator: Any, script: Sequence[int], begin: int) -> None:
        """Wrap a candidate generator. script: proposed tokens, from position `begin` of the text on."""
        self.generator, self.script, self.begin = generator, script, begin
        self.judged = self.accepted = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.generator, name)

    def get_candidates(self, input_ids: Tensor, **kwargs: Any) -> tuple[Tensor, Tensor | None]:
        """See `transformers.generation.CandidateGenerator`."""
        candidates, logits = self.generator.get_candidates(input_ids, **kwargs)
        known, total = input_ids.shape[1], candidates.shape[1]
        proposed = self.script[known - self.begin : total - self.begin]
        candidates[0, known : known + len(proposed)] = torch.tensor(proposed, device=candidates.device)
        return candidates, logits

    def update_candidate_strategy(self, input_ids: Tensor, scores: Tensor, num_matches: int) -> None:
        """See `transformers.generation.CandidateGenerator`; counts what was judged and accepted."""
        proposed = scores.shape[1] - 1
        self.judged += min(num_matches + 1, proposed)
        self.accepted += num_matches
        self.generator.update_candidate_strategy(input_ids, scores, num_matches)


class Pipelines:
    """`pipeline("automatic-speech-recognition", ...)` on whole recordings: sequential long form."""

    def __init__(self, target: Path, draft: Path | None, device: str, dtype: str) -> None:
        """Load both from Hugging Face folders; without a draft it cannot be assisted."""
        self.device, kind = device, getattr(torch, dtype)
        with quiet():
            self.pipe = pipeline("automatic-speech-recognition", str(target), dtype=kind, device=device)
            if draft is not None:
                self.assistant = WhisperForCausalLM.from_pretrained(draft, dtype=kind).to(device)

    def sides(self, samples: Samples) -> list[Side]:
        """Greedy, and assisted in every way."""
        greedy = Side("transformers pipeline, greedy", partial(self.run, samples, None))
        assisted = [(assist.name.replace(",", " pipeline,", 1), assist) for assist in ASSISTS]
        return [greedy, *(Side(name, partial(self.run, samples, assist)) for name, assist in assisted)]

    def run(self, samples: Samples, assist: Assist | None) -> TimedRun:
        """Transcribe (n,) float32 samples at 16 kHz; assist: None decodes greedily without the assistant."""
        forced: dict[str, Any] = dict(FORCED)
        if assist is not None:
            config = self.assistant.generation_config
            config.assistant_confidence_threshold, config.num_assistant_tokens = assist.threshold, assist.length
            forced["assistant_model"] = self.assistant
        watch = Stopwatch(lambda: synchronize(self.device))
        with quiet():
            watch.start()
            text = self.pipe({"raw": samples, "sampling_rate": RATE}, return_timestamps=True, generate_kwargs=forced)
            wall = watch.stop()
        return TimedRun(wall=wall, output=text["text"].strip())
