"""A library as text, as HTML and on one line: its totals and its first recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whisper_magic.notebook.views import facts
from whisper_magic.notebook.views.html import escaped, frame, heading
from whisper_magic.notebook.views.text import PLAIN, Style, display_width, printable, shorten, shorten_middle
from whisper_magic.scoring import percent

if TYPE_CHECKING:
    from whisper_magic.library.library import Library

FEW, MANY = 10, 200  # rows in a terminal, and in a page without a kernel
OPENING = 160  # characters of a text
NUMBERS = ("length", "confidence", "WER")


def text(library: Library, style: Style = PLAIN) -> str:
    """Totals, and the first recordings, one per line."""
    rows = _first_rows(library, FEW)
    names = [printable(facts.name(row["name"])) for row in rows]
    widest = min(max(map(display_width, names), default=0), style.width // 3)
    lines = [
        style.paint(printable(facts.name(str(library.path))), "bold") + style.paint(f" · {summary(library)}", "dim")
    ]
    for name, row in zip(names, rows, strict=True):
        short = shorten_middle(name, widest)
        figures = f"  {facts.length(row['duration'] or 0.0):>7}  {' '.join(row['language']):<3} "
        opening = shorten(printable(row["text"]), max(10, style.width - widest - len(figures)))
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
    rows, total = _first_rows(library, MANY), len(library)
    head = heading(facts.name(str(library.path)), [summary(library)])
    scored = any(row["wer"] is not None for row in rows)
    names = ["name", "length", "language", "text", "flags", "confidence", *(["WER"] if scored else []), "tags"]
    columns = "".join(
        f'<div role="columnheader" class="{"wm-number" if name in NUMBERS else "wm-soft"}">{name}</div>'
        for name in names
    )
    body = "".join(f'<div role="row" class="wm-tr">{_cells(row, scored)}</div>' for row in rows)
    table = f'<div role="row" class="wm-tr wm-th">{columns}</div>{body}'
    shown = f'<div role="table" aria-label="Recordings" class="wm-table{" wm-scored" if scored else ""}">{table}</div>'
    box = f'<div class="wm-body" role="group" aria-label="Recordings" tabindex="0">{shown}</div>'
    foot = f"the first {len(rows):,} of {total:,}" if total > len(rows) else ""
    below = f'<div class="wm-soft">{escaped(foot)}</div>' if foot else ""
    return frame(f"{head}{box}{below}", f"Library {facts.name(str(library.path))}", "library.css", anchor=anchor)


def line(library: Library) -> str:
    """One line, for a library inside a container."""
    return f"<Library {printable(str(library.path))}: {summary(library)}>"


def summary(library: Library) -> str:
    """'500 recordings, 1.2 h, word error rate 10.4%'."""
    count, seconds = library.store.query("SELECT count(*), total(duration) FROM recording")[0]
    errors, words = library.store.query(
        """SELECT total(word_errors), total(word_count)
           FROM (SELECT word_errors, word_count, max(id) FROM transcript GROUP BY recording) WHERE word_count > 0"""
    )[0]  # of each recording's newest transcript: a row's other columns are those of its max
    failed = library.store.query("SELECT count(*) FROM source WHERE error IS NOT NULL")[0][0]
    parts = [f"{count:,} recording{'' if count == 1 else 's'}", facts.length(seconds)]
    parts += [f"word error rate {percent(errors / words)}"] if words else []
    parts += [f"{failed:,} unreadable"] if failed else []
    return ", ".join(parts)


def _first_rows(library: Library, count: int) -> list[dict[str, Any]]:
    from whisper_magic.library.rows import first_rows  # numpy: not at %load_ext

    return first_rows(library.store, count)


def _cells(row: dict[str, Any], scored: bool) -> str:
    name = escaped(facts.name(row["name"]))
    opening = row["text"][:OPENING] + ("…" if len(row["text"]) > OPENING else "")
    flags = ", ".join(row["flag"])
    nothing = "not transcribed" if row["transcript"] is None else "no speech"
    cells = [
        f'<div role="cell" class="wm-source" dir="auto" title="{escaped(row["name"])}">{name}</div>',
        f'<div role="cell" class="wm-number">{facts.length(row["duration"] or 0.0)}</div>',
        f'<div role="cell">{escaped(" ".join(row["language"]))}</div>',
        f'<div role="cell" dir="auto">{escaped(opening) or nothing}</div>',
        f'<div role="cell" class="wm-warn">{escaped(flags)}</div>',
        f'<div role="cell" class="wm-number">{_percent(row["confidence"])}</div>',
        *([f'<div role="cell" class="wm-number">{_percent(row["wer"])}</div>'] if scored else []),
        f'<div role="cell" class="wm-soft">{escaped(", ".join(row["tag"]))}</div>',
    ]
    return "".join(cells)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"
