"""A library as tables: recordings, segments, words, runs, and two runs beside each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from whisper_magic.data_frame import data_frame
from whisper_magic.errors import LibraryError
from whisper_magic.library.columns import BY_NAME, records
from whisper_magic.library.schema import SHIFT
from whisper_magic.library.store import Store
from whisper_magic.scoring import Stretch, word_errors
from whisper_magic.wording import near

if TYPE_CHECKING:
    import pandas

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


@dataclass(frozen=True)
class RunFigures:
    """How a run went over all its recordings: a row of `Library.runs`.

    Attributes:
        run: Id of the models and options.
        target: Name of the target.
        draft: Name of the draft; None for the target alone.
        dtype: Such as "float32".
        options: Those that decide the text.
        transcripts: Their number.
        wer: Word error rate; None without references.
        cer: Character error rate, likewise.
        seconds: Of audio that were transcribed.
        rtfx: Real-time factor; None where nothing was timed.
    """

    run: int
    target: str
    draft: str | None
    dtype: str
    options: Mapping[str, Any]
    transcripts: int
    wer: float | None
    cer: float | None
    seconds: float
    rtfx: float | None


def runs(store: Store) -> list[RunFigures]:
    """Every models and options with which something was transcribed, and how that went over all recordings."""
    rows = store.named_rows(
        """SELECT run.id AS run, target, draft, dtype, options, count(*) AS transcripts,
                  1.0 * sum(word_errors) / sum(word_count) AS wer,
                  1.0 * sum(character_errors) / sum(character_count) AS cer, sum(audio_seconds) AS seconds,
                  sum(audio_seconds) / nullif(sum(wall_seconds), 0) AS rtfx
           FROM run JOIN transcript ON transcript.run = run.id GROUP BY run.id ORDER BY run.id"""
    )
    return [RunFigures(**row | {"options": json.loads(row["options"])}) for row in rows]


@dataclass(frozen=True)
class Difference:
    """A recording that two runs have transcribed differently: a row of `Library.compare`.

    Attributes:
        recording: Its id.
        name: Its path, or a label.
        duration: Seconds; None where they are not known.
        differs: Word error rate of the second text against the first; infinite where the first holds no word.
        first: The text of the first run.
        second: That of the second.
        wer_first: Word error rate of the first text; None without a reference.
        wer_second: Likewise of the second.
        differences: The stretches that differ.
    """

    recording: int
    name: str
    duration: float | None
    differs: float
    first: str
    second: str
    wer_first: float | None
    wer_second: float | None
    differences: tuple[Stretch, ...]


def differences(store: Store, first: int, second: int) -> list[Difference]:
    """Recordings that two runs have transcribed differently, most different first.

    Args:
        store: Where they are.
        first: Id of a run.
        second: Id of another.

    Raises:
        LibraryError: Where a run does not exist.
        PackageMissing: Without jiwer (the `score` extra).
    """
    there = {row[0] for row in store.query("SELECT id FROM run")}
    if missing := [number for number in (first, second) if number not in there]:
        known = ", ".join(map(str, sorted(there))) or "none"
        raise LibraryError(f"there is no run {missing[0]}; the runs are {known}")
    rows = store.named_rows(
        """SELECT recording.id AS recording, recording.name AS name, recording.duration AS duration, a.text AS first,
                  b.text AS second, 1.0 * a.word_errors / a.word_count AS wer_first,
                  1.0 * b.word_errors / b.word_count AS wer_second, a.language AS language
           FROM recording JOIN transcript AS a ON a.recording = recording.id AND a.run = ?
           JOIN transcript AS b ON b.recording = recording.id AND b.run = ?
           WHERE a.text != b.text""",
        (first, second),
    )
    differing = []
    for row in rows:
        errors = word_errors(row["second"], row["first"], (), language=row.pop("language"), target="")
        if errors.errors:
            differing.append(Difference(**row, differs=errors.rate, differences=errors.differences))
    return sorted(differing, key=lambda difference: -difference.differs)


def frame(kind: type, items: Iterable[Any]) -> pandas.DataFrame:
    """Instances of a dataclass as a table, a column per field.

    Raises:
        PackageMissing: Without pandas (the `pandas` extra).
    """
    names = [field.name for field in fields(kind)]
    return data_frame(names, ([getattr(item, name) for name in names] for item in items))
