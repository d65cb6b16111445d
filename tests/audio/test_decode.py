"""Every container, whole and in part; what has no audio; what need not be installed."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.media import Track, chirp, encoded, muxed
from whisper_magic.audio.load import load
from whisper_magic.audio.stream_decoder import StreamDecoder
from whisper_magic.errors import AudioError, AudioUnreadable

SNDFILE = {"flac": ("FLAC", "PCM_16"), "mp3": ("MP3", "MPEG_LAYER_III")}
CONTAINERS = ["wav", "flac", "ogg", "opus", "mp3", "aiff", "m4a", "mp4", "mkv", "webm"]


def near_copy(samples: np.ndarray, tone: np.ndarray) -> bool:
    """Whether lossy samples begin with the tone, at the same place and level."""
    decoded, original = samples[2000:20_000], tone[2000:20_000]
    return float(np.corrcoef(decoded, original)[0, 1]) > 0.98 and 0.9 < decoded.std() / original.std() < 1.1


@pytest.mark.parametrize("kind", CONTAINERS)
def test_every_container_from_a_path_or_from_bytes(clips: dict[str, Path], tone: np.ndarray, kind: str) -> None:
    audio = load(clips[kind])
    assert audio.samples.dtype == np.float32
    assert audio.sample_rate == 16_000
    assert audio.duration == pytest.approx(1.5, abs=0.11)  # AAC pads its last frame
    assert near_copy(audio.samples, tone)
    np.testing.assert_array_equal(load(clips[kind].read_bytes()).samples, audio.samples)


def test_the_contents_decide_and_not_the_ending(clips: dict[str, Path], tone: np.ndarray, tmp_path: Path) -> None:
    for ending in ("raw", "txt", "mp3"):
        path = tmp_path / f"clip.{ending}"
        path.write_bytes(clips["wav"].read_bytes())
        np.testing.assert_allclose(load(path).samples, tone, atol=1e-4)


@pytest.mark.parametrize("kind", CONTAINERS)
def test_a_part_is_the_same_as_that_part_of_the_whole(clips: dict[str, Path], kind: str) -> None:
    whole = load(clips[kind])
    part = load(clips[kind], start=0.901, end=1.203)
    assert part.start == pytest.approx(0.901, abs=1e-4)
    assert len(part.samples) == pytest.approx(0.302 * 16_000, abs=2)
    edge = 100 if kind == "webm" else 0  # resampled from 48 kHz: the filter sees an edge there
    expected = whole.samples[14_416:][: len(part.samples)]
    np.testing.assert_allclose(part.samples[edge : -edge or None], expected[edge : -edge or None], atol=0.02)


@pytest.mark.parametrize("kind", ["flac", "mp3", "m4a"])
def test_a_part_is_decoded_without_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    sound = chirp(60)
    content = muxed("mp4", [Track(sound, 16_000)]) if kind == "m4a" else encoded(sound, 16_000, *SNDFILE[kind])
    whole = load(content)
    seconds, real = 0.0, StreamDecoder._samples

    def samples(self: StreamDecoder, frame: Any) -> Any:
        nonlocal seconds
        seconds += frame.samples / frame.sample_rate
        return real(self, frame)

    monkeypatch.setattr(StreamDecoder, "_samples", samples)
    part = load(content, start=50.25, end=51.0)
    np.testing.assert_allclose(part.samples, whole.samples[804_000:816_000], atol=2e-3)
    assert seconds < 5


def test_files_without_sound(silent_film: Path, tmp_path: Path) -> None:
    with pytest.raises(AudioUnreadable, match=r"silent.mp4 has no audio stream: it holds video streams only"):
        load(silent_film)
    picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\0\0\0\0IEND\xaeB`\x82"
    with pytest.raises(AudioUnreadable, match=r"a picture|cannot be read as sound"):
        load(picture)
    (tmp_path / "notes.txt").write_text("no sound in here\n" * 30)
    with pytest.raises(AudioUnreadable, match=r"it holds text|cannot be decoded as audio") as error:
        load(tmp_path / "notes.txt")
    assert len(str(error.value).splitlines()) == 1
    with pytest.raises(AudioUnreadable, match="is empty"):
        load(b"")


def test_av_alone_reads_what_soundfile_reads(
    clips: dict[str, Path], tone: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    for kind in ("wav", "flac", "aiff"):
        np.testing.assert_allclose(load(clips[kind], start=0.7).samples, tone[11_200:], atol=1e-4)


def test_other_threads_write_to_standard_error_meanwhile(
    clips: dict[str, Path], damaged_files: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    """Codecs write nothing there, and nothing is done about file descriptor 2 that others would notice."""
    done = threading.Event()

    def read_all() -> None:
        for path in [*clips.values(), *damaged_files[::4]]:
            with contextlib.suppress(AudioError):
                load(path)
        done.set()

    reader = threading.Thread(target=read_all)
    reader.start()
    written = 0
    while not done.is_set():
        os.write(2, b"x")
        written += 1
        time.sleep(1e-4)
    reader.join()
    assert written > 100
    assert capfd.readouterr() == ("", "x" * written)


def test_flac_from_a_pipe_is_whole(clips: dict[str, Path], tone: np.ndarray) -> None:
    """A program that writes FLAC to a pipe leaves its count of samples at zero, for "unknown"."""
    content = bytearray(clips["flac"].read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    np.testing.assert_allclose(load(bytes(content)).samples, tone, atol=1e-4)
    np.testing.assert_allclose(load(bytes(content), start=0.9).samples, tone[14_400:], atol=1e-4)


def test_threads_may_load_at_once(clips: dict[str, Path], tone: np.ndarray, capfd: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(load, [clips[kind] for kind in CONTAINERS] * 4))
    for audio in loaded:
        assert near_copy(audio.samples, tone)
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"
