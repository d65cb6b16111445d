"""Fenced blocks of a Markdown page, with what an HTML comment above each says of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
PAGES = (README, CONTRIBUTING, *sorted((ROOT / "docs").glob("*.md")))

_BLOCK = re.compile(
    r"^(?:<!-- (?P<marker>[\w ]+) -->\n)?^```(?P<kind>\w*)[^\n]*\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """marker: "needs network", "raises UsageError", or ''. kind: the language of the fence."""

    page: Path
    line: int
    kind: str
    code: str
    marker: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path, *kinds: str) -> Iterator[Block]:
    """The blocks of these kinds, or all of them, in order."""
    text = page.read_text("utf-8")
    for found in _BLOCK.finditer(text):
        if not kinds or found["kind"] in kinds:
            line = text.count("\n", 0, found.start("code"))
            yield Block(page, line, found["kind"], found["code"], found["marker"] or "")
