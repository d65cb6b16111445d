"""A hook of mkdocs: the table of formats, where a page has the comment `formats`."""

from __future__ import annotations

from typing import Any

from whisper_magic.formats import WRITERS

COMMENT = "<!-- formats -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with the table."""
    return markdown.replace(COMMENT, table())


def table() -> str:
    """A row per writer."""
    rows = (f"| `.{writer.name}` | {writer.summary} |" for writer in WRITERS.values())
    return "\n".join(["| extension | content |", "|---|---|", *rows])
