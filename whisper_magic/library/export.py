"""A library in the forms of other tools, and back: Parquet, CSV, NeMo and Lhotse manifests, audiofolder, SRT, clips.

Parquet holds every transcript with what is known of it, and comes back equal. A manifest's text is what is said as far
as it is known: a correction, else the reference, else the transcript.
"""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whisper_magic import documents, formats
from whisper_magic.audio.load import Audio, load
from whisper_magic.audio.sound import SAMPLE_RATE, Span
from whisper_magic.audio.sources import opened
from whisper_magic.errors import AudioError, LibraryError, PackageMissing
from whisper_magic.library import tables
from whisper_magic.library.run import counts
from whisper_magic.library.schema import LATEST
from whisper_magic.library.search import Hit
from whisper_magic.library.store import About, Known, RecordingKey, RunKey, Store, storable
from whisper_magic.transcript import Segment, Transcript
from whisper_magic.wording import near, one_line, shown

SourceOf = Callable[[int], Any]  # a recording's id -> what `audio.load.load` takes
FORMATS = ("parquet", "csv", "nemo", "lhotse", "audiofolder", "srt")
ENDINGS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "nemo", ".json": "nemo"}
COLUMNS = (
    "content", "start", "end", "name", "duration", "reference", "speaker", "note", "accepted", "tags", "metadata",
    "target", "draft", "weights", "dtype", "options", "language", "text", "document", "edited",
)  # fmt: skip
SHORTEST = 0.1  # seconds of a clip
ROWS = 1_000  # of a Parquet file that are written together


@dataclass(frozen=True)
class Exported:
    """A recording with its newest transcript.

    Attributes:
        id: Of the recording.
        key: Its sound.
        name: Its path, or a label.
        duration: Seconds.
        reference: What is said in it, as others say.
        speaker: Who speaks.
        transcript: With its corrections; None where there is none.
        corrected: Whether it has any.
        metadata: Other columns of the table that it came from.
    """

    id: int
    key: RecordingKey
    name: str
    duration: float | None
    reference: str | None
    speaker: str | None
    transcript: Transcript | None
    corrected: bool
    metadata: Mapping[str, Any]

    @property
    def text(self) -> str:
        """What is said, as far as it is known."""
        written = self.transcript.text if self.transcript is not None else ""
        return written if self.corrected or self.reference is None else self.reference


def save(
    store: Store,
    path: str | os.PathLike[str],
    format: str | None,
    only: Iterable[int] | None,
    source_of: SourceOf,
) -> Path:
    """Write a library, or some of it. Arguments and errors as of `Library.save`."""
    target = Path(path).expanduser()
    chosen = format or ENDINGS.get(target.suffix.lower())
    if chosen not in FORMATS:
        if format is None:
            raise LibraryError(
                f"cannot tell a format from {shown(str(path))}: pass format, one of {', '.join(FORMATS)}"
            )
        raise LibraryError(f"no export is called {format!r}{near(format, FORMATS)}; there are {', '.join(FORMATS)}")
    wanted = None if only is None else set(only)
    try:
        match chosen:
            case "parquet":
                _save_parquet(store, target, wanted)
            case "csv":
                _write(target, _csv(store, wanted))
            case "nemo":
                _write(target, lines(map(_nemo, _with_text(store, wanted))))
            case "lhotse":
                _write(target, lines(_cut(one, source_of(one.id)) for one in _with_text(store, wanted)))
            case "audiofolder":
                _save_audiofolder(store, target, wanted, source_of)
            case _:
                _save_subtitles(store, target, wanted)
    except AudioError:  # of a recording, also where it is an OSError
        raise
    except OSError as error:
        raise LibraryError(f"cannot write {shown(str(target))}: {one_line(error.strerror or error)}") from error
    return target


def _exported(store: Store, only: set[int] | None) -> Iterator[Exported]:
    rows = store.query(
        f"""SELECT recording.id, content, start, "end", recording.name, duration, reference, speaker, transcript.id,
                   transcript.edited IS NOT NULL, metadata
            FROM recording LEFT JOIN transcript ON transcript.recording = recording.id AND {LATEST}
            ORDER BY recording.id"""
    )
    for number, content, start, end, name, duration, reference, speaker, transcript, corrected, metadata in rows:
        if only is None or number in only:
            made = None if transcript is None else store.transcript(transcript)
            key = RecordingKey(content, start, end)
            yield Exported(number, key, name, duration, reference, speaker, made, bool(corrected), json.loads(metadata))


def _with_text(store: Store, only: set[int] | None) -> Iterator[Exported]:
    return (one for one in _exported(store, only) if one.transcript is not None or one.reference is not None)


def _write(path: Path, content: str) -> None:
    formats.write_whole(path, content.encode("utf-8", "backslashreplace"))


def lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as JSON, one a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


# CSV, NeMo, Lhotse


def _csv(store: Store, only: set[int] | None) -> str:
    """One row per recording; `path`, `reference`, `speaker`, `start` and `end` are what a library reads back."""
    made = io.StringIO()
    writer = csv.writer(made)
    table = {
        row[0]: dict(zip(tables.RECORDINGS, row, strict=True)) for row in tables.rows(store, "recordings", None, only)
    }
    names = ("language", "text", "wer", "cer", "confidence", "flags", "tags", "note", "accepted", "target")
    writer.writerow(("path", "start", "end", "duration", "reference", "speaker", *names))
    for one in _exported(store, only):
        row = table[one.id]
        values = [", ".join(row[name]) if isinstance(row[name], tuple) else row[name] for name in names]
        writer.writerow((one.name, one.key.start, one.key.end, one.duration, one.reference, one.speaker, *values))
    return made.getvalue()


def _nemo(one: Exported) -> dict[str, Any]:
    """A line of a NeMo manifest; `pred_text` is what its Speech Data Explorer compares with `text`."""
    line: dict[str, Any] = {"audio_filepath": one.name, "duration": one.duration, "text": one.text}
    if one.key.start is not None or one.key.end is not None:  # a duration alone is that of a whole recording
        line["offset"] = one.key.start or 0.0
    if one.speaker is not None:
        line["speaker"] = one.speaker
    if one.transcript is not None:
        line |= {"pred_text": one.transcript.text, "lang": one.transcript.language}
    return line


def _cut(one: Exported, source: Any) -> dict[str, Any]:
    """A cut of Lhotse, with a supervision per segment: of the reference, which has no times, one."""
    number, start = f"recording-{one.id}", one.key.start or 0.0
    duration = one.duration or 0.0
    whole = start + duration
    rate, channels, seconds = _held(source, whole)
    channel = 0 if channels == 1 else list(range(channels))
    segments: Sequence[Segment] = one.transcript.segments if one.transcript is not None else ()
    if not segments or one.text != (one.transcript.text if one.transcript else ""):
        segments = (Segment(start, whole, one.text),)
    language = one.transcript.language if one.transcript is not None else None
    return {
        "id": f"{number}-{start:g}" if start else number,
        "start": start,
        "duration": duration,
        "channel": channel,
        "supervisions": [
            {
                "id": f"{number}-{place}",
                "recording_id": number,
                "start": max(0.0, segment.start - start),  # from the beginning of the cut
                "duration": max(0.0, min(segment.end, whole) - segment.start),
                "channel": channel,
                "text": segment.text.strip(),
                "language": language,
                "speaker": one.speaker,
            }
            for place, segment in enumerate(segments)
        ],
        "recording": {
            "id": number,
            "sources": [{"type": "file", "channels": list(range(channels)), "source": one.name}],
            "sampling_rate": rate,
            "num_samples": round(rate * seconds),
            "duration": seconds,
            "channel_ids": list(range(channels)),
        },
        "type": "MonoCut" if channels == 1 else "MultiCut",
    }


def _held(source: Any, least: float) -> tuple[int, int, float]:
    """Rate, channels and seconds of a file, which Lhotse checks when it reads it; likely ones where it has gone."""
    try:
        with ExitStack() as stack:
            sound = opened(source, None, Span(), stack)
            return sound.rate, sound.channels, max(least, sound.seconds or 0.0)
    except AudioError:
        return SAMPLE_RATE, 1, least


# Folders


def _save_audiofolder(store: Store, folder: Path, only: set[int] | None, source_of: SourceOf) -> None:
    """A folder that `datasets.load_dataset("audiofolder")` reads: recordings, and metadata.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [("file_name", "text", "transcript", "language", "speaker", "duration")]
    used = _taken(store, folder)
    for one in _with_text(store, only):
        name = _put(source_of(one.id), one, folder, used)
        written, language = (one.transcript.text, one.transcript.language) if one.transcript else ("", None)
        rows.append((name, one.text, written, language or "", one.speaker or "", str(one.duration or "")))
    made = io.StringIO()
    csv.writer(made).writerows(rows)
    _write(folder / "metadata.csv", made.getvalue())


def _put(source: Any, one: Exported, folder: Path, used: set[str]) -> str:
    """Put a recording into a folder: its file as it is (a link where that is possible), or a FLAC of its sound."""
    path = Path(source) if isinstance(source, str | os.PathLike) else None
    as_it_is = path is not None and path.is_file() and one.key.start is None and one.key.end is None
    if path is not None and as_it_is and path.parent.resolve() == folder.resolve():
        return path.name  # it is there
    name = _free(formats.stem_of(one.name), path.suffix if as_it_is and path is not None else ".flac", used)
    partial = folder / f".{secrets.token_hex(6)}.tmp"
    try:
        if as_it_is and path is not None:
            try:
                os.link(path, partial)
            except OSError:  # another file system, or one without links
                shutil.copyfile(path, partial)
        else:
            _write_flac(partial, load(source, start=one.key.start, end=one.key.end))
        partial.replace(folder / name)
    finally:
        partial.unlink(missing_ok=True)
    return name


def _taken(store: Store, folder: Path) -> set[str]:
    """The names in a folder that an export must not write over: all that are there, but those of an earlier export."""
    there = {path.name.lower() for path in folder.iterdir()}
    listed = folder / "metadata.csv"
    if not listed.is_file():
        return there
    with listed.open(encoding="utf-8", newline="") as file:
        earlier = {row.get("file_name", "").lower() for row in csv.DictReader(file)}
    where = folder.resolve()
    rows = store.query("SELECT name FROM source")
    ours = {Path(name).name.lower() for (name,) in rows if Path(name).parent.resolve() == where}
    return there - earlier | ours


def _save_subtitles(store: Store, folder: Path, only: set[int] | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    used: set[str] = set()
    for one in _exported(store, only):
        if one.transcript is not None:
            formats.save(one.transcript, folder / _free(formats.stem_of(one.name), ".srt", used))


def clips(hits: Sequence[Hit], folder: str | os.PathLike[str], around: float, source_of: SourceOf) -> list[Path]:
    """Cut out hits. Arguments and errors as of `Library.clips`."""
    if around < 0:
        raise LibraryError(f"around is seconds, 0 or more, got {around}")
    target, used, made = Path(folder).expanduser(), set[str](), []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for hit in hits:
            start = max(0.0, hit.start - around)
            end = max(hit.end + around, start + SHORTEST)
            audio = load(source_of(hit.recording), start=start, end=end)
            path = target / _free(f"{formats.stem_of(hit.name)}-{hit.start:.2f}", ".flac", used)
            _write_flac(path, audio)
            made.append(path)
    except AudioError:  # of a recording, also where it is an OSError
        raise
    except OSError as error:
        raise LibraryError(f"cannot write into {shown(str(target))}: {one_line(error.strerror or error)}") from error
    return made


def _write_flac(path: Path, audio: Audio) -> None:
    import soundfile

    try:
        soundfile.write(path, audio.samples, audio.sample_rate, format="FLAC", subtype="PCM_16")
    except soundfile.LibsndfileError as error:
        raise LibraryError(f"cannot write {shown(str(path))}: {one_line(error)}") from error


def _free(stem: str, ending: str, used: set[str]) -> str:
    """A name that is not used yet."""
    name, number = f"{stem}{ending}", 1
    while name.lower() in used:
        number += 1
        name = f"{stem}-{number}{ending}"
    used.add(name.lower())
    return name


# Parquet


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise PackageMissing("Parquet needs pyarrow: pip install 'whisper-magic[parquet]'") from error
    return pyarrow


def parquet_schema() -> Any:
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


def _parquet_rows(store: Store, only: set[int] | None) -> Iterator[dict[str, Any]]:
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


def _save_parquet(store: Store, path: Path, only: set[int] | None) -> None:
    arrow, schema = _pyarrow(), parquet_schema()
    partial = path.with_name(f".{secrets.token_hex(6)}.tmp")
    try:
        with arrow.parquet.ParquetWriter(partial, schema, compression="zstd") as writer:
            rows: list[dict[str, Any]] = []
            for row in _parquet_rows(store, only):
                rows.append(row)
                if len(rows) == ROWS:
                    writer.write_table(arrow.Table.from_pylist(rows, schema))
                    rows.clear()
            if rows:
                writer.write_table(arrow.Table.from_pylist(rows, schema))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load_parquet(store: Store, paths: Iterable[str | os.PathLike[str]]) -> int:
    """Add what Parquet files hold. Arguments and errors as of `Library.import_parquet`."""
    arrow, new = _pyarrow(), 0
    for path in _parquet_files(paths):
        try:
            table = arrow.parquet.ParquetFile(path)
            names = set(table.schema_arrow.names)
            if missing := [name for name in COLUMNS if name not in names]:
                raise LibraryError(f"{shown(str(path))} is not of a library: it has no column {missing[0]}")
            for batch in table.iter_batches(ROWS):
                new += sum(_add(store, row) for row in batch.to_pylist())
        except (OSError, arrow.ArrowException) as error:
            raise LibraryError(f"cannot read {shown(str(path))}: {one_line(error)}") from error
    return new


def _parquet_files(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    for name in paths:
        path = Path(name).expanduser()
        if not path.exists():
            raise LibraryError(f"no such file or folder: {shown(str(path))}")
        found = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
        if not found:
            raise LibraryError(f"no Parquet file in {shown(str(path))}")
        yield from found


def _add(store: Store, row: Mapping[str, Any]) -> bool:
    """Add a row; whether its transcript is new."""
    transcript = documents.loads(Transcript, row["document"])
    metadata = json.loads(row["metadata"] or "{}")
    about = About(row["name"], row["duration"], row["reference"], row["speaker"], metadata, tuple(row["tags"] or ()))
    key = RecordingKey(row["content"], row["start"], row["end"])
    known = store.known([row["name"]]).get(row["name"]) or Known(row["name"], row["content"], duration=row["duration"])
    number = store.add_recording(key, about, known)
    run = store.add_run(RunKey(row["target"], row["weights"], row["dtype"], row["options"], row["draft"]))
    made = store.save(number, run, transcript, counts(transcript, row["reference"]))
    if made is None:
        return False
    if row["edited"] is not None:
        edited = documents.loads(Transcript, row["edited"])
        store.edit(made, edited, counts(edited, row["reference"]))
    if row["note"]:
        store.set_note(number, row["note"])
    if row["accepted"]:
        store.accept([number])
    return True
