"""The one table of columns: what is made from it fits together, and a row is what a recording's columns hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from tests.support.scripted_library import saying
from whisper_magic.library import columns, tables
from whisper_magic.library.columns import BY_NAME, COLUMNS, EXPLORER, HITS, Match, Row
from whisper_magic.library.records import ModelConfig, RecordingInfo, RecordingKey
from whisper_magic.library.rows import FACETS, RANGES, SORTS, Filters, Rows, row_of
from whisper_magic.library.search import Hit
from whisper_magic.library.store import Store
from whisper_magic.scoring import ErrorCounts


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A part of a file in two transcripts, and a recording without one."""
    made = Store(tmp_path / "whisper.db")
    first = made.add_run(ModelConfig("big", "ab", "float32", "{}"))
    second = made.add_run(ModelConfig("other", "cd", "float32", "{}"))
    one = made.add_recording(
        RecordingKey("aa", 2.0, 9.0), RecordingInfo("talks/a.wav", 7.0, "one too", tags=("b", "a"))
    )
    made.add_recording(RecordingKey("bb"), RecordingInfo("b.wav"))
    made.save(one, first, saying("one two", "three"), ErrorCounts(1, 3, 3, 10))
    made.save(one, second, saying("x" * 300), ErrorCounts(3, 3, 9, 10))
    made.set_note(one, "n" * 300)
    made.accept([one])
    yield made
    made.close()


def test_what_is_made_of_the_table_fits_together() -> None:
    assert len(BY_NAME) == len(COLUMNS)
    in_row = {field.name for field in fields(Row)}
    for column in (*EXPLORER, *HITS):
        assert column.label, column.name
        assert column.name in in_row if column.sql else column.kind in ("select", "play"), column.name
    assert set(tables.RECORDINGS) <= BY_NAME.keys()
    assert {name for name in (*SORTS[1:], *FACETS, *RANGES) if not BY_NAME[name].sql} == set()


def test_what_is_sorted_and_filtered_by() -> None:
    assert {"added", "name", "duration", "language", "flags", "confidence", "wer"} <= set(SORTS)
    assert {"language", "flags", "tags", "target"} <= set(FACETS)
    assert {"duration", "confidence", "wer"} <= set(RANGES)


def test_the_page_gets_no_sql() -> None:
    (described,) = columns.described([BY_NAME["wer"]])
    assert described == {
        "name": "wer", "kind": "rate", "label": "WER", "title": "Word error rate", "width": "4em", "sort": "descending",
        "filter": "range", "scored": True,
    }  # fmt: skip


def test_a_row_is_what_is_known_of_a_recording(store: Store) -> None:
    newest, bare = columns.first_rows(store, 9)
    assert (newest.recording, newest.transcript, newest.name, newest.target) == (1, 2, "talks/a.wav", "other")
    assert (newest.start, newest.end, newest.duration, newest.wer) == (2.0, 9.0, 7.0, 1.0)
    assert (newest.tags, newest.accepted, newest.hit) == (("a", "b"), True, None)
    assert len(newest.text or "") == columns.OPENING
    assert newest.note == "n" * 300  # all of it: it is changed in the page
    assert bare == Row(2, None, "b.wav")


def test_rows_are_read_in_the_order_asked_for_and_of_the_run_asked_for(store: Store) -> None:
    rows = Rows(store, run=1)
    assert [row.recording for row in rows.read([1, 0])] == [2, 1]
    (first,) = rows.read([0])
    assert (first.target, first.text, first.wer) == ("big", "one two three", pytest.approx(1 / 3, abs=1e-4))
    assert Rows(store).read([0, 1]) == columns.first_rows(store, 2)


def test_a_row_of_a_search_holds_its_hit_and_begins_there(store: Store) -> None:
    (row,) = Rows(store, run=1).read([0], "three")
    assert row.hit is not None
    assert row.hit == Match(" ", "three", "")  # of its segment
    segments = store.transcript(1).segments
    assert row.start == segments[1].start


def test_every_column_that_sorts_orders_its_values(store: Store) -> None:
    rows = Rows(store)
    for sort in SORTS:
        assert sorted(rows.shown(Filters(), sort).places.tolist()) == [0, 1]
    assert rows.shown(Filters(), "name").places.tolist() == [1, 0]
    assert rows.shown(Filters(), "wer", descending=True).places.tolist() == [0, 1]  # what is not known comes last
    assert rows.shown(Filters(), "wer").places.tolist() == [0, 1]
    assert rows.shown(Filters(), "flags", descending=True).places.tolist() == [0, 1]


def test_a_hit_is_a_row_of_its_own() -> None:
    row = row_of(Hit(4, 5, "a.wav", 1.5, 2.0, "one ", "two", " three", "en"))
    assert row == Row(4, 5, "a.wav", 1.5, language="en", hit=Match("one ", "two", " three"))
