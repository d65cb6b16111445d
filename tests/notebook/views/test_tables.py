"""Views of comparisons and of word errors: what they say, to eyes and to ears."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.support import fake_engine
from tests.support.fake_engine import APART
from whisper_magic.comparison import Candidate
from whisper_magic.notebook.views import comparison as render_compare
from whisper_magic.notebook.views import tables
from whisper_magic.notebook.views import word_errors as render_score
from whisper_magic.notebook.views.tables import Table
from whisper_magic.notebook.views.text import Style, display_width
from whisper_magic.transcript import Models, Segment, Transcript, Word

COLOUR = Style(width=88, colour=True)
NASTY = '</style></td><script>alert(1)</script>"><img src=x onerror=1>\x1b[2J\r\n\x07'
TEXT = "the quick brown fox jumps over the lazy dog and sits by the long wide river to rest"


class Outline(HTMLParser):
    """The tags of a piece of HTML with their attributes, and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(html)
        self.close()
        assert self.open == [], "a tag is never closed"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)
        self.words.append("" if tag in ("span", "b", "i", "del", "ins") else " ")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    def count(self, tag):
        return sum(found == tag for found, _ in self.tags)

    @property
    def text(self):
        return " ".join("".join(self.words).split())


def spoken(words=()):
    """A word every half second."""
    words = words or TEXT.split()
    said = tuple(Word(f" {word}", i / 2, i / 2 + 0.4, 1.0) for i, word in enumerate(words))
    segment = Segment(0, len(words) / 2, " ".join(words), words=said)
    return Transcript((segment,), "de", "transcribe", len(words) / 2, "talk.mp3")


def errors():
    return spoken().wer(TEXT.replace("fox", "box").replace("lazy ", "").replace("rest", "rest here"))


@pytest.fixture
def apart():
    return fake_engine.comparison("talk.mp3", divergence=APART)


# -- comparisons -------------------------------------------------------------------------------------------------------


def test_a_comparison_as_text():
    lines = render_compare.render(fake_engine.comparison("talk.mp3")).splitlines()
    assert lines[0] == "talk.mp3 · 0:20 · the target alone against drafts of 5 tokens by small-draft"
    assert lines[2] == "Identical: all 212 tokens in 2 windows are the target's own."
    assert lines[3] == "Speculation is 1.68 times as fast here (1.60 to 1.76 in 3 pairs of runs)."
    cells = [re.split(r"  +", line) for line in lines[5:]]
    assert cells[0] == ["Median of 3 runs each, in turns"]
    assert cells[1] == ["", "target alone", "speculative"]
    assert ["total", "2.1 s", "1.25 s"] in cells
    assert ["shortest to longest", "2 s to 2.2 s", "1.25 s to 1.25 s"] in cells
    assert ["draft", "–", "200 ms"] in cells
    assert ["tokens a pass", "1.00", "3.00"] in cells
    assert ["drafted tokens accepted", "–", "67%"] in cells
    assert not [row for row in cells if row[0] == "align"]
    assert lines[-1] == "big-model + small-draft · cpu · float32 · sdpa"


def test_a_comparison_as_html():
    page = Outline(render_compare.render_html(fake_engine.comparison("talk.mp3")))
    assert page.text.startswith(
        "talk.mp3 · 0:20 · the target alone against drafts of 5 tokens by small-draft ✓ Identical:"
    )
    assert "Speculation is 1.68 times as fast here (1.60 to 1.76 in 3 pairs of runs)." in page.text
    assert page.count("table") == page.count("caption") == 1
    headings = [attributes["scope"] for tag, attributes in page.tags if tag == "th"]
    assert headings[:2] == ["col", "col"]
    assert set(headings[2:]) == {"row"}
    assert ("div", {"class": "wm-lanes", "aria-hidden": "true"}) in page.tags
    assert page.tags[0][1]["aria-label"] == "Comparison on talk.mp3"


def test_a_single_pair_shows_no_spread():
    shown = render_compare.render(fake_engine.comparison("talk.mp3", repeats=1))
    assert "One run each, after one to warm up" in shown
    assert "shortest to longest" not in shown


def test_a_difference_shows_both_tokens(apart):
    text = render_compare.render(apart)
    assert "Not identical: 90 tokens agree, then token 5 of window 2 differs, 0.001 apart: a" in text
    assert re.search(r"^target alone +“ sea” +12\.2500$", text, re.MULTILINE)
    assert re.search(r"^speculative +“ see” +12\.2490$", text, re.MULTILINE)
    assert "The window's text before it: “We went down to the”" in text
    page = Outline(render_compare.render_html(apart))
    assert "⚑ Not identical: 90 tokens agree" in page.text
    assert "The first difference: window 2, token 5" in page.text
    assert page.count("table") == 2


def test_a_difference_without_logits(apart):
    ended = replace(apart, divergence=replace(APART, speculative=None, gap=None, before="", temperature=0.4))
    text = render_compare.render(ended)
    assert re.search(r"^speculative +nothing$", text, re.MULTILINE)
    assert "window 2, token 5, at temperature 0.4" in text
    assert "It is the window's first token." in text


def test_slower_is_said():
    slow = fake_engine.comparison("talk.mp3", alone=fake_engine.FAST, speculative=fake_engine.ALONE)
    assert "Speculation is slower here: 0.68 times the speed (0.62 to 0.72 in 3 pairs of runs)" in (
        " ".join(render_compare.render(slow).split())
    )
    assert "Speculation is slower here" in render_compare.render_html(slow)


def test_a_comparison_inside_something_else(shell, apart):
    bundle, _ = shell.display_formatter.format([fake_engine.comparison("a.mp3"), apart])
    assert bundle["text/plain"] == (
        "[<Comparison a.mp3: identical, 1.68 times as fast>,\n"
        " <Comparison talk.mp3: not identical, 1.68 times as fast>]"
    )


# -- word errors -------------------------------------------------------------------------------------------------------


def test_word_errors_as_text():
    lines = render_score.render(errors()).splitlines()
    assert lines[0].startswith("Word error rate 16.7%: 3 errors in 18 words (1 substituted, 1 missing, 1 extra;")
    joined = " ".join(lines)
    assert "the quick brown [-box-] {+fox+} jumps over the {+lazy+} dog and" in joined
    assert "[-only in the reference-]  {+only in the transcript+}" in lines
    assert re.search(r"^00:01\.50 → 00:01\.90 +box +fox$", "\n".join(lines), re.MULTILINE)
    assert re.search(r"^00:03\.50 → 00:03\.90 +– +lazy$", "\n".join(lines), re.MULTILINE)


def test_word_errors_as_html():
    page = Outline(render_score.render_html(errors()))
    assert page.text.startswith("Word error rate 16.7% · 3 of 18 words · 1 substituted · 1 missing · 1 extra")
    assert ("del", {"title": "00:01.50 → 00:01.90"}) in page.tags
    assert ("ins", {"title": "00:03.50 → 00:03.90"}) in page.tags
    assert page.count("caption") == 1
    sheet = re.search(r"<style>(.*?)</style>", render_score.render_html(errors()), re.DOTALL)[1]
    for element in ("del", "ins"):  # not by colour alone: a line, and words for those who listen
        assert re.search(rf"\.whisper-magic {element} {{ text-decoration: ", sheet)
        assert re.search(rf"{element}::before {{ content: ", sheet)


def test_without_differences_nothing_is_marked():
    page = Outline(render_score.render_html(spoken().wer(TEXT)))
    assert "no differences" in page.text
    assert page.count("del") == page.count("ins") == page.count("table") == 0
    assert "\n" not in render_score.render(spoken().wer(TEXT), Style(width=200))


def test_long_right_stretches_are_cut_to_their_ends():
    many = [f"w{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}" for i in range(400)]
    reference = many.copy()
    reference[200] = "other"
    shown = [
        word for stretch in render_score.in_context(spoken(many).wer(" ".join(reference))) for word in stretch.written
    ]
    assert shown == ["…", *many[192:201], *many[201:209], "…"]


def test_many_differences_are_counted():
    found = spoken(["a", "b"] * 100).wer(" ".join(["a", "c"] * 100))
    assert "What differs, the first 50 of 100" in render_score.render(found)
    assert Outline(render_score.render_html(found)).text.count("→") == 50


def test_a_score_inside_something_else(shell):
    bundle, _ = shell.display_formatter.format([errors()])
    assert bundle["text/plain"] == "[<WordErrors 16.7%: 3 of 18 words>]"
    assert set(shell.display_formatter.format(errors())[0]) == {"text/plain", "text/html"}


def test_unknown_times_are_a_dash():
    found = replace(spoken(), segments=()).wer("one")
    assert "–" in render_score.render(found)
    assert "None" not in render_score.render_html(found)


# -- both --------------------------------------------------------------------------------------------------------------


def nasty():
    made = fake_engine.comparison(NASTY, divergence=APART, models=Models(NASTY, NASTY, NASTY, "float32", NASTY))
    candidate = Candidate(3, NASTY, 1.0)
    return replace(made, divergence=replace(APART, before=NASTY, alone=candidate), notes=(NASTY,))


def test_html_in_names_and_texts_is_text():
    score = replace(errors(), normalizer=NASTY, stretches=(replace(errors().stretches[1], reference=(NASTY,)),))
    for html in (render_compare.render_html(nasty()), render_score.render_html(score)):
        page = Outline(html)
        assert not {"script", "img", "a", "link", "iframe"} & {tag for tag, _ in page.tags}
        assert not any(name.startswith("on") or name in ("src", "href") for _, found in page.tags for name in found)
        assert "<script>alert(1)</script>" in page.text
        assert "url(" not in html
        assert "@import" not in html


@pytest.mark.parametrize("style", [Style(), COLOUR, Style(width=40)])
def test_no_control_character_reaches_the_terminal(style):
    score = replace(errors(), stretches=(replace(errors().stretches[1], reference=(NASTY,)),))
    for shown in (render_compare.render(nasty(), style), render_score.render(score, style)):
        left = re.sub(r"\x1b\[[\d;]+m", "", shown) if style.colour else shown
        assert not any(ord(char) < 32 and char != "\n" for char in left)


def test_every_style_rule_is_ours(apart):
    sheet = re.search(r"<style>(.*?)</style>", render_compare.render_html(apart), re.DOTALL)[1]
    selectors = [one for rule in re.findall(r"([^{}]+)\{[^}]*\}", sheet) for one in rule.split(",")]
    assert all(selector.strip().startswith(".whisper-magic") for selector in selectors)


def test_colour_is_only_colour(apart):
    for view, made in (
        (render_compare, apart),
        (render_compare, fake_engine.comparison("x")),
        (render_score, errors()),
    ):
        assert re.sub(r"\x1b\[[\d;]+m", "", view.render(made, COLOUR)) == view.render(made)


@pytest.mark.parametrize("numbers", [True, False])
def test_a_table_keeps_to_the_width(numbers):
    table = Table("caption", ("", "one", "two"), (("name", "你好" * 40, "x" * 50), ("other", "1", "2")), numbers)
    lines = tables.as_text(table, Style(width=60)).splitlines()
    assert max(map(display_width, lines)) <= 60
    assert lines[2].count("…") == 2
