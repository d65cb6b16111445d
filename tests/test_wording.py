"""Parts of messages."""

from __future__ import annotations

import pytest

from whisper_magic.wording import counted, near, one_line, public, shown


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


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://host/a b/ü.mp3", "https://host/a b/ü.mp3"),
        ("http://user:secret@host:8000/x.mp3", "http://host:8000/x.mp3"),
        ("HTTP://secret@host/x@2.mp3", "HTTP://host/x@2.mp3"),
        ("http://user:se@cret@host/x.mp3", "http://host/x.mp3"),
        ("http://user:se/cr?e#t@host/x.mp3?a", "http://host/x.mp3?…"),
        ("https://s3/x.mp3?X-Amz-Signature=secret&X-Amz-Date=1#secret", "https://s3/x.mp3?…"),
        ("https://host/x.mp3#t=10", "https://host/x.mp3"),
        ("https://host?secret", "https://host?…"),
        ("ftp://user:secret@host", "ftp://host"),
        ("http://[::1]:80/x.mp3", "http://[::1]:80/x.mp3"),
        ("a@b?c#d.mp3", "a@b?c#d.mp3"),
    ],
)
def test_an_addresss_secrets_are_not_part_of_its_name(address: str, name: str) -> None:
    assert public(address) == name
    assert shown(address) == name


def test_counts_agree_with_their_noun() -> None:
    assert [counted(count, "word") for count in (0, 1, 2000)] == ["0 words", "1 word", "2,000 words"]
