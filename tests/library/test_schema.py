"""The versions of a library's file: what an older one held is still there after it became a newer one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.scripted_library import saying
from whisper_magic.library import schema
from whisper_magic.library.library import Library
from whisper_magic.library.records import ModelConfig, RecordingInfo, RecordingKey, SourceInfo
from whisper_magic.library.store import Store
from whisper_magic.scoring import ErrorCounts


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    yield made
    made.close()


FIRST = "CREATE TABLE thing (\n  x TEXT  -- a comment; with a semicolon\n);\nCREATE INDEX things ON thing (x);\n"
SECOND = "ALTER TABLE thing ADD COLUMN y INTEGER NOT NULL DEFAULT 7;\nUPDATE thing SET y = y + 1;\n"
MADE_UP = "ALTER TABLE recording ADD COLUMN colour TEXT;\nUPDATE recording SET colour = 'red';\n"
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


# A library's own file, brought to a version that does not exist yet


WRITTEN = saying("a small model reads", "the room 你好", source="talk.mp3")
CORRECTED = saying("a small model reads", "the mushroom 你好", source="talk.mp3")
OTHER = saying("nobody listened", language="de", source="array[0]")


def fill(store: Store) -> None:
    """Two recordings, one with a correction, a part of one, and a file that could not be read."""
    run = store.add_run(ModelConfig("demo", "ab12", "float32", '{"words": true}', "demo-draft"))
    store.keep_digest('[["/models/demo", 1, 2]]', "ab12")
    about = RecordingInfo(
        "/talks/talk.mp3", 4.0, "a small model reads the mushroom 你好", "Ada", {"split": "dev"}, ("checked",)
    )
    talk = store.add_recording(RecordingKey("aa"), about, SourceInfo("/talks/talk.mp3", "aa", 1234, 5678, 4.0))
    number = store.save(talk, run, WRITTEN, ErrorCounts(1, 7, 4, 30))
    assert number is not None
    store.edit(number, CORRECTED, ErrorCounts(0, 7, 0, 30))
    store.set_note(talk, "listen again")
    store.accept([talk])
    array = store.add_recording(RecordingKey("bb"), RecordingInfo("array[0]"), SourceInfo("array[0]", "bb"))
    store.save(array, run, OTHER)
    store.add_recording(RecordingKey("aa", 1.0, 2.5), RecordingInfo("/talks/talk.mp3", 1.5))
    store.note_source(SourceInfo("/talks/bad.wav", None, 0, 1, None, "/talks/bad.wav is empty (0 bytes)"))


def test_a_migrated_library_holds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Library(tmp_path / "old.db") as library:
        fill(library.store)
        schema.migrate(library.store.connection, [*schema.MIGRATIONS, MADE_UP])
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    with Library(tmp_path / "old.db") as library:
        assert schema.version_of(library.store.connection) == schema.VERSION
        assert library.store.query("SELECT DISTINCT colour FROM recording") == [("red",)]
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
        assert library.store.transcript(number) == CORRECTED
        assert library.store.transcript(number, original=True) == WRITTEN
        assert library.transcript("array[0]") == OTHER
        assert library.failures.values.tolist() == [["/talks/bad.wav", "/talks/bad.wav is empty (0 bytes)"]]
        for text in ("mushroom", "*ushroo*", "reads the", "你好"):
            assert [hit.recording for hit in library.hits(text)] == [1], text
        assert library.store.query("PRAGMA integrity_check") == [("ok",)]
        assert library.store.query("PRAGMA foreign_key_check") == []
