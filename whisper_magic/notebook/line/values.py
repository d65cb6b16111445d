"""The values of options, from text or from Python: each converter is an argparse type."""

from __future__ import annotations

import argparse
import keyword
import os
from collections.abc import Callable
from numbers import Integral
from typing import Any

from whisper_magic.notebook.line.scanner import ObjectArgument

Converter = Callable[[str], Any]


def _converter(convert: Callable[[Any], Any], expected: str) -> Converter:
    """An argparse type that takes the object of a `{...}` too, and names in an error what it expected."""

    def converted(text: str) -> Any:
        value = text.value if isinstance(text, ObjectArgument) else text
        if value is None:
            return None  # as if the option were not given: `Parser.parse` leaves it out
        try:
            return convert(value)
        except (TypeError, ValueError):
            raise argparse.ArgumentTypeError(f"{expected}, got {value!r}") from None

    return converted


def _text(value: Any) -> str:
    if not isinstance(value, str | os.PathLike):
        raise TypeError
    return os.fsdecode(value)


def _whole(value: Any) -> int:
    """An int, or a float that equals one, as numpy and pandas make them of whole columns."""
    if not isinstance(value, str) and value != int(value):
        raise ValueError
    return int(value)


def _seconds(value: Any) -> float:
    """Seconds, or h:mm:ss as a player shows them."""
    if not isinstance(value, str):
        return float(value)
    seconds = 0.0
    for part in value.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def _temperature(value: Any) -> float | tuple[float, ...]:
    """One temperature, or several with commas."""
    if not isinstance(value, str):
        return tuple(value) if isinstance(value, list | tuple) else float(value)
    temperatures = tuple(float(part) for part in value.split(","))
    return temperatures if len(temperatures) > 1 else temperatures[0]


def _token_ids(value: Any) -> int | tuple[int, ...]:
    """One token id, or several with commas."""
    if not isinstance(value, str):
        return int(value) if isinstance(value, Integral) else tuple(map(_whole, value))
    return tuple(map(_whole, value.split(",")))


def _clips(value: Any) -> tuple[tuple[float, float], ...]:
    """from-to, several with commas; each time as `_seconds` takes it."""
    parts = [part.split("-") for part in value.split(",")] if isinstance(value, str) else value
    return tuple((_seconds(first), _seconds(last)) for first, last in parts)


def _draft_length(value: Any) -> int | str:
    return "auto" if isinstance(value, str) and value == "auto" else _whole(value)


def _channel(value: Any) -> str | int:
    return int(value) if str(value).isdigit() else str(value)


def _variable(value: Any) -> str:
    if not str(value).isidentifier() or keyword.iskeyword(str(value)):
        raise ValueError
    return str(value)


text = _converter(_text, "this takes text")
whole = _converter(_whole, "this takes a whole number")
seconds = _converter(_seconds, "this takes seconds or h:mm:ss")
temperature = _converter(_temperature, "this takes a number, or several with commas")
token_ids = _converter(_token_ids, "this takes token ids with commas, or -1")
clips = _converter(_clips, "this takes from-to in seconds or h:mm:ss, several with commas")
draft_length = _converter(_draft_length, "this takes a whole number or auto")
channel = _converter(_channel, "this takes a channel")
variable = _converter(_variable, "this takes a variable's name")
