"""Formatting shared by all views: times, lengths, speed, names, models."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import get_args

from whisper_magic.options import Attention
from whisper_magic.transcript import Models, Timing

_ATTENTIONS = get_args(Attention)


def clock(seconds: float, hours: bool = False) -> str:
    """An exact position: mm:ss.cc, or h:mm:ss.cc from one hour on or if `hours` is true."""
    hundredths = round(max(0.0, seconds) * 100)
    minutes, hundredths = divmod(hundredths, 6000)
    tail = f"{hundredths // 100:02d}.{hundredths % 100:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{tail}" if hours or minutes >= 60 else f"{minutes:02d}:{tail}"


def length(seconds: float, of: float | None = None) -> str:
    """A duration as players show it: m:ss or h:mm:ss.

    Args:
        seconds: the duration.
        of: the total of which it is a part, in seconds. Tenths of a second are shown if the total is below ten.
    """
    if (seconds if of is None else of) < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def took(seconds: float) -> str:
    """A wall time, with three digits."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 99.95 else f"{seconds:.0f} s"


def speed(timing: Timing) -> str | None:
    """The real-time factor with three digits; None if it was not measured."""
    if not timing.total or not timing.audio:
        return None
    if timing.rtfx >= 99.95:
        return f"{timing.rtfx:.0f}×"
    return f"{timing.rtfx:.3g}×" if timing.rtfx >= 1 else f"{timing.rtfx:.2f}×"


def name(source: str) -> str:
    """A source's name for a heading; a long absolute path is cut to its end."""
    parts = source.split("/")
    return f"…/{'/'.join(parts[-2:])}" if source.startswith("/") and len(parts) > 4 else source


def models(models: Models) -> str:
    """The models and their placement."""
    names = models.target if models.draft is None else f"{models.target} + {models.draft}"
    return f"{names} · {' · '.join(placement(models.device, models.dtype, models.attention))}"


def run(target: str, dtype: str, options: str) -> str:
    """The models and options of a library's run, on one line.

    Args:
        target: name of the target.
        dtype: of its weights.
        options: the options that affect the text, as JSON.
    """
    chosen = {key: value for key, value in json.loads(options).items() if (key, value) != ("mode", "sequential")}
    others = ", ".join(f"{key}={value}" for key, value in chosen.items())
    return " · ".join(part for part in (name(target), dtype, others) if part)


def placement(device: str, dtype: str, attention: str) -> Iterable[str]:
    """Where models run: device, dtype, and the implementation of attention, such as "sdpa attention".

    Args:
        device: with its name or threads.
        dtype: of the weights.
        attention: one of `options.Attention`, or the name of kernels that also compute attention.
    """
    return device, dtype, f"{attention} attention" if attention in _ATTENTIONS else attention
