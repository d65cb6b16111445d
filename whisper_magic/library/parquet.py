"""A library as a Parquet file: every transcript with the columns of its recording. It imports unchanged."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from whisper_magic import documents
from whisper_magic.errors import LibraryError, PackageMissing
from whisper_magic.library.database import storable
from whisper_magic.library.job import counts
from whisper_magic.library.records import ModelConfig, RecordingInfo, RecordingKey, SourceInfo
from whisper_magic.library.store import Store
from whisper_magic.transcript import Transcript
from whisper_magic.wording import one_line, shown

COLUMNS = (
    "content", "start", "end", "name", "duration", "reference", "speaker", "note", "accepted", "tags", "metadata",
    "target", "draft", "weights", "dtype", "options", "language", "text", "document", "edited",
)  # fmt: skip
ROWS = 1_000  # of a Parquet file that are written together


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise PackageMissing("Parquet needs pyarrow: pip install 'whisper-magic[parquet]'") from error
    return pyarrow


def schema() -> Any:
    """The columns of a Parquet file, with their types.

    Raises:
        PackageMissing: Without pyarrow.
    """
    arrow = _pyarrow()
    text, number = arrow.string(), arrow.float64()
    others = {"start": number, "end": number, "duration": number, "accepted": arrow.bool_(), "tags": arrow.list_(text)}
    return arrow.schema([(name, others.get(name, text)) for name in COLUMNS])


def _document(transcript: Transcript) -> str:
    """A transcript as JSON, in which the escape of a lone surrogate means the same."""
    return storable(documents.dumps(transcript))


def _rows(store: Store, only: set[int] | None) -> Iterator[dict[str, Any]]:
    """A row per transcript."""
    rows = store.query(
        """SELECT recording.id, transcript.id, content, start, "end", recording.name, duration, reference, speaker,
                  note, accepted,
                  (SELECT group_concat(name, char(31)) FROM tag WHERE tag.recording = recording.id), metadata, target,
                  draft, weights, dtype, options, language, edited IS NOT NULL
           FROM recording JOIN transcript ON transcript.recording = recording.id JOIN run ON run.id = transcript.run
           ORDER BY transcript.id"""
    )
    for number, transcript, *values, edited in rows:
        if only is not None and number not in only:
            continue
        row = dict(zip(COLUMNS, values, strict=False))
        row["accepted"], row["tags"] = (
            bool(row["accepted"]),
            sorted((row["tags"] or "").split("\x1f")) if row["tags"] else [],
        )
        shown_now = store.transcript(transcript)
        written = store.transcript(transcript, original=True) if edited else shown_now
        row |= {"text": storable(shown_now.text), "document": _document(written)}
        row["edited"] = _document(shown_now) if edited else None
        yield row


def save(store: Store, path: Path, only: set[int] | None) -> None:
    """Write a file.

    Args:
        store: Of the library.
        path: Of the file.
        only: Ids of the recordings; None for all.

    Raises:
        PackageMissing: Without pyarrow.
        OSError: Where it cannot be written.
    """
    arrow, columns = _pyarrow(), schema()
    partial = path.with_name(f".{secrets.token_hex(6)}.tmp")
    try:
        with arrow.parquet.ParquetWriter(partial, columns, compression="zstd") as writer:
            rows: list[dict[str, Any]] = []
            for row in _rows(store, only):
                rows.append(row)
                if len(rows) == ROWS:
                    writer.write_table(arrow.Table.from_pylist(rows, columns))
                    rows.clear()
            if rows:
                writer.write_table(arrow.Table.from_pylist(rows, columns))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load(store: Store, paths: Iterable[str | os.PathLike[str]]) -> int:
    """Add what Parquet files hold. Arguments and errors as of `Library.import_parquet`."""
    arrow, new = _pyarrow(), 0
    for path in _files(paths):
        try:
            table = arrow.parquet.ParquetFile(path)
            names = set(table.schema_arrow.names)
            if missing := [name for name in COLUMNS if name not in names]:
                raise LibraryError(f"{shown(str(path))} is not a library export: it has no column {missing[0]}")
            for batch in table.iter_batches(ROWS):
                new += sum(_add(store, row) for row in batch.to_pylist())
        except (OSError, arrow.ArrowException) as error:
            raise LibraryError(f"cannot read {shown(str(path))}: {one_line(error)}") from error
    return new


def _files(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    for name in paths:
        path = Path(name).expanduser()
        if not path.exists():
            raise LibraryError(f"no such file or folder: {shown(str(path))}")
        files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
        if not files:
            raise LibraryError(f"no Parquet file in {shown(str(path))}")
        yield from files


def _add(store: Store, row: Mapping[str, Any]) -> bool:
    """Add a row; whether its transcript is new."""
    transcript = documents.loads(Transcript, row["document"])
    metadata = json.loads(row["metadata"] or "{}")
    info = RecordingInfo(
        row["name"], row["duration"], row["reference"], row["speaker"], metadata, tuple(row["tags"] or ())
    )
    key = RecordingKey(row["content"], row["start"], row["end"])
    source = store.sources([row["name"]]).get(row["name"]) or SourceInfo(
        row["name"], row["content"], duration=row["duration"]
    )
    number = store.add_recording(key, info, source)
    run = store.add_run(ModelConfig(row["target"], row["weights"], row["dtype"], row["options"], row["draft"]))
    transcript_id = store.save(number, run, transcript, counts(transcript, row["reference"]))
    if transcript_id is None:
        return False
    if row["edited"] is not None:
        edited = documents.loads(Transcript, row["edited"])
        store.edit(transcript_id, edited, counts(edited, row["reference"]))
    if row["note"]:
        store.set_note(number, row["note"])
    if row["accepted"]:
        store.accept([number])
    return True
