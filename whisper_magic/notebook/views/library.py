"""A library as text, as HTML and on one line: its totals and its first recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whisper_magic.library.columns import EXPLORER, Column, Row, first_rows
from whisper_magic.notebook.views import facts
from whisper_magic.notebook.views.html import escaped, frame, heading
from whisper_magic.notebook.views.text import PLAIN, Style, display_width, printable, shorten, shorten_middle
from whisper_magic.scoring import percent

if TYPE_CHECKING:
    from whisper_magic.library.library import Library

FEW, MANY = 10, 200  # rows in a terminal, and in a page without a kernel
OPENING = 160  # characters of a text
SHOWN = tuple(column for column in EXPLORER if column.width and column.sql)
NUMBERS = ("duration", "share", "rate", "number")  # kinds


def text(library: Library, style: Style = PLAIN) -> str:
    """Totals, and the first recordings, one per line."""
    rows = first_rows(library.store, FEW)
    names = [printable(facts.name(row.name)) for row in rows]
    widest = min(max(map(display_width, names), default=0), style.width // 3)
    lines = [
        style.paint(printable(facts.name(str(library.path))), "bold") + style.paint(f" · {summary(library)}", "dim")
    ]
    for name, row in zip(names, rows, strict=True):
        short = shorten_middle(name, widest)
        figures = f"  {facts.length(row.duration or 0.0):>7}  {row.language or '':<3} "
        opening = shorten(printable(row.text or ""), max(10, style.width - widest - len(figures)))
        lines.append(short + " " * (widest - display_width(short)) + style.paint(figures, "dim") + opening)
    if (more := len(library) - len(rows)) > 0:
        lines.append(style.paint(f"and {more:,} more", "dim"))
    return "\n".join(lines)


def html(library: Library, anchor: str | None = None) -> str:
    """The same as HTML, with more recordings.

    Args:
        library: the library to show.
        anchor: id of the explorer that replaces this view on a page with a kernel.
    """
    rows, total = first_rows(library.store, MANY), len(library)
    head = heading(facts.name(str(library.path)), [summary(library)])
    scored = any(row.wer is not None for row in rows)
    columns = [column for column in SHOWN if scored or not column.scored]
    headings = "".join(
        f'<div role="columnheader" class="{"wm-number" if column.kind in NUMBERS else "wm-soft"}">{column.label}</div>'
        for column in columns
    )
    body = "".join(
        f'<div role="row" class="wm-tr">{"".join(_cell(column, row) for column in columns)}</div>' for row in rows
    )
    tracks = " ".join(column.width for column in columns)
    table = f'<div role="row" class="wm-tr wm-th">{headings}</div>{body}'
    shown = f'<div role="table" aria-label="Recordings" class="wm-table" style="--wm-tracks: {tracks}">{table}</div>'
    box = f'<div class="wm-body" role="group" aria-label="Recordings" tabindex="0">{shown}</div>'
    foot = f"the first {len(rows):,} of {total:,}" if total > len(rows) else ""
    below = f'<div class="wm-soft">{escaped(foot)}</div>' if foot else ""
    return frame(f"{head}{box}{below}", f"Library {facts.name(str(library.path))}", "library.css", anchor=anchor)


def line(library: Library) -> str:
    """One line, for a library inside a container."""
    return f"<Library {printable(str(library.path))}: {summary(library)}>"


def summary(library: Library) -> str:
    """'500 recordings, 1.2 h, word error rate 10.4%'."""
    held = library.summary()
    count, rate = held.totals.recordings, held.word_error_rate
    parts = [f"{count:,} recording{'' if count == 1 else 's'}", facts.length(held.totals.seconds)]
    parts += [f"word error rate {percent(rate)}"] if rate is not None else []
    parts += [f"{held.failures:,} unreadable"] if held.failures else []
    return ", ".join(parts)


def _cell(column: Column, row: Row) -> str:
    value = getattr(row, column.name)
    match column.kind:
        case "name":
            return _div("wm-source", facts.name(value), f' dir="auto" title="{escaped(value)}"')
        case "duration":
            return _div("wm-number", facts.length(value or 0.0))
        case "share" | "rate":
            return _div("wm-number", "" if value is None else f"{value:.0%}")
        case "number":
            return _div("wm-number", "" if value is None else f"{value:,}")
        case "text":
            nothing = "not transcribed" if value is None else "no speech"
            opening = value[:OPENING] + "…" if value and len(value) > OPENING else value
            return _div("", opening or nothing, ' dir="auto"')
        case "warnings":
            return _div("wm-warn", ", ".join(value))
        case "tags":
            return _div("wm-soft", ", ".join(value))
        case _:
            return _div("", "" if value is None else str(value))


def _div(style: str, text: str, attributes: str = "") -> str:
    styled = f' class="{style}"' if style else ""
    return f'<div role="cell"{styled}{attributes}>{escaped(text)}</div>'
