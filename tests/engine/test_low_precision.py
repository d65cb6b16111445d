"""Contract B: in bfloat16 the speculative text is the engine's own target-only text, token for token, because both run
the same fixed-shape passes and differ only in what fills the block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from whisper_magic import Engine, TranscribeOptions

PLAIN = TranscribeOptions(temperature=0.0, no_speech_threshold=None, language="en", draft="model")


def noise(seconds: float, seed: int) -> tuple[np.ndarray, int]:
    return (np.random.default_rng(seed).standard_normal(int(seconds * 16000)) * 0.1).astype(np.float32), 16000


SOUNDS = [noise(1.0 + 0.8 * seed, seed) for seed in range(4)]


@pytest.fixture(scope="module", params=["always", "sometimes", "never"])
def engine(request: pytest.FixtureRequest, pair: Any) -> Iterator[Engine]:
    with Engine.load(str(pair.target), str(pair.drafts[request.param]), device="cpu", dtype="bfloat16") as loaded:
        assert loaded.status.dtype == "bfloat16"
        yield loaded


def texts(engine: Engine, **overrides: Any) -> list[tuple[tuple[int, ...], float]]:
    """Tokens and scores: equal scores mean that the arithmetic was the same to the last bit."""
    many = engine.transcribe_many(SOUNDS, PLAIN, **overrides)
    return [(segment.tokens, segment.avg_logprob) for t in many for segment in t.segments]


def test_any_draft_length_writes_the_target_only_text(engine: Engine) -> None:
    """Through the door; every length at every batch size, to the last bit, is `test_bits.py`'s."""
    alone = texts(engine, draft="none", batch_size=4)
    for length in (1, 4, 7):
        assert texts(engine, draft_length=length, batch_size=4) == alone


def test_it_holds_for_samples_too(engine: Engine) -> None:
    alone = texts(engine, draft="none", temperature=0.7)
    for length in (1, 4, 7):
        assert texts(engine, draft_length=length, temperature=0.7) == alone
