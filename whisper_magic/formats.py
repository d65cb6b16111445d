"""Transcript -> text formats (txt, srt, vtt, tsv, json), and back from json.

Knows nothing of sound, models or notebooks. JSON follows the dataclasses' own fields and types, so that a field
added there needs no line here.
"""

from __future__ import annotations

import html
import json
import math
import os
import secrets
import types
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from whisper_magic.errors import OptionError, TranscriptError
from whisper_magic.transcript import Segment, Transcript
from whisper_magic.wording import near, one_line, shown

FORMAT, VERSION = "whisper_magic.transcript", 1


def text(transcript: Transcript, fmt: str) -> str:
    """The transcript as the text of a file: fmt is txt, srt, vtt, tsv or json.

    Raises:
        TranscriptError: for any other format.
    """
    if fmt not in _WRITERS:
        advice = near(fmt, _WRITERS) or f"; the formats are: {', '.join(_WRITERS)}"
        raise TranscriptError(f"no transcript format is called {fmt!r}{advice}")
    return _WRITERS[fmt](transcript)


def save(transcript: Transcript, path: str | os.PathLike[str]) -> Path:
    """Write `transcript` in the format that the ending of `path` names; the file appears whole or not at all.

    Raises:
        TranscriptError: for an ending that is no format, a missing folder, or a file that cannot be written.
    """
    target = Path(path).expanduser()
    name = shown(str(path))
    if target.suffix.lower().removeprefix(".") not in _WRITERS:
        known = ", ".join(f".{fmt}" for fmt in _WRITERS)
        raise TranscriptError(f"cannot tell a format from {name!r}: end the name with one of {known}")
    if not target.parent.is_dir():
        raise TranscriptError(f"cannot write {name}: there is no folder {shown(str(target.parent))}; make it first")
    # A lone surrogate (from a file name that is not UTF-8) becomes its escape, which in JSON means the same again.
    content = text(transcript, target.suffix.lower().removeprefix(".")).encode("utf-8", "backslashreplace")
    whole = target.resolve()  # through a link, not over it
    draft = whole.with_name(f".{secrets.token_hex(6)}.tmp")
    try:
        draft.write_bytes(content)
        draft.replace(whole)
    except OSError as error:
        raise TranscriptError(f"cannot write {name}: {one_line(error.strerror)}") from error
    finally:
        draft.unlink(missing_ok=True)
    return target


def load(path: str | os.PathLike[str]) -> Transcript:
    """Read back what `save` wrote as JSON, equal to what was saved.

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
    return _parsed(content, name)


def loads(content: str) -> Transcript:
    """As `load`, from JSON text."""
    return _parsed(content, "this text")


# Subtitles and plain text


def _lines(transcript: Transcript) -> Iterator[tuple[Segment, str]]:
    """The segments that say something, with their text on one line."""
    for segment in transcript.segments:
        line = " ".join(segment.text.strip().splitlines())
        if line:
            yield segment, line


def _clock(seconds: float, point: str) -> str:
    """hh:mm:ss and milliseconds. Rounded before it is split, so that 59.9996 s is a minute."""
    milliseconds = round(max(0.0, seconds) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def _txt(transcript: Transcript) -> str:
    return "".join(f"{line}\n" for _, line in _lines(transcript))


def _srt(transcript: Transcript) -> str:
    return "".join(
        f"{number}\n{_clock(segment.start, ',')} --> {_clock(segment.end, ',')}\n{line.replace('-->', '->')}\n\n"
        for number, (segment, line) in enumerate(_lines(transcript), start=1)
    )


def _vtt(transcript: Transcript) -> str:
    return "WEBVTT\n\n" + "".join(
        f"{_clock(segment.start, '.')} --> {_clock(segment.end, '.')}\n"
        f"{html.escape(line.replace('-->', '->'), quote=False)}\n\n"
        for segment, line in _lines(transcript)
    )


def _tsv(transcript: Transcript) -> str:
    """As openai/whisper writes it: times are whole milliseconds."""
    return "start\tend\ttext\n" + "".join(
        f"{round(1000 * segment.start)}\t{round(1000 * segment.end)}\t{line.replace(chr(9), ' ')}\n"
        for segment, line in _lines(transcript)
    )


# JSON


def _json(transcript: Transcript) -> str:
    return json.dumps({"format": FORMAT, "version": VERSION} | _plain(transcript), ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    """Dataclasses, tuples and numpy numbers -> what JSON holds. Numbers that JSON lacks go by name ("nan", "inf")."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        return _plain(value.item())
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _parsed(content: str, name: str) -> Transcript:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:  # ValueError also for integers of thousands of digits
        raise TranscriptError(f"{name} is not JSON ({one_line(error)}); only .json transcripts load back") from error
    if not isinstance(document, dict) or document.pop("format", None) != FORMAT:
        raise TranscriptError(f"{name} is not a whisper_magic transcript: it has no format {FORMAT!r}")
    version = document.pop("version", None)
    if version != VERSION:
        newer = isinstance(version, int) and version > VERSION
        advice = "it is newer than this whisper_magic: upgrade to read it" if newer else "it may be damaged"
        raise TranscriptError(f"{name} is a transcript of version {version!r}, not {VERSION}: {advice}")
    try:
        transcript: Transcript = _built(Transcript, document, "transcript")
    except (_Misfit, OptionError) as error:
        raise TranscriptError(f"{name} is not a whole transcript: {one_line(error)}") from error
    return transcript


class _Misfit(Exception):
    """A value that is not of its field's type; the message says where."""


def _built(kind: Any, value: Any, where: str) -> Any:
    """The reverse of `_plain`: a value of type `kind`, as the annotations of the dataclasses tell it."""
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
    raise _Misfit(f"{where} cannot be {json.dumps(value)[:60]}")


@cache
def _types_of(kind: type) -> dict[str, Any]:
    """Field -> type. Kept, because a long transcript asks once for each of its rounds."""
    return get_type_hints(kind)


def _record(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _Misfit(f"{where} cannot be {json.dumps(value)[:60]}")
    types_of = _types_of(kind)
    known = {field.name: field for field in fields(kind)}
    for name, field in known.items():
        if name not in value and field.default is MISSING and field.default_factory is MISSING:
            raise _Misfit(f"{where} has no {name}")
    for name in value:
        if name not in known:
            raise _Misfit(f"{where} has an unknown field {name!r}")
    return kind(**{name: _built(types_of[name], item, f"{where}.{name}") for name, item in value.items()})


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    for kind in kinds:
        try:
            return _built(kind, value, where)
        except _Misfit:
            continue
    raise _Misfit(f"{where} cannot be {json.dumps(value)[:60]}")


_WRITERS: dict[str, Callable[[Transcript], str]] = {"txt": _txt, "srt": _srt, "vtt": _vtt, "tsv": _tsv, "json": _json}
FORMATS = tuple(_WRITERS)
ENDINGS = tuple(f".{fmt}" for fmt in FORMATS)
