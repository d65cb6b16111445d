"""What WAV headers claim."""

from __future__ import annotations

import io
import struct

import pytest

from tests.support.media import chirp, encoded
from whisper_magic.audio.wav import Data, data

WAV = encoded(chirp(2), 16_000, "WAV", "PCM_16")
LIST = b"LIST" + struct.pack("<I", 40_000) + bytes(40_000)


def found(content: bytes) -> Data | None:
    return data(io.BytesIO(content), len(content))


def with_size(size: int) -> bytes:
    return WAV[:40] + struct.pack("<I", size) + WAV[44:]


def test_a_header_that_is_right() -> None:
    assert found(WAV) == Data(2.0, 2.0, goes_on=False)
    right = found(WAV[:12] + LIST + WAV[12:] + LIST)
    assert right is not None
    assert (right.claimed, right.goes_on) == (2.0, False)


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_sizes_that_stand_for_unknown(size: int) -> None:
    assert found(with_size(size)) == Data(None, 2.0, goes_on=False)


def test_a_size_that_is_too_large_or_too_small() -> None:
    assert found(with_size(128_000)) == Data(4.0, 2.0, goes_on=False)
    assert found(with_size(32_000)) == Data(1.0, 2.0, goes_on=True)
    assert found(with_size(63_000)) == Data(63_000 / 32_000, 2.0, goes_on=False), "a few bytes more are not sound"


@pytest.mark.parametrize(
    "content",
    [b"", b"RIFF", WAV[:30], WAV[:12] + LIST, b"RF64" + WAV[4:], b"RIFF" + bytes(4) + b"AVI " + WAV[12:],
     WAV[:28] + bytes(4) + WAV[32:], b"RIFF\0\0\0\0WAVE" + bytes(100_000)],
)  # fmt: skip
def test_other_headers(content: bytes) -> None:
    assert found(content) is None
