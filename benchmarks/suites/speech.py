"""Real speech: word error rate and time of ours, transformers and faster-whisper on one long recording, with the same
weights, and what is written where nobody speaks.

The recording: 817 s of LibriSpeech test-other, ten speakers. Ours with its defaults, in English; faster-whisper with
its defaults but for the beam, and without the text of earlier windows, as ours; transformers greedy, sequential.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import torch

from benchmarks.checkpoints import convert_to_ctranslate2
from benchmarks.measure import Measurement, Side, Stopwatch, TimedRun, take_turns
from benchmarks.peers.ctranslate2 import FasterWhisperSpeech, SubprocessPeer, why_unavailable
from benchmarks.peers.transformers import Pipelines
from benchmarks.probe import checkpoint_folder, judged, read_recording, word_error_rate
from benchmarks.report.report import Finding, SuiteResult, find, ratio
from benchmarks.settings import Settings
from benchmarks.sound import Samples
from whisper_magic import Engine, Transcript
from whisper_magic.errors import WhisperMagicError

RECORDING = "long/librispeech_longform_10spk.flac"
ALONE, DRAFTED, BATCHED = "ours, target only", "ours, with the draft", "batched: ours, with the draft"
SILENT = "nonspeech"
Transcribe = Callable[[], TimedRun]


def run(settings: Settings) -> SuiteResult:
    """Measure float32, then bfloat16 against int8; then count what is written of recordings without speech."""
    path = settings.recordings / RECORDING
    if not path.is_file():
        raise WhisperMagicError(f"there is no {path}; --recordings names the folder")
    samples, reference = read_recording(path), path.with_suffix(".txt").read_text()
    cases = {dtype: f"817 s, ten speakers, {dtype}" for dtype in settings.dtypes or ("float32", "bfloat16")}
    result, notes = SuiteResult(), list[str]()
    for dtype, case in cases.items():
        with ExitStack() as closing:
            sides = _ours(settings, dtype, samples, closing)
            if settings.peers:
                peers, missing = _peers(settings, "int8" if dtype == "bfloat16" else dtype, samples, closing)
                sides, notes = sides + peers, notes + missing
            scored = [Side(side.name, partial(_scored, side.run, reference)) for side in sides]
            rows = take_turns(case, scored, settings.repeats or 3, log=settings.log)
        result += SuiteResult(tuple(rows), tuple(_findings(case, dtype, rows)))
    return result + _without_speech(settings) + SuiteResult(notes=tuple(notes))


def _ours(settings: Settings, dtype: str, samples: Samples, closing: ExitStack) -> list[Side]:
    engine = Engine.load(settings.model, settings.draft, device=settings.device, dtype=dtype)
    closing.callback(engine.close)
    torch.set_num_threads(settings.threads)
    transcribe = partial(_transcribe, engine, samples)
    sides = [Side(ALONE, partial(transcribe, "none", "sequential"))]
    if engine.status.draft is not None:
        sides.append(Side(DRAFTED, partial(transcribe, "model", "sequential")))
    return [*sides, Side(BATCHED, partial(transcribe, "model", "batched"))]


def _transcribe(engine: Engine, samples: Samples, draft: str, mode: str) -> TimedRun:
    watch = Stopwatch()
    watch.start()
    transcript: Transcript = engine.transcribe(
        (samples, 16_000), language="en", draft=draft, mode=mode, draft_length="auto"
    )
    wall, timing, rounds = watch.stop(), transcript.timing, transcript.trace.rounds
    return TimedRun(
        wall=wall,
        decode=timing.prefill + timing.draft + timing.verify,
        tokens=sum(len(round.tokens) for round in rounds),
        judged=judged(rounds),
        accepted=sum(round.accepted for round in rounds),
        output=transcript.text,
    )


def _peers(settings: Settings, dtype: str, samples: Samples, closing: ExitStack) -> tuple[list[Side], list[str]]:
    folder = checkpoint_folder(settings.model)
    sides = []
    if dtype == "float32":
        sides.append(
            Side("transformers, greedy", partial(Pipelines(folder, None, settings.device, dtype).run, samples, None))
        )
    if reason := why_unavailable(settings.device, dtype):
        return sides, [reason]
    converted = convert_to_ctranslate2(folder, settings.work)
    peer = SubprocessPeer(FasterWhisperSpeech, converted, settings.device, dtype, settings.threads)
    closing.callback(peer.close)
    for beam, batched in ((1, False), (5, False), (1, True)):
        name = f"faster-whisper {dtype}, {'batched (8), ' if batched else ''}beam {beam}"
        sides.append(Side(name, partial(peer.run, "transcribe", samples, beam, batched, "en")))
    return sides, []


def _scored(transcribe: Transcribe, reference: str) -> TimedRun:
    run = transcribe()
    assert isinstance(run.output, str)
    return replace(run, errors=word_error_rate(run.output, reference))


def _findings(case: str, dtype: str, rows: list[Measurement]) -> list[Finding]:
    alone, drafted, batched = (find(rows, case, side) for side in (ALONE, DRAFTED, BATCHED))
    assert alone is not None
    assert batched is not None
    assert alone.errors is not None
    assert batched.errors is not None
    findings = []
    if drafted is not None:
        detail = "same text" if drafted.same_text else "ANOTHER TEXT"
        gain = ratio(alone.decode, drafted.decode)
        findings.append(Finding(f"{case}: target only / with the draft, decode", gain, required=1.3, detail=detail))
    more = 100 * (batched.errors[0] - alone.errors[0])
    findings.append(Finding(f"{case}: word errors, batched - sequential", more, "points", 0.5, at_most=True))
    if (peer := find(rows, case, "faster-whisper")) is not None and peer.errors is not None:
        ours = drafted or alone
        goal = 2.0 if dtype == "bfloat16" else None
        detail = f"word errors {peer.errors[0]:.1%} against {alone.errors[0]:.1%}"
        findings.append(
            Finding(f"{case}: {peer.side} / ours, wall", ratio(peer.wall, ours.wall), required=goal, detail=detail)
        )
    return findings


def _without_speech(settings: Settings) -> SuiteResult:
    """How many recordings without speech give a text that is not flagged."""
    paths = sorted((settings.recordings / SILENT).iterdir()) if (settings.recordings / SILENT).is_dir() else []
    with Engine.load(settings.model, device=settings.device) as engine:
        transcripts = [engine.transcribe(path) for path in paths if path.is_file()]
    written = [transcript for transcript in transcripts if any(not segment.flags for segment in transcript.segments)]
    name = f"recordings without speech that give a text without a flag, of {len(transcripts)}"
    return SuiteResult(findings=(Finding(name, float(len(written)), "recordings"),))
