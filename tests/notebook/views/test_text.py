"""Text that fits a terminal."""

from __future__ import annotations

import random

import pytest

from whisper_magic.notebook.views.text import PLAIN, Style, display_width, printable, shorten, wrap


def test_control_characters_are_replaced():
    assert printable("a\tb\nc\x1b[2J\x07\ud800") == "a b c�[2J��"


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("你好", 4), ("e\u0301", 1), ("a\u200bb", 2)])
def test_display_width_counts_columns(text, width):
    assert display_width(text) == width


@pytest.mark.parametrize(("text", "width", "short"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("a bcd", 3, "a…")])
def test_shortened_text_ends_in_an_ellipsis(text, width, short):
    assert shorten(text, width) == short


def test_wide_characters_are_not_cut_in_half():
    assert shorten("你好你好", 4) == "你…"
    assert wrap("你" * 11, 10) == ["你" * 5, "你" * 5, "你"]


def test_wrapped_lines_fit_and_lose_nothing():
    dice = random.Random(3)
    for _ in range(300):
        text = " ".join("".join(dice.choice("ab你é") for _ in range(dice.randrange(1, 30))) for _ in range(8))
        lines = wrap(text, 20)
        assert all(display_width(line) <= 20 for line in lines)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_colour_is_only_for_terminals():
    assert PLAIN.paint("x", "bold") == "x"
    assert Style(colour=True).paint("x", "bold", "blue") == "\x1b[1;34mx\x1b[0m"
    assert Style(colour=True).paint("", "bold") == ""
