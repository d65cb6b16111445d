"""Expanded arguments -> what to transcribe: paths and globs are spread, lists are opened, URLs pass through."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from glob import glob, has_magic
from numbers import Real
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError

from whisper_magic.library.entries import natural
from whisper_magic.notebook.line.scanner import ObjectArgument
from whisper_magic.wording import public

_MAX_LABEL = 48


@dataclass(frozen=True)
class Source:
    """One thing to transcribe.

    Attributes:
        value: what the engine takes.
        label: its name in messages and file names.
        listed: whether it came of a pattern or a collection, which give a list, also of one.
    """

    value: Any
    label: str
    listed: bool = False


def find_sources(arguments: Iterable[str], namespace: Mapping[str, Any]) -> list[Source]:
    """Every source that these arguments name, in order; the files of a glob are sorted.

    Args:
        arguments: as `expand` returned them.
        namespace: variables, to recognise one that was written without braces.

    Raises:
        UsageError: for a glob that matches nothing, an empty list, or a variable written without braces.
    """
    return [source for argument in arguments for source in _of_argument(argument, namespace)]


def _of_argument(argument: str, namespace: Mapping[str, Any]) -> Iterator[Source]:
    if not isinstance(argument, ObjectArgument):
        yield from _of_text(argument, namespace)
    elif _is_collection(argument.value):
        yield from _of_collection(argument)
    else:
        yield from _of_value(argument.value, label_of(argument))


def _of_value(value: Any, label: str) -> Iterator[Source]:
    if isinstance(value, str):
        yield from _of_text(value, {})
    elif isinstance(value, Mapping) and "audio" in value:  # a whole row of a `datasets` table
        yield from _of_value(value["audio"], label)
    elif isinstance(value, os.PathLike):
        yield Source(value, os.fspath(value))
    else:
        yield Source(value, label)


def _of_collection(argument: ObjectArgument) -> Iterator[Source]:
    name = label_of(argument)
    any_value = False
    for index, value in enumerate(argument.value):
        any_value = True
        yield from (replace(source, listed=True) for source in _of_value(value, f"{name}[{index}]"))
    if not any_value:
        raise UsageError(f"{argument.written} is empty: there is nothing to transcribe")


def _of_text(text: str, namespace: Mapping[str, Any]) -> Iterator[Source]:
    if "://" in text:
        yield Source(text, public(text))
        return
    path = os.path.expanduser(text)  # noqa: PTH111 (Path.expanduser raises for a user who does not exist)
    there = os.path.exists(path)  # noqa: PTH110 (Path.exists raises for a name that is too long)
    if has_magic(path) and not there:
        paths = glob(path, recursive=True)  # noqa: PTH207 (Path.glob refuses absolute patterns)
        matches = sorted((match for match in paths if Path(match).is_file()), key=natural)
        if not matches:
            raise UsageError(f"no file matches {text} (in {Path.cwd()})")
        yield from (Source(match, match, listed=True) for match in matches)
        return
    refuse_variable(text, namespace)
    yield Source(path, path)


def refuse_variable(text: str, namespace: Mapping[str, Any]) -> None:
    """Raises UsageError for the name of a variable that was written without braces."""
    if text in namespace and not os.path.exists(os.path.expanduser(text)):  # noqa: PTH110, PTH111 (as above)
        raise UsageError(f"no file is called {text!r}; for the Python variable write {{{text}}}")


def label_of(argument: ObjectArgument) -> str:
    """What an object is called in messages: as it stands on the line."""
    name = argument.written.strip("{}$ ")
    return name if len(name) <= _MAX_LABEL else f"{name[: _MAX_LABEL - 1]}…"


def _is_collection(value: Any) -> bool:
    """Whether `value` holds several sources, rather than being one: text, bytes, a row, a file object, samples with
    or without their rate."""
    if isinstance(value, str | bytes | bytearray | memoryview | Mapping | os.PathLike) or hasattr(value, "read"):
        return False
    if hasattr(value, "__array__"):
        return str(getattr(value, "dtype", "")) in ("object", "str", "string")  # a pandas column of paths
    if isinstance(value, tuple) and len(value) == 2 and any(isinstance(part, Real) for part in value):
        return False
    if isinstance(value, list | tuple) and value and isinstance(value[0], Real):
        return False  # samples without a rate: the loader raises
    return isinstance(value, Iterable)
