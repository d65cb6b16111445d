"""Channel simulation: drawn by a seed, finite, of the same length and peak."""

import random

import numpy as np
import pytest

from recipes.demo_pair.channel import reverberate, simulate_channel
from recipes.demo_pair.speak import SAMPLE_RATE


def test_reverberation_keeps_length_and_peak_and_adds_a_decay() -> None:
    click = np.zeros(SAMPLE_RATE, np.float32)
    click[100] = 0.5
    wet = reverberate(click, seconds=0.3, share=0.5, seed=1)
    assert wet.shape == click.shape
    assert np.abs(wet).max() == pytest.approx(0.5, abs=1e-4)
    assert np.abs(wet[2_000:4_000]).max() > 1e-4
    assert np.abs(wet[8_000:]).max() < 1e-3


def test_some_sentences_keep_their_channel() -> None:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 4_000).astype(np.float32)
    rng = random.Random(0)
    drawn = [simulate_channel(samples, rng) for _ in range(40)]
    assert all(one.shape == samples.shape and np.isfinite(one).all() for one in drawn)
    assert 10 < sum(one is samples for one in drawn) < 35
