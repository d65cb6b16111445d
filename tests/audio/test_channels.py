"""Which channels are used: opposite phase above all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.media import chirp, encoded
from whisper_magic.audio.channels import mixed, picked
from whisper_magic.audio.load import load
from whisper_magic.audio.notes import Notes

RATE = 16_000
VOICE, OTHER = chirp(4), chirp(4, low=1200, high=700, seed=1)


def noise(level: float, seed: int = 7) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal(len(VOICE))).astype(np.float32)


def test_opposite_phase_uses_a_channel_and_notes_it() -> None:
    content = encoded(np.stack([VOICE, -VOICE], axis=1), RATE, "FLAC", "PCM_16")
    audio = load(content)
    np.testing.assert_allclose(audio.samples, VOICE, atol=1e-4)
    assert audio.notes == (
        "its channels are in opposite phase and cancel when mixed, in 4.0 of 4.0 s: channel left alone is used there",
    )
    part = load(content, start=1.3, end=2.9)
    np.testing.assert_array_equal(part.samples, audio.samples[round(1.3 * RATE) : round(2.9 * RATE)])
    assert load(content, channel="right").notes == ()


def test_the_channel_that_speaks_is_used_where_noise_is_left_of_the_mix() -> None:
    stereo = np.stack([0.4 * VOICE + noise(0.005), -VOICE + noise(0.005, 8)], axis=1)
    audio = load((stereo, RATE))
    np.testing.assert_array_equal(audio.samples, load((stereo, RATE), channel="mix").samples)
    loud = np.stack([0.9 * VOICE + noise(0.005), -VOICE + noise(0.005, 8)], axis=1)
    assert "channel left alone" in load((loud, RATE)).notes[0]
    assert load((stereo, RATE)).notes == (), "one channel is so much louder that the mix keeps it"


def test_only_the_seconds_that_cancel_are_taken_from_one_channel() -> None:
    right = np.concatenate([OTHER[:RATE], -VOICE[RATE : 3 * RATE], VOICE[3 * RATE :]])
    audio = load((np.stack([VOICE, right], axis=1), RATE))
    np.testing.assert_allclose(audio.samples[:RATE], (VOICE + OTHER)[:RATE] / 2, atol=1e-6)
    np.testing.assert_allclose(audio.samples[RATE:], VOICE[RATE:], atol=1e-6)
    assert "in 2.0 of 4.0 s" in audio.notes[0]


@pytest.mark.parametrize("case", ["same", "unrelated", "one silent", "a delayed copy", "both silent", "faint", "six"])
def test_other_sounds_are_mixed(case: str) -> None:
    faint = noise(1e-5)
    channels = {
        "same": [VOICE, VOICE],
        "unrelated": [VOICE, OTHER],
        "one silent": [np.zeros_like(VOICE), VOICE],
        "a delayed copy": [noise(0.1), np.roll(noise(0.1), 30)],
        "both silent": [np.zeros_like(VOICE)] * 2,
        "faint": [faint, -faint],
        "six": [np.zeros_like(VOICE)] * 5 + [VOICE],
    }[case]
    audio = load((np.stack(channels, axis=1), RATE))
    np.testing.assert_allclose(audio.samples, np.mean(channels, axis=0), atol=1e-6)
    assert audio.notes == ()


@pytest.mark.parametrize("size", [999, 16_000, 40_000])
def test_blocks_of_any_size_are_mixed_alike(size: int) -> None:
    stereo = np.stack([VOICE, np.concatenate([-VOICE[:20_000], VOICE[20_000:]])], axis=1)

    def blocks(first: int) -> Iterator[np.ndarray]:
        for at in range(first, len(stereo), size):
            yield stereo[at : at + size]

    whole = np.concatenate(list(mixed(blocks(0), RATE, 0, Notes())))
    np.testing.assert_array_equal(whole, np.concatenate(list(mixed(iter([stereo]), RATE, 0, Notes()))))
    later = np.concatenate(list(mixed(blocks(RATE), RATE, RATE, Notes())))
    np.testing.assert_array_equal(later, whole[RATE:])


def test_where_the_number_of_channels_changes() -> None:
    stereo = np.stack([VOICE, OTHER], axis=1)
    changing = [stereo[:1000], VOICE[1000:2000, None], stereo[2000:3000]]
    mix = np.concatenate(list(mixed(iter(changing), RATE, 0, Notes())))[:, 0]
    np.testing.assert_allclose(mix[1000:2000], VOICE[1000:2000])
    np.testing.assert_allclose(mix[2000:], stereo[2000:3000].mean(axis=1))
    right = np.concatenate(list(picked(iter(changing), [1], 2)))[:, 0]
    np.testing.assert_allclose(right[:1000], OTHER[:1000])
    np.testing.assert_allclose(right[1000:2000], VOICE[1000:2000])
