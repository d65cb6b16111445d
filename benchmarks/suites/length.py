"""Recordings of 30 seconds to 3 hours: wall time, peak memory, and the time to the first segment.

The recording is the bundled one, repeated, as a WAV file; reading it counts. Times to the first segment are measured in
a resident engine, the lengths in turn. Wall time and peak memory of whole recordings are measured once each, in a
process of their own, since the peak of a process never falls. draft="model": no previous transcript is reused.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from time import perf_counter

import torch

from benchmarks.measure import Measurement, Side, Spread, Stopwatch, TimedRun, take_turns
from benchmarks.report.report import Finding, SuiteResult
from benchmarks.settings import GREEDY, Settings
from benchmarks.sound import RATE, recording, write_wav
from whisper_magic import Engine
from whisper_magic.errors import WhisperMagicError
from whisper_magic.transcript import Segment

FIRST = "demo pair, time to the first segment"
WHOLE = "demo pair, the whole recording"
SHORT, LONG = 2.0, 60.0  # minutes of the two files whose first segments are compared


def run(settings: Settings) -> SuiteResult:
    """Measure the first segment of every length, then each whole recording."""
    result = first_segments(settings, settings.minutes)
    rows = tuple(_whole(minutes, settings) for minutes in settings.minutes)
    return result + SuiteResult(rows, tuple(_growth(rows, settings.minutes)))


def first_segments(settings: Settings, lengths: tuple[float, ...]) -> SuiteResult:
    """Measure the time to the first segment of recordings of these lengths, in minutes."""
    engine = Engine.load("demo", device=settings.device)
    torch.set_num_threads(settings.threads)
    sides = [Side(_label(minutes), partial(_first, engine, _file(minutes, settings))) for minutes in lengths]
    rows = take_turns(FIRST, sides, settings.repeats or 3, log=settings.log)
    engine.close()
    return SuiteResult(tuple(rows), tuple(_finding(rows, lengths)))


def _label(minutes: float) -> str:
    return f"{minutes:g} min"


def _file(minutes: float, settings: Settings) -> Path:
    """The recording at that length, written unless it is there."""
    settings.work.mkdir(parents=True, exist_ok=True)
    path = settings.work / f"recording-{minutes:g}-min.wav"
    samples = recording(settings.audio)
    if not path.is_file() or path.stat().st_size != 44 + 2 * round(60 * minutes * RATE):
        write_wav(path, samples, 60 * minutes)
    return path


def _first(engine: Engine, path: Path) -> TimedRun:
    watch = Stopwatch()
    watch.start()
    with closing(engine.stream(str(path), GREEDY)) as events:  # type: ignore[type-var] # a generator, which has close()
        next(event for event in events if isinstance(event, Segment))
        seconds = watch.stop()
    return TimedRun(wall=seconds, first=seconds)


def _finding(rows: list[Measurement], lengths: tuple[float, ...]) -> list[Finding]:
    if not {SHORT, LONG} <= set(lengths):
        return []
    took = {row.side: row.wall.median for row in rows}
    value = took[_label(LONG)] / took[_label(SHORT)]
    name = "demo pair: first segment of a 1-hour file / of a 2-minute file, time to"
    return [Finding(name, value, required=1.3, at_most=True, detail=f"{took[_label(LONG)]:.2f} s")]


def _growth(rows: tuple[Measurement, ...], lengths: tuple[float, ...]) -> list[Finding]:
    """The longest recording against the shortest."""
    if len(rows) < 2:
        return []
    first, last = rows[0], rows[-1]
    slower = last.wall.median / lengths[-1] / (first.wall.median / lengths[0])
    findings = [Finding(f"wall per minute of audio, {last.side} / {first.side}", slower)]
    if first.peak_bytes and last.peak_bytes:
        findings.append(Finding(f"peak memory, {last.side} / {first.side}", last.peak_bytes / first.peak_bytes))
    return findings


def _whole(minutes: float, settings: Settings) -> Measurement:
    """Measure one whole recording in its own process."""
    command = [sys.executable, "-m", __name__, str(_file(minutes, settings)), settings.device, str(settings.threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WhisperMagicError(f"{_label(minutes)} could not be transcribed: {done.stderr.strip().splitlines()[-1]}")
    measured = json.loads(done.stdout.splitlines()[-1])
    peak = measured["peak_bytes"] / 2**20
    settings.log(f"{WHOLE} | {_label(minutes)}: {measured['wall']:.2f} s, peak {peak:.0f} MiB")
    return Measurement(
        case=WHOLE,
        side=_label(minutes),
        wall=Spread((measured["wall"],)),
        first=None if measured["first"] is None else Spread((measured["first"],)),
        tokens=measured["tokens"],
        windows=measured["windows"],
        peak_bytes=measured["peak_bytes"],
    )


def _child(path: str, device: str, threads: str) -> None:
    """Transcribe in this process, and print what it took as JSON."""
    engine = Engine.load("demo", device=device)
    torch.set_num_threads(int(threads))
    began, first = perf_counter(), None
    tokens = windows = 0
    for event in engine.stream(path, GREEDY):
        if isinstance(event, Segment):
            first = first or perf_counter() - began
            tokens += len(event.tokens)
        windows = max(windows, getattr(event, "window", -1) + 1)
    wall = perf_counter() - began
    if device.startswith("cuda"):
        peak = torch.cuda.max_memory_allocated()
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"wall": wall, "first": first, "tokens": tokens, "windows": windows, "peak_bytes": peak}))


if __name__ == "__main__":
    _child(*sys.argv[1:])
