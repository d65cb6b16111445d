"""A transcript as rows of the database: its document, what lists show of it, its segments and their index."""

from __future__ import annotations

import json
import math
import sqlite3
import zlib
from collections.abc import Sequence
from typing import Any

from whisper_magic import documents
from whisper_magic.errors import LibraryError
from whisper_magic.library import schema
from whisper_magic.library.database import storable
from whisper_magic.transcript import Segment, Transcript

MAX_SEGMENTS = 1 << schema.SHIFT


def packed(transcript: Transcript) -> bytes:
    """A transcript as it is stored."""
    return zlib.compress(documents.dumps(transcript).encode("utf-8", "surrogatepass"), 6)


def unpacked(stored: bytes) -> Transcript:
    """The reverse of `packed`."""
    return documents.loads(Transcript, zlib.decompress(stored).decode("utf-8", "surrogatepass"))


def confidence(transcript: Transcript) -> float | None:
    """How sure the target was, 0 to 1: the mean probability per token of the segments with text; None without any."""
    with_text = [segment for segment in transcript.segments if segment.text.strip()]
    counts = [max(1, len(segment.tokens)) for segment in with_text]
    if not counts:
        return None
    total = sum(count * segment.avg_logprob for count, segment in zip(counts, with_text, strict=True))
    return min(1.0, math.exp(total / sum(counts)))


def flag_kinds(transcript: Transcript) -> list[str]:
    """The kinds of a transcript's flags, without their figures: "no voice detected", "compression ratio"."""
    lines = [flag for segment in transcript.segments for flag in segment.flags]
    kinds = {line.partition(" (")[0].rstrip("0123456789.-<> ") for line in lines}
    if not transcript.complete:
        kinds.add("incomplete")
    if not transcript.text:
        kinds.add("no speech")
    return sorted(kind for kind in kinds if kind)


def transcript_row(transcript: Transcript) -> dict[str, Any]:
    """The columns of `transcript` that a transcript decides.

    Raises:
        LibraryError: For more than a million segments.
    """
    if len(transcript.segments) >= MAX_SEGMENTS:
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


def insert_transcript_segments(connection: sqlite3.Connection, transcript: int, segments: Sequence[Segment]) -> None:
    """Add the segments of a transcript, and index them."""
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


def remove_segments(connection: sqlite3.Connection, transcript: int) -> None:
    """Remove the segments of a transcript, also from the indexes."""
    span = (transcript << schema.SHIFT, (transcript + 1) << schema.SHIFT)
    old = connection.execute("SELECT id, text FROM segment_text WHERE id >= ? AND id < ?", span).fetchall()
    for index in ("segment_words", "segment_parts"):
        connection.executemany(f"INSERT INTO {index} ({index}, rowid, text) VALUES ('delete', ?, ?)", old)
    connection.execute("DELETE FROM segment WHERE id >= ? AND id < ?", span)
