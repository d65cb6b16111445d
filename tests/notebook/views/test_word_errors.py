"""Word errors: what is shown, to eyes and to ears."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.support.html import Page
from whisper_magic.notebook.views import word_errors as view
from whisper_magic.notebook.views.text import Style


def test_text_has_everything(word_errors):
    lines = view.text(word_errors).splitlines()
    assert lines[0].startswith("Word error rate 16.7%: 3 errors in 18 words (1 substituted, 1 missing, 1 extra;")
    joined = " ".join(lines)
    assert "the quick brown [-box-] {+fox+} jumps over the {+lazy+} dog and" in joined
    assert "[-only in the reference-]  {+only in the transcript+}" in lines
    assert re.search(r"^00:01\.50 → 00:01\.90 +box +fox$", "\n".join(lines), re.MULTILINE)
    assert re.search(r"^00:03\.50 → 00:03\.90 +– +lazy$", "\n".join(lines), re.MULTILINE)


def test_html_has_everything(word_errors):
    page = Page(view.html(word_errors))
    assert page.text.startswith("Word error rate 16.7% · 3 of 18 words · 1 substituted · 1 missing · 1 extra")
    assert ("del", {"title": "00:01.50 → 00:01.90"}) in page.elements
    assert ("ins", {"title": "00:03.50 → 00:03.90"}) in page.elements
    assert page.tags.count("caption") == 1
    sheet = re.search(r"<style>(.*?)</style>", view.html(word_errors), re.DOTALL)[1]
    for element in ("del", "ins"):  # not by colour alone: a line, and words for those who listen
        assert re.search(rf"\.whisper-magic {element} {{ text-decoration: ", sheet)
        assert re.search(rf"{element}::before {{ content: ", sheet)


def test_without_differences_nothing_is_marked(spoken):
    same = spoken().wer(spoken().text)
    page = Page(view.html(same))
    assert "no differences" in page.text
    assert {"del", "ins", "table"}.isdisjoint(page.tags)
    assert "\n" not in view.text(same, Style(width=200))


def test_long_right_stretches_are_cut_to_their_ends(spoken):
    many = [f"w{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}" for i in range(400)]
    reference = many.copy()
    reference[200] = "other"
    shown = [word for stretch in view.in_context(spoken(many).wer(" ".join(reference))) for word in stretch.written]
    assert shown == ["…", *many[192:201], *many[201:209], "…"]


def test_many_differences_are_counted(spoken):
    found = spoken(["a", "b"] * 100).wer(" ".join(["a", "c"] * 100))
    assert "Differences, the first 50 of 100" in view.text(found)
    assert Page(view.html(found)).text.count("→") == 50


def test_one_line(word_errors):
    assert view.line(word_errors) == "<WordErrors 16.7%: 3 of 18 words>"


def test_unknown_times_are_a_dash(spoken):
    found = replace(spoken(), segments=()).wer("one")
    assert "–" in view.text(found)
    assert "None" not in view.html(found)
