"""The wording of messages: near misses, names that may hold anything, counts. Every message is one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near(word: str, known: Iterable[str]) -> str:
    """The end of an error message: '; did you mean a, b?' for known words spelt like `word`; '' when none is."""
    hits = difflib.get_close_matches(word, list(known), n=3, cutoff=0.6)
    return f"; did you mean {', '.join(hits)}?" if hits else ""


def shown(name: str) -> str:
    """A name as it stands in a message: what cannot be printed, line ends too, is escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)


def one_line(reason: object) -> str:
    """Another library's message, or error, on one line."""
    return " ".join(str(reason).split())


def counted(count: int, what: str) -> str:
    """'1 word', '2,000 words'."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
