"""A library file as SQL, to be kept for each version of the schema: `python -m tests.support.library_dump > FILE`."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

from tests.support.scripted_library import saying
from whisper_magic.library.schema import APPLICATION_ID, version_of
from whisper_magic.library.store import About, Known, RecordingKey, RunKey, Store
from whisper_magic.scoring import ErrorCounts

INDICES = ("segment_words", "segment_parts")  # FTS5 keeps tables of its own beside each
WRITTEN = saying("a small model reads", "the room 你好", source="talk.mp3")
CORRECTED = saying("a small model reads", "the mushroom 你好", source="talk.mp3")
OTHER = saying("nobody listened", language="de", source="array[0]")


def fill(store: Store) -> None:
    """Two recordings, one with a correction, a part of one, and a file that could not be read."""
    run = store.add_run(RunKey("demo", "ab12", "float32", '{"words": true}', "demo-draft"))
    store.keep_digest('[["/models/demo", 1, 2]]', "ab12")
    about = About(
        "/talks/talk.mp3", 4.0, "a small model reads the mushroom 你好", "Ada", {"split": "dev"}, ("checked",)
    )
    talk = store.add_recording(RecordingKey("aa"), about, Known("/talks/talk.mp3", "aa", 1234, 5678, 4.0))
    number = store.save(talk, run, WRITTEN, ErrorCounts(1, 7, 4, 30))
    assert number is not None
    store.edit(number, CORRECTED, ErrorCounts(0, 7, 0, 30))
    store.set_note(talk, "listen again")
    store.accept([talk])
    array = store.add_recording(RecordingKey("bb"), About("array[0]"), Known("array[0]", "bb"))
    store.save(array, run, OTHER)
    store.add_recording(RecordingKey("aa", 1.0, 2.5), About("/talks/talk.mp3", 1.5))
    store.note_source(Known("/talks/bad.wav", None, 0, 1, None, "/talks/bad.wav is empty (0 bytes)"))


def dump(connection: sqlite3.Connection) -> str:
    """Statements that make the same file again."""
    made = ["BEGIN;", *(f"{sql};" for sql in statements(connection))]
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid").fetchall():
        if name.startswith(("sqlite_", *INDICES)):
            continue
        columns = [f'quote("{row[1]}")' for row in connection.execute(f"PRAGMA table_info({name})")]
        for row in connection.execute(f"SELECT {', '.join(columns)} FROM {name}"):
            made.append(f"INSERT INTO {name} VALUES ({', '.join(row)});")
    made += [f"INSERT INTO {name} (rowid, text) SELECT id, text FROM segment_text;" for name in INDICES]
    made += [
        f"PRAGMA application_id = {APPLICATION_ID};",
        f"PRAGMA user_version = {version_of(connection)};",
        "COMMIT;",
    ]
    return "\n".join(made) + "\n"


def statements(connection: sqlite3.Connection) -> list[str]:
    """What makes the tables of a file, in order."""
    rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid").fetchall()
    return [sql for name, sql in rows if not name.startswith("sqlite_") and (name in INDICES or not _is_inner(name))]


def _is_inner(name: str) -> bool:
    return any(name.startswith(f"{index}_") for index in INDICES)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        filled = Store(Path(folder) / "library.db")
        fill(filled)
        print(dump(filled.connection), end="")
        filled.close()
