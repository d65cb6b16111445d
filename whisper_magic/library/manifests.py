"""Manifests of other tools -> rows: NeMo, Lhotse, Kaldi, Common Voice, CSV, tars of a WebDataset.

A path in a list counts from the folder of the list. Rows that name a part of a recording keep it as start and end.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from whisper_magic.errors import AudioNotFound, LibraryError
from whisper_magic.wording import near, one_line, shown

ENDINGS = (".jsonl", ".jsonl.gz", ".json", ".tsv", ".csv", ".tar", ".tar.gz", ".tgz")
# What FFmpeg and libsndfile read sound from; other files of a folder are not looked at.
SOUND = frozenset(
    f".{ending}"
    for line in (
        "3g2 3gp aac ac3 aif aifc aiff amr ape asf au avi caf dts eac3 flac flv gsm m2ts m4a m4b m4v mka mkv mov mp2",
        "mp3 mp4 mpeg mpg mpga mts oga ogg ogv opus ra rf64 rm snd spx ts tta voc w64 wav weba webm wma wmv wv",
    )
    for ending in line.split()
)
# Columns of a CSV or TSV, and fields of a NeMo manifest, by what they hold; the first that is there counts.
PATHS = ("audio_filepath", "path", "file_name", "audio", "file", "filename", "audio_path", "wav")
TEXTS = ("reference", "text", "sentence", "transcription", "transcript")
SPEAKERS = ("speaker", "speaker_id", "client_id")
STARTS, ENDS, DURATIONS = ("offset", "start"), ("end",), ("duration",)
PARTS = (*STARTS, *ENDS, *DURATIONS)
_WHOLE = 0.02  # seconds by which a part may miss the end of its recording and still be the whole


@dataclass(frozen=True)
class Row:
    """A recording of a list. Attributes as of `library.entries.Entry`.

    Attributes:
        source: A path, or a `TarMember`.
        name: Its name, where it is not the path.
        start: Seconds.
        end: Seconds.
        reference: Its reference text.
        speaker: Who speaks.
        metadata: Other columns of the list.
        file: The file that holds it, where that is not `source`.
    """

    source: Any
    name: str | None = None
    start: float | None = None
    end: float | None = None
    reference: str | None = None
    speaker: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    file: str | None = None


class TarMember(Mapping[str, Any]):
    """A recording in a tar: a row of an audio column, whose bytes are read when they are asked for."""

    def __init__(self, tar: str, name: str, offset: int, size: int) -> None:
        self._tar, self._name, self._offset, self._size = tar, name, offset, size

    def __getitem__(self, key: str) -> Any:
        if key == "path":
            return f"{self._tar}/{self._name}"
        if key != "bytes":
            raise KeyError(key)
        try:
            with open(self._tar, "rb") as file:  # noqa: PTH123
                file.seek(self._offset)
                return file.read(self._size)
        except OSError as error:
            raise AudioNotFound(f"cannot read {shown(self._tar)}: {one_line(error.strerror or error)}") from error

    def __iter__(self) -> Iterator[str]:
        return iter(("path", "bytes"))

    def __len__(self) -> int:
        return 2


def read(path: Path, reference: str | None = None) -> Iterator[Row] | None:
    """The rows of a list; None where the file's name is not that of one.

    Args:
        path: Of the list.
        reference: The column that holds reference texts; None looks for one of the usual names.

    Raises:
        LibraryError: Where it cannot be read, with the line.
    """
    name = path.name.lower()
    if not name.endswith(ENDINGS) or not path.is_file():
        return None
    if name.endswith((".tar", ".tar.gz", ".tgz")):
        if not name.endswith(".tar"):
            raise LibraryError(
                f"{shown(str(path))} is compressed, so that its recordings cannot be read: unpack it to .tar"
            )
        return _of_tar(path)
    if name.endswith((".csv", ".tsv")):
        return _of_table(path, "\t" if name.endswith(".tsv") else ",", reference)
    return _of_json_lines(path, reference)


# JSON lines: NeMo and Lhotse


def _of_json_lines(path: Path, reference: str | None) -> Iterator[Row]:
    open_text = gzip.open if path.suffix == ".gz" else open
    try:
        with open_text(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise LibraryError("it is not an object")
                    yield (
                        _of_cut(row, path)
                        if "recording" in row or "tracks" in row
                        else _of_fields(row, path, reference)
                    )
                except (KeyError, TypeError, ValueError, IndexError) as error:
                    raise LibraryError(f"{shown(str(path))}, line {number}: {_reason(error)}") from error
    except (OSError, UnicodeDecodeError, EOFError, zlib.error) as error:
        raise LibraryError(f"cannot read {shown(str(path))}: {one_line(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, LibraryError):
        return str(error)
    return f"it has no {error}" if isinstance(error, KeyError) else one_line(error)


def _of_cut(cut: Mapping[str, Any], path: Path) -> Row:
    """A cut of Lhotse (lhotse/cut/data.py): a part of a recording, with its supervisions."""
    if cut.get("type") == "MixedCut":
        raise LibraryError(
            "a MixedCut is a mix of several recordings: export it as audio first (lhotse cut trim, save_audio)"
        )
    recording, supervisions = cut["recording"], cut.get("supervisions") or []
    files = [source["source"] for source in recording["sources"] if source["type"] == "file"]
    if not files:
        raise LibraryError("its recording is not in a file")
    start, duration = float(cut["start"]), float(cut["duration"])
    whole = start == 0 and duration >= float(recording["duration"]) - _WHOLE
    texts = [part["text"] for part in supervisions if part.get("text")]
    speakers = list(dict.fromkeys(part["speaker"] for part in supervisions if part.get("speaker")))
    return Row(
        _located(files[0], path),
        start=None if whole else start or None,
        end=None if whole else start + duration,
        reference=" ".join(texts) if texts else None,
        speaker=speakers[0] if len(speakers) == 1 else None,
        metadata={"id": cut["id"], **(cut.get("custom") or {})},
    )


def _of_fields(row: Mapping[str, Any], path: Path, reference: str | None) -> Row:
    """A line of a NeMo manifest or of any table, whose fields are distinguished by their names."""
    names = list(row)
    source = _first(row, PATHS)
    if source is None:
        raise LibraryError(f"no field names the recording: {', '.join(PATHS)}; there are {', '.join(names)}")
    if reference is not None and reference not in row:
        raise LibraryError(
            f"--reference {reference}: no such column{near(reference, names)}; there are {', '.join(names)}"
        )
    column = reference or next((name for name in TEXTS if name in row), None)
    text = row[column] if column is not None else None
    start, end = part_of(row)
    used = {*PATHS, *SPEAKERS, *PARTS, column}
    return Row(
        _located(str(source), path),
        start=start,
        end=end,
        reference=None if text in (None, "") else str(text),
        speaker=None if (speaker := _first(row, SPEAKERS)) in (None, "") else str(speaker),
        metadata={key: value for key, value in row.items() if key not in used and value not in (None, "")},
    )


def part_of(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Where the part of a recording that a row names begins and ends, in seconds; None: at its beginning, at its end.

    Raises:
        ValueError: For what is no number.
    """
    start, end, duration = (_seconds(_first(row, names)) for names in (STARTS, ENDS, DURATIONS))
    if end is None and start is not None and duration is not None:
        end = start + duration
    return start or None, end


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def _seconds(value: Any) -> float | None:
    return None if value is None else float(value)


def _located(name: str, path: Path) -> str:
    """A file that a list names: from the list's folder, or from its `clips/`, as in Common Voice."""
    if "://" in name:
        return name
    beside = path.parent / os.path.expanduser(name)  # noqa: PTH111
    clips = path.parent / "clips" / name
    return str((clips if not beside.exists() and clips.exists() else beside).absolute())


# CSV and TSV


def _of_table(path: Path, separator: str, reference: str | None) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            # Common Voice's sentences hold lone quotes.
            quoting: Literal[0, 3] = csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL
            for number, row in enumerate(
                csv.DictReader(file, delimiter=separator, quoting=quoting, restkey=""), start=2
            ):
                row.pop("", None)  # more fields than columns
                try:
                    yield _of_fields(row, path, reference)
                except ValueError as error:
                    raise LibraryError(f"{shown(str(path))}, line {number}: {_reason(error)}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LibraryError(f"cannot read {shown(str(path))}: {one_line(error)}") from error


# Kaldi


def kaldi(folder: Path) -> Iterator[Row] | None:
    """The utterances of a Kaldi data folder; None for another folder.

    Raises:
        LibraryError: For a recording that a command makes, or a line that makes no sense.
    """
    return _of_kaldi(folder) if (folder / "wav.scp").is_file() else None


def _of_kaldi(folder: Path) -> Iterator[Row]:
    wavs = _two_columns(folder / "wav.scp")
    texts, speakers = _two_columns(folder / "text"), _two_columns(folder / "utt2spk")
    segments = _two_columns(folder / "segments")
    parts = {name: value.split() or [""] for name, value in segments.items()} or {name: [name] for name in wavs}
    for name, (recording, *times) in parts.items():
        try:
            start, end = map(float, times) if segments else (None, None)
        except ValueError:
            raise LibraryError(
                f"{shown(str(folder))}: a line of segments is 'name recording start end', got {segments[name]!r}"
            ) from None
        where = wavs.get(recording)
        if where is None:
            raise LibraryError(f"{shown(str(folder))}: {name} is a part of {recording}, which wav.scp lacks")
        if where.endswith("|"):
            raise LibraryError(
                f"{shown(str(folder))}: {recording} is made by a command, which is not run: write it to a file"
            )
        yield Row(
            _located(where, folder / "wav.scp"),
            start=start or None,
            end=None if end is None or end < 0 else end,
            reference=texts.get(name) or None,
            speaker=speakers.get(name),
            metadata={"id": name},
        )


def _two_columns(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise LibraryError(f"cannot read {shown(str(path))}: {one_line(error)}") from error
    columns = (line.split(None, 1) for line in lines if line.strip())
    return {name: rest[0].strip() if rest else "" for name, *rest in columns}


# Tars


def _of_tar(path: Path) -> Iterator[Row]:
    """The samples of a WebDataset: members of one stem, one of them the sound, others its text or metadata."""
    try:
        with tarfile.open(path, "r:") as tar:
            together: dict[str, dict[str, tarfile.TarInfo]] = {}
            for member in tar:
                folder, _, name = member.name.rpartition("/")
                stem, _, ending = name.partition(".")
                if member.isfile() and stem:
                    together.setdefault(f"{folder}/{stem}".lstrip("/"), {})[f".{ending.lower()}"] = member
            for members in together.values():
                # WebDataset counts an ending from the first dot on; other tars hold names with several.
                sound = next(
                    (item for ending, item in members.items() if f".{ending.rpartition('.')[2]}" in SOUND), None
                )
                if sound is not None:
                    yield _of_sample(path, tar, members, sound)
    except (OSError, tarfile.TarError) as error:
        raise LibraryError(f"cannot read {shown(str(path))}: {one_line(error)}") from error


def _of_sample(path: Path, tar: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo], sound: tarfile.TarInfo) -> Row:
    whole = str(path.absolute())
    member = TarMember(whole, sound.name, sound.offset_data, sound.size)
    about: dict[str, Any] = {}
    if ".json" in members:
        try:
            value = json.loads(_content(tar, members[".json"]))
            about = value if isinstance(value, dict) else {}
        except ValueError as error:
            raise LibraryError(f"{shown(whole)}/{members['.json'].name}: {one_line(error)}") from error
    text = _content(tar, members[".txt"]).strip() if ".txt" in members else _first(about, TEXTS)
    text = None if text is None else str(text)
    speaker = _first(about, SPEAKERS)
    metadata = {key: value for key, value in about.items() if key not in (*TEXTS, *SPEAKERS)}
    name = f"{whole}/{sound.name}"
    return Row(member, name, None, None, text, None if speaker is None else str(speaker), metadata, whole)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = tar.extractfile(member)
    assert file is not None, "it is a file"
    return io.TextIOWrapper(file, "utf-8", "replace").read()
