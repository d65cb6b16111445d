"""The hits of a search as text, as HTML and on one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whisper_magic.notebook.views import facts
from whisper_magic.notebook.views.html import escaped, frame, heading
from whisper_magic.notebook.views.text import PLAIN, Style, display_width, printable, shorten, shorten_middle

if TYPE_CHECKING:
    from whisper_magic.library.search import Hits

MANY = 200  # hits in a page without a kernel


def text(hits: Hits, style: Style = PLAIN) -> str:
    """One line per hit: recording, time, text."""
    names = [printable(facts.name(hit.name)) for hit in hits]
    widest = min(max(map(display_width, names), default=0), style.width // 3)
    lines = [style.paint(summary(hits), "bold")]
    for name, hit in zip(names, hits, strict=True):
        short = shorten_middle(name, widest)
        time = f"  {facts.clock(hit.start, hit.start >= 3600)}  "
        words = shorten(printable(hit.before + hit.match + hit.after), max(10, style.width - widest - len(time)))
        lines.append(short + " " * (widest - display_width(short)) + style.paint(time, "dim") + words)
    return "\n".join(lines)


def html(hits: Hits, anchor: str | None = None) -> str:
    """The same as HTML.

    Args:
        hits: the hits to show.
        anchor: id of the explorer that replaces this view on a page with a kernel.
    """
    rows = "".join(
        f'<div class="wm-segment" role="listitem"><span class="wm-source" dir="auto" title="{escaped(hit.name)}">'
        f"{escaped(facts.name(hit.name))}</span> <time>{facts.clock(hit.start, hit.start >= 3600)}</time> "
        f'<span class="wm-speech wm-hit" dir="auto">{escaped(hit.before)}<b>{escaped(hit.match)}</b>'
        f"{escaped(hit.after)}</span></div>"
        for hit in hits[:MANY]
    )
    body = f'<div class="wm-body" role="group" aria-label="Hits" tabindex="0"><div role="list">{rows}</div></div>'
    head = heading(summary(hits), [])
    return frame(head + (body if hits else ""), summary(hits), "library.css", anchor=anchor)


def line(hits: Hits) -> str:
    """One line, for hits inside a container."""
    return f"<Hits: {summary(hits)}>"


def summary(hits: Hits) -> str:
    """'12 hits for “two hundred”'."""
    count = f"the first {len(hits):,} hits" if hits.more else f"{len(hits):,} hit{'' if len(hits) == 1 else 's'}"
    return f"{count} for “{printable(hits.query)}”" if hits else f"no hits for “{printable(hits.query)}”"
