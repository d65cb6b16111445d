"""Which files a browser plays as they are, and at the right second."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.media import Track, chirp, encoded, mp3, muxed
from whisper_magic.audio.encode import CODINGS, encode
from whisper_magic.audio.excerpt import Excerpt
from whisper_magic.audio.playable import playable

TONE = chirp(3)
CONSTANT = {"bitrate_mode": "CONSTANT", "compression_level": 0.7}
VARIABLE = {"bitrate_mode": "VARIABLE", "compression_level": 0.5}


TypeOf = Callable[[bytes], str | None]


@pytest.fixture
def type_of(tmp_path: Path) -> TypeOf:
    def found(content: bytes) -> str | None:
        path = tmp_path / "content"
        path.write_bytes(content)
        return playable(path)

    return found


def test_what_every_browser_plays(clips: dict[str, Path]) -> None:
    assert {ending: playable(path) for ending, path in clips.items() if ending != "mp3"} == {
        "wav": "audio/wav",
        "flac": "audio/flac",
        "ogg": "audio/ogg; codecs=vorbis",
        "opus": "audio/ogg; codecs=opus",
        "aiff": None,
        "m4a": "audio/mp4; codecs=mp4a.40.2",
        "mp4": "audio/mp4; codecs=mp4a.40.2",
        "mkv": None,
        "webm": "audio/webm; codecs=opus",
    }
    assert playable(str(clips["wav"])) == "audio/wav"


@pytest.mark.parametrize("codec", ["opus", "mp3"])
def test_what_we_encode(type_of: TypeOf, codec: str) -> None:
    assert type_of(encode(Excerpt(TONE, 16_000), codec)) == CODINGS[codec].mime


def test_codings_of_wav(type_of: TypeOf) -> None:
    types = {
        coding: type_of(encoded(TONE, 16_000, "WAV", coding)) for coding in ("PCM_U8", "PCM_16", "PCM_24", "FLOAT")
    }
    assert set(types.values()) == {"audio/wav"}
    for coding in ("ALAW", "ULAW", "GSM610", "IMA_ADPCM", "DOUBLE"):
        assert type_of(encoded(TONE[:16_000], 8_000, "WAV", coding)) is None


def test_a_wav_whose_header_is_wrong(type_of: TypeOf) -> None:
    content = encoded(TONE, 16_000, "WAV", "PCM_16")
    for size in (0, 0xFFFFFFFF, 3_200):  # a browser would play nothing, or the first tenth of a second
        assert type_of(content[:40] + size.to_bytes(4, "little") + content[44:]) is None


def test_an_mp3_of_variable_bit_rate_cannot_be_sought_in(type_of: TypeOf) -> None:
    steady = mp3(TONE, **CONSTANT)
    assert type_of(steady) == "audio/mpeg"
    noise = np.random.default_rng(0).standard_normal(32_000).astype(np.float32) / 5
    assert type_of(mp3(np.concatenate([TONE, 0 * TONE, noise]), **VARIABLE)) is None


def test_an_mp3_without_a_header_plays_to_its_end(type_of: TypeOf) -> None:
    content = mp3(TONE, **CONSTANT)
    second = content.index(content[:2], 4)
    assert type_of(content[second:]) == "audio/mpeg"
    picture = b"ID3\x04\x00\x00" + bytes([0, 1, 0, 0]) + bytes(1 << 14)
    assert type_of(picture + content) == "audio/mpeg"


def test_joined_files(type_of: TypeOf) -> None:
    """A browser plays the first part, or as long as the first part is."""
    assert type_of(2 * mp3(TONE, **CONSTANT)) is None
    for coding in ("VORBIS", "OPUS"):
        assert type_of(2 * encoded(TONE, 16_000, "OGG", coding)) is None


def test_several_audio_streams(type_of: TypeOf) -> None:
    track = Track(chirp(1, 48_000))
    assert type_of(muxed("mp4", [track], picture=True)) == "audio/mp4; codecs=mp4a.40.2"
    assert type_of(muxed("mp4", [track, track])) is None


def test_containers_that_some_browser_does_not_know(type_of: TypeOf) -> None:
    track = Track(chirp(1, 48_000))
    for kind in ("mov", "mkv", "ts", "flv"):
        assert type_of(muxed(kind, [track])) is None
    assert type_of(encoded(TONE, 16_000, "OGG", "VORBIS").replace(b"OggS", b"OgSS")) is None


def test_what_a_browser_recorded_itself_has_no_duration(type_of: TypeOf) -> None:
    class Pipe:
        content = b""

        def write(self, content: bytes) -> int:
            self.content += content
            return len(content)

    pipe = Pipe()
    with av.open(pipe, "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=48_000)
        frame = av.AudioFrame.from_ndarray(chirp(1, 48_000)[None], format="flt", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = 48_000, Fraction(1, 48_000), 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert av.open(io.BytesIO(pipe.content)).duration is None
    assert type_of(pipe.content) is None


def test_what_is_no_sound(type_of: TypeOf, tmp_path: Path, silent_film: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none.wav", tmp_path, tmp_path / "pipe", "a\0b", "~nobody-at-all/x", "", silent_film):
        assert playable(path) is None
    for content in (b"", b"text", bytes(5_000), TONE.tobytes()):
        assert type_of(content) is None


def test_damaged_files_raise_nothing(damaged_files: list[Path]) -> None:
    for path in damaged_files:
        playable(path)
