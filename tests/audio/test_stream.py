"""Sound that is read on demand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from tests.support.media import chirp, encoded
from whisper_magic.audio.load import Audio, AudioStream, load, stream
from whisper_magic.errors import AudioInvalid, AudioNotFound, AudioUnreadable


def test_a_stream_gives_what_load_gives(clips: dict[str, Path]) -> None:
    for path in clips.values():
        whole = load(path, sample_rate=8000)
        source = stream(path, sample_rate=8000)
        parts = [source.read(1000)]
        while not source.ended:
            parts.append(source.read(1000))
        assert np.array_equal(np.concatenate(parts), whole.samples)
        assert all(len(part) == 1000 for part in parts[:-1])
        assert 0 < len(parts[-1]) <= 1000, "the end is known as soon as the last sample was read"
        assert source.expected is None or source.expected == pytest.approx(whole.duration, abs=0.15)
        assert (source.source, source.channel, source.start) == (whole.source, whole.channel, whole.start)


def test_a_stream_of_a_part(clips: dict[str, Path]) -> None:
    source = stream(clips["flac"], start=0.5, end=1.25)
    assert source.expected == 0.75
    assert source.start == 0.5
    assert np.array_equal(source.read(), load(clips["flac"], start=0.5, end=1.25).samples)
    assert source.ended


def test_a_stream_of_an_array(tone: np.ndarray) -> None:
    for source in (stream((tone, 16000)), AudioStream.of(Audio(tone))):
        assert source.expected == 1.5
        assert np.array_equal(source.read(20_000), tone[:20_000])
        assert not source.ended
        assert np.array_equal(source.read(20_000), tone[20_000:])
        assert source.ended
        assert len(source.read(5)) == 0


def test_a_stream_notes_damage_when_it_is_reached() -> None:
    sound = chirp(6)
    source = stream(encoded(sound, 16_000, "WAV", "FLOAT")[: 5 * 64_000])
    assert np.array_equal(source.read(20_000), sound[:20_000])
    assert source.notes == ()
    rest = source.read(100_000)
    assert source.ended
    assert np.array_equal(rest, sound[20_000 : 20_000 + len(rest)])
    assert source.notes == ("breaks off at 5.00 s: its header claims 6.00 s",)


def test_a_stream_that_fails_gives_what_can_be_read_first(tone: np.ndarray) -> None:
    source = AudioStream(_blocks_and_error(tone), Audio(tone[:0]), None, ExitStack())
    assert np.array_equal(source.read(5000), tone[:5000])
    rest = source.read(100_000)
    assert np.array_equal(rest, tone[5000:16_000])
    assert not source.ended, "there is an error to come"
    with pytest.raises(AudioUnreadable, match="it fails here"):
        source.read(1)
    with pytest.raises(AudioUnreadable, match="it fails here"):
        AudioStream(_blocks_and_error(tone), Audio(tone[:0]), None, ExitStack()).read()


def _blocks_and_error(samples: np.ndarray) -> Iterator[np.ndarray]:
    yield samples[:16_000, None]
    raise AudioUnreadable("it fails here")


def test_a_stream_refuses_what_load_refuses(tmp_path: Path) -> None:
    with pytest.raises(AudioNotFound):
        stream(tmp_path / "none.wav")
    with pytest.raises(AudioInvalid, match="load_channels"):
        stream((np.zeros(9), 16000), channel="split")
    with pytest.raises(AudioInvalid, match="holds no samples"):
        stream(Audio(np.zeros(0, np.float32))).read()
