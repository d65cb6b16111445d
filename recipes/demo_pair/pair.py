"""The exported pair in plain transformers: recordings are encoded once, then transcribed as often as needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import WhisperForCausalLM, WhisperForConditionalGeneration, WhisperProcessor
from transformers.modeling_outputs import BaseModelOutput

from recipes.demo_pair.speak import SAMPLE_RATE
from recipes.demo_pair.windows import Task

Samples = NDArray[np.float32]
_BATCH = 20


@dataclass(frozen=True)
class Encoded:
    """Encoder states of recordings of at most 30 s, one language: `audio` holds (n_audio_ctx, d_model) for each."""

    language: str
    audio: tuple[torch.Tensor, ...]

    def first(self, count: int) -> "Encoded":
        """The first ``count`` recordings."""
        return Encoded(self.language, self.audio[:count])


class Pair:
    """Target and draft in ``dtype`` on CPU."""

    def __init__(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        """Load ``target`` and ``draft`` below ``folder``."""
        self.processor = WhisperProcessor.from_pretrained(str(folder / "target"))
        self.target = WhisperForConditionalGeneration.from_pretrained(str(folder / "target"), dtype=dtype).eval()
        self.draft = WhisperForCausalLM.from_pretrained(str(folder / "draft"), dtype=dtype).eval()
        self.settings = self.target.generation_config
        self.timestamp_begin = self.settings.no_timestamps_token_id + 1
        self._dtype = dtype

    @torch.no_grad()
    def encode(self, language: str, recordings: Sequence[Samples]) -> Encoded:
        """Encode recordings of 16 kHz samples, each padded with silence to a 30 s window of its own."""
        audio: list[torch.Tensor] = []
        for first in range(0, len(recordings), _BATCH):
            some = list(recordings[first : first + _BATCH])
            mel = self.processor.feature_extractor(some, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
            audio += self.target.model.encoder(mel.to(self._dtype)).last_hidden_state.unbind()
        return Encoded(language, tuple(audio))

    @torch.no_grad()
    def transcribe(self, encoded: Encoded, timestamps: bool = False, task: Task = "transcribe") -> list[list[int]]:
        """Greedy tokens of each window, without prompt and padding."""
        eot = self.settings.eos_token_id
        rows: list[list[int]] = []
        for first in range(0, len(encoded.audio), _BATCH):
            audio = BaseModelOutput(torch.stack(encoded.audio[first : first + _BATCH]))
            some = self.target.generate(
                encoder_outputs=audio, language=encoded.language, task=task, return_timestamps=timestamps, **_GREEDY
            )
            rows += some.tolist()
        return [[token for token in row if token < eot or token >= self.timestamp_begin] for row in rows]

    def text(self, tokens: Sequence[int]) -> str:
        """Decode tokens, without timestamps."""
        kept = [token for token in tokens if token < self.timestamp_begin]
        return str(self.processor.tokenizer.decode(kept)).strip()

    def texts(self, encoded: Encoded, task: Task = "transcribe") -> list[str]:
        """Greedy text of each window, without timestamps."""
        return [self.text(tokens) for tokens in self.transcribe(encoded, task=task)]

    @torch.no_grad()
    def start_probabilities(self, encoded: Encoded) -> torch.Tensor:
        """Probabilities of the token after the start token: (windows, vocabulary)."""
        probabilities = []
        for first in range(0, len(encoded.audio), _BATCH):
            audio = torch.stack(encoded.audio[first : first + _BATCH])
            start = torch.full((len(audio), 1), self.settings.decoder_start_token_id)
            logits = self.target(decoder_input_ids=start, encoder_outputs=BaseModelOutput(audio)).logits[:, 0]
            probabilities.append(logits.float().softmax(-1))
        return torch.cat(probabilities)

    @torch.no_grad()
    def transcribe_long(self, language: str, samples: Samples) -> str:
        """Transcribe a recording of any length by transformers' sequential long form."""
        inputs = self.processor.feature_extractor(
            samples, sampling_rate=SAMPLE_RATE, return_tensors="pt", truncation=False, padding="longest"
        )
        result = self.target.generate(
            inputs.input_features.to(self._dtype),
            language=language,
            task="transcribe",
            return_timestamps=True,
            return_segments=True,
            **_GREEDY,
        )
        return " ".join(self.text(segment["tokens"].tolist()) for segment in result["segments"][0])


_GREEDY: dict[str, Any] = {"num_beams": 1, "do_sample": False}
