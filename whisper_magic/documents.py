"""Transcripts as JSON documents, in both directions.

Reading and writing follow the fields and annotations of the dataclasses, so that a new field needs no line here. This
module imports none of the classes that it writes.
"""

from __future__ import annotations

import json
import math
import os
import types
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

from whisper_magic.errors import OptionError, TranscriptError
from whisper_magic.wording import one_line, shown

FORMAT, VERSION = "whisper_magic.transcript", 1


class DataClass(Protocol):
    """An instance of a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


Kind = TypeVar("Kind")


def dumps(document: DataClass) -> str:
    """The transcript as JSON on one line, marked with `FORMAT` and `VERSION`."""
    return json.dumps({"format": FORMAT, "version": VERSION} | _plain(document), ensure_ascii=False) + "\n"


def loads(kind: type[Kind], content: str) -> Kind:
    """As `load`, from JSON text."""
    return _parsed(kind, content, "this text")


def load(kind: type[Kind], path: str | os.PathLike[str]) -> Kind:
    """Read back what `save` wrote as JSON, equal to what was saved.

    Args:
        kind: the dataclass to build, `Transcript`.
        path: of a .json file.

    Raises:
        TranscriptError: where there is no such file, or it is not such a transcript.
    """
    name = shown(str(path))
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise TranscriptError(f"cannot read {name}: {one_line(error.strerror)}") from error
    except UnicodeDecodeError as error:
        raise TranscriptError(f"{name} is not a transcript: it is not UTF-8 text") from error
    return _parsed(kind, text, name)


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
    if (version := document.pop("version", None)) != VERSION:
        newer = isinstance(version, int) and version > VERSION
        advice = "it is newer than this whisper_magic: upgrade to read it" if newer else "it may be damaged"
        raise TranscriptError(f"{name} is a transcript of version {version!r}, not {VERSION}: {advice}")
    try:
        built: Kind = _built(kind, document, "transcript")
    except (_Mismatch, OptionError) as error:
        raise TranscriptError(f"{name} is not a complete transcript: {one_line(error)}") from error
    return built


class _Mismatch(Exception):
    """A value that is not of its field's type; the message says where."""


def _built(kind: Any, value: Any, where: str) -> Any:
    """The reverse of `_plain`: a value of type `kind`, where dataclasses annotate their fields with types."""
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _instance(kind, value, where)
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


def _instance(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _mismatch(where, value)
    types_of = _types_of(kind)
    names = {field.name: field for field in fields(kind)}
    for name, field in names.items():
        if name not in value and field.default is MISSING and field.default_factory is MISSING:
            raise _Mismatch(f"{where} has no {name}")
    for name in value:
        if name not in names:
            raise _Mismatch(f"{where} has an unknown field {name!r}")
    return kind(**{name: _built(types_of[name], item, f"{where}.{name}") for name, item in value.items()})


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    for kind in kinds:
        try:
            return _built(kind, value, where)
        except _Mismatch:
            continue
    raise _mismatch(where, value)
