"""Sources of a library -> entries, one per recording: folders, globs, tables, datasets and manifests.

Nothing is opened here; manifests are read in `manifests`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from glob import glob, has_magic
from numbers import Real
from pathlib import Path
from typing import Any

from whisper_magic.errors import LibraryError
from whisper_magic.library import manifests
from whisper_magic.wording import near, public, shown

AUDIO_COLUMNS = ("audio", "path", "file", "filename", "file_name", "audio_filepath", "audio_path", "wav", "source")
TEXT_COLUMNS = ("reference", "text", "sentence", "transcription", "transcript", "raw_text", "normalized_text")
SPEAKER_COLUMNS = ("speaker", "speaker_id", "client_id")


@dataclass(frozen=True)
class Entry:
    """A recording for a library.

    Attributes:
        source: What `audio.load.load` takes.
        name: Its path, or a label.
        start: Seconds; only the part from here on.
        end: Seconds; only the part up to here.
        reference: Its reference text.
        speaker: Who speaks.
        metadata: Other columns of its row.
        file: The file that holds it, where that is not `source`.
    """

    source: Any
    name: str
    start: float | None = None
    end: float | None = None
    reference: str | None = None
    speaker: str | None = None
    metadata: Mapping[str, Any] | None = None
    file: str | None = None

    @property
    def path(self) -> Path | None:
        """The file whose size and time show whether the recording has changed; None where it is in no file."""
        if self.file is not None:
            return Path(self.file)
        if not isinstance(self.source, str | os.PathLike) or "://" in os.fsdecode(self.source):
            return None
        return Path(self.source)

    def failure(self, reason: str) -> str:
        """A line with its name and what is wrong with it."""
        return reason if self.name in reason else f"{self.name}: {reason}"


def entries_of(sources: Any, *, reference: str | None = None, label: str = "array") -> Iterator[Entry]:
    """The recordings of a source.

    Args:
        sources: A folder, a glob, a file, a manifest, a tar of a WebDataset; a pandas column or table, a Hugging Face
            dataset; or a collection of such, or of what `audio.load.load` takes.
        reference: Column of a table or dataset that holds reference texts; None looks for one of the usual names.
        label: Name of what has none.

    Raises:
        LibraryError: For a folder or pattern without recordings, a column that does not exist, or a bad manifest.
    """
    if isinstance(sources, str | os.PathLike):
        yield from _of_path(os.fsdecode(sources), reference)
    elif hasattr(sources, "column_names") or _is_frame(sources):
        yield from _of_table(sources, reference, label)
    elif isinstance(sources, Mapping):
        yield from _of_row(sources, label)
    elif isinstance(sources, Entry):
        yield sources
    elif isinstance(sources, Iterable) and not _is_sound(sources):
        for place, source in enumerate(sources):
            yield from entries_of(source, reference=reference, label=f"{label}[{place}]")
    else:
        yield Entry(sources, label)


def _is_sound(source: Any) -> bool:
    """Whether what can be iterated over is one recording: bytes, a file, samples, or (samples, rate)."""
    if isinstance(source, tuple):
        return len(source) == 2 and isinstance(source[1], Real)
    kind = getattr(getattr(source, "dtype", None), "kind", "f" if hasattr(source, "dtype") else None)
    return isinstance(source, bytes | bytearray | memoryview) or hasattr(source, "read") or kind in ("i", "u", "f")


def _of_path(text: str, reference: str | None) -> Iterator[Entry]:
    if "://" in text:
        yield Entry(text, public(text))
        return
    path = Path(os.path.expanduser(text))  # noqa: PTH111 (Path.expanduser raises for a user who does not exist)
    if path.is_dir():
        if (kaldi := manifests.kaldi(path)) is not None:
            yield from (_entry(row) for row in kaldi)
        else:
            yield from _of_folder(path)
    elif (rows := manifests.read(path, reference)) is not None:
        yield from (_entry(row) for row in rows)
    elif has_magic(text) and not path.exists():
        names = glob(str(path), recursive=True)  # noqa: PTH207 (Path.glob refuses absolute patterns)
        files = [Path(name) for name in sorted(names, key=natural) if Path(name).is_file()]
        if not files:
            raise LibraryError(f"no file matches {shown(text)} (in {Path.cwd()})")
        yield from (_of_file(file) for file in files)
    else:
        yield _of_file(path)


def _of_folder(folder: Path) -> Iterator[Entry]:
    any_file = False
    for path, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted((name for name in folders if not name.startswith(".")), key=natural)
        for name in sorted(files, key=natural):
            if Path(name).suffix.lower() in manifests.SOUND and not name.startswith("."):
                any_file = True
                yield _of_file(Path(path) / name)
    if not any_file:
        raise LibraryError(
            f"no recordings in {shown(str(folder))}: it has no file with an audio extension, such as .wav or .mp3"
        )


def _of_file(path: Path) -> Entry:
    absolute = str(path.absolute())
    return Entry(absolute, absolute)


def _entry(row: manifests.Row) -> Entry:
    source = row.source
    name = row.name or (os.fsdecode(source) if isinstance(source, str | os.PathLike) else "array")
    return Entry(source, name, row.start, row.end, row.reference, row.speaker, row.metadata or None, row.file)


# Tables and datasets


def _is_frame(value: Any) -> bool:
    return hasattr(value, "columns") and hasattr(value, "iterrows")


def _of_table(table: Any, reference: str | None, label: str) -> Iterator[Entry]:
    """The rows of a pandas table or of a Hugging Face dataset, whose sound is left encoded."""
    frame = _is_frame(table)
    columns = {str(name): name for name in (table.columns if frame else table.column_names or _columns_of(table))}
    audio = _one_of(columns, AUDIO_COLUMNS, "a column with the recordings")
    text = reference if reference is not None else next((name for name in TEXT_COLUMNS if name in columns), None)
    if text is not None and text not in columns:
        raise LibraryError(f"--reference {text}: no such column{near(text, columns)}; there are {', '.join(columns)}")
    speaker = next((name for name in SPEAKER_COLUMNS if name in columns), None)
    if frame:
        rows: Iterable[Any] = (row for _, row in table.iterrows())
    else:
        rows = _undecoded(table, audio)
    for place, row in enumerate(rows):
        about = {name: row[key] for name, key in columns.items() if name not in (audio, text, speaker)}
        start, end = _part(row[audio], about)
        name = f"{label}[{place}]"
        for entry in entries_of(row[audio], label=name):
            yield replace(
                entry,
                start=start,
                end=end,
                reference=_text(row[text]) if text else None,
                speaker=_text(row[speaker]) if speaker else None,
                metadata={k: v for k, v in about.items() if k not in manifests.PARTS and _is_plain(v)} or None,
            )


def _undecoded(dataset: Any, audio: str) -> Iterable[Any]:
    """A dataset whose audio column gives bytes and paths, which are decoded here and not by torchcodec."""
    feature = (getattr(dataset, "features", None) or {}).get(audio)
    if type(feature).__name__ == "Audio":
        from datasets import Audio

        return dataset.cast_column(audio, Audio(decode=False))  # type: ignore[no-any-return]
    return dataset  # type: ignore[no-any-return]


def _columns_of(dataset: Any) -> list[str]:
    """The columns of a streaming dataset that does not know them."""
    return list(next(iter(dataset), {}))


def _one_of(columns: Iterable[str], usual: tuple[str, ...], what: str) -> str:
    name = next((name for name in usual if name in columns), None)
    if name is None:
        raise LibraryError(f"{what} is called {', '.join(usual[:-1])} or {usual[-1]}; there are {', '.join(columns)}")
    return name


def _of_row(row: Mapping[str, Any], label: str) -> Iterator[Entry]:
    """A row of an audio column: its sound as bytes, as a path, or as samples."""
    path = row.get("path")
    if isinstance(path, str) and row.get("bytes") is None and row.get("array") is None:
        yield from _of_path(path, None)
    else:
        yield Entry(row, f"{label}/{Path(path).name}" if isinstance(path, str) else label)


def _part(source: Any, about: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Of a path, the part that its row names; sound in the row itself is cut already."""
    if not isinstance(source, str | os.PathLike):
        return None, None
    return manifests.part_of({name: about[name] for name in manifests.PARTS if _is_number(about.get(name))})


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and value == value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None if value is None or value != value else str(value)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool) and value == value


def natural(name: str) -> list[tuple[bool, int, str]]:
    """A sort key under which talk2 comes before talk10."""
    parts = re.split(r"(\d+)", name)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]
