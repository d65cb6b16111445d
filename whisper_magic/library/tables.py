"""A library as tables: recordings, segments, words, runs, and two runs beside each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, get_args

from whisper_magic.errors import LibraryError
from whisper_magic.library.columns import BY_NAME, records
from whisper_magic.library.schema import SHIFT
from whisper_magic.library.store import Store
from whisper_magic.scoring import word_errors
from whisper_magic.wording import near

Kind = Literal["recordings", "segments", "words"]
KINDS: tuple[Kind, ...] = get_args(Kind)
RECORDINGS = (
    "recording", "transcript", "name", "duration", "language", "text", "reference", "wer", "cer", "confidence", "flags",
    "tags", "note", "accepted", "speaker", "target", "draft", "options", "complete", "acceptance_rate",
    "tokens_per_round", "rtfx", "metadata",
)  # fmt: skip
OF_A_PART = ("recording", "transcript", "name")  # with which segments and words begin
SEGMENTS = (*OF_A_PART, "start", "end", "text", "language", "avg_logprob", "no_speech_prob", "compression_ratio",
            "temperature", "flags")  # fmt: skip
WORDS = (*OF_A_PART, "start", "end", "text", "probability", "speaker")
COLUMNS: dict[Kind, tuple[str, ...]] = {"recordings": RECORDINGS, "segments": SEGMENTS, "words": WORDS}


def rows(store: Store, kind: Kind, run: int | None, only: Iterable[int] | None = None) -> Iterator[Sequence[Any]]:
    """The rows of a table, in the order of the recordings.

    Args:
        store: Where they are.
        kind: Which table.
        run: Id of the models and options; None for each recording's newest transcript.
        only: Ids of the recordings; None for all.

    Raises:
        LibraryError: For another kind.
    """
    if kind not in KINDS:
        raise LibraryError(f"the tables are {', '.join(KINDS)}, got {kind!r}{near(str(kind), KINDS)}")
    wanted = None if only is None else set(only)
    columns = [BY_NAME[name] for name in (RECORDINGS if kind == "recordings" else OF_A_PART)]
    for row in records(store, columns, run, where="ORDER BY recording.id"):
        if wanted is not None and row["recording"] not in wanted:
            continue
        if kind == "recordings":
            yield tuple(row.values())
        elif row["transcript"] is not None:
            parts = _segments if kind == "segments" else _words
            yield from ((*row.values(), *part) for part in parts(store, row["transcript"]))


def _segments(store: Store, number: int) -> Iterator[tuple[Any, ...]]:
    transcript = store.transcript(number)
    for segment in transcript.segments:
        language = segment.language or transcript.language
        scores = (segment.avg_logprob, segment.no_speech_prob, segment.compression_ratio, segment.temperature)
        yield (segment.start, segment.end, segment.text, language, *scores, segment.flags)


def _words(store: Store, number: int) -> Iterator[tuple[Any, ...]]:
    span = (number << SHIFT, (number + 1) << SHIFT)
    for (words,) in store.query("SELECT words FROM segment WHERE id >= ? AND id < ? ORDER BY id", span):
        for text, start, end, probability, speaker in json.loads(words) if words is not None else ():
            yield (start, end, text, probability, speaker)


RUNS = ("run", "target", "draft", "dtype", "options", "transcripts", "wer", "cer", "seconds", "rtfx")


def runs(store: Store) -> list[tuple[Any, ...]]:
    """Every models and options with which something was transcribed, and how that went over all recordings."""
    found = store.query(
        """SELECT run.id, target, draft, dtype, options, count(*), 1.0 * sum(word_errors) / sum(word_count),
                  1.0 * sum(character_errors) / sum(character_count), sum(audio_seconds),
                  sum(audio_seconds) / nullif(sum(wall_seconds), 0)
           FROM run JOIN transcript ON transcript.run = run.id GROUP BY run.id ORDER BY run.id"""
    )
    return [(*row[:4], json.loads(row[4]), *row[5:]) for row in found]


DIFFERENCES = ("recording", "name", "duration", "differs", "first", "second", "wer_first", "wer_second", "differences")


def differences(store: Store, first: int, second: int) -> list[tuple[Any, ...]]:
    """Recordings that two runs have transcribed differently, most different first.

    Args:
        store: Where they are.
        first: Id of a run.
        second: Id of another.

    Returns:
        Rows of `DIFFERENCES`; `differs` is the word error rate of the second against the first, `differences` the
        stretches that differ.

    Raises:
        LibraryError: Where a run does not exist.
        PackageMissing: Without jiwer (the `score` extra).
    """
    there = {row[0] for row in store.query("SELECT id FROM run")}
    if missing := [number for number in (first, second) if number not in there]:
        known = ", ".join(map(str, sorted(there))) or "none"
        raise LibraryError(f"there is no run {missing[0]}; the runs are {known}")
    found = store.query(
        """SELECT recording.id, recording.name, recording.duration, a.text, b.text, 1.0 * a.word_errors / a.word_count,
                  1.0 * b.word_errors / b.word_count, a.language
           FROM recording JOIN transcript AS a ON a.recording = recording.id AND a.run = ?
           JOIN transcript AS b ON b.recording = recording.id AND b.run = ?
           WHERE a.text != b.text""",
        (first, second),
    )
    made = []
    for number, name, duration, one, other, wer_first, wer_second, language in found:
        errors = word_errors(other, one, (), language=language, target="")
        if errors.errors:
            made.append((number, name, duration, errors.rate, one, other, wer_first, wer_second, errors.differences))
    return sorted(made, key=lambda row: -row[3])
