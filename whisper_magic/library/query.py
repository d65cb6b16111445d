"""A search as it is typed -> a query of FTS5. Any text is a valid search, unless it only excludes words.

two hundred            both words, in any order
"two hundred"          the phrase
hund*                  words that begin so
*undre*                parts of words
two -three, two NOT three, two OR three
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from whisper_magic.errors import LibraryError

MIN_PART = 3  # characters of a part of a word that the trigram index finds
_TOKENS = re.compile(r'(?P<minus>-)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))(?P<star>\*)?')
# Scripts that are written without spaces: their words are parts of one long token.
_WORD = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u0331])*")  # with the accents that unicode61 takes for part of a letter
_NO_SPACES = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True)
class Term:
    """A word or phrase that is wanted.

    Attributes:
        words: Folded, without diacritics.
        prefix: Whether the last one may go on.
        typed: The words as they were typed, which the index folds in its own way: it leaves ß as it is, and ½.
    """

    words: tuple[str, ...]
    prefix: bool = False
    typed: str = ""

    def span(self, tokens: Sequence[tuple[str, int, int]]) -> tuple[int, int] | None:
        """The first and last character of its first place in a text, given that text's `tokens`."""
        count = len(self.words)
        for place in range(len(tokens) - count + 1):
            here = tokens[place : place + count]
            same = all(token[0] == word for token, word in zip(here[:-1], self.words, strict=False))
            last = here[-1][0]
            if same and (last.startswith(self.words[-1]) if self.prefix else last == self.words[-1]):
                return here[0][1], here[-1][2]
        return None


@dataclass(frozen=True)
class Query:
    """A query, in one of two forms.

    Attributes:
        words: For FTS5's index of words; "" where parts of words are looked for.
        part: Characters to find anywhere; "" else.
        terms: What is wanted, to mark it in a text.
    """

    words: str = ""
    part: str = ""
    terms: tuple[Term, ...] = ()

    def span(self, text: str) -> tuple[int, int]:
        """Where the first match begins and ends in a text; (-1, -1) where there is none."""
        if self.part:
            match = part_in(text, self.part)
            return match.span() if match else (-1, -1)
        words = tokens(text)
        spans = [span for term in self.terms if (span := term.span(words)) is not None]
        return min(spans, default=(-1, -1))


def part_in(text: str, part: str) -> re.Match[str] | None:
    """The first occurrence of a part of a word in a text, ignoring case."""
    return re.search(re.escape(part), text, re.IGNORECASE)


def tokens(text: str) -> list[tuple[str, int, int]]:
    """The words of a text as FTS5's unicode61 cuts and folds them, each with its first and last character."""
    return [(_folded(match[0]), *match.span()) for match in _WORD.finditer(text)]


def _folded(word: str) -> str:
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def parse(text: str, near: int | None = None, *, typing: bool = False) -> Query | None:
    """Parse a search.

    Args:
        text: As typed.
        near: All words within this many words of each other.
        typing: Whether the last word may still grow.

    Returns:
        The query; None where it asks for nothing.

    Raises:
        LibraryError: For a search that says only what is not wanted, or a distance below 1.
    """
    text = text.strip()
    if near is not None and near < 1:
        raise LibraryError(f"near is a number of words, at least 1, got {near}")
    if (part := _part(text)) is not None:
        return Query(part=part) if part else None
    positive, negative, joiner, wanted = list[Term](), list[Term](), " AND ", True
    matches = list(_TOKENS.finditer(text))
    for place, match in enumerate(matches):
        word = match["word"]
        if word == "NOT":
            wanted = False
            continue
        if word == "OR":
            joiner = " OR "
            continue
        if word == "AND":
            continue
        last = typing and place == len(matches) - 1 and match["phrase"] is None
        term = _term(match, prefix=last)
        if term is None:
            continue
        (positive if wanted and not match["minus"] else negative).append(term)
        wanted = True
    if not positive:
        if negative:
            raise LibraryError(f"the search {text!r} has only excluded words: add a word to find")
        return None
    terms = list(map(_written, positive))
    together = f"NEAR({' '.join(terms)}, {near})" if near is not None and len(terms) > 1 else joiner.join(terms)
    if negative:
        together = f"({together}) NOT ({' OR '.join(map(_written, negative))})"
    return Query(together, terms=tuple(positive))


def _part(text: str) -> str | None:
    """The part of a word that is searched for; None where whole words are."""
    text = text.replace("\0", "")  # FTS5 stops reading there
    if len(text) > 2 and text[0] == text[-1] == "*" and "*" not in text[1:-1]:
        return text[1:-1].strip()
    plain = text.strip('"*')
    return plain if _NO_SPACES.search(plain) and '"' not in plain else None


def _term(match: re.Match[str], prefix: bool) -> Term | None:
    text = match["phrase"] if match["phrase"] is not None else match["word"]
    star = match["star"] is not None or text.endswith("*")
    found_words = tokens(text)
    typed = " ".join(text[first:last] for _, first, last in found_words)
    return Term(tuple(word for word, _, _ in found_words), star or prefix, typed) if found_words else None


def _written(term: Term) -> str:
    """A term in FTS5's query language."""
    return f'"{term.typed}"{" *" if term.prefix else ""}'
