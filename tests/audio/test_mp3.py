"""What Xing and Info headers claim."""

from __future__ import annotations

import io

import numpy as np
import pytest

from tests.support.media import chirp, first_frame_end, mp3
from whisper_magic.audio.mp3 import claimed


def found(content: bytes) -> float | None:
    return claimed(io.BytesIO(content))


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_header_counts_the_frames(rate: int, channels: int) -> None:
    content = mp3(np.stack([chirp(3, rate)] * channels, axis=1), rate)
    assert found(content) == pytest.approx(3, abs=0.25)
    assert found(content[: len(content) // 2]) == found(content)
    tag = b"ID3\x04\0\0" + bytes([0, 0, 0x4E, 0x10]) + bytes(10_000)
    assert found(tag + content) == found(content)


def test_without_a_header_nothing_is_claimed() -> None:
    content = mp3(chirp(3))
    for other in (content[first_frame_end(content) :], b"", b"ID3", b"\xff", b"RIFF" + bytes(5000), bytes(5000)):
        assert found(other) is None
