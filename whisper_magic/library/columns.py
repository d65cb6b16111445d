"""What is known of a recording, a column each: one table, from which SQL, rows, data frames and both views are made.

A new column is an entry of `COLUMNS`; one that the explorer shows is a field of `Row`, too. Its name is the same
everywhere: in SQL results, rows, JSON, the page and its styles. How a value is read, sorted and drawn follows from its
kind; the page is sent the table (`described`) and knows no column by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from whisper_magic.library.schema import LATEST

if TYPE_CHECKING:
    from whisper_magic.library.store import Store

Kind = Literal[
    "select",  # a box, no value
    "play",  # a button, no value
    "key",
    "name",  # a path, or a label
    "text",  # of which a row holds the opening
    "word",  # a short text
    "duration",  # seconds
    "time",  # a second of the recording
    "share",  # 0 to 1
    "rate",  # a share that may be more than 1
    "number",
    "warnings",  # JSON: texts
    "tags",  # texts, joined by SEPARATOR
    "switch",
    "json",
]
SEPARATOR = "\x1f"
OPENING = 240  # characters of a text that a row holds


@dataclass(frozen=True)
class Column:
    """What is known of a recording under one name.

    Attributes:
        name: Of the value, everywhere.
        kind: What the value is.
        sql: An expression on `recording`, `transcript` and `run`; "" for a control.
        label: Its heading in the explorer.
        title: Its heading in full, where that is another.
        width: Its track of the explorer's grid; "" where it has no column there.
        sort: Which order comes first where one sorts by it; "" where one cannot.
        filter: Whether the explorer filters by its values, or by a range.
        scored: Whether it is shown only where transcripts are scored against references.
    """

    name: str
    kind: Kind
    sql: str = ""
    label: str = ""
    title: str = ""
    width: str = ""
    sort: Literal["", "ascending", "descending"] = ""
    filter: Literal["", "values", "range"] = ""
    scored: bool = False


TAGS = f"(SELECT group_concat(tag.name, char({ord(SEPARATOR)})) FROM tag WHERE tag.recording = recording.id)"
COLUMNS = (  # those of the explorer in its order
    Column("recording", "key", "recording.id"),
    Column("transcript", "key", "transcript.id"),
    Column("select", "select", label="Select", width="26px"),
    Column("play", "play", label="Play", width="34px"),
    Column("name", "name", "recording.name", "Recording", width="minmax(9em, 1.6fr)", sort="ascending"),
    Column("start", "time", "ifnull(recording.start, 0.0)", "At"),
    Column("end", "time", 'recording."end"'),
    Column("duration", "duration", "ifnull(recording.duration, transcript.audio_seconds)", "Length", width="4.8em",
           sort="descending", filter="range"),
    Column("language", "word", "transcript.language", "Language", width="6.2em", sort="ascending", filter="values"),
    Column("text", "text", "transcript.text", "Text", width="minmax(12em, 4fr)"),
    Column("flags", "warnings", "transcript.flags", "Flags", "Flag", width="minmax(3.4em, .8fr)", sort="descending",
           filter="values"),
    Column("confidence", "share", "transcript.confidence", "Confidence", width="6.8em", sort="ascending",
           filter="range"),
    Column("wer", "rate", "1.0 * transcript.word_errors / nullif(transcript.word_count, 0)", "WER", "Word error rate",
           width="4em", sort="descending", filter="range", scored=True),
    Column("tags", "tags", TAGS, "Tags", "Tag", width="minmax(3em, .6fr)", filter="values"),
    Column("target", "word", "run.target", "Model", filter="values"),
    Column("note", "word", "recording.note"),
    Column("accepted", "switch", "recording.accepted"),
    Column("reference", "text", "recording.reference"),
    Column("cer", "rate", "1.0 * transcript.character_errors / nullif(transcript.character_count, 0)"),
    Column("speaker", "word", "recording.speaker"),
    Column("draft", "word", "run.draft"),
    Column("options", "json", "run.options"),
    Column("complete", "switch", "transcript.complete"),
    Column("acceptance_rate", "share", "transcript.acceptance"),
    Column("tokens_per_round", "number", "transcript.tokens_per_round"),
    Column("rtfx", "number", "transcript.audio_seconds / nullif(transcript.wall_seconds, 0)"),
    Column("metadata", "json", "recording.metadata"),
)  # fmt: skip
BY_NAME: Mapping[str, Column] = {column.name: column for column in COLUMNS}


def _of_a_hit(name: str, width: str = "") -> Column:
    column = BY_NAME[name]
    return replace(column, width=width or column.width, sort="", filter="")


EXPLORER = tuple(column for column in COLUMNS if column.width or column.filter)
HITS = (
    _of_a_hit("play"),
    _of_a_hit("name"),
    _of_a_hit("start", "4.8em"),
    _of_a_hit("text"),
    _of_a_hit("language"),
)


def described(columns: Iterable[Column]) -> list[dict[str, Any]]:
    """Columns as the page gets them."""
    return [{name: value for name, value in vars(column).items() if name != "sql"} for column in columns]


@dataclass(frozen=True)
class Match:
    """A place in a text that a search has found, with what stands around it."""

    before: str
    match: str
    after: str


@dataclass(frozen=True)
class Row:
    """A recording in the explorer, or one of its places that a search has found.

    Attributes:
        recording: Id.
        transcript: Id; None where it is not transcribed.
        name: A path, or a label.
        start: Second at which playing begins: of the hit, else of the part of the file that the recording is.
        end: Second at which that part ends.
        duration: Seconds.
        language: Code.
        text: Its opening.
        hit: What a search has found, in place of the opening.
        flags: Kinds of what may be wrong.
        confidence: 0 to 1.
        wer: Word error rate against the reference.
        tags: In order.
        target: Name of the model.
        note: What somebody has noted.
        accepted: Whether somebody has checked the transcript.
    """

    recording: int
    transcript: int | None
    name: str
    start: float = 0.0
    end: float | None = None
    duration: float | None = None
    language: str | None = None
    text: str | None = None
    hit: Match | None = None
    flags: tuple[str, ...] = ()
    confidence: float | None = None
    wer: float | None = None
    tags: tuple[str, ...] = ()
    target: str | None = None
    note: str = ""
    accepted: bool = False


IN_ROW = tuple(BY_NAME[field.name] for field in fields(Row) if field.name != "hit")


def records(
    store: Store, columns: Sequence[Column], run: int | None = None, *, where: str = ""
) -> Iterator[dict[str, Any]]:
    """For each recording some columns' values, by name.

    Args:
        store: Where they are.
        columns: Which.
        run: Id of the models and options; None for each recording's newest transcript.
        where: Conditions and limits, as SQL.
    """
    for stored in _query(store, columns, run, where):
        yield {
            column.name: PARSERS[column.kind](value) if column.kind in PARSERS else value
            for column, value in zip(columns, stored, strict=True)
        }


def held(store: Store, columns: Sequence[Column], run: int | None = None) -> dict[str, list[Any]]:
    """For each column the values of all recordings, in the order in which these were added: see `records`."""
    stored = _query(store, columns, run, "ORDER BY recording.id")
    by_column = zip(*stored, strict=True) if stored else ((),) * len(columns)
    return {
        column.name: list(map(PARSERS[column.kind], values)) if column.kind in PARSERS else list(values)
        for column, values in zip(columns, by_column, strict=True)
    }


def rows(store: Store, run: int | None = None, *, where: str) -> list[Row]:
    """The rows of some recordings: see `records`."""
    columns = [
        replace(column, sql=f"substr({column.sql}, 1, {OPENING})") if column.kind == "text" else column
        for column in IN_ROW
    ]
    return [
        Row(**{name: _rounded(value) for name, value in record.items()})
        for record in records(store, columns, run, where=where)
    ]


def first_rows(store: Store, count: int) -> list[Row]:
    """Those of the first recordings."""
    return rows(store, where=f"ORDER BY recording.id LIMIT {int(count)}")


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _query(store: Store, columns: Iterable[Column], run: int | None, where: str) -> list[tuple[Any, ...]]:
    selected = ", ".join(f'{column.sql} AS "{column.name}"' for column in columns)
    chosen = LATEST if run is None else f"transcript.run = {int(run)}"
    # The index holds what is sorted and filtered by: a list of 100,000 recordings reads no transcript.
    return store.query(
        f"""SELECT {selected} FROM recording
            LEFT JOIN transcript INDEXED BY transcript_summary
            ON transcript.recording = recording.id AND {chosen}
            LEFT JOIN run ON run.id = transcript.run {where}"""
    )


@cache
def _warnings(stored: str | None) -> tuple[str, ...]:
    """There are few different ones."""
    return tuple(json.loads(stored)) if stored is not None else ()


def _tags(stored: str | None) -> tuple[str, ...]:
    return tuple(sorted(stored.split(SEPARATOR))) if stored else ()


PARSERS: Mapping[Kind, Callable[[Any], Any]] = {  # of what SQLite has no type for
    "warnings": _warnings,
    "tags": _tags,
    "switch": lambda stored: None if stored is None else bool(stored),
    "json": lambda stored: None if stored is None else json.loads(stored),
}
