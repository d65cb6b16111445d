"""Search in transcripts: hits with the words around them and their times.

Words are found by FTS5's index of words, ranked by BM25; parts of words, and words of languages that are written
without spaces, by its index of trigrams. A search that finds very much is not ranked: its first hits are shown.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from whisper_magic.data_frame import data_frame
from whisper_magic.errors import LibraryError
from whisper_magic.library.database import storable
from whisper_magic.library.query import MIN_PART, Query, parse
from whisper_magic.library.schema import LATEST, SHIFT
from whisper_magic.library.store import Store

if TYPE_CHECKING:
    import pandas

MAX_RANKED = 2_000  # segments that are compared with each other
AROUND = 60  # characters shown before and after a hit
_SIGNS = re.compile(r"[%_\\]")  # of LIKE's patterns


@dataclass(frozen=True)
class Hit:
    """A place where something was said.

    Attributes:
        recording: Id of the recording.
        transcript: Id of the transcript.
        name: Path of the recording, or its label.
        start: Second at which it is said: of its first word where words have times, else of its segment.
        end: Second at which it, or its segment, ends.
        before: Text before it.
        match: What was found.
        after: Text behind it.
        language: Of the transcript.
        speaker: Who says it, where that is known.
    """

    recording: int
    transcript: int
    name: str
    start: float
    end: float
    before: str
    match: str
    after: str
    language: str | None = None
    speaker: str | None = None


@dataclass(frozen=True)
class SearchFilters:
    """Which transcripts are searched; None: any.

    Attributes:
        language: Code.
        speaker: Of the recording.
        run: Id of the models and options.
    """

    language: str | None = None
    speaker: str | None = None
    run: int | None = None


class Hits(tuple[Hit, ...]):
    """The hits of a search, best first.

    Attributes:
        query: As typed.
        more: Whether there is more than this.
        library: Where it was found; None where that is not known.
    """

    query: str
    more: bool
    library: Any

    def __new__(cls, hits: Sequence[Hit], query: str = "", more: bool = False) -> Hits:
        """Make a list of hits."""
        instance = super().__new__(cls, hits)
        instance.query, instance.more, instance.library = query, more, None
        return instance

    def to_pandas(self) -> pandas.DataFrame:
        """One row per hit.

        Raises:
            PackageMissing: Without pandas (the `pandas` extra).
        """
        names = [field.name for field in fields(Hit)]
        return data_frame(names, ([getattr(hit, name) for name in names] for hit in self))


def search(
    store: Store,
    text: str,
    filters: SearchFilters | None = None,
    *,
    near: int | None = None,
    limit: int = 100,
    typing: bool = False,
) -> Hits:
    """Find where something was said.

    Args:
        store: Where to look.
        text: As typed (see `query`).
        filters: Which transcripts are searched; without a run, the newest of each recording.
        near: All words within this many words of each other.
        limit: Most hits.
        typing: Whether the last word may still grow.

    Raises:
        LibraryError: For a search that says only what is not wanted, or no hits at all.
    """
    if limit < 1:
        raise LibraryError(f"limit is a number of hits, at least 1, got {limit}")
    query = parse(text, near, typing=typing)
    if query is None:
        return Hits((), text)
    chosen = filters or SearchFilters()
    ids = _ids(store, query, chosen, limit + limit // 2 + 10)  # some begin in the next segment
    hits = [hit for row in _rows(store, ids) if (hit := _hit(row, query)) is not None]
    return Hits(hits[:limit], text, more=len(hits) > limit)


def transcripts(store: Store, text: str, *, typing: bool = False, most: int = 1_000_000) -> list[int] | None:
    """The transcripts in which something was said, in order; None where nothing is asked for.

    Args:
        store: Where to look.
        text: As typed.
        typing: Whether the last word may still grow.
        most: Segments to look at.
    """
    query = parse(text, typing=typing)
    if query is None:
        return None
    source, value = _source(query)
    rows = store.query(f"SELECT DISTINCT rowid >> {SHIFT} FROM (SELECT rowid FROM {source} LIMIT ?)", (*value, most))
    return [row[0] for row in rows]


def _source(query: Query) -> tuple[str, tuple[str, ...]]:
    """The segments of a query, as the end of a statement; columns rowid and, of words, rank."""
    if query.words:
        return "segment_words WHERE segment_words MATCH ?", (query.words,)
    part = storable(query.part)
    if len(part) < MIN_PART:
        return _in_any_case(part)
    if (part.isascii() or part.lower() == part.upper()) and not _SIGNS.search(part):
        return "segment_parts WHERE text LIKE ?", (f"%{part}%",)
    # LIKE knows the case of ASCII alone, and its signs keep it from the index: that is asked for trigrams instead.
    trigrams = (part[at : at + MIN_PART].replace('"', '""') for at in range(len(part) - MIN_PART + 1))
    together = " AND ".join(f'"{trigram}"' for trigram in trigrams)
    return "segment_parts WHERE segment_parts MATCH ? AND contains(text, ?)", (together, part)


def _in_any_case(part: str) -> tuple[str, tuple[str, ...]]:
    """One or two letters are in no index: SQLite looks at every segment."""
    letters = (
        [way for way in (letter.lower(), letter.upper()) if len(way) == 1] for letter in part
    )  # ß has no capital
    ways = sorted({"".join(some) for some in itertools.product(*letters)})
    patterns = tuple("%" + _SIGNS.sub(r"\\\g<0>", way) + "%" for way in ways)
    condition = " OR ".join(r"text LIKE ? ESCAPE '\'" for _ in patterns)
    return f"(SELECT id AS rowid, text FROM segment_text) WHERE {condition}", patterns


def _ids(store: Store, query: Query, filters: SearchFilters, limit: int) -> list[int]:
    """The segments that a query finds, best first."""
    source, values = _source(query)
    few = bool(query.words) and len(_first(store, source, values, MAX_RANKED + 1)) <= MAX_RANKED
    chosen = {
        "transcript.language": filters.language,
        "recording.speaker": filters.speaker,
        "transcript.run": filters.run,
    }
    chosen = {column: value for column, value in chosen.items() if value is not None}
    several = filters.run is None and store.query("SELECT count(*) > 1 FROM run")[0][0]
    if not chosen and not few and not several:
        return _first(store, source, values, limit)
    conditions = " AND ".join([LATEST if several else "true", *(f"{column} = ?" for column in chosen)])
    rows = store.query(
        f"""SELECT segment FROM (SELECT rowid AS segment, {"rank" if few else "rowid"} AS place FROM {source})
            JOIN transcript ON transcript.id = segment >> {SHIFT}
            JOIN recording ON recording.id = transcript.recording
            WHERE {conditions} ORDER BY place LIMIT ?""",
        (*values, *chosen.values(), limit),
    )
    return [row[0] for row in rows]


def _first(store: Store, source: str, values: Sequence[str], limit: int) -> list[int]:
    return [row[0] for row in store.query(f"SELECT rowid FROM {source} LIMIT ?", (*values, limit))]


def _rows(store: Store, segments: Sequence[int]) -> list[Any]:
    """The rows of segments, in the order of their ids."""
    rows = store.query(
        f"""SELECT segment.id, segment.text, segment.following, segment.start, segment."end", segment.words,
                   transcript.id, transcript.language, recording.id, recording.name, recording.speaker
            FROM segment JOIN transcript ON transcript.id = segment.id >> {SHIFT}
            JOIN recording ON recording.id = transcript.recording
            WHERE segment.id IN ({", ".join(map(str, segments))})"""
    )
    place = {segment: place for place, segment in enumerate(segments)}
    return sorted(rows, key=lambda row: place[row[0]])


def _hit(row: Any, query: Query) -> Hit | None:
    """The first hit of a segment; None where it begins in the next segment, which has it too."""
    _, own, following, start, end, words, transcript, language, recording, name, speaker = row
    text = own + following
    first, last = query.span(text)
    if first >= len(own):
        return None
    first, last = (0, 0) if first < 0 else (first, last)  # FTS5 has found what we do not see
    spoken = json.loads(words) if words is not None else []
    if last and "".join(word[0] for word in spoken) == own:  # else the text was corrected, and the words were not
        start, end, named = times(spoken, first, last, (start, end))
        speaker = named or speaker
    before, after = shortened(text[:first], AROUND, end=True).lstrip(), shortened(text[last:], AROUND, end=False)
    return Hit(recording, transcript, name, start, end, before, text[first:last], after, language, speaker)


def times(words: Sequence[Any], first: int, last: int, whole: tuple[float, float]) -> tuple[float, float, str | None]:
    """The times and the speaker of characters `first` to `last` of a segment."""
    place, spans = 0, []
    for text, start, end, _, speaker in words:
        if place < last and place + len(text) > first:
            spans.append((start, end, speaker))
        place += len(text)
    if not spans:
        return (*whole, None)
    return spans[0][0], spans[-1][1], spans[0][2]


def shortened(text: str, most: int, *, end: bool) -> str:
    """The part of a text that is next to a hit.

    Args:
        text: Before or behind it.
        most: Characters.
        end: Whether its end is next to the hit.
    """
    if len(text) <= most:
        return text
    cut = text[-most:] if end else text[:most]
    if " " not in cut:
        return f"…{cut}" if end else f"{cut}…"
    return f"…{cut[cut.find(' ') + 1 :]}" if end else f"{cut[: cut.rfind(' ')]}…"
