"""A library as the explorer shows it: filtered, sorted and counted, 100,000 recordings at a time.

What is filtered and sorted by is held in memory, a column each; what is only shown is read for the rows that are.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from whisper_magic.errors import LibraryError
from whisper_magic.library.query import parse
from whisper_magic.library.schema import SHIFT
from whisper_magic.library.search import shortened, times, transcripts
from whisper_magic.library.store import Store
from whisper_magic.wording import near

Sort = Literal["added", "name", "duration", "language", "confidence", "wer", "flags"]
SORTS: tuple[Sort, ...] = get_args(Sort)
Named = Literal["all", "hardest", "references", "hallucinations", "accepted", "open"]
NAMED: tuple[Named, ...] = get_args(Named)
FACETS = ("language", "flag", "tag", "model")
RANGES = ("duration", "confidence", "wer")
BINS = 30
LEAST_WRONG, LEAST_SURE = 0.3, 0.7  # word error rate and confidence from which a reference may be what is wrong
BEFORE = 26  # characters before a hit, so that it is in sight
OPENING = 240  # characters of a text that are shown
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
        recordings = self.store.query("SELECT id, name, duration, accepted FROM recording ORDER BY id")
        condition = "" if self.run is None else f"WHERE run = {int(self.run)}"
        # In the order of the index, which holds it all: the last transcript of a recording stays.
        written = {
            row[0]: row
            for row in self.store.query(
                f"""SELECT recording, id, run, language, confidence, flags, audio_seconds, word_errors, word_count
                    FROM transcript INDEXED BY transcript_summary {condition} ORDER BY recording, id"""
            )
        }
        rows = [written.get(row[0], _NOTHING) for row in recordings]
        targets = dict(self.store.query("SELECT id, target FROM run"))
        self.ids = np.array([row[0] for row in recordings], np.int64)
        self.names = [row[1] for row in recordings]
        self.accepted = np.array([row[3] for row in recordings], np.bool_)
        self.transcripts = np.array([row[1] or 0 for row in rows], np.int64)
        self.figures = {
            "duration": _numbers(one[2] or row[6] for one, row in zip(recordings, rows, strict=True)),
            "confidence": _numbers(row[4] for row in rows),
            "wer": _numbers(row[7] / row[8] if row[8] else None for row in rows),
        }
        flags = [_kinds(row[5]) for row in rows]
        self.facets = {
            "language": _one_each([row[3] for row in rows]),
            "flag": _several_each(flags),
            "tag": self._tags(),
            "model": _one_each([targets.get(row[2]) for row in rows]),
        }
        self.flag_counts = np.array([len(one) for one in flags], np.int64)

    def _tags(self) -> dict[str, Mask]:
        place = {number: place for place, number in enumerate(self.ids.tolist())}
        made: defaultdict[str, Mask] = defaultdict(lambda: np.zeros(len(place), np.bool_))
        for number, name in self.store.query("SELECT recording, name FROM tag"):
            made[name][place[number]] = True
        return dict(made)

    def __len__(self) -> int:
        return len(self.ids)

    def shown(self, filters: Filters, sort: Sort = "added", *, descending: bool = False) -> Shown:
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
                parts[name] = (self.figures[name] >= least) & (self.figures[name] <= most)
        passing = self._all(parts)
        return Shown(
            self._ordered(np.flatnonzero(passing), filters, sort, descending),
            {name: self._counted(name, self._all(parts, but=name)) for name in FACETS},
            {name: _histogram(name, self.figures[name], self._all(parts, but=name)) for name in RANGES},
            float(np.nansum(self.figures["duration"][passing])),
        )

    def _all(self, parts: Mapping[str, Mask | None], but: str = "") -> Mask:
        passing = np.ones(len(self), np.bool_)
        for name, part in parts.items():
            if part is not None and name != but:
                passing &= part
        return passing

    def _searched(self, text: str) -> Mask | None:
        found = transcripts(self.store, text, typing=True)
        return None if found is None else np.isin(self.transcripts, np.array(found, np.int64))

    def _named(self, named: Named) -> Mask | None:
        wer, sure = self.figures["wer"], self.figures["confidence"]
        with np.errstate(invalid="ignore"):
            match named:
                case "references":
                    return (wer >= LEAST_WRONG) & (sure >= LEAST_SURE)
                case "hallucinations":
                    return self.flag_counts > 0
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
        found = [(value, int((mask & passing).sum())) for value, mask in self.facets[name].items()]
        return sorted(found, key=lambda one: (-one[1], one[0]))

    def _ordered(
        self, places: npt.NDArray[np.int64], filters: Filters, sort: Sort, descending: bool
    ) -> npt.NDArray[np.int64]:
        if sort == "added" and filters.named in ("hardest", "references"):
            wer, sure = self.figures["wer"][places], self.figures["confidence"][places]
            worst = np.where(np.isnan(wer), -np.nan_to_num(sure, nan=2.0), wer + 10)  # where there are no references
            return places[np.argsort(-worst, kind="stable")]
        if sort == "added":
            return places[::-1] if descending else places
        if sort in ("name", "language"):
            texts = self.names if sort == "name" else self._language()
            ordered = sorted(places.tolist(), key=lambda place: (texts[place] or "").casefold(), reverse=descending)
            return np.array(ordered, np.int64)
        values = self.flag_counts[places].astype(float) if sort == "flags" else self.figures[sort][places]
        known = ~np.isnan(values)
        order = np.argsort(-values[known] if descending else values[known], kind="stable")
        return np.concatenate([places[known][order], places[~known]])  # what is not known comes last, either way

    def _language(self) -> list[str]:
        made = [""] * len(self)
        for value, mask in self.facets["language"].items():
            for place in np.flatnonzero(mask):
                made[place] = value
        return made

    def read(self, places: Sequence[int], text: str = "") -> list[dict[str, Any]]:
        """What is shown of some recordings.

        Args:
            places: In the columns.
            text: A search: the text shown is that around its first hit, and says at which second.
        """
        numbers = [int(self.transcripts[place]) for place in places]
        known = ", ".join(str(number) for number in numbers if number)
        texts = dict(self.store.query(f"SELECT id, substr(text, 1, {OPENING}) FROM transcript WHERE id IN ({known})"))
        ids = ", ".join(str(int(self.ids[place])) for place in places)
        rows = self.store.query(f'SELECT id, note, start, "end" FROM recording WHERE id IN ({ids})')
        notes, parts = {row[0]: row[1] for row in rows}, {row[0]: part_of(row[2], row[3]) for row in rows}
        hits = self._hits([number for number in numbers if number], text)
        return [
            {
                "id": (number := int(self.ids[place])),
                "transcript": numbers[at] or None,
                "name": self.names[place],
                "text": texts.get(numbers[at], ""),
                "hit": hits.get(numbers[at]),
                "note": notes[number],
                "part": parts[number],
                "accepted": bool(self.accepted[place]),
                **{name: _rounded(self.figures[name][place]) for name in RANGES},
                **{name: [value for value, mask in self.facets[name].items() if mask[place]] for name in FACETS},
            }
            for at, place in enumerate(places)
        ]

    def _hits(self, numbers: Iterable[int], text: str) -> dict[int, tuple[float, str, str, str]]:
        """The first hit in each of some transcripts: second, text before, match, text after."""
        query, made = parse(text, typing=True), {}
        if query is None:
            return {}
        for number in numbers:
            rows = self.store.query(
                'SELECT start, "end", text, following, words FROM segment WHERE id >= ? AND id < ? ORDER BY id',
                (number << SHIFT, (number + 1) << SHIFT),
            )
            for start, end, own, following, words in rows:
                first, last = query.span(own + following)
                if 0 <= first < len(own):
                    if words is not None:
                        start, _, _ = times(json.loads(words), first, last, (start, end))
                    whole = own + following
                    made[number] = (
                        start,
                        shortened(whole[:first], BEFORE, end=True),
                        whole[first:last],
                        whole[last : last + 120],
                    )
                    break
        return made


def first_rows(store: Store, count: int) -> list[dict[str, Any]]:
    """The first recordings, as `Rows.read` gives them, without reading all."""
    found = store.query(
        f"""SELECT recording.id, name, ifnull(duration, audio_seconds), note, accepted, transcript.id, language,
                  substr(text, 1, {OPENING}), flags, confidence, 1.0 * word_errors / nullif(word_count, 0), target,
                  (SELECT group_concat(tag.name, char(31)) FROM tag WHERE tag.recording = recording.id),
                  recording.start, recording."end"
           FROM (SELECT * FROM recording ORDER BY id LIMIT ?) AS recording LEFT JOIN transcript ON transcript.id =
                (SELECT max(other.id) FROM transcript AS other WHERE other.recording = recording.id)
           LEFT JOIN run ON run.id = transcript.run ORDER BY recording.id""",
        (count,),
    )
    return [
        {
            "id": row[0],
            "name": row[1],
            "duration": _rounded(row[2]),
            "note": row[3],
            "accepted": bool(row[4]),
            "transcript": row[5],
            "language": [row[6]] if row[6] else [],
            "text": row[7] or "",
            "flag": json.loads(row[8]) if row[8] else [],
            "confidence": _rounded(row[9]),
            "wer": _rounded(row[10]),
            "model": [row[11]] if row[11] else [],
            "tag": sorted(row[12].split("\x1f")) if row[12] else [],
            "part": part_of(row[13], row[14]),
            "hit": None,
        }
        for row in found
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else round(float(value), 4)


def part_of(start: float | None, end: float | None) -> tuple[float, float | None] | None:
    """The part of a file that a recording is, as the page has it; None of a whole one."""
    return None if start is None and end is None else (start or 0.0, end)


_NOTHING: tuple[Any, ...] = (None,) * 9  # of a recording without a transcript


@cache
def _kinds(flags: str | None) -> tuple[str, ...]:
    """Of a transcript's flags; there are few different ones."""
    return tuple(json.loads(flags)) if flags is not None else ()


def _numbers(values: Iterable[Any]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _one_each(values: Sequence[str | None]) -> dict[str, Mask]:
    kinds = sorted({value for value in values if value is not None})
    code = {value: place for place, value in enumerate(kinds)}
    codes = np.array([-1 if value is None else code[value] for value in values], np.int64)
    return {value: codes == place for value, place in code.items()}


def _several_each(values: Sequence[Sequence[str]]) -> dict[str, Mask]:
    made: defaultdict[str, Mask] = defaultdict(lambda: np.zeros(len(values), np.bool_))
    for place, some in enumerate(values):
        for value in some:
            made[value][place] = True
    return dict(made)


def _histogram(name: str, values: Floats, passing: Mask) -> Histogram:
    """Over all values of a library, so that bars stand still while filters change; lengths on a logarithmic scale."""
    every = values[~np.isnan(values)]
    if name == "duration":
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
    counts, _ = np.histogram(known if name == "duration" else np.minimum(known, 1.0), edges)
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()), len(some) - len(known))
