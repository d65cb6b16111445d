"""Saved transcripts: text (txt), subtitles (srt, vtt), a table (tsv), Word (docx), and JSON, which loads back.

The text formats need the segments' times and text (`Cue`). JSON follows the fields and annotations of the dataclasses
in both directions, so that a new field needs no line here. This module imports none of the classes that it writes.
"""

from __future__ import annotations

import html
import io
import json
import math
import os
import re
import secrets
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

from whisper_magic import speakers
from whisper_magic.errors import OptionError, PackageMissing, TranscriptError
from whisper_magic.options import MAX_DRAFT_LENGTH
from whisper_magic.wording import near, one_line, shown

DOCX = "docx"
FORMAT, VERSION = "whisper_magic.transcript", 2


class Cue(Protocol):
    """Text with its times in seconds, as subtitles need them: a `Segment`."""

    @property
    def start(self) -> float: ...

    @property
    def end(self) -> float: ...

    @property
    def text(self) -> str: ...

    @property
    def words(self) -> Sequence[speakers.SpokenWord]: ...


class Document(Protocol):
    """A dataclass with segments: a `Transcript`."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def segments(self) -> Sequence[Cue]: ...


Kind = TypeVar("Kind")


def text(document: Document, fmt: str) -> str:
    """The content of a text file.

    Args:
        document: the transcript.
        fmt: one of `FORMATS`, docx excepted.

    Raises:
        TranscriptError: for any other format.
    """
    if fmt not in _WRITERS:
        advice = near(fmt, FORMATS) or f"; the formats are: {', '.join(FORMATS)}"
        raise TranscriptError(f"no transcript format is called {fmt!r}{advice}")
    return _WRITERS[fmt](document)


def check(fmt: str) -> None:
    """Check that a format can be written here.

    Args:
        fmt: one of `FORMATS`.

    Raises:
        PackageMissing: for docx without python-docx (the `docx` extra).
    """
    if fmt == DOCX:
        try:
            import docx  # noqa: F401
        except ImportError as error:
            raise PackageMissing("Word documents need python-docx: pip install 'whisper-magic[docx]'") from error


def content(document: Document, fmt: str) -> bytes:
    """The content of a file.

    Args:
        document: the transcript.
        fmt: one of `FORMATS`.

    Raises:
        TranscriptError: for any other format.
        PackageMissing: for docx without python-docx (the `docx` extra).
    """
    # A lone surrogate (from a file name that is not UTF-8) becomes its escape, which in JSON means the same again.
    return _docx(document) if fmt == DOCX else text(document, fmt).encode("utf-8", "backslashreplace")


def save(document: Document, path: str | os.PathLike[str]) -> Path:
    """Write a transcript; the file appears whole or not at all.

    Args:
        document: the transcript.
        path: its ending, one of `ENDINGS`, chooses the format.

    Returns:
        The path with `~` expanded.

    Raises:
        TranscriptError: for an ending that is no format, a missing folder, or a file that cannot be written.
        PackageMissing: for docx without python-docx (the `docx` extra).
    """
    target = Path(path).expanduser()
    name, fmt = shown(str(path)), target.suffix.lower().removeprefix(".")
    if fmt not in FORMATS:
        raise TranscriptError(f"cannot tell the format of {name!r}: use one of the extensions {', '.join(ENDINGS)}")
    if not target.parent.is_dir():
        raise TranscriptError(f"cannot write {name}: there is no folder {shown(str(target.parent))}; make it first")
    written = content(document, fmt)
    try:
        write_whole(target, written)
    except OSError as error:
        raise TranscriptError(f"cannot write {name}: {one_line(error.strerror)}") from error
    return target


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, which appears whole or not at all; through a link, not over it.

    Raises:
        OSError: where it cannot be written.
    """
    whole = path.resolve()
    partial = whole.with_name(f".{secrets.token_hex(6)}.tmp")
    try:
        partial.write_bytes(content)
        partial.replace(whole)
    finally:
        partial.unlink(missing_ok=True)


def stem_of(source: str, otherwise: str = "recording") -> str:
    """A name for a file that is made of a source: its own without the ending, with nothing that file systems refuse.

    Args:
        source: a path, an address or a label.
        otherwise: the name of what has none.
    """
    stem = Path(source.partition("?")[0]).stem if "://" in source else Path(source).stem
    return re.sub(r"[^\w.-]+", "_", stem).strip("_.") or otherwise


def load(kind: type[Kind], path: str | os.PathLike[str]) -> Kind:
    """Read back what `save` wrote as JSON, equal to what was saved.

    Args:
        kind: the dataclass to build, `Transcript`.
        path: a file of this or an older version of the format.

    Raises:
        TranscriptError: where there is no such file, or it is not such a transcript.
    """
    name = shown(str(path))
    try:
        content = Path(path).expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise TranscriptError(f"cannot read {name}: {one_line(error.strerror)}") from error
    except UnicodeDecodeError as error:
        raise TranscriptError(f"{name} is not a transcript: it is not UTF-8 text") from error
    return _parsed(kind, content, name)


# Text, subtitles, tables


def _lines(document: Document) -> Iterator[tuple[Cue, str]]:
    """The segments that hold text, each with its text on one line."""
    for segment in document.segments:
        if line := _line(segment.text):
            yield segment, line


def _named(document: Document) -> Iterator[tuple[Cue, str]]:
    """As `_lines`; where another speaker is known to speak, "Name: " begins a line."""
    for segment, said in zip(document.segments, speakers.lines(document.segments), strict=True):
        if _line(segment.text):
            names = (f"{_line(one.speaker)}: " if one.speaker is not None else "" for one in said)
            yield segment, "\n".join(name + _line(one.text) for name, one in zip(names, said, strict=True))


def _line(text: str) -> str:
    return " ".join(text.strip().splitlines())


def _clock(seconds: float, point: str) -> str:
    """hh:mm:ss and milliseconds. Rounded before it is split, so that 59.9996 s is a minute."""
    milliseconds = round(max(0.0, seconds) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def _txt(document: Document) -> str:
    return "".join(f"{line}\n" for _, line in _named(document))


def _srt(document: Document) -> str:
    return "".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{line.replace('-->', '->')}\n\n"
        for number, (cue, line) in enumerate(_named(document), start=1)
    )


def _vtt(document: Document) -> str:
    return "WEBVTT\n\n" + "".join(
        f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_vtt_line(cue, line)}\n\n"
        for cue, line in _lines(document)
    )


def _vtt_line(cue: Cue, line: str) -> str:
    """The text, with the time of each word and the voice of each speaker where they are known (WebVTT, 3.4)."""
    words = cue.words
    if "".join(word.text for word in words).split() != line.split():
        return _voiced(speakers.utterances(cue)[0].speaker, _vtt_text(line))
    latest, parts = _clock(cue.start, "."), []
    for index, word in enumerate(words):
        when = _clock(word.start, ".")
        timed = index > 0 and latest < when < _clock(cue.end, ".")
        parts.append((f"<{when}>" if timed else "") + _vtt_text(word.text if index else word.text.lstrip()))
        latest = max(latest, when)
    return "".join(_voiced(words[of[0]].speaker, "".join(parts[of[0] : of[-1] + 1])) for of in speakers.voices(words))


def _voiced(speaker: str | None, text: str) -> str:
    return text if speaker is None else f"<v {_vtt_text(speaker.strip())}>{text}</v>"


def _vtt_text(line: str) -> str:
    return html.escape(" ".join(line.replace("-->", "->").splitlines()), quote=False)


def _tsv(document: Document) -> str:
    """As openai/whisper `utils.py` writes it: times are whole milliseconds."""
    return "start\tend\ttext\n" + "".join(
        f"{round(1000 * cue.start)}\t{round(1000 * cue.end)}\t{line.replace(chr(9), ' ')}\n"
        for cue, line in _lines(document)
    )


def _docx(document: Document) -> bytes:
    """A heading, and a paragraph for each segment with its time."""
    check(DOCX)
    import docx

    made = docx.Document()
    name = _xml(Path(str(getattr(document, "source", ""))).name or "Transcript")
    made.core_properties.title = name[:255]
    made.add_heading(name, level=1)
    for cue, line in _named(document):
        paragraph = made.add_paragraph()
        time = paragraph.add_run(_clock(cue.start, ".").rpartition(".")[0] + "\t")
        time.font.color.rgb = docx.shared.RGBColor(0x70, 0x70, 0x70)
        paragraph.add_run(_xml(line))
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def _xml(line: str) -> str:
    """Without the characters that XML cannot hold."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", line)


# JSON


def dumps(document: Document) -> str:
    """The transcript as JSON on one line, marked with `FORMAT` and `VERSION`."""
    return json.dumps({"format": FORMAT, "version": VERSION} | _plain(document), ensure_ascii=False) + "\n"


def loads(kind: type[Kind], content: str) -> Kind:
    """As `load`, from JSON text."""
    return _parsed(kind, content, "this text")


def _plain(value: Any) -> Any:
    """Dataclasses, tuples and numpy numbers -> what JSON holds. Numbers that JSON lacks go by name ("nan", "inf")."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        return _plain(value.item())
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _parsed(kind: type[Kind], content: str, name: str) -> Kind:
    """A transcript from JSON text that messages call `name`."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:  # ValueError also for integers of thousands of digits
        raise TranscriptError(
            f"{name} is not JSON ({one_line(error)}); only .json transcripts can be loaded"
        ) from error
    if not isinstance(document, dict) or document.pop("format", None) != FORMAT:
        raise TranscriptError(f"{name} is not a whisper_magic transcript: it has no format {FORMAT!r}")
    version = document.pop("version", None)
    if version == 1:
        _upgrade(document)
    elif version != VERSION:
        newer = isinstance(version, int) and version > VERSION
        advice = "it is newer than this whisper_magic: upgrade to read it" if newer else "it may be damaged"
        raise TranscriptError(f"{name} is a transcript of version {version!r}, not {VERSION}: {advice}")
    try:
        built: Kind = _built(kind, document, "transcript")
    except (_Mismatch, OptionError) as error:
        raise TranscriptError(f"{name} is not a complete transcript: {one_line(error)}") from error
    return built


def _upgrade(document: dict[str, Any]) -> None:
    """Version 1 to 2: `timing.load` became `timing.read`, and the longest `draft_length` 7 instead of 32."""
    timing, options = document.get("timing"), document.get("options")
    if isinstance(timing, dict) and "load" in timing:
        timing["read"] = timing.pop("load")
    if isinstance(options, dict) and (length := options.get("draft_length")) in range(MAX_DRAFT_LENGTH + 1, 33):
        options["draft_length"] = MAX_DRAFT_LENGTH
        if isinstance(notes := document.setdefault("notes", []), list):
            notes.append(f"made with draft_length={length}; the longest is {MAX_DRAFT_LENGTH} now")


class _Mismatch(Exception):
    """A value that is not of its field's type; the message says where."""


def _built(kind: Any, value: Any, where: str) -> Any:
    """The reverse of `_plain`: a value of type `kind`, where dataclasses annotate their fields with types."""
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _record(kind, value, where)
    if origin in (Union, types.UnionType):
        return _one_of(inner, value, where)
    if origin is Literal and value in inner:
        return value
    if origin is tuple and isinstance(value, list):
        return tuple(_built(inner[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if kind is float and value in ("nan", "inf", "-inf"):
        return float(value)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if kind in (int, str, bool, types.NoneType) and type(value) is kind:
        return value
    raise _mismatch(where, value)


def _mismatch(where: str, value: Any) -> _Mismatch:
    return _Mismatch(f"{where} cannot be {json.dumps(value)[:60]}")


@cache
def _types_of(kind: type) -> dict[str, Any]:
    """Field -> type. Cached, because a long transcript asks once for each of its rounds."""
    return get_type_hints(kind)


def _record(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _mismatch(where, value)
    types_of = _types_of(kind)
    known = {field.name: field for field in fields(kind)}
    for name, field in known.items():
        if name not in value and field.default is MISSING and field.default_factory is MISSING:
            raise _Mismatch(f"{where} has no {name}")
    for name in value:
        if name not in known:
            raise _Mismatch(f"{where} has an unknown field {name!r}")
    return kind(**{name: _built(types_of[name], item, f"{where}.{name}") for name, item in value.items()})


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    for kind in kinds:
        try:
            return _built(kind, value, where)
        except _Mismatch:
            continue
    raise _mismatch(where, value)


_WRITERS: dict[str, Callable[[Document], str]] = {"txt": _txt, "srt": _srt, "vtt": _vtt, "tsv": _tsv, "json": dumps}
FORMATS = (*_WRITERS, DOCX)
ENDINGS = tuple(f".{fmt}" for fmt in FORMATS)
