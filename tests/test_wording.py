"""Parts of messages."""

from __future__ import annotations

from whisper_magic.wording import counted, near, one_line, shown


def test_near_words() -> None:
    assert near("langage", ["language", "task"]) == "; did you mean language?"
    assert near("xyz", ["language", "task"]) == ""


def test_the_nearest_word_comes_first_of_three_at_most() -> None:
    known = ["start", "stars", "stark", "stare", "task"]
    hits = near("start", known).removeprefix("; did you mean ").removesuffix("?").split(", ")
    assert hits[0] == "start"
    assert len(hits) == 3


def test_messages_of_others_on_one_line() -> None:
    assert one_line(ValueError(" two\n lines ")) == "two lines"


def test_names_show_what_cannot_be_printed() -> None:
    assert shown("a\nb\x1b[31m\udce9ü —.wav") == r"a\nb\x1b[31m\udce9ü —.wav"


def test_counts_agree_with_their_noun() -> None:
    assert [counted(count, "word") for count in (0, 1, 2000)] == ["0 words", "1 word", "2,000 words"]
