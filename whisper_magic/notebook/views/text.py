"""Text parts shared by all views: wrapped to the terminal's width and coloured in a terminal; not coloured in the plain
text of a notebook's output. Control characters in file names and transcripts are removed.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_ANSI = {"bold": "1", "dim": "2", "blue": "34", "yellow": "33"}


@dataclass(frozen=True)
class Style:
    """The layout of text.

    Attributes:
        width: columns.
        colour: whether ANSI escape codes are written.
    """

    width: int = 88
    colour: bool = False

    def paint(self, text: str, *names: str) -> str:
        """Text in the given styles: bold, dim, blue, yellow."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_ANSI[name] for name in names)}m{text}\x1b[0m"


PLAIN = Style()


def printable(text: str) -> str:
    """`text` on one line, without control characters."""
    return "".join(
        " " if char.isspace() else "�" if unicodedata.category(char) in ("Cc", "Cs") else char for char in text
    )


def display_width(text: str) -> int:
    """Terminal columns: East Asian wide characters take two, combining marks none."""
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def shorten(text: str, width: int) -> str:
    """`text` cut to at most `width` columns, ending in … if it was cut."""
    if display_width(text) <= width:
        return text
    kept, remaining = "", width - 1
    for char in text:
        remaining -= _columns(char)
        if remaining < 0:
            break
        kept += char
    return kept.rstrip() + "…"


def shorten_middle(text: str, width: int) -> str:
    """`text` cut in the middle to at most `width` columns. More of the end is kept, because names differ there."""
    if display_width(text) <= width:
        return text
    beginning = shorten(text, max(width // 3, 1))
    end = shorten(text[::-1], width - display_width(beginning) + 1)[:-1][::-1]
    return beginning + end


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns, broken at spaces. Longer words, and scripts without spaces, are cut."""
    width = max(width, 10)
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if display_width(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        *full, line = _cut(word, width)
        lines += full
    return [*lines, line] if line else lines


def _cut(word: str, width: int) -> list[str]:
    parts, used = [""], 0
    for char in word:
        if used + _columns(char) > width:
            parts.append("")
            used = 0
        parts[-1] += char
        used += _columns(char)
    return parts
