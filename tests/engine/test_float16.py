"""The full engine in float16, as on a GPU, on a CPU: contract B, bit for bit, and the text of float32 on real weights.

The rows of a batch go through the same kernels at the same shapes whatever is proposed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whisper_magic import Engine, TranscribeOptions
from whisper_magic.audio.load import load

PLAIN = TranscribeOptions(temperature=0.0, no_speech_threshold=None, language="en", draft="model", mode="sequential")


def noise(seconds: float, seed: int) -> tuple[np.ndarray, int]:
    return (np.random.default_rng(seed).standard_normal(int(seconds * 16000)) * 0.1).astype(np.float32), 16000


SOUNDS = [noise(1.0 + 0.8 * seed, seed) for seed in range(3)]


@pytest.fixture(scope="module")
def engine(pair: Any) -> Iterator[Engine]:
    with Engine.load(str(pair.target), str(pair.drafts["sometimes"]), device="cpu", dtype="float16") as loaded:
        assert loaded.status.dtype == "float16"
        yield loaded


def bits(engine: Engine, **overrides: Any) -> list[tuple[tuple[int, ...], float]]:
    """Tokens and scores: equal scores mean that the arithmetic was the same to the last bit."""
    many = engine.transcribe_many(SOUNDS, PLAIN, **overrides)
    return [(segment.tokens, segment.avg_logprob) for t in many for segment in t.segments]


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_any_draft_length_writes_the_target_only_text(engine: Engine, temperature: float) -> None:
    alone = bits(engine, draft="none", batch_size=4, temperature=temperature)
    for length in (1, 7):
        assert bits(engine, draft_length=length, batch_size=4, temperature=temperature) == alone


@pytest.mark.real
@pytest.mark.recordings
def test_real_weights_write_what_they_write_in_float32(real_folder: Callable[[str], Path], recordings: Path) -> None:
    """whisper-tiny.en on four seconds of speech; its draft is its own decoder, so that whole drafts are accepted."""
    folder = str(real_folder("openai/whisper-tiny.en"))
    sound = load(recordings / "jfk.flac", end=4.0)
    texts = {}
    for dtype in ("float32", "float16"):
        with Engine.load(folder, folder, device="cpu", dtype=dtype) as loaded:
            for draft in ("none", "model")[: 1 if dtype == "float32" else 2]:
                found = loaded.transcribe(sound, PLAIN, draft=draft, draft_length=5)
                texts[dtype, draft] = [(one.tokens, one.avg_logprob) for one in found.segments]
    assert texts["float16", "none"] == texts["float16", "model"]
    assert [one for one, _ in texts["float16", "none"]] == [one for one, _ in texts["float32", "none"]]
    assert "fellow Americans" in found.text
