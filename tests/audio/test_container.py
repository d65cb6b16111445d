"""Containers: the window on a file, the choice of a stream, what cannot be opened."""

from __future__ import annotations

import io

import pytest

from tests.support.media import Track, chirp, encoded, muxed
from whisper_magic.audio.container import ByteWindow, opened
from whisper_magic.audio.load import load
from whisper_magic.audio.notes import Notes
from whisper_magic.audio.sound import Undecodable
from whisper_magic.errors import AudioInvalid

SHORT = chirp(1, 48_000)


def test_a_window_is_a_file_of_its_own() -> None:
    file = io.BytesIO(bytes(range(100)))
    window = ByteWindow(file, 10, 30)
    assert window.read(5) == bytes(range(10, 15))
    file.seek(70)
    assert window.read() == bytes(range(15, 30))
    assert window.read(5) == b""
    assert window.seek(-2, 2) == 18
    assert window.read() == bytes([28, 29])
    assert window.seek(3) == 3
    assert window.seek(2, 1) == window.tell() == 5
    assert window.seek(-99) == 0
    assert window.seek(2**70) == 2**70
    assert window.read(5) == b""
    assert len(window) == 20
    assert not hasattr(window, "name")


def open_it(content: bytes, choice: int | None = None) -> tuple[str, str, float | None, tuple[str, ...]]:
    notes = Notes()
    with opened(ByteWindow(io.BytesIO(content), 0, len(content)), "a.mkv", choice, notes) as container:
        assert sum(1 for _ in container.packets()) > 10
        return container.format, container.codec, container.duration, notes.lines()


def test_what_is_known_of_a_container() -> None:
    form, codec, duration, notes = open_it(muxed("mkv", [Track(SHORT)], picture=True))
    assert (form, codec, notes) == ("matroska,webm", "aac", ())
    assert duration == pytest.approx(1.0, abs=0.05)


def test_a_stream_that_is_not_there() -> None:
    content = muxed("mkv", [Track(SHORT), Track(SHORT, title="B")])
    assert open_it(content, 1)[3] == ()
    listed = r"a.mkv has no audio stream 2, only 0 \(aac, 1 channel\); 1 \(aac, 1 channel, deu, B\)"
    with pytest.raises(AudioInvalid, match=listed):
        open_it(content, 2)


@pytest.mark.parametrize("source", [(SHORT, 48_000), encoded(SHORT, 48_000, "WAV", "G721_32")])
def test_sources_without_streams(source: object) -> None:
    assert load(source).duration == pytest.approx(1.0, abs=0.02)
    with pytest.raises(AudioInvalid, match="stream"):
        load(source, stream=1)


@pytest.mark.parametrize("number", [-1, 0.5, "0", True])
def test_numbers_that_are_none(number: object) -> None:
    with pytest.raises(AudioInvalid, match="stream must be the number of an audio stream, from 0, got"):
        load(encoded(SHORT, 48_000, "FLAC", "PCM_16"), stream=number)


def test_what_ffmpeg_does_not_know() -> None:
    with pytest.raises(Undecodable) as error:
        open_it(b"nothing that is sound" * 100)
    assert not error.value.whole or "holds text" in error.value.reason


@pytest.mark.parametrize("kind", ["ts", "flv"])
def test_a_stream_that_appears_late_is_found(kind: str) -> None:
    content = muxed(kind, [Track(SHORT, late=14.0)], picture=True)
    audio = load(content)
    assert audio.duration == pytest.approx(15, abs=0.06)
    assert not audio.samples[: 13 * 16_000].any()
