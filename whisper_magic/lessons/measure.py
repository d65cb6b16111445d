"""Measurements of the lessons, on this machine and the learner's recording: costs, acceptance, tokens per round.

All runs are greedy, sequential and one window at a time, so that a round is one pass of the target. Draft lengths are
timed in several interleaved runs, and the median is used, so that other load on the machine affects all of them alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import Any

from whisper_magic.engine.engine import Engine
from whisper_magic.engine.scheduler import Source
from whisper_magic.errors import AudioInvalid, OptionError
from whisper_magic.lessons.theory import MAX_LENGTH, expected_tokens
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Round, Transcript

REPEATS = 3
FEWEST_ROUNDS = 16  # of the target alone: with fewer there is nothing to measure
PLAIN = TranscribeOptions(temperature=0.0, mode="sequential")


@dataclass(frozen=True)
class Replay:
    """One recording decoded by the target alone and speculatively. The traces contain both models' probabilities.

    Attributes:
        alone: transcript of the target alone.
        drafted: transcript with the draft.
    """

    alone: Transcript
    drafted: Transcript

    @property
    def same(self) -> bool:
        """Whether both have the same tokens."""
        return _tokens(self.alone) == _tokens(self.drafted)


@dataclass(frozen=True)
class LengthFigures:
    """The measurements of one draft length.

    Attributes:
        length: tokens drafted per round.
        tokens_per_round: mean number of tokens written per round.
        acceptance: accepted / proposed tokens.
        decode_seconds: draft, verify and prompt; without the encoder, which is the same for all.
        speedup: decode seconds of the target alone over these.
        standard_error: of `tokens_per_round`: rounds differ, and a recording has only so many.
        formula_tokens: by `theory.expected_tokens`, from the acceptance at each place.
        predicted_tokens: the same over the lengths that were really proposed. Fewer tokens are proposed in the first
            round of a window, whose prompt takes part of the block, and before its end.
        predicted_speedup: from `predicted_tokens` and the measured costs.
    """

    length: int
    tokens_per_round: float
    acceptance: float
    decode_seconds: float
    speedup: float
    standard_error: float
    formula_tokens: float
    predicted_tokens: float
    predicted_speedup: float


@dataclass(frozen=True)
class LengthStudy:
    """Formula and measurement over draft lengths.

    Attributes:
        by_position: probability that the draft's token at each place is accepted, given that those before it were;
            over the rounds of all lengths.
        draft_cost: of a draft step, in passes of the target alone.
        verify_costs: of a pass over 2, 3, … tokens, in passes of the target alone.
        alone_seconds: decode seconds of the target alone.
        lengths: the figures of each length.
    """

    by_position: tuple[float, ...]
    draft_cost: float
    verify_costs: tuple[float, ...]
    alone_seconds: float
    lengths: tuple[LengthFigures, ...]


def replay(engine: Engine, source: Source, **overrides: Any) -> Replay:
    """Decode a recording with the target alone and speculatively, in turns, and return the run of median time of each.

    Args:
        engine: With a draft.
        source: Best of one window, 30 s: lessons show every token.
        **overrides: Fields of TranscribeOptions, such as language.

    Raises:
        OptionError: Without a draft.
        AudioInvalid: For a recording in which nothing is said.
        AudioError, EngineClosed: As of `Engine.transcribe`.
    """
    _check_draft(engine)
    ways: tuple[dict[str, Any], ...] = ({"draft": "none"}, {"draft": "model"})
    overrides = {"trace": True} | overrides
    runs: tuple[list[Transcript], ...] = ([], [])
    for _ in range(REPEATS + 1):
        for way, transcripts in zip(ways, runs, strict=True):
            transcripts.append(engine.transcribe(source, PLAIN, **overrides | way))
    _check_rounds(runs[0][0], 1)
    timed = (transcripts[1:] for transcripts in runs)  # the first warms up
    alone, drafted = (sorted(transcripts, key=decode_seconds)[REPEATS // 2] for transcripts in timed)
    return Replay(alone, drafted)


def study_lengths(
    engine: Engine,
    source: Source,
    lengths: Sequence[int] = range(1, MAX_LENGTH + 1),
    *,
    repeats: int = REPEATS,
    on_stage: Callable[[str], None] | None = None,
    **overrides: Any,
) -> LengthStudy:
    """Measure draft lengths, and compare them with the formulas.

    Args:
        engine: With a draft.
        source: Of a minute or so: shorter ones have few rounds.
        lengths: Tokens drafted per round.
        repeats: Timed runs of each length, in turns.
        on_stage: Called with what runs now.
        **overrides: Fields of TranscribeOptions, such as language.

    Raises:
        OptionError: Without a draft.
        AudioInvalid: For a recording in which little or nothing is said.
        AudioError, EngineClosed: As of `Engine.transcribe`.
    """
    _check_draft(engine)
    ways: list[dict[str, Any]] = [{"draft": "none"}] + [{"draft": "model", "draft_length": n} for n in lengths]
    runs: list[list[Transcript]] = [[] for _ in ways]
    for turn, way, transcripts in ((turn, *pair) for turn in range(repeats) for pair in zip(ways, runs, strict=True)):
        if on_stage is not None:
            on_stage(f"run {turn + 1} of {repeats}, draft length {way.get('draft_length', 0)}")
        transcripts.append(engine.transcribe(source, PLAIN, **overrides | way))
    _check_rounds(runs[0][0], FEWEST_ROUNDS)
    alone = median(map(decode_seconds, runs[0]))
    one_pass = median(map(_pass_seconds, runs[0]))
    positions = acceptance_by_position([round_ for transcripts in runs[1:] for round_ in transcripts[0].trace.rounds])
    draft_cost = median(_step_seconds(run) for transcripts in runs[1:] for run in transcripts) / one_pass
    costs = [median(map(_pass_seconds, transcripts)) / one_pass for transcripts in runs[1:]]
    figures = [
        _length_figures(length, transcripts, alone, positions, length * draft_cost + cost)
        for length, transcripts, cost in zip(lengths, runs[1:], costs, strict=True)
    ]
    return LengthStudy(positions, draft_cost, tuple(costs), alone, tuple(figures))


def _length_figures(
    length: int, transcripts: Sequence[Transcript], alone: float, positions: tuple[float, ...], cost: float
) -> LengthFigures:
    """What one draft length gives.

    Args:
        length: Tokens drafted per round.
        transcripts: Of its timed runs.
        alone: Seconds of decoding by the target alone.
        positions: Acceptance by position.
        cost: Of a round, in passes of the target.
    """
    trace, seconds = transcripts[0].trace, median(map(decode_seconds, transcripts))
    predicted = fmean(expected_tokens(positions, len(round_.proposed)) for round_ in trace.rounds)
    return LengthFigures(
        length,
        trace.tokens_per_round or 0.0,
        trace.acceptance_rate or 0.0,
        seconds,
        alone / seconds,
        _standard_error([len(round_.tokens) for round_ in trace.rounds]),
        expected_tokens(positions, length),
        predicted,
        predicted / cost,
    )


def acceptance_by_position(rounds: Sequence[Round]) -> tuple[float, ...]:
    """Acceptance by position: the share of rounds that accepted the token, among those that accepted all before it.

    Args:
        rounds: Of a trace.

    Returns:
        One number for each position at which tokens were proposed.
    """
    shares = []
    for place in range(max((len(round_.proposed) for round_ in rounds), default=0)):
        judged = [
            round_.accepted > place for round_ in rounds if round_.accepted >= place and len(round_.proposed) > place
        ]
        if not judged:
            break
        shares.append(sum(judged) / len(judged))
    return tuple(shares)


def decode_seconds(transcript: Transcript) -> float:
    """Seconds of draft, verify and prompt, which depend on the draft length."""
    timing = transcript.timing
    return timing.draft + timing.verify + timing.prefill


def _check_draft(engine: Engine) -> None:
    if engine.status.draft is None:
        raise OptionError(
            f"{engine.status.target} is loaded without a draft, which the lesson needs: load it with its draft"
        )


def _check_rounds(transcript: Transcript, fewest: int) -> None:
    if (count := len(transcript.trace.rounds)) < fewest:
        written = f"{count} tokens were" if count else "nothing was"
        raise AudioInvalid(f"{written} written for {transcript.source}: a lesson needs some seconds of speech")


def _tokens(transcript: Transcript) -> list[tuple[int, ...]]:
    return [segment.tokens for segment in transcript.segments]


def _standard_error(values: Sequence[int]) -> float:
    """Of their mean; infinite for a single round_."""
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.inf


def _pass_seconds(transcript: Transcript) -> float:
    """Median seconds of a pass of the target, because passes over a prompt take longer."""
    return median(round_.verify_seconds for round_ in transcript.trace.rounds)


def _step_seconds(transcript: Transcript) -> float:
    """Seconds of a draft step."""
    return median(round_.draft_seconds / len(round_.proposed) for round_ in transcript.trace.rounds if round_.proposed)
