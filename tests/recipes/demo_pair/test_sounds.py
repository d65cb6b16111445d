"""Rooms, sounds and people's digits: drawn by a seed, finite, of the right length; human digits skip where missing."""

import random

import numpy as np
import pytest

from recipes.demo_pair import human
from recipes.demo_pair.rooms import in_a_room, reverberated
from recipes.demo_pair.sounds import sound
from recipes.demo_pair.speak import SAMPLE_RATE

needs_people = pytest.mark.skipif(not human.present(), reason=f"{human.ARCHIVE} is not there")


def test_a_sound_is_the_same_for_the_same_seed() -> None:
    assert np.array_equal(sound(1.0, "a"), sound(1.0, "a"))
    assert not np.array_equal(sound(1.0, "a"), sound(1.0, "b"))


def test_sounds_are_finite_and_neither_silent_nor_clipped() -> None:
    for number in range(24):
        made = sound(2.0, f"test {number}")
        assert made.shape == (2 * SAMPLE_RATE,)
        assert 0.004 < np.abs(made).max() <= 0.501


def test_a_room_keeps_length_and_peak_and_adds_an_echo() -> None:
    click = np.zeros(SAMPLE_RATE, np.float32)
    click[100] = 0.5
    heard = reverberated(click, seconds=0.3, share=0.5, seed=1)
    assert heard.shape == click.shape
    assert np.abs(heard).max() == pytest.approx(0.5, abs=1e-4)
    assert np.abs(heard[2_000:4_000]).max() > 1e-4
    assert np.abs(heard[8_000:]).max() < 1e-3


def test_rooms_are_drawn() -> None:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 4_000).astype(np.float32)
    rng = random.Random(0)
    heard = [in_a_room(samples, rng) for _ in range(40)]
    assert all(one.shape == samples.shape and np.isfinite(one).all() for one in heard)
    assert 10 < sum(one is samples for one in heard) < 35


@needs_people
def test_the_speaker_left_out_is_never_trained_on() -> None:
    trained = {voice.name for _, voice, _ in human.digit_strings(60, 1, "train")}
    left_out = {voice.name for _, voice, _ in human.digit_strings(5, 1, "held_out", left_out=True)}
    assert left_out == {human.LEFT_OUT}
    assert len(trained) == 3
    assert not trained & left_out


@needs_people
def test_digit_strings_say_as_many_digits_as_they_write() -> None:
    for sentence, _, samples in human.digit_strings(10, 2, "train"):
        assert 3 <= len(sentence.text.split()) <= 8
        assert samples.dtype == np.float32
        assert len(samples) / SAMPLE_RATE > 0.2 * len(sentence.text.split())
