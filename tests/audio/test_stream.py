"""Sound that is read on demand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

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


def test_a_damaged_stream_gives_what_can_be_read_first(clips: dict[str, Path], tmp_path: Path) -> None:
    cut = tmp_path / "cut.wav"
    cut.write_bytes(clips["wav"].read_bytes()[:30_000])
    whole = load(clips["wav"]).samples
    source = stream(cut)
    first = source.read(5000)
    rest = source.read(100_000)
    assert not source.ended, "there is an error to come"
    assert np.array_equal(np.concatenate([first, rest]), whole[: len(first) + len(rest)])
    with pytest.raises(AudioUnreadable, match="is damaged after"):
        source.read(1)
    with pytest.raises(AudioUnreadable, match="is damaged after"):
        stream(cut).read()


def test_a_stream_refuses_what_load_refuses(tmp_path: Path) -> None:
    with pytest.raises(AudioNotFound):
        stream(tmp_path / "none.wav")
    with pytest.raises(AudioInvalid, match="load_channels"):
        stream((np.zeros(9), 16000), channel="split")
    with pytest.raises(AudioInvalid, match="holds no samples"):
        stream(Audio(np.zeros(0, np.float32))).read()
