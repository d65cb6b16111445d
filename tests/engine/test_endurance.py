"""What a long life does: stopped at any moment, a thousand windows, three hours of sound."""

from __future__ import annotations

import ctypes
import gc
import random
import resource
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from types import FrameType
from typing import Any

import numpy as np
import pytest

from whisper_magic import Engine, TranscribeOptions
from whisper_magic.errors import Interrupted
from whisper_magic.transcript import Finished, Segment

pytestmark = pytest.mark.slow

PLAIN = TranscribeOptions(temperature=0.0, no_speech_threshold=None, draft="model", language="en", mode="sequential")


def noise(seconds: float, seed: int = 0) -> tuple[np.ndarray, int]:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(int(seconds * 16000)) * 0.1).astype(np.float32), 16000


@pytest.fixture(scope="module")
def engine(pair: Any) -> Iterator[Engine]:
    with Engine.load(str(pair.target), str(pair.drafts["sometimes"]), device="cpu") as loaded:
        yield loaded


@contextmanager
def ctrl_c_after(seconds: float) -> Iterator[None]:
    """Ctrl-C, as the terminal would send it, while the block runs; not after it."""

    def press(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, press)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_ctrl_c_at_a_hundred_moments(engine: Engine) -> None:
    sound = noise(3.0)
    whole = engine.transcribe(sound, PLAIN)
    began = perf_counter()
    engine.transcribe(sound, PLAIN)
    usual = perf_counter() - began
    rng, stopped = random.Random(4), 0
    for _ in range(100):
        try:
            with ctrl_c_after(max(1e-4, rng.random() * usual)):
                engine.transcribe(sound, PLAIN)
        except Interrupted as stop:
            stopped += 1
            (partial,) = stop.transcripts or (None,)
            if partial is not None:
                texts = [segment.text for segment in partial.segments]
                assert [s.text for s in whole.segments][: max(0, len(texts) - 1)] == texts[:-1], "the last is cut short"
                assert not partial.complete or texts == [s.text for s in whole.segments]
        except KeyboardInterrupt:
            stopped += 1  # before or after the work itself
        assert engine.transcribe(noise(0.5), PLAIN).complete, "usable each time"
    assert stopped > 50
    assert engine.transcribe(sound, PLAIN).segments == whole.segments


def resident() -> int:
    """Bytes of this process in memory now, without what the allocator keeps for the next time."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ONLY LINUX tells what memory it holds")
def test_a_thousand_windows_take_no_more_memory_than_a_hundred(engine: Engine) -> None:
    short = noise(2.0 * 10)  # ten windows or so

    def windows(count: int) -> int:
        done = 0
        while done < count:
            found = engine.transcribe(short, PLAIN, max_tokens=12)
            done += len({r.window for r in found.trace.rounds})
        return done

    windows(200)
    before = resident()
    assert windows(1000) >= 1000
    assert resident() - before < 5e6


STREAMED = """
import resource, sys
from whisper_magic import Engine, TranscribeOptions
from whisper_magic.transcript import Finished, Segment
target, draft, path, seconds = sys.argv[1:]
last = float(seconds)
clips = ((0, 60), (last / 2, last / 2 + 60), (last - 60, last))  # the rest is heard, but to save time not decoded
options = TranscribeOptions(temperature=0.0, no_speech_threshold=None, draft="model", language="en", mode="sequential",
                            max_tokens=10, clips=clips)
with Engine.load(target, draft, device="cpu") as engine:
    for event in engine.stream(path, options):
        if isinstance(event, Finished):
            found = event.transcript
    windows = len({r.window for r in found.trace.rounds})
    print(found.duration, windows, found.complete, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def recording(path: Path, minutes: int) -> Path:
    """8 kHz, 16 bits: a minute of rough sound, over and over."""
    minute = (np.random.default_rng(7).standard_normal(60 * 8000) * 3000).astype("<i2").tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        for _ in range(minutes):
            file.writeframes(minute)
    return path


def test_three_hours_stream_through_bounded_memory(make_pair: Any, shape: Any, tmp_path: Path) -> None:
    """Whole, three hours would be 0.7 GB of samples and 0.35 GB of features."""
    pair = make_pair(shape(source_positions=1500, target_positions=64, eot_pull=2.2))
    folders = (str(pair.target), str(pair.drafts["sometimes"]))
    peaks = {}
    for minutes in (30, 180):
        path = recording(tmp_path / f"{minutes}.wav", minutes)
        command = [sys.executable, "-c", STREAMED, *folders, str(path), str(60 * minutes)]
        ran = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        duration, windows, complete, peak = float(ran[0]), int(ran[1]), ran[2], int(ran[3]) * 1024
        assert duration == pytest.approx(60 * minutes)
        assert windows >= 6
        assert complete == "True"
        peaks[minutes] = peak
    assert peaks[180] - peaks[30] < 60e6, peaks


def test_the_first_segment_of_a_long_recording_comes_at_once(make_pair: Any, shape: Any, tmp_path: Path) -> None:
    """By what was read for it, not by the clock."""
    pair = make_pair(shape(source_positions=1500, target_positions=64, eot_pull=2.2))
    path = recording(tmp_path / "hour.wav", 60)
    engine = Engine.load(str(pair.target), str(pair.drafts["sometimes"]), device="cpu")
    with engine, engine._scheduler([str(path)], PLAIN.override(max_tokens=10)) as scheduler:
        next(event for _, event in scheduler.events() if isinstance(event, Segment | Finished))
        (one,) = scheduler._open.values()
        assert one.features.num_frames <= 2 * 60 * 100
        assert one.features.duration == pytest.approx(3600)
