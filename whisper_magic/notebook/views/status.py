"""The status of an engine as text, as HTML and on one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from whisper_magic.notebook.views import facts
from whisper_magic.notebook.views.html import escaped, frame
from whisper_magic.notebook.views.text import PLAIN, Style, printable, wrap

if TYPE_CHECKING:
    from whisper_magic.engine.engine import EngineStatus

_MOST_LANGUAGES = 12
_INDENT = 12  # columns


def text(status: EngineStatus, style: Style = PLAIN) -> str:
    """The target, and a line for each property of the loaded engine."""
    lines = [style.paint(printable(status.target), "bold")]
    for name, value in _facts(status):
        first, *rest = wrap(printable(value), style.width - _INDENT) or [""]
        lines += [style.paint(f"  {name:<10}", "dim") + first, *(" " * _INDENT + part for part in rest)]
    return "\n".join(lines)


def html(status: EngineStatus) -> str:
    """The same as HTML."""
    pairs = "".join(
        f'<div class="wm-fact"><span class="wm-soft">{escaped(name)}</span> <span>{escaped(value)}</span></div>'
        for name, value in _facts(status)
    )
    return frame(f'<div class="wm-source">{escaped(status.target)}</div>{pairs}', status.target)


def line(status: EngineStatus) -> str:
    """One line, for a status inside a container."""
    return repr(status)


def _facts(status: EngineStatus) -> Sequence[tuple[str, str]]:
    """(name, value) for each property of the loaded engine."""
    every = (
        ("draft", status.draft or "none: the target alone"),
        ("device", ", ".join(facts.placement(status.device, status.dtype, status.attention))),
        ("memory", _size(status.memory_bytes)),
        ("languages", _languages(status.languages)),
        ("loaded in", facts.took(status.load_seconds)),
        *(("note", note) for note in status.notes),
    )
    return [(name, value) for name, value in every if value]


def _size(count: int) -> str:
    return f"{count / 1e6:,.0f} MB" if count < 1e9 else f"{count / 1e9:.2f} GB"


def _languages(codes: Sequence[str]) -> str:
    more = len(codes) - _MOST_LANGUAGES
    return ", ".join(codes[:_MOST_LANGUAGES]) + (f" and {more} more" if more > 0 else "")
