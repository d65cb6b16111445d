"""Landings: there is one only where everything before it can be counted."""

from __future__ import annotations

import io
from contextlib import ExitStack

import numpy as np
import pytest

from tests.support.media import Track, chirp, encoded, mp3, muxed
from whisper_magic.audio.container import ByteWindow, opened
from whisper_magic.audio.load import load
from whisper_magic.audio.notes import Notes
from whisper_magic.audio.seek import WARM_UP, landing

SOUND, FINE = chirp(20), chirp(20, 48_000)
REGULAR = {
    "wav": encoded(SOUND, 16_000, "WAV", "PCM_16"),
    "wav of floats": encoded(SOUND, 16_000, "WAV", "FLOAT"),
    "aiff": encoded(SOUND, 16_000, "AIFF", "PCM_24"),
    "flac": encoded(SOUND, 16_000, "FLAC", "PCM_16"),
    "ogg": encoded(SOUND, 16_000, "OGG", "VORBIS"),
    "opus": encoded(SOUND, 16_000, "OGG", "OPUS"),
    "mp3": mp3(SOUND),
    "mp3 of varying bit rate": mp3(SOUND, bitrate_mode="VARIABLE", compression_level=0.5),
    **{kind: muxed(kind, [Track(FINE)], picture=True) for kind in ("mp4", "mkv", "ts", "flv", "webm")},
    "late": muxed("mkv", [Track(FINE, late=2.5)], picture=True),
}


def landed_at(content: bytes, start: float) -> float | None:
    """Seconds at which decoding would begin; None: at the beginning."""
    with ExitStack() as stack:
        window = ByteWindow(io.BytesIO(content), 0, len(content))
        container = stack.enter_context(opened(window, "a", None, Notes()))
        found = landing(container, start)
        return None if found is None else found.timeline.position / found.timeline.rate


@pytest.mark.parametrize("kind", REGULAR)
def test_regular_files_are_entered_near_the_part(kind: str) -> None:
    at = landed_at(REGULAR[kind], 15.0)
    assert at is not None
    assert 13 < at <= 15.0 - WARM_UP + 0.07


@pytest.mark.parametrize("kind", REGULAR)
@pytest.mark.parametrize("start", [2.51, 7.777, 15.0, 19.2])
def test_parts_are_those_of_the_whole(kind: str, start: float) -> None:
    whole = load(REGULAR[kind])
    part = load(REGULAR[kind], start=start, end=start + 0.7)
    expected = whole.samples[round(start * 16_000) :][: len(part.samples)]
    assert len(part.samples) == round(0.7 * 16_000)
    np.testing.assert_allclose(part.samples, expected, atol=2e-3)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("a hole", muxed("mkv", [Track(FINE, hole=(5.0, 2.0))])),
        ("a hole, on a fine clock", muxed("mp4", [Track(FINE, hole=(5.0, 2.0))])),
        ("another rate", mp3(SOUND) + mp3(chirp(20, 44_100), 44_100)),
        ("joined", muxed("ts", [Track(FINE)]) * 2),
        ("a coding that hangs on all before", encoded(SOUND, 16_000, "AU", "G721_32")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_counted_is_decoded_from_the_beginning(kind: str, content: bytes) -> None:
    assert landed_at(content, 21.0) is None, kind
    whole = load(content)
    part = load(content, start=12.5, end=13.0)
    np.testing.assert_allclose(part.samples, whole.samples[200_000:208_000], atol=2e-3)


def test_near_the_beginning_there_is_nothing_to_skip() -> None:
    for content in REGULAR.values():
        assert landed_at(content, WARM_UP) is None


def test_before_the_first_sound_there_is_no_landing() -> None:
    assert landed_at(REGULAR["late"], 2.0) is None


def test_beyond_the_end_there_is_no_landing() -> None:
    assert landed_at(REGULAR["mp3"], 99.0) is None
