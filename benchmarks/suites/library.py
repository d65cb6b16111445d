"""The library: real clips transcribed into one, beside a loop of `engine.transcribe` and beside faster-whisper.

The clips are of five languages, and each side detects them.

`--windows` is the number of clips.
"""

from __future__ import annotations

import itertools
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.checkpoints import convert_to_ctranslate2
from benchmarks.measure import Measurement, Side, TimedRun, take_turns
from benchmarks.peers.ctranslate2 import FasterWhisperSpeech, SubprocessPeer, why_unavailable
from benchmarks.probe import checkpoint_folder, read_recording
from benchmarks.report.report import Finding, SuiteResult, find, ratio
from benchmarks.settings import Settings
from whisper_magic import Engine, Library
from whisper_magic.errors import WhisperMagicError

DIGITS = "fsdd_four_speakers.tar.xz"
CLIPS, FEW = 500, 6  # FEW: to warm up with
LOOP, KEPT = "engine.transcribe in a loop", "library"
DEFAULTS = (
    "faster-whisper's defaults do more for each clip: it encodes the first window once more to detect the language, "
    "and samples five texts, not one, at each temperature above 0, which clips of a single word often reach"
)


def run(settings: Settings) -> SuiteResult:
    """Measure all three in turns, and a run that finds nothing new."""
    if not (settings.recordings / DIGITS).is_file():
        raise WhisperMagicError(f"there is no {settings.recordings / DIGITS}; --recordings names the folder")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        return _clips(settings, folder, stack)


def _clips(settings: Settings, folder: Path, stack: ExitStack) -> SuiteResult:
    clips = _gathered(settings.recordings, folder / "clips", settings.windows or CLIPS)
    case = f"{len(clips)} clips (digits, LibriSpeech, FLEURS), float32"
    engine = stack.enter_context(Engine.load(settings.model, settings.draft, device=settings.device, dtype="float32"))
    few = _gathered(settings.recordings, folder / "few", FEW)
    numbers = itertools.count()
    sides = [
        Side(LOOP, partial(_looped, engine, clips), partial(_looped, engine, few)),
        Side(
            KEPT,
            lambda: _kept(engine, folder / "clips", folder / f"run-{next(numbers)}.db"),
            lambda: _kept(engine, folder / "few", folder / "few.db"),
        ),
    ]
    notes: tuple[str, ...] = ()
    if settings.peers and not (reason := why_unavailable(settings.device, "float32")):
        converted = convert_to_ctranslate2(checkpoint_folder(settings.model), settings.work)
        peer = SubprocessPeer(FasterWhisperSpeech, converted, settings.device, "float32", settings.threads)
        stack.callback(peer.close)
        sides.append(
            Side(
                "faster-whisper float32, beam 1, in a loop",
                partial(_peer_looped, peer, clips),
                partial(_peer_looped, peer, few),
            )
        )
        notes = (DEFAULTS,)
    elif settings.peers:
        notes = (reason,)
    rows = take_turns(case, sides, settings.repeats or 1, log=settings.log)
    again = _kept(engine, folder / "clips", folder / "run-0.db")
    findings = (*_clip_findings(case, rows), Finding(f"{case}: a run without anything new", again.wall, "s", 2, True))
    return SuiteResult(tuple(rows), findings, notes)


def _clip_findings(case: str, rows: list[Measurement]) -> Iterator[Finding]:
    kept, looped = find(rows, case, KEPT), find(rows, case, LOOP)
    assert kept is not None
    assert looped is not None
    yield Finding(f"{case}: loop / library, wall", ratio(looped.wall, kept.wall), "x", 1)
    for row in rows:
        if row.side.startswith("faster-whisper"):
            yield Finding(f"{case}: faster-whisper / library, wall", ratio(row.wall, kept.wall), "x", 1)


def _gathered(recordings: Path, folder: Path, count: int) -> list[Path]:
    """Clips of three kinds, a third of each as far as they reach, the rest digits."""
    folder.mkdir(parents=True)
    speech = sorted((recordings / "librispeech_other").glob("*.flac"))[: count // 3]
    fleurs = sorted((recordings / "fleurs").glob("*.ogg"))[: count // 3]
    for path in (*speech, *fleurs):
        shutil.copy(path, folder)
    left = count - len(speech) - len(fleurs)
    with tarfile.open(recordings / DIGITS) as tar:
        for member in itertools.islice((file for file in tar if file.name.endswith(".wav")), left):
            (folder / Path(member.name).name).write_bytes(tar.extractfile(member).read())  # type: ignore[union-attr]
    return sorted(folder.iterdir())


def _looped(engine: Engine, clips: Sequence[Path]) -> TimedRun:
    began = perf_counter()
    texts = [engine.transcribe(path).text for path in clips]
    return TimedRun(perf_counter() - began, output="\n".join(texts))


def _kept(engine: Engine, folder: Path, path: Path) -> TimedRun:
    began = perf_counter()
    with Library(path) as library:
        library.transcribe(engine, folder)
        wall = perf_counter() - began
        texts = {row[0]: row[1] for row in library.store.query(
            "SELECT name, text FROM recording JOIN transcript ON transcript.recording = recording.id"
        )}  # fmt: skip
    return TimedRun(wall, output="\n".join(texts[name] for name in sorted(texts)))


def _peer_looped(peer: SubprocessPeer, clips: Sequence[Path]) -> TimedRun:
    began = perf_counter()
    runs: list[Any] = [peer.run("transcribe", read_recording(path), 1, False, None) for path in clips]
    return TimedRun(perf_counter() - began, output="\n".join(str(run.output) for run in runs))
