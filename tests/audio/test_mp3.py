"""What Xing and Info headers claim."""

from __future__ import annotations

import io

import numpy as np
import pytest

from tests.support.media import chirp, delay, first_frame_end, likeness, mp3
from whisper_magic.audio.load import load
from whisper_magic.audio.mp3 import claimed, constant, tag_size


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


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100, 48_000])
def test_a_constant_bit_rate_gives_the_duration_by_the_size(rate: int) -> None:
    content = mp3(chirp(3, rate), rate, bitrate_mode="CONSTANT", compression_level=0.6)
    tag = b"ID3\x04\0\0" + bytes([0, 0, 0x4E, 0x10]) + bytes(10_000)
    for parts in (1, 2):
        for other in (parts * content, tag + parts * content):
            assert constant(io.BytesIO(other), len(other)) == pytest.approx(3 * parts, abs=0.25 * parts)


def test_bit_rates_that_change() -> None:
    noise = np.random.default_rng(0).standard_normal(48_000).astype(np.float32) / 5
    content = mp3(np.concatenate([0 * noise, noise]), bitrate_mode="VARIABLE", compression_level=0.5)
    slow, fast = (mp3(chirp(3), bitrate_mode="CONSTANT", compression_level=level) for level in (0.9, 0.1))
    for other in (content, slow + fast, b"", b"\xff", bytes(5000)):
        assert constant(io.BytesIO(other), len(other)) is None


ID3 = b"ID3\x04\0\0" + bytes([0, 0, 0x4E, 0x10]) + bytes(10_000)
ID3V1 = b"TAG" + b"a title".ljust(125)
APE_SIZE = (2000).to_bytes(4, "little") + (50 + 32).to_bytes(4, "little")  # version, items and footer
APE = b"APETAGEX" + APE_SIZE + bytes(16) + b"x" * 50 + b"APETAGEX" + bytes(24)


def test_the_sizes_of_tags() -> None:
    assert tag_size(ID3[:32]) == len(ID3)
    assert tag_size(ID3V1[:32]) == len(ID3V1)
    assert tag_size(APE[:32]) == len(APE)
    for other in (b"", b"ID3", b"APETAGEX", mp3(chirp(1))[:32], bytes(32)):
        assert tag_size(other) == 0


@pytest.mark.parametrize("tags", [ID3, ID3V1, APE, ID3V1 + ID3, APE + ID3V1 + ID3, ID3 + ID3])
def test_tags_between_joined_files_are_no_damage(tags: bytes) -> None:
    first, second = chirp(3), chirp(3, low=1000, high=600)
    plain = load(mp3(first) + mp3(second))
    tagged = load(ID3 + mp3(first) + tags + mp3(second) + ID3V1)
    assert tagged.notes == plain.notes == ()
    assert tagged.duration == pytest.approx(plain.duration, abs=0.08)
    last = tagged.samples[-len(second) // 2 :]
    late = delay(last, plain.samples[-len(second) // 2 :], 1000)
    assert likeness(np.roll(last, -late)[1000:-1000], plain.samples[-len(second) // 2 :][1000:-1000]) > 0.99
