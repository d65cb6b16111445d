"""A library in the forms of other tools: Parquet, CSV, NeMo and Lhotse manifests, audiofolder, transcripts, clips.

The text in a manifest is the correction if there is one, else the reference, else the transcript.
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
from functools import partial
from pathlib import Path
from typing import Any

from whisper_magic import formats
from whisper_magic.audio.load import Audio, load
from whisper_magic.audio.sound import SAMPLE_RATE, Span
from whisper_magic.audio.sources import opened
from whisper_magic.errors import AudioError, LibraryError
from whisper_magic.library import parquet, tables
from whisper_magic.library.records import RecordingKey
from whisper_magic.library.schema import LATEST
from whisper_magic.library.search import Hit
from whisper_magic.library.store import Store
from whisper_magic.transcript import Segment, Transcript
from whisper_magic.wording import near, one_line, shown

SourceOf = Callable[[int], Any]  # a recording's id -> what `audio.load.load` takes
ENDINGS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "nemo", ".json": "nemo"}
MIN_CLIP = 0.1  # seconds of a clip


@dataclass(frozen=True)
class Exported:
    """A recording with its newest transcript.

    Attributes:
        id: Of the recording.
        key: Its sound.
        name: Its path, or a label.
        duration: Seconds.
        reference: Its reference text, where it has one.
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
        """A correction, else the reference, else the transcript."""
        return self.written if self.corrected or self.reference is None else self.reference

    @property
    def written(self) -> str:
        """The text of the transcript; "" where there is none."""
        return "" if self.transcript is None else self.transcript.text

    @property
    def language(self) -> str | None:
        """Of the transcript."""
        return None if self.transcript is None else self.transcript.language

    @property
    def whole(self) -> bool:
        """Whether it is a whole file, not a part of one."""
        return self.key.start is None and self.key.end is None


@dataclass(frozen=True)
class Export:
    """What is exported, and where to.

    Attributes:
        store: Of the library.
        target: The file, or the folder.
        only: Ids of the recordings; None for all.
        source_of: Where the sound of a recording can be read.
    """

    store: Store
    target: Path
    only: set[int] | None
    source_of: SourceOf


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
    if chosen is None:
        raise LibraryError(f"cannot tell the format of {shown(str(path))}: pass format, one of {', '.join(EXPORTS)}")
    if chosen not in EXPORTS:
        raise LibraryError(f"no export is called {chosen!r}{near(chosen, EXPORTS)}; there are {', '.join(EXPORTS)}")
    try:
        EXPORTS[chosen](Export(store, target, None if only is None else set(only), source_of))
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
            written = None if transcript is None else store.transcript(transcript)
            key = RecordingKey(content, start, end)
            others = json.loads(metadata)
            yield Exported(number, key, name, duration, reference, speaker, written, bool(corrected), others)


def _with_text(store: Store, only: set[int] | None) -> Iterator[Exported]:
    for recording in _exported(store, only):
        if recording.transcript is not None or recording.reference is not None:
            yield recording


def _write(path: Path, content: str) -> None:
    formats.write_whole(path, content.encode("utf-8", "backslashreplace"))


def lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as JSON, one a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


# CSV, NeMo, Lhotse


def _save_csv(export: Export) -> None:
    """One row per recording; `path`, `reference`, `speaker`, `start` and `end` are what a library reads back."""
    content = io.StringIO()
    writer = csv.writer(content)
    rows = tables.rows(export.store, "recordings", None, export.only)
    table = {row[0]: dict(zip(tables.RECORDINGS, row, strict=True)) for row in rows}
    names = ("language", "text", "wer", "cer", "confidence", "flags", "tags", "note", "accepted", "target")
    writer.writerow(("path", "start", "end", "duration", "reference", "speaker", *names))
    for recording in _exported(export.store, export.only):
        row, key = table[recording.id], recording.key
        about = (recording.name, key.start, key.end, recording.duration, recording.reference, recording.speaker)
        values = [", ".join(row[name]) if isinstance(row[name], tuple) else row[name] for name in names]
        writer.writerow((*about, *values))
    _write(export.target, content.getvalue())


def _save_nemo(export: Export) -> None:
    _write(export.target, lines(map(_nemo, _with_text(export.store, export.only))))


def _nemo(recording: Exported) -> dict[str, Any]:
    """A line of a NeMo manifest; `pred_text` is what its Speech Data Explorer compares with `text`."""
    line: dict[str, Any] = {"audio_filepath": recording.name, "duration": recording.duration, "text": recording.text}
    if not recording.whole:  # a duration alone is that of a whole recording
        line["offset"] = recording.key.start or 0.0
    if recording.speaker is not None:
        line["speaker"] = recording.speaker
    if recording.transcript is not None:
        line |= {"pred_text": recording.written, "lang": recording.language}
    return line


def _save_lhotse(export: Export) -> None:
    recordings = _with_text(export.store, export.only)
    _write(export.target, lines(_cut(recording, export.source_of(recording.id)) for recording in recordings))


def _cut(recording: Exported, source: Any) -> dict[str, Any]:
    """A cut of Lhotse, with a supervision per segment: of the reference, which has no times, one."""
    number, start = f"recording-{recording.id}", recording.key.start or 0.0
    duration = recording.duration or 0.0
    whole = start + duration
    rate, channels, seconds = _held(source, whole)
    channel = 0 if channels == 1 else list(range(channels))
    segments: Sequence[Segment] = recording.transcript.segments if recording.transcript is not None else ()
    if not segments or recording.text != recording.written:
        segments = (Segment(start, whole, recording.text),)
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
                "language": recording.language,
                "speaker": recording.speaker,
            }
            for place, segment in enumerate(segments)
        ],
        "recording": {
            "id": number,
            "sources": [{"type": "file", "channels": list(range(channels)), "source": recording.name}],
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


def _save_audiofolder(export: Export) -> None:
    """A folder that `datasets.load_dataset("audiofolder")` reads: recordings, and metadata.csv."""
    folder = export.target
    folder.mkdir(parents=True, exist_ok=True)
    rows = [("file_name", "text", "transcript", "language", "speaker", "duration")]
    used = _taken(export.store, folder)
    for recording in _with_text(export.store, export.only):
        name = _put(export.source_of(recording.id), recording, folder, used)
        duration = str(recording.duration or "")
        about = (recording.language or "", recording.speaker or "", duration)
        rows.append((name, recording.text, recording.written, *about))
    content = io.StringIO()
    csv.writer(content).writerows(rows)
    _write(folder / "metadata.csv", content.getvalue())


def _put(source: Any, recording: Exported, folder: Path, used: set[str]) -> str:
    """Put a recording into a folder: its file as it is (a link where that is possible), or a FLAC of its sound."""
    path = Path(source) if isinstance(source, str | os.PathLike) else None
    as_it_is = path is not None and path.is_file() and recording.whole
    if path is not None and as_it_is and path.parent.resolve() == folder.resolve():
        return path.name  # it is there
    name = _free(formats.stem_of(recording.name), path.suffix if as_it_is and path is not None else ".flac", used)
    partial = folder / f".{secrets.token_hex(6)}.tmp"
    try:
        if as_it_is and path is not None:
            try:
                os.link(path, partial)
            except OSError:  # another file system, or one without links
                shutil.copyfile(path, partial)
        else:
            _write_flac(partial, load(source, start=recording.key.start, end=recording.key.end))
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


def _save_transcripts(format: str, export: Export) -> None:
    """A folder with a file per recording."""
    formats.WRITERS[format].check()
    export.target.mkdir(parents=True, exist_ok=True)
    used: set[str] = set()
    for recording in _exported(export.store, export.only):
        if recording.transcript is not None:
            name = _free(formats.stem_of(recording.name), f".{format}", used)
            formats.save(recording.transcript, export.target / name)


def _save_parquet(export: Export) -> None:
    parquet.save(export.store, export.target, export.only)


def clips(hits: Sequence[Hit], folder: str | os.PathLike[str], around: float, source_of: SourceOf) -> list[Path]:
    """Cut out hits. Arguments and errors as of `Library.clips`."""
    if around < 0:
        raise LibraryError(f"around is seconds, 0 or more, got {around}")
    target, used, written = Path(folder).expanduser(), set[str](), []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for hit in hits:
            start = max(0.0, hit.start - around)
            end = max(hit.end + around, start + MIN_CLIP)
            audio = load(source_of(hit.recording), start=start, end=end)
            path = target / _free(f"{formats.stem_of(hit.name)}-{hit.start:.2f}", ".flac", used)
            _write_flac(path, audio)
            written.append(path)
    except AudioError:  # of a recording, also where it is an OSError
        raise
    except OSError as error:
        raise LibraryError(f"cannot write into {shown(str(target))}: {one_line(error.strerror or error)}") from error
    return written


def _write_flac(path: Path, audio: Audio) -> None:
    import soundfile

    try:
        soundfile.write(path, audio.samples, audio.sample_rate, format="FLAC", subtype="PCM_16")
    except soundfile.LibsndfileError as error:
        raise LibraryError(f"cannot write {shown(str(path))}: {one_line(error)}") from error


def _free(stem: str, ending: str, used: set[str]) -> str:
    """An unused file name."""
    name, number = f"{stem}{ending}", 1
    while name.lower() in used:
        number += 1
        name = f"{stem}-{number}{ending}"
    used.add(name.lower())
    return name


EXPORTS: Mapping[str, Callable[[Export], None]] = {
    "parquet": _save_parquet,
    "csv": _save_csv,
    "nemo": _save_nemo,
    "lhotse": _save_lhotse,
    "audiofolder": _save_audiofolder,
    **{format: partial(_save_transcripts, format) for format in formats.FORMATS},
}
