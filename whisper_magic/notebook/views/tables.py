"""Small tables for all views, as text in columns and as accessible HTML."""

from __future__ import annotations

from dataclasses import dataclass

from whisper_magic.notebook.views.html import escaped
from whisper_magic.notebook.views.text import PLAIN, Style, display_width, printable, shorten


@dataclass(frozen=True)
class Table:
    """A small table.

    Attributes:
        caption: title of the table.
        head: a name for each column.
        rows: cells, the first of which names the row.
        numbers: whether the other columns are numbers, which are aligned on the right, or text.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: bool = True


def as_text(table: Table, style: Style = PLAIN) -> str:
    """Caption, column names and rows; cells are shortened if the line would be too long."""
    lines = [[printable(cell) for cell in row] for row in (table.head, *table.rows)]
    widths = [max(display_width(cell) for cell in column) for column in zip(*lines, strict=True)]
    remaining = style.width - 2 * (len(widths) - 1) - widths[0]
    widths[1:] = [min(width, remaining // max(1, len(widths) - 1)) for width in widths[1:]]
    head, *rows = (_text_line(row, widths, table.numbers) for row in lines)
    named = [style.paint(row[: widths[0]], "dim") + row[widths[0] :] if style.colour else row for row in rows]
    return "\n".join([style.paint(printable(table.caption), "dim"), style.paint(head, "bold"), *named])


def _text_line(cells: list[str], widths: list[int], numbers: bool) -> str:
    parts = []
    for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        shown = shorten(cell, width)
        pad = " " * (width - display_width(shown))
        parts.append(pad + shown if numbers and place else shown + pad)
    return "  ".join(parts).rstrip()


def as_html(table: Table) -> str:
    """A table with a caption, and a scope for every heading."""
    kind = "wm-table wm-numbers" if table.numbers else "wm-table"
    head = "".join(f'<th scope="col">{escaped(name)}</th>' if name else "<td></td>" for name in table.head)
    rows = "".join(_html_row(row) for row in table.rows)
    caption = f"<caption>{escaped(table.caption)}</caption>"
    whole = f'<table class="{kind}">{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return f'<div class="wm-scroll">{whole}</div>'


def _html_row(row: tuple[str, ...]) -> str:
    name, *cells = (escaped(cell) for cell in row)
    rest = "".join(f'<td dir="auto">{cell}</td>' for cell in cells)
    return f'<tr><th scope="row">{name}</th>{rest}</tr>'
