"""HTML that every view is built of: self-contained, escaped, nothing is fetched, and no scripts but that of `embedded`.

The structure reads well where the style is taken away (untrusted notebooks, GitHub).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files

from whisper_magic.notebook.views.text import printable

_BASE = "base.css"


def frame(content: str, label: str, *sheets: str, anchor: str | None = None, lesson: str | None = None) -> str:
    """The outermost element of a view, with the style that belongs to it.

    Args:
        content: HTML.
        label: text, what a screen reader calls the view.
        sheets: files of static/ that the view needs besides the base.
        anchor: of the widget that takes the view's place on a page with a kernel.
        lesson: its kind, for a view whose own script draws it (frontend/src/lesson/lesson.ts).
    """
    style = f"<style>{''.join(css(sheet) for sheet in (_BASE, *sheets))}</style>"
    place = "" if anchor is None else f' data-whisper-player="{escaped(anchor)}"'
    place += "" if lesson is None else f' data-whisper-lesson="{escaped(lesson)}"'
    return f'<div class="whisper-magic" role="group" aria-label="{escaped(label)}"{place}>{style}{content}</div>'


@cache
def css(sheet: str) -> str:
    """A file of static/, without the comment that opens it."""
    text = files("whisper_magic.notebook.views").joinpath(f"static/{sheet}").read_text("utf-8")
    return text.partition("*/")[2].strip()


def escaped(text: str) -> str:
    """Text as HTML, on one line, without control characters."""
    return escape(printable(text), quote=True)


def side_by_side(parts: Iterable[str]) -> str:
    """HTML parts on one line: the style sets them apart, and dots do where there is no style."""
    return '<span class="wm-or"> · </span>'.join(parts)


def heading(title: str, details: Iterable[str], warning: str | None = None) -> str:
    """A view's first line, as HTML.

    Args:
        title: text, in bold.
        details: text, each softer.
        warning: text that stands out, after them.
    """
    shown = escaped(title)
    parts = [f'<span class="wm-source" dir="auto" title="{shown}">{shown}</span>']
    parts += [f'<span class="wm-soft">{escaped(detail)}</span>' for detail in details]
    if warning:
        parts.append(f'<span class="wm-warn">{escaped(warning)}</span>')
    return f'<div class="wm-head">{side_by_side(parts)}</div>'
