"""The tables of a library's SQLite file, and the migrations that bring a file of an earlier version to this one.

    recording ──< transcript >── run          a recording is its sound (and a part of it), a run models and options
        │ │            │
        │ └──< tag     └──< segment ── segment_words, segment_parts   (FTS5: words; parts of words)
        └── content ──< source                where the sound lies: paths and names, and what is wrong with them

A segment's id is `transcript << SHIFT | place`, so that a search finds the transcript of a hit without reading it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

APPLICATION_ID = 0x776D6167  # "wmag", in the file's header
SHIFT = 20  # bits of a segment's place in its transcript
# A condition: of several transcripts of a recording, the one that was written last.
LATEST = "transcript.id = (SELECT max(other.id) FROM transcript AS other WHERE other.recording = transcript.recording)"
FOLLOWING = 4  # words of the next segment that are indexed with a segment: a phrase may cross from one to the other

_FIRST = """
CREATE TABLE recording (
  id INTEGER PRIMARY KEY,
  content TEXT NOT NULL,
  start REAL,                       -- seconds; NULL for the whole
  "end" REAL,
  name TEXT NOT NULL,               -- as it was last seen
  duration REAL,
  reference TEXT,
  speaker TEXT,
  note TEXT NOT NULL DEFAULT '',
  accepted INTEGER NOT NULL DEFAULT 0,
  metadata TEXT NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX recording_content ON recording (content, ifnull(start, -1), ifnull("end", -1));
CREATE TABLE source (
  name TEXT PRIMARY KEY,            -- a path, or a label of what is in no file
  content TEXT,
  size INTEGER,
  modified INTEGER,                 -- nanoseconds
  duration REAL,
  error TEXT
);
CREATE INDEX source_content ON source (content);
CREATE TABLE tag (
  recording INTEGER NOT NULL REFERENCES recording ON DELETE CASCADE,
  name TEXT NOT NULL,
  PRIMARY KEY (recording, name)
) WITHOUT ROWID;
CREATE TABLE weights (
  files TEXT PRIMARY KEY,           -- paths, sizes, times: while they are the same, so is the digest
  digest TEXT NOT NULL
);
CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  target TEXT NOT NULL,
  draft TEXT,
  weights TEXT NOT NULL,
  dtype TEXT NOT NULL,
  options TEXT NOT NULL,            -- JSON: those that decide the text
  UNIQUE (weights, dtype, options)
);
CREATE TABLE claim (
  recording INTEGER NOT NULL,
  run INTEGER NOT NULL,
  owner TEXT NOT NULL,
  renewed REAL NOT NULL,            -- seconds since 1970
  PRIMARY KEY (recording, run)
) WITHOUT ROWID;
CREATE TABLE transcript (
  id INTEGER PRIMARY KEY,
  recording INTEGER NOT NULL REFERENCES recording ON DELETE CASCADE,
  run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
  language TEXT,
  complete INTEGER NOT NULL,
  text TEXT NOT NULL,
  confidence REAL,                  -- 0 to 1
  flags TEXT NOT NULL,              -- JSON: kinds
  audio_seconds REAL NOT NULL,
  wall_seconds REAL NOT NULL,
  acceptance REAL,
  tokens_per_round REAL,
  word_errors INTEGER,
  word_count INTEGER,
  character_errors INTEGER,
  character_count INTEGER,
  document BLOB NOT NULL,           -- the whole transcript, as JSON, compressed
  edited BLOB,                      -- the same with corrections
  UNIQUE (recording, run)
);
CREATE INDEX transcript_run ON transcript (run);
CREATE INDEX transcript_summary ON transcript (          -- all that a list of recordings shows and sorts by
  recording, id, run, language, confidence, flags, audio_seconds, word_errors, word_count
);
CREATE TABLE segment (
  id INTEGER PRIMARY KEY,
  start REAL NOT NULL,
  "end" REAL NOT NULL,
  text TEXT NOT NULL,
  following TEXT NOT NULL,
  words TEXT                        -- JSON: [text, start, end, probability, speaker]
);
CREATE VIEW segment_text AS SELECT id, text || following AS text FROM segment;
CREATE VIRTUAL TABLE segment_words USING fts5 (
  text, content = 'segment_text', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3'
);
CREATE VIRTUAL TABLE segment_parts USING fts5 (
  text, content = 'segment_text', content_rowid = 'id', tokenize = 'trigram', detail = 'none', columnsize = 0
);
-- What a list of recordings counts and shows, without their references and metadata; the few that cannot be read; and
-- whether any is scored, which is asked for with every view.
CREATE INDEX recording_summary ON recording (id, name, duration, accepted);
CREATE INDEX source_failed ON source (name) WHERE error IS NOT NULL;
CREATE INDEX transcript_scored ON transcript (id) WHERE word_count > 0;
"""

MIGRATIONS: Sequence[str] = (_FIRST,)  # the script that leads from version n to version n + 1
VERSION = len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """The version of a file's schema; 0 of an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def is_library(connection: sqlite3.Connection) -> bool:
    """Whether a file is a library, or empty."""
    if not connection.execute("SELECT 1 FROM sqlite_schema").fetchone():  # first: another process may make it now
        return True
    return int(connection.execute("PRAGMA application_id").fetchone()[0]) == APPLICATION_ID


def migrate(connection: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Bring a file to this version, whole or not at all; another process may be doing the same.

    Args:
        connection: In autocommit mode.
        migrations: Scripts, from version 0 on.
    """
    if version_of(connection) >= len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for script in migrations[version_of(connection) :]:  # read again: others may have done it meanwhile
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    """The statements of a script, one by one: `executescript` would commit first."""
    statements, part = [], ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            statements.append(part)
            part = ""
    assert not part.strip(), "a script ends with a semicolon"
    return statements
