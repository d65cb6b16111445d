"""What a library holds: sources, recordings, runs, transcripts and what people add. Knows no engine and no sound.

A transaction is one recording, so that a process that is killed loses at most the recording in hand.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from whisper_magic.errors import LibraryError
from whisper_magic.library.claims import is_alive, owner_name
from whisper_magic.library.database import Database, restored, storable
from whisper_magic.library.records import ModelConfig, RecordingInfo, RecordingKey, SourceInfo
from whisper_magic.library.transcript_rows import (
    insert_transcript_segments,
    packed,
    remove_segments,
    transcript_row,
    unpacked,
)
from whisper_magic.scoring import ErrorCounts
from whisper_magic.transcript import Transcript
from whisper_magic.wording import shown

MAX_VARIABLES = 500  # of a statement


class Store(Database):
    """What a library holds. Use it from any thread."""

    @cached_property
    def owner(self) -> str:
        """This process, as the owner of claims."""
        return owner_name()

    # -- sources and recordings --------------------------------------------------------------------------------------

    def sources(self, names: Iterable[str]) -> dict[str, SourceInfo]:
        """These sources, as they were last seen, by name; those that never were are missing."""
        sources: dict[str, SourceInfo] = {}
        asked = {storable(name): name for name in names}
        for some in _in_groups(list(asked)):
            rows = self.query(
                f"SELECT name, content, size, modified, duration, error FROM source WHERE name IN ({_marks(some)})",
                some,
            )
            sources.update((asked[row[0]], SourceInfo(asked[row[0]], *row[1:])) for row in rows)
        return sources

    def note_source(self, source: SourceInfo) -> None:
        """Keep how a source was seen."""
        with self.writing() as connection:
            _note_source(connection, source)

    def add_recording(self, key: RecordingKey, info: RecordingInfo, source: SourceInfo | None = None) -> int:
        """Add a recording, or what is new about one.

        Args:
            key: Its sound.
            info: What else there is about it.
            source: Where it lies.

        Returns:
            Its id.
        """
        with self.writing() as connection:
            if source is not None:
                _note_source(connection, source)
            metadata = None
            if info.metadata is not None:
                metadata = storable(json.dumps(info.metadata, ensure_ascii=False, default=str))
            name, reference, speaker = storable(info.name), storable(info.reference), storable(info.speaker)
            row = connection.execute(
                """SELECT id FROM recording WHERE content = ?
                   AND ifnull(start, -1) = ifnull(?, -1) AND ifnull("end", -1) = ifnull(?, -1)""",
                (key.content, key.start, key.end),
            ).fetchone()
            if row is None:
                number = connection.execute(
                    """INSERT INTO recording (content, start, "end", name, duration, reference, speaker, metadata)
                       VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
                    (
                        *(key.content, key.start, key.end, name, info.duration, reference),
                        *(speaker, metadata or "{}"),
                    ),
                ).lastrowid
            else:
                number = row[0]
                connection.execute(
                    """UPDATE recording SET name = ?, duration = ifnull(?, duration), reference = ifnull(?, reference),
                       speaker = ifnull(?, speaker), metadata = ifnull(?, metadata) WHERE id = ?""",
                    (name, info.duration, reference, speaker, metadata, number),
                )
            assert number is not None
            _add_tags(connection, number, info.tags)
        return number

    def recordings(self, contents: Iterable[str]) -> dict[RecordingKey, int]:
        """The ids of the recordings of these sounds, and of parts of them."""
        ids: dict[RecordingKey, int] = {}
        for some in _in_groups(list(dict.fromkeys(contents))):
            rows = self.query(
                f'SELECT content, start, "end", id FROM recording WHERE content IN ({_marks(some)})', some
            )
            ids.update((RecordingKey(*row[:3]), row[3]) for row in rows)
        return ids

    def paths(self, recording: int) -> list[str]:
        """Where a recording was seen: its name first, then its other names; no place that holds other audio now."""
        rows = self.query(
            """SELECT name FROM recording WHERE id = ?1 AND NOT EXISTS (
                 SELECT 1 FROM source WHERE source.name = recording.name AND source.content != recording.content)
               UNION ALL SELECT source.name FROM recording JOIN source ON source.content = recording.content
               WHERE recording.id = ?1""",
            (recording,),
        )
        return list(dict.fromkeys(restored(row[0]) for row in rows))

    def reference(self, recording: int) -> str | None:
        """The reference of a recording; None where it has none."""
        rows = self.query("SELECT reference FROM recording WHERE id = ?", (recording,))
        return rows[0][0] if rows else None

    # -- runs --------------------------------------------------------------------------------------------------------

    def digest(self, files: str) -> str | None:
        """The digest of weights, where the same files were hashed before."""
        rows = self.query("SELECT digest FROM weights WHERE files = ?", (files,))
        return rows[0][0] if rows else None

    def keep_digest(self, files: str, digest: str) -> None:
        """Keep the digest of weights."""
        with self.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO weights VALUES (?, ?)", (files, digest))

    def run_id(self, config: ModelConfig) -> int | None:
        """The id of a run; None where nothing was written with these models and options."""
        rows = self.query(
            "SELECT id FROM run WHERE weights = ? AND dtype = ? AND options = ?",
            (config.weights, config.dtype, config.options),
        )
        return rows[0][0] if rows else None

    def add_run(self, config: ModelConfig) -> int:
        """The id of a run, which is added where there is none."""
        if (number := self.run_id(config)) is not None:
            return number
        with self.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO run (target, draft, weights, dtype, options) VALUES (?, ?, ?, ?, ?)",
                (config.target, config.draft, config.weights, config.dtype, config.options),
            )
        number = self.run_id(config)
        assert number is not None
        return number

    def done(self, run: int | None) -> set[int]:
        """The recordings that a run has transcribed."""
        return {row[0] for row in self.query("SELECT recording FROM transcript WHERE run = ?", (run,))}

    def claim(self, recording: int, run: int) -> bool:
        """Claim a recording for this process, unless it is done or claimed.

        Returns:
            Whether it is this process's now.
        """
        with self.writing() as connection:
            if connection.execute(
                "SELECT 1 FROM transcript WHERE recording = ? AND run = ?", (recording, run)
            ).fetchone():
                return False
            taken = connection.execute(
                "SELECT owner, renewed FROM claim WHERE recording = ? AND run = ?", (recording, run)
            ).fetchone()
            if taken is not None and (taken[0] == self.owner or is_alive(*taken)):
                return False
            connection.execute(
                "INSERT OR REPLACE INTO claim VALUES (?, ?, ?, ?)", (recording, run, self.owner, time.time())
            )
        return True

    def claimed_elsewhere(self, recording: int, run: int) -> bool:
        """Whether another process has claimed a recording."""
        where = "recording = ? AND run = ? AND owner != ?"
        return bool(self.query(f"SELECT 1 FROM claim WHERE {where}", (recording, run, self.owner)))

    def renew_claims(self) -> None:
        """Renew the claims of this process."""
        with self.writing() as connection:
            connection.execute("UPDATE claim SET renewed = ? WHERE owner = ?", (time.time(), self.owner))

    def drop_claims(self) -> None:
        """Drop the claims of this process."""
        with self.writing() as connection:
            connection.execute("DELETE FROM claim WHERE owner = ?", (self.owner,))

    # -- transcripts -------------------------------------------------------------------------------------------------

    def save(self, recording: int, run: int, transcript: Transcript, errors: ErrorCounts | None = None) -> int | None:
        """Keep the transcript of a recording, whole.

        Args:
            recording: Its id.
            run: The id of the models and options that wrote it.
            transcript: What was said.
            errors: Against its reference, where it has one.

        Returns:
            The id of the transcript; None where there is one already.

        Raises:
            LibraryError: Where it cannot be written, or has more than a million segments.
        """
        row = transcript_row(transcript)
        with self.writing() as connection:
            inserted = connection.execute(
                f"""INSERT INTO transcript (recording, run, {", ".join(row)}) VALUES (?, ?, {_marks(row)})
                    ON CONFLICT DO NOTHING""",
                (recording, run, *row.values()),
            )
            connection.execute("DELETE FROM claim WHERE recording = ? AND run = ?", (recording, run))
            if not inserted.rowcount or inserted.lastrowid is None:
                return None
            number = inserted.lastrowid
            insert_transcript_segments(connection, number, transcript.segments)
            _set_errors(connection, number, errors)
            connection.execute(
                "UPDATE recording SET duration = ifnull(duration, ?) WHERE id = ?", (transcript.duration, recording)
            )
        return number

    def edit(self, number: int, edited: Transcript, errors: ErrorCounts | None = None) -> None:
        """Keep a corrected transcript beside the one that was written; searches find the correction."""
        with self.writing() as connection:
            remove_segments(connection, number)
            insert_transcript_segments(connection, number, edited.segments)
            connection.execute(
                "UPDATE transcript SET edited = ?, text = ? WHERE id = ?",
                (packed(edited), storable(edited.text), number),
            )
            _set_errors(connection, number, errors)

    def transcript(self, number: int, *, original: bool = False) -> Transcript:
        """A transcript, with its corrections.

        Args:
            number: Its id.
            original: As it was written.

        Raises:
            LibraryError: Where there is none.
        """
        rows = self.query("SELECT document, edited FROM transcript WHERE id = ?", (number,))
        if not rows:
            raise LibraryError(f"there is no transcript {number} in {shown(str(self.path))}")
        document, edited = rows[0]
        return unpacked(document if original or edited is None else edited)

    def score(self, recording: int, errors_of: Callable[[Transcript], ErrorCounts | None]) -> None:
        """Count the errors of a recording's transcripts anew.

        Args:
            recording: Its id.
            errors_of: Counts those of one transcript.
        """
        for (number,) in self.query("SELECT id FROM transcript WHERE recording = ?", (recording,)):
            errors = errors_of(self.transcript(number))
            with self.writing() as connection:
                _set_errors(connection, number, errors)

    # -- what people add ---------------------------------------------------------------------------------------------

    def tag(self, recordings: Iterable[int], add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Add and remove tags."""
        added, removed = tuple(add), tuple(remove)
        with self.writing() as connection:
            for recording in recordings:
                _add_tags(connection, recording, added)
                connection.executemany(
                    "DELETE FROM tag WHERE recording = ? AND name = ?", [(recording, name) for name in removed]
                )

    def set_note(self, recording: int, note: str) -> None:
        """Write a note on a recording; "" removes it."""
        with self.writing() as connection:
            connection.execute("UPDATE recording SET note = ? WHERE id = ?", (storable(note), recording))

    def accept(self, recordings: Iterable[int], accepted: bool = True) -> None:
        """Mark recordings as checked by a person."""
        with self.writing() as connection:
            connection.executemany(
                "UPDATE recording SET accepted = ? WHERE id = ?", [(accepted, number) for number in recordings]
            )


def _set_errors(connection: sqlite3.Connection, transcript: int, errors: ErrorCounts | None) -> None:
    if errors is not None:
        connection.execute(
            """UPDATE transcript SET word_errors = ?, word_count = ?, character_errors = ?, character_count = ?
               WHERE id = ?""",
            (errors.word_errors, errors.words, errors.character_errors, errors.characters, transcript),
        )


def _note_source(connection: sqlite3.Connection, source: SourceInfo) -> None:
    connection.execute(
        """INSERT INTO source VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET content = excluded.content,
           size = excluded.size, modified = excluded.modified, duration = excluded.duration, error = excluded.error""",
        (storable(source.name), source.content, source.size, source.modified, source.duration, storable(source.error)),
    )


def _add_tags(connection: sqlite3.Connection, recording: int, tags: Iterable[str]) -> None:
    connection.executemany("INSERT OR IGNORE INTO tag VALUES (?, ?)", [(recording, storable(name)) for name in tags])


def _marks(values: Iterable[Any]) -> str:
    return ", ".join("?" for _ in values)


def _in_groups(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(values), MAX_VARIABLES):
        yield values[first : first + MAX_VARIABLES]
