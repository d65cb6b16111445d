"""Shared Gumbel noise: the text depends on the seed alone, and follows the target's distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from whisper_magic import Engine, TranscribeOptions
from whisper_magic.engine.runtime import native_backend, torch_backend
from whisper_magic.engine.runtime.torch_backend import draft_step
from whisper_magic.engine.sample.noise import gumbel, perturbed, stream_key

HOT = TranscribeOptions(draft="model", temperature=0.8, no_speech_threshold=None, language="en")


def noise(seconds: float, seed: int = 0) -> tuple[np.ndarray, int]:
    return (np.random.default_rng(seed).standard_normal(int(seconds * 16000)) * 0.1).astype(np.float32), 16000


def tokens(engine: Engine, **overrides: Any) -> list[tuple[int, ...]]:
    return [segment.tokens for segment in engine.transcribe(noise(4.1), HOT, **overrides).segments]


@pytest.mark.slow
def test_the_text_depends_on_the_seed_alone(engines: dict[str, Engine]) -> None:
    for seed in range(3):
        alone = tokens(engines["never"], draft="none", seed=seed)
        for engine in engines.values():
            for length in (1, 6):
                assert tokens(engine, draft_length=length, seed=seed) == alone


def test_seeds_differ(engines: dict[str, Engine]) -> None:
    texts = {tuple(tokens(engines["always"], seed=seed)) for seed in range(6)}
    assert len(texts) >= 5


def test_the_batch_does_not_matter(engines: dict[str, Engine]) -> None:
    sounds = [noise(2.5, seed) for seed in range(3)]
    engine = engines["sometimes"]
    alone = [engine.transcribe(sound, HOT).text for sound in sounds]
    assert [t.text for t in engine.transcribe_many(sounds, HOT)] == alone
    assert [t.text for t in engine.transcribe_many(sounds[::-1], HOT)] == alone[::-1]


def test_shared_noise_is_what_makes_the_draft_agree(
    engines: dict[str, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: without the noise, or with other noise, the same draft is accepted less; the text stays."""
    engine = engines["always"]
    shared = engine.transcribe(noise(4.1), HOT)
    assert shared.trace.acceptance_rate == pytest.approx(1.0)
    for change in (lambda slots: slots.temperature.zero_(), lambda slots: slots.key.add_(1)):

        def drafting(forward: Any, processor: Any, slots: Any, steps: int, change: Any = change) -> None:
            kept = slots.temperature.clone(), slots.key.clone()
            change(slots)
            draft_step(forward, processor, slots, steps)
            slots.temperature.copy_(kept[0])
            slots.key.copy_(kept[1])

        for module in (native_backend, torch_backend):
            monkeypatch.setattr(module, "draft_step", drafting)
        alone = engine.transcribe(noise(4.1), HOT)
        assert alone.text == shared.text
        assert (alone.trace.acceptance_rate or 0) < 0.9


@pytest.mark.slow
def test_frequencies_follow_the_softmax() -> None:
    """Chi-squared over 10^5 runs of three places, jointly, against the product of the softmax probabilities."""
    scores = torch.tensor([[1.0, 0.2, -0.5, -torch.inf], [0.0, 0.0, 1.5, -1.0], [2.0, -1.0, 0.0, 0.5]])
    temperature, runs, seed_count = 0.7, 100_000, 50
    chances = (scores / temperature).softmax(-1)
    joint = torch.einsum("a,b,c->abc", *chances).flatten()
    counts = torch.zeros(64)
    for seed in range(seed_count):
        keys = torch.tensor([stream_key(seed, window) for window in range(runs // seed_count)])
        index = torch.arange(3).expand(len(keys), 3)
        drawn = perturbed(scores.expand(len(keys), 3, 4), torch.full((len(keys),), temperature), keys, index)
        a, b, c = drawn.argmax(-1).unbind(1)
        counts += torch.bincount(a * 16 + b * 4 + c, minlength=64)
    possible = joint > 0
    assert counts[~possible].sum() == 0
    expected = joint[possible] * runs
    chi_squared = float(((counts[possible] - expected) ** 2 / expected).sum())
    freedom = int(possible.sum()) - 1
    assert chi_squared < freedom + 4 * math.sqrt(2 * freedom), "fixed seeds: this cannot flicker"


def test_noise_depends_on_key_place_and_token_alone() -> None:
    keys = torch.tensor([stream_key(7, 0), stream_key(7, 1)])
    together = gumbel(keys, torch.arange(5).expand(2, 5), 50)
    assert torch.equal(gumbel(keys[1:], torch.tensor([[3]]), 50)[0, 0], together[1, 3])
    assert torch.equal(gumbel(keys[:1], torch.tensor([[3]]), 20)[0, 0], together[0, 3, :20])
    assert not torch.equal(together[0], together[1])
    assert torch.isfinite(gumbel(keys, torch.arange(2000).expand(2, 2000), 500)).all()


def test_zero_temperature_is_untouched() -> None:
    scores = torch.randn(2, 3, 10)
    keys, index = torch.tensor([1, 2]), torch.zeros(2, 3, dtype=torch.long)
    mixed = perturbed(scores, torch.tensor([0.0, 1.0]), keys, index)
    assert torch.equal(mixed[0], scores[0])
    assert not torch.equal(mixed[1], scores[1])
