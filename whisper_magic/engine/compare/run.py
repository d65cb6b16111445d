"""The target alone against speculation, on one recording: whether the text is the same, and how long each takes.

Both go through `Engine.transcribe`, in turns, after a run each to warm up. Where they write different tokens,
`divergence` looks into the first such place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whisper_magic.audio import load as sound
from whisper_magic.audio.load import Audio
from whisper_magic.comparison import REPEATS, Comparison, Runs
from whisper_magic.engine.compare.divergence import Attempt, Fork, attempts, examine, first_fork
from whisper_magic.errors import Interrupted, OptionError
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Transcript

if TYPE_CHECKING:
    from whisper_magic.engine.engine import Engine
    from whisper_magic.engine.scheduler import Source

ALONE, SPECULATIVE = "the target alone", "speculative"


def compare(
    engine: Engine,
    source: Source,
    options: TranscribeOptions,
    repeats: int = REPEATS,
    on_stage: Callable[[str], None] | None = None,
) -> Comparison:
    """What `Engine.compare` does. on_stage: told what runs now.

    Raises:
        OptionError: where there is nothing to compare with, or for `repeats` below 1.
        Interrupted: on Ctrl-C; there is no result then.
    """
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 1:
        raise OptionError(f"repeats must be a whole number from 1, got {repeats!r}")
    chosen = _speculative(options, engine.status.draft is not None)
    tell = on_stage or (lambda stage: None)
    try:
        audio = _read(source, options, engine._front.sample_rate)
        made = _run_all(engine, audio, chosen, repeats, tell)
        return _compared(engine, audio, chosen, made, tell)
    except KeyboardInterrupt as stop:
        raise Interrupted("the comparison was stopped; there is no result") from stop


def _speculative(options: TranscribeOptions, has_draft: bool) -> TranscribeOptions:
    """The options of the speculative runs: never a draft that recalls the previous run."""
    if options.draft == "none":
        raise OptionError("draft='none' leaves nothing to compare the target with: pass 'model', 'ngram' or nothing")
    if options.draft == "model" and not has_draft:
        raise OptionError("no draft model is loaded: load one with the target, or take 'ngram' as draft")
    kind = "model" if options.draft != "ngram" and has_draft else "ngram"
    return options.override(draft=kind, start=None, end=None, channel="mix", stream=None)  # the part is cut out already


def _read(source: Source, options: TranscribeOptions, rate: int) -> Audio:
    """The sound, read once: what is timed is decoding."""
    start, end, stream = options.start, options.end, options.stream
    return sound.load(source, sample_rate=rate, channel=options.channel, start=start, end=end, stream=stream)


@dataclass(frozen=True)
class Made:
    """The transcripts of both ways, the warm-up's first."""

    alone: tuple[Transcript, ...]
    speculative: tuple[Transcript, ...]


def _run_all(
    engine: Engine, audio: Audio, chosen: TranscribeOptions, repeats: int, tell: Callable[[str], None]
) -> Made:
    """Run both in turns: alone, speculative, speculative, alone, ... so that neither always comes first."""
    ways = {ALONE: chosen.override(draft="none"), SPECULATIVE: chosen}
    made: dict[str, list[Transcript]] = {way: [] for way in ways}
    for number, way in enumerate(_turns(repeats)):
        warming = number < len(ways)
        tell(f"Warming up, {way}" if warming else f"Run {number - 1} of {2 * repeats}, {way}")
        made[way].append(engine.transcribe(audio, ways[way]))
    return Made(tuple(made[ALONE]), tuple(made[SPECULATIVE]))


def _turns(repeats: int) -> Iterator[str]:
    for turn in range(repeats + 1):
        yield from (ALONE, SPECULATIVE) if turn % 2 == 0 else (SPECULATIVE, ALONE)


def _compared(
    engine: Engine, audio: Audio, chosen: TranscribeOptions, made: Made, tell: Callable[[str], None]
) -> Comparison:
    alone, speculative = ([attempts(said.trace.rounds) for said in runs] for runs in (made.alone, made.speculative))
    fork = _first_of(alone[0], speculative)
    divergence = None
    if fork is not None:
        tell("Looking at the first difference")
        with engine._batch([audio], chosen.override(draft="none")) as batch:
            divergence = examine(batch, audio, fork)
    last = made.speculative[-1]
    return Comparison(
        source=last.source,
        duration=audio.duration,
        options=chosen,
        models=last.models,
        alone=_runs(made.alone),
        speculative=_runs(made.speculative),
        tokens=sum(len(attempt.tokens) for attempt in alone[0]),
        windows=len({attempt.window for attempt in alone[0]}),
        divergence=divergence,
        unsteady=_first_of(alone[0], alone[1:]) is not None,
        notes=last.notes,
    )


def _first_of(alone: tuple[Attempt, ...], runs: list[tuple[Attempt, ...]]) -> Fork | None:
    """The earliest fork of any of these runs."""
    forks = [fork for run in runs if (fork := first_fork(alone, run)) is not None]
    return min(forks, key=lambda fork: fork.agreed, default=None)


def _runs(made: tuple[Transcript, ...]) -> Runs:
    return Runs(tuple(said.timing for said in made[1:]), made[-1].trace)
