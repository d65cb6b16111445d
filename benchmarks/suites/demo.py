"""The bundled pair on real audio: wall time against transformers' pipelines and faster-whisper.

Every side is loaded and warm, gets the same array of samples (reading the file is not measured), the same weights,
dtype and threads, knows the language, decodes greedily with timestamps, and has no temperature fallback. All read long
recordings sequentially, except the two sides called batched, ours and faster-whisper's. The first side is our target
alone: "same" means its text.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import torch

from benchmarks.checkpoints import convert_to_ctranslate2
from benchmarks.labels import BATCHED, SPECULATIVE, TARGET_ONLY
from benchmarks.machine import DeviceStopwatch
from benchmarks.measure import Measurement, Side, TimedRun, take_turns
from benchmarks.peers import ctranslate2 as peer_ctranslate2
from benchmarks.peers.ctranslate2 import FasterWhisper, SubprocessPeer, faster_whisper_sides
from benchmarks.peers.transformers import Pipelines
from benchmarks.probe import judged
from benchmarks.report.report import Finding, SuiteResult, fastest, find, ratio
from benchmarks.settings import DEMO_FOLDER, GREEDY, Settings
from benchmarks.sound import RATE, Samples, recording, repeated
from whisper_magic import Engine
from whisper_magic.options import DraftKind, Mode

SECONDS = 60  # at least: the bundled recording is repeated, whole, where it is shorter
NOTES = (
    "same samples, weights, dtype and threads; the language is given; greedy, with timestamps, without temperature "
    "fallback; every side is loaded and warm",
    "faster-whisper and CTranslate2 run in a process of their own: in a shared one their OpenMP threads slow every "
    "other side down",
    "faster-whisper takes the demo pair's small vocabulary for an English-only one; it is set to multilingual here",
)


def run(settings: Settings) -> SuiteResult:
    """Measure in every requested dtype (float32)."""
    samples = repeated(recording(settings.audio), SECONDS)
    result = SuiteResult()
    for dtype in settings.dtypes or ("float32",):
        result += _one(settings, samples, dtype)
    return result


def _one(settings: Settings, samples: Samples, dtype: str) -> SuiteResult:
    case = f"demo pair, {dtype}, {len(samples) / RATE:.1f} s"
    with ExitStack() as closing:
        sides = _ours(closing, settings, samples, dtype)
        notes: list[str] = []
        if settings.peers:
            place = (settings.device, dtype)
            sides += Pipelines(DEMO_FOLDER / "target", DEMO_FOLDER / "draft", *place).sides(samples)
            reason = peer_ctranslate2.why_unavailable(*place)
            if reason:
                notes.append(reason)
            else:
                folder = convert_to_ctranslate2(DEMO_FOLDER / "target", settings.work)
                peer = SubprocessPeer(FasterWhisper, folder, *place, settings.threads)
                closing.callback(peer.close)
                sides += faster_whisper_sides(peer, samples)
        rows = take_turns(case, sides, settings.repeats or 5, log=settings.log)
    return SuiteResult(tuple(rows), tuple(_findings(case, rows)), (*NOTES, *notes))


def _ours(closing: ExitStack, settings: Settings, samples: Samples, dtype: str) -> list[Side]:
    engine = closing.enter_context(Engine.load("demo", device=settings.device, dtype=dtype))
    torch.set_num_threads(settings.threads)
    transcribe = partial(_transcribe, engine, settings.device, samples)
    return [
        Side(TARGET_ONLY, partial(transcribe, "none")),
        Side(SPECULATIVE, partial(transcribe, "model")),
        Side(BATCHED, partial(transcribe, "model", "batched")),
    ]


def _transcribe(engine: Engine, device: str, samples: Samples, draft: DraftKind, mode: Mode = "sequential") -> TimedRun:
    watch = DeviceStopwatch(device)
    watch.start()
    transcript = engine.transcribe((samples, RATE), replace(GREEDY, draft=draft, mode=mode))
    wall = watch.stop()
    timing, rounds = transcript.timing, transcript.trace.rounds
    return TimedRun(
        wall=wall,
        decode=timing.prefill + timing.draft + timing.verify,
        tokens=sum(len(r.tokens) for r in rounds),
        windows=1 + max((r.window for r in rounds), default=0),
        judged=judged(rounds),
        accepted=sum(r.accepted for r in rounds),
        output=transcript.text,
    )


def _findings(case: str, rows: list[Measurement]) -> list[Finding]:
    alone, ours = find(rows, case, TARGET_ONLY), find(rows, case, SPECULATIVE)
    assert alone is not None
    assert ours is not None
    required = case.startswith("demo pair, float32")  # the default dtype of every side on a CPU
    assisted = fastest([row for row in rows if "pipeline, assisted" in row.side], "wall")
    greedy = find(rows, case, "transformers pipeline, greedy")
    findings = [
        Finding(
            f"{case}: our target only / our speculative, decode",
            ratio(alone.decode, ours.decode),
            required=1.8 if required else None,
            detail=f"acceptance {ours.acceptance:.0%}" if ours.acceptance is not None else "",
        )
    ]
    batched = find(rows, case, BATCHED)
    for name, row, mine, least in (
        ("transformers assisted (the best) / ours", assisted, ours, 4.0 if required else None),
        ("transformers greedy / ours", greedy, ours, None),
        ("faster-whisper sequential / ours", find(rows, case, "faster-whisper, seq"), ours, None),
        ("faster-whisper batched / ours batched", find(rows, case, "faster-whisper, bat"), batched, None),
    ):
        if row is not None and mine is not None:
            value = ratio(row.wall, mine.wall)
            findings.append(Finding(f"{case}: {name}, wall", value, required=least, detail=row.side))
    return findings
