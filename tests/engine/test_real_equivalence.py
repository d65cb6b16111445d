"""Contract A on OpenAI's weights and real recordings, from the same samples: transformers' own feature extractor and
unassisted greedy `generate` on one side, the engine from samples to text on the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

from whisper_magic import Engine, TranscribeOptions
from whisper_magic.audio.load import load
from whisper_magic.engine.native import bindings

pytestmark = [pytest.mark.real, pytest.mark.recordings]
# Without the temperature fallback and the thresholds, which transformers leaves out unless asked.
GREEDY = TranscribeOptions(
    temperature=0.0,
    compression_ratio_threshold=None,
    logprob_threshold=None,
    no_speech_threshold=None,
    mode="sequential",
    task="transcribe",
    draft="none",
)
SHORT = (
    "jfk.flac",
    "jfk.mp3",
    "stereo_two_speakers.wav",
    "fleurs/fleurs-de-000.ogg",
    "fleurs/fleurs-en-000.ogg",
)
LONG = ("multilingual.mp3",)


class Reference:
    """transformers, from samples to tokens."""

    def __init__(self, folder: Path) -> None:
        loaded: Any = WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
        self.model = loaded.eval()
        self.extractor = WhisperFeatureExtractor.from_pretrained(folder)

    def tokens(self, samples: np.ndarray, **given: Any) -> list[int]:
        """The text's tokens, without timestamps; `samples` (n,) float32 at 16 kHz."""
        long = len(samples) > self.extractor.n_samples
        longest = {"truncation": False, "padding": "longest"} if long else {}
        inputs = self.extractor(
            samples, sampling_rate=16_000, return_tensors="pt", return_attention_mask=True, **longest
        )
        with torch.inference_mode():
            written = self.model.generate(
                inputs.input_features,
                attention_mask=inputs.attention_mask,
                return_timestamps=True,
                return_segments=True,
                num_beams=1,
                do_sample=False,
                **given,
            )
        eot = self.model.generation_config.eos_token_id
        return [token for segment in written["segments"][0] for token in segment["tokens"].tolist() if token < eot]


@pytest.fixture(scope="module")
def base(real_folder: Callable[[str], Path]) -> Path:
    return real_folder("openai/whisper-base")


@pytest.fixture(scope="module")
def reference(base: Path) -> Reference:
    return Reference(base)


@pytest.fixture
def engine(real_engine: Engine) -> Engine:
    return real_engine


@pytest.mark.parametrize("name", [*SHORT, *LONG])
def test_the_same_samples_give_the_same_tokens(
    reference: Reference, engine: Engine, recordings: Path, name: str
) -> None:
    audio = load(recordings / name)
    written = engine.transcribe(audio, GREEDY)
    eot = reference.model.generation_config.eos_token_id
    ours = [token for segment in written.segments for token in segment.tokens if token < eot]
    assert ours
    assert ours == reference.tokens(audio.samples, task="transcribe")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_bundled_draft_pays_and_changes_no_text(
    dtype: str, real_folder: Callable[[str], Path], recordings: Path
) -> None:
    folder = str(real_folder("openai/whisper-base"))
    with Engine.load(folder, "base-draft", device="cpu", dtype=dtype) as engine:
        fast = bindings.computes(getattr(torch, dtype))  # else a window takes a minute
        for name in ("jfk.flac", "fleurs/fleurs-de-000.ogg")[: 2 if fast else 1]:
            alone = engine.transcribe(recordings / name, draft="none")
            drafted = engine.transcribe(recordings / name, draft="model")
            assert [s.tokens for s in drafted.segments] == [s.tokens for s in alone.segments]
            assert drafted.trace.tokens_per_round > 1.5
