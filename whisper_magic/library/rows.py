"""A library as the explorer shows it: filtered, sorted and counted, 100,000 recordings at a time.

Which columns there are, and what each is filtered and sorted by, says `columns`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from whisper_magic.errors import LibraryError
from whisper_magic.library.columns import BY_NAME, COLUMNS, Column, Match, Row, held, rows
from whisper_magic.library.query import Query, parse
from whisper_magic.library.schema import SHIFT
from whisper_magic.library.search import Hit, shortened, times, transcripts
from whisper_magic.library.store import Store
from whisper_magic.wording import near

SORTS = ("added", *(column.name for column in COLUMNS if column.sort))
FACETS = tuple(column.name for column in COLUMNS if column.filter == "values")
RANGES = tuple(column.name for column in COLUMNS if column.filter == "range")
# What is sorted and filtered by is held in memory; what is only shown is read for the rows that are.
HELD = tuple(
    column
    for column in COLUMNS
    if column.sort or column.filter or column.name in ("recording", "transcript", "accepted")
)
NUMBERS = ("duration", "time", "share", "rate", "number")  # kinds
LISTS = ("warnings", "tags")
Named = Literal["all", "hardest", "references", "hallucinations", "accepted", "open"]
NAMED: tuple[Named, ...] = get_args(Named)
BINS = 30
MIN_WER, MIN_CONFIDENCE = 0.3, 0.7  # from which a reference may be what is wrong
BEFORE, AFTER = 26, 120  # characters shown before a hit, so that it is in sight, and behind it
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Filters:
    """What is shown.

    Attributes:
        text: A search (see `query`); its last word may still grow.
        facets: By the name of a facet, the values of which a recording has one.
        ranges: By the name of a figure, its least and most value.
        named: Which of the named views.
    """

    text: str = ""
    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    named: Named = "all"

    def __post_init__(self) -> None:
        """Check the names.

        Raises:
            LibraryError: For one that does not exist.
        """
        for name in self.facets:
            if name not in FACETS:
                raise LibraryError(f"no facet is called {name!r}{near(name, FACETS)}")
        for name in self.ranges:
            if name not in RANGES:
                raise LibraryError(f"no figure is called {name!r}{near(name, RANGES)}")
        if self.named not in NAMED:
            raise LibraryError(f"no view is called {self.named!r}{near(self.named, NAMED)}")


@dataclass(frozen=True)
class Histogram:
    """How a figure is distributed over the recordings that every other filter lets pass.

    Attributes:
        edges: BINS + 1 values, ascending.
        counts: Recordings between two edges.
        unknown: Recordings without the figure.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    unknown: int


@dataclass(frozen=True)
class Shown:
    """The recordings that pass, in order.

    Attributes:
        places: Of the recordings, in the columns.
        facets: For each facet its values with how many recordings have each, most first.
        histograms: For each figure.
        seconds: Length of all.
    """

    places: npt.NDArray[np.int64]
    facets: Mapping[str, list[tuple[str, int]]]
    histograms: Mapping[str, Histogram]
    seconds: float


class Rows:
    """The columns of a library, as it was when they were read; `refresh` reads them again where it has changed."""

    def __init__(self, store: Store, run: int | None = None) -> None:
        """Read them.

        Args:
            store: The library.
            run: Id of the models and options; None for each recording's newest transcript.
        """
        self.store, self.run = store, run
        self._version: object = None
        self.refresh()

    def refresh(self) -> bool:
        """Read again what has changed; whether anything has."""
        version = self.store.version
        if version == self._version:
            return False
        with self.store.snapshot():
            self._read()
        self._version = version
        return True

    def _read(self) -> None:
        columns = held(self.store, HELD, self.run)
        self.ids = np.array(columns["recording"], np.int64)
        self.accepted = np.array(columns["accepted"], np.bool_)
        self.transcripts = np.array([number or 0 for number in columns["transcript"]], np.int64)
        self.facets = {name: _facet(BY_NAME[name], columns[name]) for name in FACETS}
        self.keys = {name: _sort_keys(BY_NAME[name], columns[name]) for name in dict.fromkeys((*SORTS[1:], *RANGES))}

    def __len__(self) -> int:
        return len(self.ids)

    def shown(self, filters: Filters, sort: str = "added", *, descending: bool = False) -> Shown:
        """The recordings that pass, counted in every way.

        Args:
            filters: What is shown.
            sort: By which column.
            descending: Whether the largest comes first.

        Raises:
            LibraryError: For another column, or a search that says only what is not wanted.
        """
        if sort not in SORTS:
            raise LibraryError(f"cannot sort by {sort!r}{near(sort, SORTS)}; there are {', '.join(SORTS)}")
        parts = {"text": self._searched(filters.text), "named": self._named(filters.named)}
        for name, values in filters.facets.items():
            parts[name] = self._having(name, values)
        for name, (least, most) in filters.ranges.items():
            with np.errstate(invalid="ignore"):
                parts[name] = (self.keys[name] >= least) & (self.keys[name] <= most)
        passing = self._all(parts)
        return Shown(
            self._ordered(np.flatnonzero(passing), filters, sort, descending),
            {name: self._counted(name, self._all(parts, but=name)) for name in FACETS},
            {name: _histogram(BY_NAME[name], self.keys[name], self._all(parts, but=name)) for name in RANGES},
            float(np.nansum(self.keys["duration"][passing])),
        )

    def _all(self, parts: Mapping[str, Mask | None], but: str = "") -> Mask:
        passing = np.ones(len(self), np.bool_)
        for name, part in parts.items():
            if part is not None and name != but:
                passing &= part
        return passing

    def _searched(self, text: str) -> Mask | None:
        ids = transcripts(self.store, text, typing=True)
        return None if ids is None else np.isin(self.transcripts, np.array(ids, np.int64))

    def _named(self, named: Named) -> Mask | None:
        wer, confidence = self.keys["wer"], self.keys["confidence"]
        with np.errstate(invalid="ignore"):
            match named:
                case "references":
                    return (wer >= MIN_WER) & (confidence >= MIN_CONFIDENCE)
                case "hallucinations":
                    return self.keys["flags"] > 0
                case "accepted":
                    return self.accepted
                case "open":
                    return ~self.accepted
                case _:
                    return None

    def _having(self, name: str, values: Iterable[str]) -> Mask:
        having = np.zeros(len(self), np.bool_)
        for value in values:
            having |= self.facets[name].get(value, False)
        return having

    def _counted(self, name: str, passing: Mask) -> list[tuple[str, int]]:
        counts = [(value, int((mask & passing).sum())) for value, mask in self.facets[name].items()]
        return sorted(counts, key=lambda counted: (-counted[1], counted[0]))

    def _ordered(
        self, places: npt.NDArray[np.int64], filters: Filters, sort: str, descending: bool
    ) -> npt.NDArray[np.int64]:
        if sort == "added" and filters.named in ("hardest", "references"):
            wer, confidence = self.keys["wer"][places], self.keys["confidence"][places]
            unscored = -np.nan_to_num(confidence, nan=2.0)
            return places[np.argsort(-np.where(np.isnan(wer), unscored, wer + 10), kind="stable")]
        if sort == "added":
            return places[::-1] if descending else places
        keys = self.keys[sort]
        if keys.dtype == object:  # texts
            ordered = sorted(places.tolist(), key=keys.__getitem__, reverse=descending)
            return np.array(ordered, np.int64)
        known = ~np.isnan(keys[places])
        order = np.argsort(-keys[places][known] if descending else keys[places][known], kind="stable")
        return np.concatenate([places[known][order], places[~known]])  # what is not known comes last, either way

    def read(self, places: Sequence[int], text: str = "") -> list[Row]:
        """What is shown of some recordings, as it is now.

        Args:
            places: In the columns.
            text: A search: the text shown is that around its first hit, and playing begins there.
        """
        ids = self.ids[list(places)].tolist()
        read = rows(self.store, self.run, where=f"WHERE recording.id IN ({', '.join(map(str, ids))})")
        by_id = {row.recording: row for row in read}
        query = parse(text, typing=True)
        ordered = [by_id[number] for number in ids if number in by_id]
        return ordered if query is None else [self._with_hit(row, query) for row in ordered]

    def _with_hit(self, row: Row, query: Query) -> Row:
        """A row with the first hit in its transcript."""
        if row.transcript is None:
            return row
        segments = self.store.query(
            'SELECT start, "end", text, following, words FROM segment WHERE id >= ? AND id < ? ORDER BY id',
            (row.transcript << SHIFT, (row.transcript + 1) << SHIFT),
        )
        for start, end, own, following, words in segments:
            whole = own + following
            first, last = query.span(whole)
            if 0 <= first < len(own):
                if words is not None:
                    start, _, _ = times(json.loads(words), first, last, (start, end))
                before = shortened(whole[:first], BEFORE, end=True)
                return replace(row, start=start, hit=Match(before, whole[first:last], whole[last : last + AFTER]))
        return row


def row_of(hit: Hit) -> Row:
    """The row of a place that a search has found; playing goes on past it."""
    match = Match(hit.before, hit.match, hit.after)
    return Row(hit.recording, hit.transcript, hit.name, hit.start, language=hit.language, hit=match)


def _sort_keys(column: Column, values: Sequence[Any]) -> npt.NDArray[Any]:
    """What a column is sorted by: numbers, NaN for none; how many a list holds; texts, upper and lower case alike."""
    if column.kind in NUMBERS:
        return np.array([np.nan if value is None else value for value in values], np.float64)
    if column.kind in LISTS:
        return np.array([len(texts) for texts in values], np.float64)
    return np.array([(value or "").casefold() for value in values], object)


def _facet(column: Column, values: Sequence[Any]) -> dict[str, Mask]:
    """For each value of a column, which recordings have it."""
    return _several_each(values) if column.kind in LISTS else _one_each(values)


def _one_each(values: Sequence[str | None]) -> dict[str, Mask]:
    kinds = sorted({value for value in values if value is not None})
    code = {value: place for place, value in enumerate(kinds)}
    codes = np.array([-1 if value is None else code[value] for value in values], np.int64)
    return {value: codes == place for value, place in code.items()}


def _several_each(values: Sequence[Sequence[str]]) -> dict[str, Mask]:
    masks: defaultdict[str, Mask] = defaultdict(lambda: np.zeros(len(values), np.bool_))
    for place, some in enumerate(values):
        for value in some:
            masks[value][place] = True
    return dict(masks)


def _histogram(column: Column, values: Floats, passing: Mask) -> Histogram:
    """Over all values of a library, so that bars stand still while filters change; lengths on a logarithmic scale."""
    every = values[~np.isnan(values)]
    if column.kind == "duration":
        least, most = (max(0.1, float(every.min())), float(every.max())) if len(every) else (1.0, 60.0)
        edges = np.geomspace(least, max(most, least * 1.01), BINS + 1)
        edges[0], edges[-1] = (
            (min(edges[0], every.min()), max(edges[-1], every.max())) if len(every) else edges[[0, -1]]
        )
    else:
        edges = np.linspace(0.0, 1.0, BINS + 1)
        every = np.minimum(every, 1.0)
    some = values[passing]
    known = some[~np.isnan(some)]
    counts, _ = np.histogram(known if column.kind == "duration" else np.minimum(known, 1.0), edges)
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()), len(some) - len(known))
