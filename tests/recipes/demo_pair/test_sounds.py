"""Sounds without speech: drawn by a seed, finite, neither silent nor clipped."""

import numpy as np

from recipes.demo_pair.sounds import sound
from recipes.demo_pair.speak import SAMPLE_RATE


def test_a_sound_is_the_same_for_the_same_seed() -> None:
    assert np.array_equal(sound(1.0, "a"), sound(1.0, "a"))
    assert not np.array_equal(sound(1.0, "a"), sound(1.0, "b"))


def test_sounds_are_finite_and_neither_silent_nor_clipped() -> None:
    for number in range(24):
        made = sound(2.0, f"test {number}")
        assert made.shape == (2 * SAMPLE_RATE,)
        assert 0.004 < np.abs(made).max() <= 0.501
