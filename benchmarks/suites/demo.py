"""The bundled pair on real sound: the whole wall of ours against transformers' pipelines and faster-whisper.

Every side is resident and warm, gets the same array of samples (reading the file is nobody's time), the same weights,
dtype and threads, knows the language, decodes greedily with timestamps, and has its guards off (no second tries).
All are sequential in long form but the two that are called batched, ours and faster-whisper's. The first side is our
target alone: "same" means its text.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import torch

from benchmarks.checkpoints import converted
from benchmarks.measure import Measurement, Side, take_turns
from benchmarks.ours import Ours, Work
from benchmarks.peers import ctranslate2 as peer_ctranslate2
from benchmarks.peers.ctranslate2 import Apart, FasterWhisper, faster_whisper_sides
from benchmarks.peers.transformers import Pipelines
from benchmarks.report.report import Finding, fastest, find, ratio
from benchmarks.settings import NOTHING, Found, Settings
from benchmarks.sound import RATE, Samples, at_least, recording
from whisper_magic.engine.model.hub import demo_folder

SECONDS = 60  # at least: the bundled recording is repeated, whole, where it is shorter
TARGET, SPECULATIVE = "ours, target only", "ours, speculative"
BATCHED = "ours in batched mode, speculative"  # cut at pauses, as faster-whisper's: its text may differ


NOTES = (
    "the same array of samples, weights, dtype and threads; the language is given; greedy, with timestamps, guards "
    "off; every side resident and warm",
    "faster-whisper and CTranslate2 run in a process of their own: in one with ours, their threads hinder all others'",
    "faster-whisper is told that the demo pair is multilingual, which it does not see in a small vocabulary",
)


def run(settings: Settings) -> Found:
    """In every dtype asked for (float32)."""
    samples = at_least(recording(settings.audio), SECONDS)
    found = NOTHING
    for dtype in settings.dtypes or ("float32",):
        found += _one(replace(settings, dtypes=(dtype,)), samples, dtype)
    return found


def _one(settings: Settings, samples: Samples, dtype: str) -> Found:
    case = f"demo pair, {dtype}, {len(samples) / RATE:.1f} s"
    ours, closing = Ours("demo", "demo-draft", settings.device, dtype, Work()), ExitStack()
    closing.callback(ours.close)
    torch.set_num_threads(settings.threads)
    sides = [
        Side(TARGET, partial(ours.transcribe, samples, "none")),
        Side(SPECULATIVE, partial(ours.transcribe, samples, "model")),
        Side(BATCHED, partial(ours.transcribe, samples, "model", "batched")),
    ]
    notes: list[str] = []
    if settings.peers:
        folder = demo_folder()
        pipelines = Pipelines(folder / "target", folder / "draft", settings.device, dtype)
        sides += pipelines.sides(samples)
        reason = peer_ctranslate2.missing(settings.device, dtype)
        if reason:
            notes.append(reason)
        else:
            place = (settings.device, dtype, settings.threads)
            peer = Apart(FasterWhisper, converted(folder / "target", settings.work), *place)
            closing.callback(peer.close)
            sides += faster_whisper_sides(peer, samples)
    rows = take_turns(case, sides, settings.repeats or 5, told=settings.told)
    closing.close()
    return Found(tuple(rows), tuple(_findings(case, rows)), (*NOTES, *notes))


def _findings(case: str, rows: list[Measurement]) -> list[Finding]:
    alone, ours = find(rows, case, TARGET), find(rows, case, SPECULATIVE)
    assert alone is not None
    assert ours is not None
    required = case.startswith("demo pair, float32")  # the dtype that all have by default on a CPU
    better = fastest([row for row in rows if "pipeline, assisted" in row.side], "wall")
    greedy = find(rows, case, "transformers pipeline, greedy")
    found = [
        Finding(
            f"{case}: our target only / our speculative, decode phase",
            ratio(alone.decode, ours.decode),
            required=1.8 if required else None,
            detail=f"acceptance {ours.acceptance:.0%}" if ours.acceptance is not None else "",
        )
    ]
    together = find(rows, case, BATCHED)
    for name, row, mine, least in (
        ("transformers assisted (the best) / ours", better, ours, 4.0 if required else None),
        ("transformers greedy / ours", greedy, ours, None),
        ("faster-whisper sequential / ours", find(rows, case, "faster-whisper, seq"), ours, None),
        ("faster-whisper batched / ours batched", find(rows, case, "faster-whisper, bat"), together, None),
    ):
        if row is not None and mine is not None:
            value = ratio(row.wall, mine.wall)
            found.append(Finding(f"{case}: {name}, wall", value, required=least, detail=row.side))
    return found
