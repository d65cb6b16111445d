"""What people type -> a query; anything can be typed."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator

import pytest

from whisper_magic.errors import LibraryError
from whisper_magic.library.query import Query, Term, parse, tokens


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("two", '"two"'),
        ("two hundred", '"two" AND "hundred"'),
        ("two AND hundred", '"two" AND "hundred"'),
        ('"two hundred"', '"two hundred"'),
        ('"two hundred', '"two hundred"'),
        ('"two-hundred, and" five', '"two hundred and" AND "five"'),
        ("hund*", '"hund" *'),
        ('"two hund"*', '"two hund" *'),
        ('"two hund*"', '"two hund" *'),
        ("two OR three", '"two" OR "three"'),
        ("two -three", '("two") NOT ("three")'),
        ("two NOT three -four", '("two") NOT ("three" OR "four")'),
        ('two -"three four"', '("two") NOT ("three four")'),
        ("well-known", '"well known"'),
        ("it's", '"it s"'),
        ("or not", '"or" AND "not"'),  # operators are written in capitals
        ("two !!! three", '"two" AND "three"'),
        ("Straße", '"Straße"'),
        ("col:two {x} ^y (z) +a", '"col two" AND "x" AND "y" AND "z" AND "a"'),
        ("NEAR(two three, 5)", '"NEAR two" AND "three" AND "5"'),
    ],
)
def test_words(text: str, words: str) -> None:
    query = parse(text)
    assert query is not None
    assert (query.words, query.part) == (words, "")


@pytest.mark.parametrize(
    "text", ["", "  ", '"', '""', "*", "**", "***", "* *", "-", "AND", "OR", "NOT", "!?", "\ud800", "\0"]
)
def test_what_asks_for_nothing(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("text", ["-two", "NOT two", 'NOT "two three"', "-a -b"])
def test_only_what_is_not_wanted(text: str) -> None:
    with pytest.raises(LibraryError, match="has only excluded words: add a word to find"):
        parse(text)


def test_near() -> None:
    for text, near, words in (
        ("two three", 4, 'NEAR("two" "three", 4)'),
        ("two", 4, '"two"'),
        ("two thr* -four", 1, '(NEAR("two" "thr" *, 1)) NOT ("four")'),
    ):
        query = parse(text, near)
        assert query is not None
        assert query.words == words
    for near in (0, -1):
        with pytest.raises(LibraryError, match="near is a number of words, at least 1, got"):
            parse("two three", near)


def test_while_it_is_typed_the_last_word_may_grow() -> None:
    for text, words in (("two thr", '"two" AND "thr" *'), ('two "thr"', '"two" AND "thr"'), ("two -thr", None)):
        query = parse(text, typing=True)
        assert query is not None
        assert query.words == (words or '("two") NOT ("thr" *)')


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("*undre*", "undre"),
        ("*o h*", "o h"),
        ("*a*", "a"),
        ("两百", "两百"),
        ('"东京"', "东京"),
        ("东京*", "东京"),
        ("ประเทศ", "ประเทศ"),
    ],
)
def test_parts_of_words(text: str, part: str) -> None:
    assert parse(text) == Query(part=part)


def test_tokens_are_folded_and_know_their_places() -> None:
    assert tokens(" Café, ÜBER cafe\u0301s_2½") == [
        ("cafe", 1, 5),
        ("uber", 7, 11),
        ("cafes", 12, 18),
        ("2½".replace("½", "1\u20442"), 19, 21),
    ]


def test_spans() -> None:
    text = " Two hundred and two Cafés"
    for words, span in (
        ("hundred", (5, 12)),
        ('"and two"', (13, 20)),
        ("caf*", (21, 26)),
        ("cafes", (21, 26)),
        ("two hundred", (1, 4)),
        ("three OR and", (13, 16)),
        ("three", (-1, -1)),
        ("*UNDRE*", (6, 11)),
        ("*x*", (-1, -1)),
    ):
        query = parse(words)
        assert query is not None
        assert query.span(text) == span, words
    assert Term(("two", "x"), typed="two x").span([]) is None


# Anything typed is harmless


@pytest.fixture
def index() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:")
    made.execute("CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'unicode61 remove_diacritics 2')")
    made.execute("INSERT INTO words VALUES ('two hundred')")
    yield made
    made.close()


def test_fts5_understands_whatever_is_typed(index: sqlite3.Connection) -> None:
    dice = random.Random(3)
    pieces = ['"', "*", "-", "AND", "OR", "NOT", "NEAR(", ")", "(", "a", 'a"b', "^", ":", "+", ",", "{", "}", "'", "\\"]
    pieces += [
        "%",
        "_",
        "ß",
        "ﬁ",
        "½",
        "é",
        "\u0301",
        "İ",
        "𝕏",
        "🎧",
        "\u202e",
        "\0",
        "\ud800",
        "हिन्दी",
        "한국어",
        " ",
        " ",
    ]
    for _ in range(3000):
        text = "".join(dice.choice(pieces) for _ in range(dice.randrange(1, 9)))
        for near, typing in ((None, False), (None, True), (3, False)):
            try:
                query = parse(text, near, typing=typing)
            except LibraryError:
                continue
            if query is not None and query.words:
                index.execute("SELECT rowid FROM words WHERE words MATCH ?", (query.words,)).fetchall()
                query.span("two hundred")
