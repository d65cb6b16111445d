"""HTML parts shared by all views: self-contained and escaped. Nothing is fetched, and only `embedded` has a script.

The structure is readable without the style sheet (untrusted notebooks, GitHub).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files

from whisper_magic.notebook.views.text import printable

_BASE = "base.css"


def frame(content: str, label: str, *sheets: str, anchor: str | None = None, lesson: str | None = None) -> str:
    """The outermost element of a view, with its style sheet.

    Args:
        content: HTML.
        label: name of the view for screen readers, as text.
        sheets: files in static/ that the view needs in addition to the base.
        anchor: id of the widget that replaces the view on a page with a kernel.
        lesson: its kind, for a view whose own script draws it (frontend/src/lesson/lesson.ts).
    """
    style = f"<style>{''.join(css(sheet) for sheet in (_BASE, *sheets))}</style>"
    place = "" if anchor is None else f' data-whisper-player="{escaped(anchor)}"'
    place += "" if lesson is None else f' data-whisper-lesson="{escaped(lesson)}"'
    return f'<div class="whisper-magic" role="group" aria-label="{escaped(label)}"{place}>{style}{content}</div>'


@cache
def css(sheet: str) -> str:
    """A file in static/, without its opening comment."""
    text = files("whisper_magic.notebook.views").joinpath(f"static/{sheet}").read_text("utf-8")
    return text.partition("*/")[2].strip()


def escaped(text: str) -> str:
    """Text as HTML, on one line and without control characters."""
    return escape(printable(text), quote=True)


def side_by_side(parts: Iterable[str]) -> str:
    """HTML parts on one line, separated by the style sheet, or by dots without one."""
    return '<span class="wm-or"> · </span>'.join(parts)


def heading(title: str, details: Iterable[str], warning: str | None = None) -> str:
    """A view's first line, as HTML.

    Args:
        title: text, in bold.
        details: texts, in a softer colour.
        warning: highlighted text at the end.
    """
    shown = escaped(title)
    parts = [f'<span class="wm-source" dir="auto" title="{shown}">{shown}</span>']
    parts += [f'<span class="wm-soft">{escaped(detail)}</span>' for detail in details]
    if warning:
        parts.append(f'<span class="wm-warn">{escaped(warning)}</span>')
    return f'<div class="wm-head">{side_by_side(parts)}</div>'
