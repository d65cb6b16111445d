"""A library in figures: how much it holds, how right that is, what could not be read, with what it was transcribed."""

from __future__ import annotations

from dataclasses import dataclass

from whisper_magic.library.store import Store


@dataclass(frozen=True)
class Totals:
    """How much a library holds.

    Attributes:
        recordings: Their number.
        seconds: Of all together.
    """

    recordings: int
    seconds: float


@dataclass(frozen=True)
class Summary:
    """A library in a line.

    Attributes:
        totals: How much it holds.
        failures: Sources that could not be read.
        word_error_rate: Of each recording's newest transcript, over all; None without references.
    """

    totals: Totals
    failures: int
    word_error_rate: float | None


@dataclass(frozen=True)
class WrittenRun:
    """The models and options with which something was transcribed.

    Attributes:
        id: Of the run.
        target: Name of the target.
        dtype: Of its weights.
        options: JSON of the options that decide the text.
    """

    id: int
    target: str
    dtype: str
    options: str


@dataclass(frozen=True)
class Growth:
    """What changes while a library grows.

    Attributes:
        failures: Sources that could not be read.
        scored: Whether there are word error rates.
        runs: With which something was transcribed.
    """

    failures: int
    scored: bool
    runs: tuple[WrittenRun, ...]


@dataclass(frozen=True)
class Unreadable:
    """A source that could not be read.

    Attributes:
        name: Its path, or a label.
        error: Why, in a line.
    """

    name: str
    error: str


def totals(store: Store) -> Totals:
    """How much a library holds; read from an index alone."""
    (row,) = store.named_rows("SELECT count(*) AS recordings, total(duration) AS seconds FROM recording")
    return Totals(**row)


def summary(store: Store) -> Summary:
    """A library in a line; reads a row for each transcript."""
    errors, words = store.query(
        """SELECT total(word_errors), total(word_count)
           FROM (SELECT word_errors, word_count, max(id) FROM transcript GROUP BY recording) WHERE word_count > 0"""
    )[0]  # of each recording's newest transcript: a row's other columns are those of its max
    return Summary(totals(store), _failures(store), errors / words if words else None)


def growth(store: Store) -> Growth:
    """What changes while a library grows; quick, as the explorer asks for it with every view."""
    runs = store.named_rows(
        """SELECT id, target, dtype, options FROM run
           WHERE EXISTS (SELECT 1 FROM transcript WHERE transcript.run = run.id) ORDER BY id"""
    )
    scored = bool(store.query("SELECT 1 FROM transcript WHERE word_count > 0 LIMIT 1"))
    return Growth(_failures(store), scored, tuple(WrittenRun(**row) for row in runs))


def unreadable(store: Store, limit: int | None = None) -> list[Unreadable]:
    """What could not be read, by name.

    Args:
        store: The library.
        limit: Most of them; None for all.
    """
    most = -1 if limit is None else limit
    rows = store.named_rows("SELECT name, error FROM source WHERE error IS NOT NULL ORDER BY name LIMIT ?", (most,))
    return [Unreadable(**row) for row in rows]


def _failures(store: Store) -> int:
    return int(store.query("SELECT count(*) FROM source WHERE error IS NOT NULL")[0][0])
