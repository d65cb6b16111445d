"""Parts of messages: near misses, names, other libraries' messages, counts. Every message is one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near(word: str, known: Iterable[str]) -> str:
    """The end of an error message: '; did you mean a, b?', or '' where no known word is spelt like `word`.

    Args:
        word: what was written.
        known: what could have been meant.
    """
    hits = difflib.get_close_matches(word, dict.fromkeys(known), n=3, cutoff=0.6)
    return f"; did you mean {', '.join(hits)}?" if hits else ""


def shown(name: str) -> str:
    """A file's or source's name for a message: characters that cannot be printed, line ends too, are escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)


def one_line(reason: object) -> str:
    """An error, or another library's message, on one line."""
    return " ".join(str(reason).split())


def counted(count: int, what: str) -> str:
    """A number with its noun in English: '1 word', '2,000 words'."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
