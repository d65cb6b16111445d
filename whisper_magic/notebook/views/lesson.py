"""A lesson as text, and as HTML with its data and script. Without scripts, a table of its figures is shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from whisper_magic.notebook.views import tables
from whisper_magic.notebook.views.html import escaped, frame, heading
from whisper_magic.notebook.views.tables import Table
from whisper_magic.notebook.views.text import PLAIN, Style, printable


@dataclass(frozen=True)
class Content:
    """What a lesson shows.

    Attributes:
        kind: "race", "stepper", "lab" or "bench".
        title: of the whole.
        summary: its result, in a line.
        table: its figures, for text and for pages without scripts.
        data: for the page (frontend/src/lesson/protocol.ts).
    """

    kind: str
    title: str
    summary: str
    table: Table
    data: dict[str, Any]


def text(content: Content, style: Style = PLAIN) -> str:
    """Title, result, figures."""
    notes = [style.paint(printable(note), "dim") for note in content.data["notes"]]
    head = style.paint(printable(content.title), "bold") + style.paint(f" · {printable(content.summary)}", "dim")
    return "\n".join([head, "", tables.as_text(content.table, style), "", *notes])


def html(content: Content, script: str, anchor: str | None = None) -> str:
    """The lesson.

    Args:
        content: the lesson to show.
        script: the bundle of frontend/src/lesson/lesson.ts.
        anchor: id by which the widget finds it on a page with a kernel.
    """
    notes = "".join(f'<div class="wm-soft">{escaped(note)}</div>' for note in content.data["notes"])
    static = f"{heading(content.title, [content.summary])}{tables.as_html(content.table)}{notes}"
    page = {"kind": content.kind, "title": content.title, **content.data}
    data = json.dumps(page, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    inside = (
        f'<div class="wm-static">{static}</div>'
        f'<script type="application/json" class="wm-lesson-data">{data}</script>'
        f'<script type="module">{script.replace("</", "<" + chr(92) + "/")}</script>'
    )
    return frame(inside, content.title, "tables.css", anchor=anchor, lesson=content.kind)
