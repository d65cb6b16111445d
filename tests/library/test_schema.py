"""The versions of a library's file: what an older one held is still there after it became a newer one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import library_dump
from whisper_magic.library import schema
from whisper_magic.library.library import Library

SCHEMAS = Path(__file__).parent / "schemas"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    yield made
    made.close()


FIRST = "CREATE TABLE thing (\n  x TEXT  -- a comment; with a semicolon\n);\nCREATE INDEX things ON thing (x);\n"
SECOND = "ALTER TABLE thing ADD COLUMN y INTEGER NOT NULL DEFAULT 7;\nUPDATE thing SET y = y + 1;\n"
BROKEN = "CREATE TABLE other (x);\nUPDATE missing SET x = 1;\n"


def test_from_nothing_all_migrations_are_made(connection: sqlite3.Connection) -> None:
    assert schema.version_of(connection) == 0
    assert schema.is_library(connection)
    schema.migrate(connection, [FIRST, SECOND])
    assert schema.version_of(connection) == 2
    assert schema.is_library(connection)
    connection.execute("INSERT INTO thing (x) VALUES ('a')")
    assert connection.execute("SELECT * FROM thing").fetchall() == [("a", 7)]


def test_only_those_that_are_missing_are_made(connection: sqlite3.Connection) -> None:
    schema.migrate(connection, [FIRST])
    connection.execute("INSERT INTO thing VALUES ('old')")
    schema.migrate(connection, [FIRST])  # nothing to do
    assert connection.execute("SELECT * FROM thing").fetchall() == [("old",)]
    schema.migrate(connection, [FIRST, SECOND])
    assert connection.execute("SELECT * FROM thing").fetchall() == [("old", 8)]
    schema.migrate(connection, [FIRST, SECOND])
    assert connection.execute("SELECT * FROM thing").fetchall() == [("old", 8)]


def test_one_that_fails_leaves_the_old_version_whole(connection: sqlite3.Connection) -> None:
    schema.migrate(connection, [FIRST])
    connection.execute("INSERT INTO thing VALUES ('old')")
    with pytest.raises(sqlite3.OperationalError, match="no such table: missing"):
        schema.migrate(connection, [FIRST, SECOND, BROKEN])
    assert schema.version_of(connection) == 1
    assert connection.execute("SELECT * FROM thing").fetchall() == [("old",)]
    assert connection.execute("SELECT name FROM sqlite_schema WHERE name = 'other'").fetchall() == []
    assert not connection.in_transaction


def test_another_process_may_have_migrated_meanwhile(connection: sqlite3.Connection, tmp_path: Path) -> None:
    schema.migrate(connection, [FIRST])
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    asked = schema.version_of(connection)
    schema.migrate(other, [FIRST, SECOND])
    schema.migrate(connection, [FIRST, SECOND])
    assert (asked, schema.version_of(connection)) == (1, 2)
    assert connection.execute("SELECT count(*) FROM pragma_table_info('thing')").fetchone() == (2,)
    other.close()


def test_a_script_without_its_last_semicolon_is_our_mistake(connection: sqlite3.Connection) -> None:
    with pytest.raises(AssertionError):
        schema.migrate(connection, ["CREATE TABLE thing (x)"])
    assert schema.version_of(connection) == 0


def test_a_segment_belongs_to_its_transcript() -> None:
    assert 1 << schema.SHIFT == 1_048_576


# Files of earlier versions; each version's dump stays here for good.


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.sql")), ids=lambda path: path.stem)
def test_a_library_of_each_version_opens_and_holds_the_same(path: Path, tmp_path: Path) -> None:
    made = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
    made.executescript(path.read_text("utf-8"))
    assert schema.version_of(made) == int(path.stem.removeprefix("v"))
    made.close()
    with Library(tmp_path / "old.db") as library:
        assert schema.version_of(library.store.connection) == schema.VERSION
        table = library.to_pandas()
        assert table["name"].tolist() == ["/talks/talk.mp3", "array[0]", "/talks/talk.mp3"]
        assert table["text"].tolist()[:2] == ["a small model reads the mushroom 你好", "nobody listened"]
        assert table["transcript"].isna().tolist() == [False, False, True]
        first = table.loc[0]
        assert (first["note"], first["accepted"], first["tags"], first["speaker"]) == (
            "listen again",
            True,
            ("checked",),
            "Ada",
        )
        assert (first["metadata"], first["options"], first["wer"]) == ({"split": "dev"}, {"words": True}, 0.0)
        number = int(first["transcript"])
        assert library.store.transcript(number) == library_dump.CORRECTED
        assert library.store.transcript(number, original=True) == library_dump.WRITTEN
        assert library.transcript("array[0]") == library_dump.OTHER
        assert library.failures.values.tolist() == [["/talks/bad.wav", "/talks/bad.wav is empty (0 bytes)"]]
        for text in ("mushroom", "*ushroo*", "reads the", "你好"):
            assert [hit.recording for hit in library.hits(text)] == [1], text
        assert library.store.query("PRAGMA integrity_check") == [("ok",)]
        assert library.store.query("PRAGMA foreign_key_check") == []


def test_the_schema_is_that_of_its_dump(tmp_path: Path) -> None:
    """Where this fails: released versions need a migration; `python -m tests.support.library_dump` writes a dump."""
    paths = sorted(SCHEMAS.glob("*.sql"))
    assert [path.stem for path in paths] == [f"v{number}" for number in range(1, schema.VERSION + 1)]
    made = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
    made.executescript(paths[-1].read_text("utf-8"))
    with Library(tmp_path / "new.db") as library:
        assert library_dump.statements(made) == library_dump.statements(library.store.connection)
    made.close()
