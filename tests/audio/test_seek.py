"""Landings: there is one only where everything before it can be counted."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache

import numpy as np
import pytest

from tests.support.media import Samples, Track, chirp, encoded, mp3, muxed
from whisper_magic.audio.container import ByteWindow, opened
from whisper_magic.audio.load import load
from whisper_magic.audio.notes import Notes
from whisper_magic.audio.seek import WARM_UP, landing

pytestmark = pytest.mark.xdist_group("seek")  # the files are encoded in one worker


@cache
def sound(rate: int = 16_000) -> Samples:
    return chirp(20, rate)


def filmed(kind: str, **track: object) -> bytes:
    return muxed(kind, [Track(sound(48_000), **track)], picture=True)


REGULAR: dict[str, Callable[[], bytes]] = {
    "wav": lambda: encoded(sound(), 16_000, "WAV", "PCM_16"),
    "wav of floats": lambda: encoded(sound(), 16_000, "WAV", "FLOAT"),
    "aiff": lambda: encoded(sound(), 16_000, "AIFF", "PCM_24"),
    "flac": lambda: encoded(sound(), 16_000, "FLAC", "PCM_16"),
    "ogg": lambda: encoded(sound(), 16_000, "OGG", "VORBIS"),
    "opus": lambda: encoded(sound(), 16_000, "OGG", "OPUS"),
    "mp3": lambda: mp3(sound()),
    "mp3 of varying bit rate": lambda: mp3(sound(), bitrate_mode="VARIABLE", compression_level=0.5),
    "mp4": lambda: filmed("mp4"),
    "mkv": lambda: filmed("mkv"),
    "ts": lambda: filmed("ts"),
    "flv": lambda: filmed("flv"),
    "webm": lambda: filmed("webm"),
    "late": lambda: filmed("mkv", late=2.5),
}
UNCOUNTABLE: dict[str, Callable[[], bytes]] = {
    "a hole": lambda: muxed("mkv", [Track(sound(48_000), hole=(5.0, 2.0))]),
    "a hole, on a fine clock": lambda: muxed("mp4", [Track(sound(48_000), hole=(5.0, 2.0))]),
    "another rate": lambda: mp3(sound()) + mp3(sound(44_100), 44_100),
    "joined": lambda: muxed("ts", [Track(sound(48_000))]) * 2,
    "a coding whose state is all that came before": lambda: encoded(sound(), 16_000, "AU", "G721_32"),
}


@cache
def regular(kind: str) -> bytes:
    """The file of a kind, encoded when a test first needs it."""
    return REGULAR[kind]()


def landed_at(content: bytes, start: float) -> float | None:
    """Seconds at which decoding would begin; None: at the beginning."""
    with ExitStack() as stack:
        window = ByteWindow(io.BytesIO(content), 0, len(content))
        container = stack.enter_context(opened(window, "a", None, Notes()))
        found = landing(container, start)
        return None if found is None else found.timeline.position / found.timeline.rate


@pytest.mark.parametrize("kind", REGULAR)
def test_regular_files_are_entered_near_the_part(kind: str) -> None:
    at = landed_at(regular(kind), 15.0)
    assert at is not None
    assert 13 < at <= 15.0 - WARM_UP + 0.07


@pytest.mark.parametrize("kind", REGULAR)
@pytest.mark.parametrize("start", [2.51, 7.777, 15.0, 19.2])
def test_parts_are_those_of_the_whole(kind: str, start: float) -> None:
    whole = load(regular(kind))
    part = load(regular(kind), start=start, end=start + 0.7)
    expected = whole.samples[round(start * 16_000) :][: len(part.samples)]
    assert len(part.samples) == round(0.7 * 16_000)
    np.testing.assert_allclose(part.samples, expected, atol=2e-3)


@pytest.mark.parametrize("kind", UNCOUNTABLE)
def test_what_cannot_be_counted_is_decoded_from_the_beginning(kind: str) -> None:
    content = UNCOUNTABLE[kind]()
    assert landed_at(content, 21.0) is None
    whole = load(content)
    part = load(content, start=12.5, end=13.0)
    np.testing.assert_allclose(part.samples, whole.samples[200_000:208_000], atol=2e-3)


def test_near_the_beginning_there_is_nothing_to_skip() -> None:
    for kind in REGULAR:
        assert landed_at(regular(kind), WARM_UP) is None, kind


def test_before_the_first_sound_there_is_no_landing() -> None:
    assert landed_at(regular("late"), 2.0) is None


def test_beyond_the_end_there_is_no_landing() -> None:
    assert landed_at(regular("mp3"), 99.0) is None
