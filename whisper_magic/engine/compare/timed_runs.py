"""The target alone against speculation, on one recording: whether the tokens are the same, and how long each takes.

Both transcribe in turns, after a run each to warm up. Where their tokens differ, `divergence` looks up the target's
logits at the first such place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from whisper_magic.audio import load as audio
from whisper_magic.audio.load import Audio
from whisper_magic.comparison import REPEATS, Comparison, Runs
from whisper_magic.engine.compare.divergence import Attempt, Fork, attempts, examine, first_fork
from whisper_magic.engine.runtime.loaded_model import LoadedModel
from whisper_magic.engine.scheduler import Source, transcribe_one
from whisper_magic.errors import Interrupted, OptionError
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Transcript

TARGET_ONLY, SPECULATIVE = "the target alone", "speculative"
OnStage = Callable[[str], None]


def compare(
    model: LoadedModel,
    source: Source,
    options: TranscribeOptions,
    repeats: int = REPEATS,
    on_stage: OnStage | None = None,
) -> Comparison:
    """What `Engine.compare` does.

    Args:
        model: The models.
        source: What `audio.load` takes.
        options: How to transcribe it.
        repeats: Timed runs of each.
        on_stage: Called with what runs now.

    Raises:
        OptionError: Where there is nothing to compare with, or for `repeats` below 1.
        Interrupted: On Ctrl-C; there is no result then.
    """
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 1:
        raise OptionError(f"repeats must be a whole number from 1, got {repeats!r}")
    chosen = _speculative(options, model.models.draft is not None)
    on_stage = on_stage or (lambda stage: None)
    try:
        recording = _read(source, options, model.front_end.sample_rate)
        runs = _run_all(model, recording, chosen, repeats, on_stage)
        return _compared(model, recording, chosen, runs, on_stage)
    except KeyboardInterrupt as stop:
        raise Interrupted("the comparison was stopped; there is no result") from stop


def _speculative(options: TranscribeOptions, has_draft: bool) -> TranscribeOptions:
    """The options of the speculative runs: never a draft of the previous transcript."""
    if options.draft == "none":
        raise OptionError("draft='none' leaves nothing to compare the target with: pass 'model', 'ngram' or nothing")
    if options.draft == "model" and not has_draft:
        raise OptionError("no draft model is loaded: load one with the target, or use draft='ngram'")
    kind = "model" if options.draft != "ngram" and has_draft else "ngram"
    return options.override(draft=kind, start=None, end=None, channel="mix", stream=None)  # the part is cut out already


def _read(source: Source, options: TranscribeOptions, rate: int) -> Audio:
    """The audio, read once: what is timed is decoding."""
    start, end, stream = options.start, options.end, options.stream
    return audio.load(source, sample_rate=rate, channel=options.channel, start=start, end=end, stream=stream)


@dataclass(frozen=True)
class TimedRuns:
    """The transcripts of both ways, the warm-up's first."""

    target_only: tuple[Transcript, ...]
    speculative: tuple[Transcript, ...]


def _run_all(
    model: LoadedModel, recording: Audio, chosen: TranscribeOptions, repeats: int, on_stage: OnStage
) -> TimedRuns:
    """Run both in turns, and change the order at every turn, so that neither always comes first."""
    ways = {TARGET_ONLY: chosen.override(draft="none"), SPECULATIVE: chosen}
    transcripts: dict[str, list[Transcript]] = {way: [] for way in ways}
    for number, way in enumerate(_turns(repeats)):
        warming = number < len(ways)
        on_stage(f"Warming up, {way}" if warming else f"Run {number - 1} of {2 * repeats}, {way}")
        transcripts[way].append(transcribe_one(model, recording, ways[way]))
    return TimedRuns(tuple(transcripts[TARGET_ONLY]), tuple(transcripts[SPECULATIVE]))


def _turns(repeats: int) -> Iterator[str]:
    for turn in range(repeats + 1):
        yield from (TARGET_ONLY, SPECULATIVE) if turn % 2 == 0 else (SPECULATIVE, TARGET_ONLY)


def _compared(
    model: LoadedModel, recording: Audio, chosen: TranscribeOptions, timed: TimedRuns, on_stage: OnStage
) -> Comparison:
    target_only, speculative = (
        [attempts(transcript.trace.rounds) for transcript in runs] for runs in (timed.target_only, timed.speculative)
    )
    fork = _first_of(target_only[0], speculative)
    divergence = None
    if fork is not None:
        on_stage("Examining the first difference")
        divergence = examine(model, recording, chosen.override(draft="none"), fork)
    last = timed.speculative[-1]
    return Comparison(
        source=last.source,
        duration=recording.duration,
        options=chosen,
        models=last.models,
        target_only=_runs(timed.target_only),
        speculative=_runs(timed.speculative),
        tokens=sum(len(attempt.tokens) for attempt in target_only[0]),
        windows=len({attempt.window for attempt in target_only[0]}),
        divergence=divergence,
        unsteady=_first_of(target_only[0], target_only[1:]) is not None,
        notes=last.notes,
    )


def _first_of(target_only: tuple[Attempt, ...], runs: list[tuple[Attempt, ...]]) -> Fork | None:
    """The earliest fork of any of these runs."""
    forks = [fork for run in runs if (fork := first_fork(target_only, run)) is not None]
    return min(forks, key=lambda fork: fork.agreed, default=None)


def _runs(timed: tuple[Transcript, ...]) -> Runs:
    return Runs(tuple(transcript.timing for transcript in timed[1:]), timed[-1].trace)
