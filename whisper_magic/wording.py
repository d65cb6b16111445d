"""Parts of error messages: near misses, names, other libraries' messages, counts. Every message is one line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*://)(.*)", re.ASCII | re.IGNORECASE | re.DOTALL)


def near(word: str, known: Iterable[str]) -> str:
    """The end of an error message: '; did you mean a, b?', or '' if no known word is similar to `word`.

    Args:
        word: the word that was written.
        known: the words that could have been meant.
    """
    hits = difflib.get_close_matches(word, dict.fromkeys(known), n=3, cutoff=0.6)
    return f"; did you mean {', '.join(hits)}?" if hits else ""


def shown(name: str) -> str:
    """A file's or source's name for a message, without secrets; unprintable characters and line ends are escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in public(name))


def public(name: str) -> str:
    """A source's name without the secret parts of a URL: user name, password, and the query, which may hold a token or
    signature. Other names are returned unchanged."""
    address = ADDRESS.fullmatch(name)
    if address is None:
        return name
    scheme, rest = address.groups()
    authority = _authority(rest)
    if "@" not in authority and "@" in rest and ":" in authority and not authority.rpartition(":")[2].isdigit():
        rest = rest.rpartition("@")[2]  # no port: it is a password in which / ? or # was not written as %2F %3F %23
        authority = _authority(rest)
    path, mark, _ = rest[len(authority) :].partition("?")
    return f"{scheme}{authority.rpartition('@')[2]}{path.partition('#')[0]}{'?…' if mark else ''}"


def _authority(rest: str) -> str:
    return re.split("[/?#]", rest, maxsplit=1)[0]


def one_line(reason: object) -> str:
    """An error, or another library's message, on one line."""
    return " ".join(str(reason).split())


def counted(count: int, what: str) -> str:
    """A number with its noun in English: '1 word', '2,000 words'."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
