"""Rates that change on the way."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.media import chirp, likeness
from whisper_magic.audio.resample import Joiner, resampled


def test_the_same_rate_passes_through() -> None:
    blocks = [np.ones((5, 2), np.float32), np.zeros((3, 1), np.float32)]
    assert all(a is b for a, b in zip(resampled(iter(blocks), 16_000, 16_000, 2), blocks, strict=True))
    joiner = Joiner(16_000)
    assert joiner.feed(blocks[0], 16_000)[0] is blocks[0]
    assert joiner.finish() == []


def test_sound_of_three_rates_becomes_one() -> None:
    joiner, out = Joiner(16_000), []
    for rate in (16_000, 8000, 44_100, 16_000):
        sound = chirp(1, rate)[:, None]
        for at in range(0, len(sound), 1000):
            out += joiner.feed(sound[at : at + 1000], rate)
    out += joiner.finish()
    whole = np.concatenate(out)[:, 0]
    assert len(whole) == pytest.approx(4 * 16_000, abs=2)
    for second in range(4):
        part = whole[second * 16_000 : (second + 1) * 16_000][500:-500]
        assert likeness(part, chirp(1)[500:-500]) > 0.99


def test_channels_may_change_at_another_rate() -> None:
    joiner = Joiner(16_000)
    mono, stereo = chirp(1, 8000)[:, None], np.stack([chirp(1, 8000)] * 2, axis=1)
    out = [*joiner.feed(mono, 8000), *joiner.feed(stereo, 8000), *joiner.finish()]
    lengths = {channels: sum(len(block) for block in out if block.shape[1] == channels) for channels in (1, 2)}
    assert lengths == {1: 16_000, 2: 16_000}
