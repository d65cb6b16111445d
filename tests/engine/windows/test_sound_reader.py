"""Sound that is read, and searched for voice, by other threads: the same chunks, and no thread left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from whisper_magic import Engine, TranscribeOptions
from whisper_magic.audio import vad
from whisper_magic.audio.load import AudioStream
from whisper_magic.audio.sound import Audio
from whisper_magic.engine import scheduler
from whisper_magic.engine.windows import sound_reader
from whisper_magic.engine.windows.sound_reader import SoundReader

PLAIN = TranscribeOptions(temperature=0.0, language="en", draft="none", mode="sequential")


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_reader, "WHOLE_SECONDS", 4.0)
    monkeypatch.setattr(sound_reader, "CHUNK_SECONDS", 2.0)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2, "ahead") as made:
        yield made


@pytest.fixture
def detected_by(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads that looked for voice."""
    names, feed = list[str](), vad.Amplified.feed

    def noted(detector: vad.Amplified, samples: Any, last: bool = False) -> Any:
        names.append(threading.current_thread().name)
        return feed(detector, samples, last)

    monkeypatch.setattr(vad.Amplified, "feed", noted)
    return names


def noise(seconds: float) -> np.ndarray:
    return (np.random.default_rng(0).standard_normal(int(seconds * 16000)) * 0.1).astype(np.float32)


def chunks(pool: Executor | None) -> list[sound_reader.Chunk]:
    reader = SoundReader(AudioStream.of(Audio(noise(9.0), 16000, "noise")), True, pool)
    reader.read_ahead()
    found = [reader.read()]
    while not found[-1].last:
        found.append(reader.read())
    reader.close()
    return found


def test_the_chunks_are_the_same(pool: ThreadPoolExecutor, detected_by: list[str]) -> None:
    found, alone = chunks(pool), chunks(None)
    assert [len(one.samples) for one in found] == [32000] * 4 + [16000]
    for one, other in zip(found, alone, strict=True):
        assert np.array_equal(one.samples, other.samples)
        assert np.array_equal(one.speech, other.speech)
    assert [name.startswith("ahead") for name in detected_by] == [True] * 5 + [False] * 5


def test_closing_waits_for_nobody(pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """And closes the audio only when nobody reads it."""
    begun, go, closed = threading.Event(), threading.Event(), threading.Event()
    stream = AudioStream.of(Audio(noise(9.0), 16000, "noise"))
    reader = SoundReader(stream, False, pool)
    read: Callable[..., Any] = stream.read
    monkeypatch.setattr(stream, "read", lambda count: (begun.set(), go.wait(5), read(count))[2])
    monkeypatch.setattr(stream, "close", closed.set)
    reader.read_ahead()
    assert begun.wait(5)
    reader.close()
    assert not closed.is_set()
    go.set()
    assert closed.wait(5)


def test_voice_is_looked_for_elsewhere(pair: Any, detected_by: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a GPU decodes: of every source but a first moment of none. The transcripts are the same."""
    sounds = [(noise(seconds), 16000) for seconds in (7.0, 2.5, 9.0)]
    with Engine.load(str(pair.target), "none", device="cpu") as engine:
        alone = [one.segments for one in engine.transcribe_many(sounds, PLAIN, batch_size=2)]
        assert {name.startswith("whisper-magic") for name in detected_by} == {False}
        detected_by.clear()
        monkeypatch.setattr(scheduler, "READ_AHEAD_ON", ("cpu",))
        found = [one.segments for one in engine.transcribe_many(sounds, PLAIN, batch_size=2)]
    assert found == alone
    assert {name.startswith("whisper-magic-reads-ahead") for name in detected_by} == {True}
