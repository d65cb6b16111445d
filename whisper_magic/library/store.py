"""What a library holds: sources, recordings, runs, transcripts and what people add. Knows no engine and no sound.

A transaction is one recording, so that a process that is killed loses at most the recording in hand.
"""

from __future__ import annotations

import json
import math
import os
import re
import socket
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from whisper_magic import documents
from whisper_magic.errors import LibraryError
from whisper_magic.library import schema
from whisper_magic.library.database import Database
from whisper_magic.scoring import ErrorCounts
from whisper_magic.transcript import Segment, Transcript
from whisper_magic.wording import shown

STALE = 600.0  # seconds after which the claim of a process on another machine counts for nothing
MOST_SEGMENTS = 1 << schema.SHIFT
MOST_NAMES = 500  # variables of a statement
_ESCAPE = re.compile(r"\\u(dc[89a-f][0-9a-f])")  # a byte of a file's name that is not UTF-8


@dataclass(frozen=True)
class Known:
    """What the store knows of a source.

    Attributes:
        name: A path, or the label of what is in no file.
        content: Digest of its sound; None where it could not be read.
        size: Bytes; None of what is in no file.
        modified: Nanoseconds since 1970, likewise.
        duration: Seconds, where its container says so.
        error: Why it could not be read.
    """

    name: str
    content: str | None = None
    size: int | None = None
    modified: int | None = None
    duration: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class RecordingKey:
    """What a recording is: its sound, and which part of it.

    Attributes:
        content: Digest of the sound.
        start: Seconds; None for the beginning.
        end: Seconds; None for the end.
    """

    content: str
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class About:
    """What is known of a recording beside its sound; None leaves what is there.

    Attributes:
        name: Its path, or a label.
        duration: Seconds.
        reference: What is said in it.
        speaker: Who speaks.
        metadata: Other columns of a table or manifest.
        tags: Added to those that it has.
    """

    name: str
    duration: float | None = None
    reference: str | None = None
    speaker: str | None = None
    metadata: Mapping[str, Any] | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunKey:
    """The models and the options that write a text.

    Attributes:
        target: Name of the target.
        weights: Digest of its weights.
        dtype: Such as "float32".
        options: JSON of the options that decide the text.
        draft: Name of the draft, which decides nothing.
    """

    target: str
    weights: str
    dtype: str
    options: str
    draft: str | None = None


class Store(Database):
    """What a library holds. Use it from any thread."""

    @cached_property
    def owner(self) -> str:
        """This process, as the owner of claims."""
        return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"

    # -- sources and recordings --------------------------------------------------------------------------------------

    def known(self, names: Iterable[str]) -> dict[str, Known]:
        """What is known of these sources, by name."""
        found: dict[str, Known] = {}
        asked = {storable(name): name for name in names}
        for some in _in_groups(list(asked)):
            rows = self.query(
                f"SELECT name, content, size, modified, duration, error FROM source WHERE name IN ({_marks(some)})",
                some,
            )
            found.update((asked[row[0]], Known(asked[row[0]], *row[1:])) for row in rows)
        return found

    def note_source(self, source: Known) -> None:
        """Keep what is known of a source."""
        with self.writing() as connection:
            _note_source(connection, source)

    def add_recording(self, key: RecordingKey, about: About, source: Known | None = None) -> int:
        """Add a recording, or what is newly known of one.

        Args:
            key: Its sound.
            about: What is known of it.
            source: Where it lies.

        Returns:
            Its id.
        """
        with self.writing() as connection:
            if source is not None:
                _note_source(connection, source)
            metadata = None
            if about.metadata is not None:
                metadata = storable(json.dumps(about.metadata, ensure_ascii=False, default=str))
            name, reference, speaker = storable(about.name), storable(about.reference), storable(about.speaker)
            found = connection.execute(
                """SELECT id FROM recording WHERE content = ?
                   AND ifnull(start, -1) = ifnull(?, -1) AND ifnull("end", -1) = ifnull(?, -1)""",
                (key.content, key.start, key.end),
            ).fetchone()
            if found is None:
                number = connection.execute(
                    """INSERT INTO recording (content, start, "end", name, duration, reference, speaker, metadata)
                       VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
                    (
                        *(key.content, key.start, key.end, name, about.duration, reference),
                        *(speaker, metadata or "{}"),
                    ),
                ).lastrowid
            else:
                number = found[0]
                connection.execute(
                    """UPDATE recording SET name = ?, duration = ifnull(?, duration), reference = ifnull(?, reference),
                       speaker = ifnull(?, speaker), metadata = ifnull(?, metadata) WHERE id = ?""",
                    (name, about.duration, reference, speaker, metadata, number),
                )
            assert number is not None
            _add_tags(connection, number, about.tags)
        return number

    def recordings(self, contents: Iterable[str]) -> dict[RecordingKey, int]:
        """The ids of the recordings of these sounds, and of parts of them."""
        found: dict[RecordingKey, int] = {}
        for some in _in_groups(list(dict.fromkeys(contents))):
            rows = self.query(
                f'SELECT content, start, "end", id FROM recording WHERE content IN ({_marks(some)})', some
            )
            found.update((RecordingKey(*row[:3]), row[3]) for row in rows)
        return found

    def paths(self, recording: int) -> list[str]:
        """Where a recording was seen: its name first, then its other names; not where another sound is now."""
        rows = self.query(
            """SELECT name FROM recording WHERE id = ?1 AND NOT EXISTS (
                 SELECT 1 FROM source WHERE source.name = recording.name AND source.content != recording.content)
               UNION ALL SELECT source.name FROM recording JOIN source ON source.content = recording.content
               WHERE recording.id = ?1""",
            (recording,),
        )
        return list(dict.fromkeys(restored(row[0]) for row in rows))

    def reference(self, recording: int) -> str | None:
        """What is said in a recording, as others say; None where nobody does."""
        rows = self.query("SELECT reference FROM recording WHERE id = ?", (recording,))
        return rows[0][0] if rows else None

    # -- runs --------------------------------------------------------------------------------------------------------

    def digest(self, files: str) -> str | None:
        """The digest of weights, where these very files were hashed before."""
        rows = self.query("SELECT digest FROM weights WHERE files = ?", (files,))
        return rows[0][0] if rows else None

    def keep_digest(self, files: str, digest: str) -> None:
        """Keep the digest of weights."""
        with self.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO weights VALUES (?, ?)", (files, digest))

    def run_id(self, run: RunKey) -> int | None:
        """The id of a run; None where nothing was written with these models and options."""
        rows = self.query(
            "SELECT id FROM run WHERE weights = ? AND dtype = ? AND options = ?", (run.weights, run.dtype, run.options)
        )
        return rows[0][0] if rows else None

    def add_run(self, run: RunKey) -> int:
        """The id of a run, which is made where there is none."""
        if (found := self.run_id(run)) is not None:
            return found
        with self.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO run (target, draft, weights, dtype, options) VALUES (?, ?, ?, ?, ?)",
                (run.target, run.draft, run.weights, run.dtype, run.options),
            )
        made = self.run_id(run)
        assert made is not None
        return made

    def done(self, run: int | None) -> set[int]:
        """The recordings that a run has transcribed."""
        return {row[0] for row in self.query("SELECT recording FROM transcript WHERE run = ?", (run,))}

    def claim(self, recording: int, run: int) -> bool:
        """Take a recording, so that no other process does; not one that is done or taken.

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
            if taken is not None and (taken[0] == self.owner or _alive(*taken)):
                return False
            connection.execute(
                "INSERT OR REPLACE INTO claim VALUES (?, ?, ?, ?)", (recording, run, self.owner, time.time())
            )
        return True

    def claimed_elsewhere(self, recording: int, run: int) -> bool:
        """Whether another process has taken a recording."""
        where = "recording = ? AND run = ? AND owner != ?"
        return bool(self.query(f"SELECT 1 FROM claim WHERE {where}", (recording, run, self.owner)))

    def renew_claims(self) -> None:
        """Say that this process still works on what it has taken."""
        with self.writing() as connection:
            connection.execute("UPDATE claim SET renewed = ? WHERE owner = ?", (time.time(), self.owner))

    def drop_claims(self) -> None:
        """Give back what this process has taken."""
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
        row = _transcript_row(transcript)
        with self.writing() as connection:
            made = connection.execute(
                f"""INSERT INTO transcript (recording, run, {", ".join(row)}) VALUES (?, ?, {_marks(row)})
                    ON CONFLICT DO NOTHING""",
                (recording, run, *row.values()),
            )
            connection.execute("DELETE FROM claim WHERE recording = ? AND run = ?", (recording, run))
            if not made.rowcount or made.lastrowid is None:
                return None
            number = made.lastrowid
            _insert_segments(connection, number, transcript.segments)
            _set_errors(connection, number, errors)
            connection.execute(
                "UPDATE recording SET duration = ifnull(duration, ?) WHERE id = ?", (transcript.duration, recording)
            )
        return number

    def edit(self, number: int, edited: Transcript, errors: ErrorCounts | None = None) -> None:
        """Keep a corrected transcript beside the one that was written; searches find the correction."""
        with self.writing() as connection:
            _remove_segments(connection, number)
            _insert_segments(connection, number, edited.segments)
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


# Rows


def packed(transcript: Transcript) -> bytes:
    """A transcript as it is stored."""
    return zlib.compress(documents.dumps(transcript).encode("utf-8", "surrogatepass"), 6)


def unpacked(stored: bytes) -> Transcript:
    """The reverse of `packed`."""
    return documents.loads(Transcript, zlib.decompress(stored).decode("utf-8", "surrogatepass"))


def confidence(transcript: Transcript) -> float | None:
    """How sure the target was, 0 to 1: the mean probability per token of the segments with text; None without any."""
    weights = [(max(1, len(one.tokens)), one.avg_logprob) for one in transcript.segments if one.text.strip()]
    if not weights:
        return None
    total = sum(weight for weight, _ in weights)
    return min(1.0, math.exp(sum(weight * value for weight, value in weights) / total))


def flag_kinds(transcript: Transcript) -> list[str]:
    """The kinds of a transcript's flags, without their figures: "no voice detected", "compression ratio"."""
    lines = [flag for segment in transcript.segments for flag in segment.flags]
    kinds = {line.partition(" (")[0].rstrip("0123456789.-<> ") for line in lines}
    if not transcript.complete:
        kinds.add("incomplete")
    if not transcript.text:
        kinds.add("no speech")
    return sorted(kind for kind in kinds if kind)


def _transcript_row(transcript: Transcript) -> dict[str, Any]:
    if len(transcript.segments) >= MOST_SEGMENTS:
        raise LibraryError(f"a transcript of {len(transcript.segments)} segments is too long for a library")
    trace, timing = transcript.trace, transcript.timing
    return {
        "language": transcript.language,
        "complete": transcript.complete,
        "text": storable(transcript.text),
        "confidence": confidence(transcript),
        "flags": json.dumps(flag_kinds(transcript)),
        "audio_seconds": timing.audio,
        "wall_seconds": timing.total,
        "acceptance": trace.acceptance_rate,
        "tokens_per_round": trace.tokens_per_round,
        "document": packed(transcript),
    }


def _insert_segments(connection: sqlite3.Connection, transcript: int, segments: Sequence[Segment]) -> None:
    rows = []
    for place, segment in enumerate(segments):
        words = [(w.text, w.start, w.end, w.probability, w.speaker) for w in segment.words]
        rows.append(
            (
                transcript << schema.SHIFT | place,
                segment.start,
                segment.end,
                storable(segment.text),
                storable(_opening(segments[place + 1].text)) if place + 1 < len(segments) else "",
                json.dumps(words, ensure_ascii=True) if words else None,
            )
        )
    insert_segments(connection, rows)


def _opening(text: str) -> str:
    """The first words of a segment, as they follow the one before: Whisper writes a space where there is one."""
    words = text.split()[: schema.FOLLOWING]
    return (" " if text[:1].isspace() else "") + " ".join(words) if words else ""


def insert_segments(connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> None:
    """Add rows of `segment`, and index them."""
    connection.executemany("INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?)", rows)
    texts = [(row[0], row[3] + row[4]) for row in rows]
    connection.executemany("INSERT INTO segment_words (rowid, text) VALUES (?, ?)", texts)
    connection.executemany("INSERT INTO segment_parts (rowid, text) VALUES (?, ?)", texts)


def _remove_segments(connection: sqlite3.Connection, transcript: int) -> None:
    span = (transcript << schema.SHIFT, (transcript + 1) << schema.SHIFT)
    old = connection.execute("SELECT id, text FROM segment_text WHERE id >= ? AND id < ?", span).fetchall()
    for index in ("segment_words", "segment_parts"):
        connection.executemany(f"INSERT INTO {index} ({index}, rowid, text) VALUES ('delete', ?, ?)", old)
    connection.execute("DELETE FROM segment WHERE id >= ? AND id < ?", span)


def _set_errors(connection: sqlite3.Connection, transcript: int, errors: ErrorCounts | None) -> None:
    if errors is not None:
        connection.execute(
            """UPDATE transcript SET word_errors = ?, word_count = ?, character_errors = ?, character_count = ?
               WHERE id = ?""",
            (errors.word_errors, errors.words, errors.character_errors, errors.characters, transcript),
        )


def _note_source(connection: sqlite3.Connection, source: Known) -> None:
    connection.execute(
        """INSERT INTO source VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET content = excluded.content,
           size = excluded.size, modified = excluded.modified, duration = excluded.duration, error = excluded.error""",
        (storable(source.name), source.content, source.size, source.modified, source.duration, storable(source.error)),
    )


def _add_tags(connection: sqlite3.Connection, recording: int, tags: Iterable[str]) -> None:
    connection.executemany("INSERT OR IGNORE INTO tag VALUES (?, ?)", [(recording, storable(name)) for name in tags])


# Parts of statements


@overload
def storable(text: str) -> str: ...


@overload
def storable(text: None) -> None: ...


def storable(text: str | None) -> str | None:
    """Without lone surrogates, which UTF-8 cannot hold: those of file names that are not UTF-8 become escapes."""
    return text if text is None else text.encode("utf-8", "backslashreplace").decode()


def restored(name: str) -> str:
    """A file's name, as the system has it, of what `storable` made of it."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), name)


def _marks(values: Iterable[Any]) -> str:
    return ", ".join("?" for _ in values)


def _in_groups(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(values), MOST_NAMES):
        yield values[first : first + MOST_NAMES]


# Processes


def _started(process: int) -> str:
    """When a process of this machine began, as the system counts; "" where it does not say, or it has ended."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    state, *others = stat.rpartition(")")[2].split()
    return "" if state == "Z" else others[18]


def _alive(owner: str, renewed: float) -> bool:
    """Whether the owner of a claim may still be working on it."""
    host, process, started = owner.rsplit(":", 2)
    if host != socket.gethostname():
        return time.time() - renewed < STALE
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is another user's
    return not started or _started(int(process)) == started
