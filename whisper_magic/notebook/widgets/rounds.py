"""A trace in step with the sound: which seconds of speech each round wrote.

A round writes tokens; the segments hold the same tokens with times. Both are walked together: a token's time is that of
the word that it belongs to where word times were found, else its share of the segment.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from whisper_magic.transcript import Round, Segment, Transcript

TokenText = Callable[[int], str]

LEAST = 0.005  # probability of an alternative that is shown
_AHEAD = 6  # tokens that a walk may pass over to find its place again


@dataclass(frozen=True)
class Placed:
    """A token of a segment, with its seconds."""

    token: int
    segment: int
    start: float
    end: float


def placed_tokens(segments: Sequence[Segment], token_text: TokenText) -> list[Placed]:
    """Every token of every segment, with its seconds."""
    placed = []
    for index, segment in enumerate(segments):
        texts = [token_text(token) for token in segment.tokens]
        lengths = [0 if text.startswith("<|") else len(text) for text in texts]
        clock = _clock(segment, sum(lengths))
        at = 0
        for token, length in zip(segment.tokens, lengths, strict=True):
            placed.append(Placed(token, index, clock(at), clock(at + length)))
            at += length
    return placed


def _clock(segment: Segment, length: int) -> Callable[[int], float]:
    """Characters from the segment's start -> seconds."""
    if not segment.words:
        share = (segment.end - segment.start) / max(1, length)
        return lambda at: segment.start + at * share
    ends: list[int] = []
    for word in segment.words:
        ends.append((ends[-1] if ends else 0) + len(word.text))

    def clock(at: int) -> float:
        index = min(bisect_right(ends, at), len(ends) - 1)
        word, begins = segment.words[index], ends[index - 1] if index else 0
        share = min(1.0, (at - begins) / max(1, len(word.text)))
        return word.start + share * (word.end - word.start)

    return clock


def final_attempts(rounds: Sequence[Round]) -> Iterator[Round]:
    """The rounds whose text was kept: of each window those of its last attempt, in the order of the windows."""
    by_window = sorted(rounds, key=lambda round_: round_.window)  # stable: rounds of one window stay in order
    for _, group in groupby(by_window, key=lambda round_: round_.window):
        attempt: list[Round] = []
        for round_ in group:
            if attempt and round_.position <= attempt[-1].position:
                attempt = []
            attempt.append(round_)
        yield from attempt


def timed_rounds(transcript: Transcript, token_text: TokenText, edited: Transcript) -> list[dict[str, Any]]:
    """The rounds of a transcript, for the page (frontend/src/shared/protocol.ts, `Round`).

    Args:
        transcript: with its trace.
        token_text: a token as people read it.
        edited: the transcript that the page shows: tokens stand in the segment that is there at their time.
    """
    row = _rows(transcript.segments, edited.segments)
    placed = placed_tokens(transcript.segments, token_text)
    timed, at, reached, segment = [], 0, 0.0, 0 if placed else -1
    for round_ in final_attempts(transcript.trace.rounds):
        own: list[Placed] = []
        places: list[int] = []  # the segment of each token that the round wrote
        for token in round_.tokens:
            ahead = (i for i in range(at, min(at + _AHEAD, len(placed))) if placed[i].token == token)
            if (index := next(ahead, None)) is not None:
                own.append(placed[index])
                at, segment = index + 1, placed[index].segment
            places.append(segment)
        start = own[0].start if own else reached
        reached = max(start, own[-1].end if own else reached)
        when = {"start": round(start, 3), "end": round(reached, 3)}
        tokens = _tokens(round_, [row[place] for place in places], row[segment], token_text)
        timed.append(_described(round_) | when | {"tokens": tokens})
    return timed


def _rows(segments: Sequence[Segment], shown: Sequence[Segment]) -> dict[int, int]:
    """The segment that is shown in the place of each; -1 for none."""
    starts = [segment.start for segment in shown]
    middles = enumerate((segment.start + segment.end) / 2 for segment in segments)
    return {-1: -1} | {i: max(0, bisect_right(starts, middle) - 1) if shown else -1 for i, middle in middles}


def _tokens(round_: Round, places: Sequence[int], last: int, token_text: TokenText) -> list[dict[str, Any]]:
    """What was accepted, what was rejected, and what the target put in its place."""
    place = places[-1] if places else last
    tokens: list[dict[str, Any]] = []
    for i, token in enumerate(round_.proposed):
        verdict, segment = ("a", places[i]) if i < round_.accepted else ("r", place)
        shown: dict[str, Any] = {"text": token_text(token), "verdict": verdict, "segment": segment}
        probs = {"p": round_.target_probs, "q": round_.draft_probs}
        tokens.append(shown | {name: round(of[i], 4) for name, of in probs.items() if i < len(of)})
    if round_.token is not None:
        tokens.append({"text": token_text(round_.token), "verdict": "t", "segment": places[-1]})
    written = [shown for shown in tokens if shown["verdict"] != "r"]
    for shown, timed in zip(written, round_.alternatives, strict=False):
        shown["instead"] = [
            (token_text(other.token), round(other.probability, 4)) for other in timed if other.probability >= LEAST
        ]
    return tokens


def _described(round_: Round) -> dict[str, Any]:
    return {
        "window": round_.window,
        "position": round_.position,
        "drafter": round_.drafter_label or round_.drafter,
        "accepted": round_.accepted,
        "proposed": len(round_.proposed),
        "draft_ms": round(1000 * round_.draft_seconds, 3),
        "verify_ms": round(1000 * round_.verify_seconds, 3),
        "temperature": round_.temperature,
    }
