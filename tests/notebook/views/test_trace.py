"""A trace: what is shown, to eyes and to ears."""

from __future__ import annotations

from tests.support.html import Page
from whisper_magic.notebook.views import trace as view
from whisper_magic.transcript import Round, Trace

ROUNDS = (
    Round(0, 4, (1, 2, 3), 3, 4, 0.001, 0.008, drafter="model", drafter_label="draft model"),
    Round(0, 8, (1, 2, 3), 1, 4, 0.003, 0.010, drafter="model", drafter_label="draft model"),
    Round(0, 10, (5,), 0, 4, 0.0, 0.006, drafter="ngram", drafter_label="n-gram drafter"),
    Round(0, 11, (), 0, 9, 0.0, 0.005),
)


def test_text_has_everything():
    lines = view.text(Trace(ROUNDS)).splitlines()
    assert lines[0] == "Trace · 8 tokens in 4 rounds · 2.00 tokens per round · 57% of 7 drafted tokens accepted"
    assert "   1 2  ████████████████████████" in lines
    assert "   3 0  ▏" in lines
    assert "   1 67%  ████████████████" in lines
    assert "   3 50%  ████████████" in lines
    assert [line.split("  ")[0] for line in lines[-3:]] == ["draft model", "n-gram drafter", "nothing proposed"]
    assert lines[-3].split()[2:] == ["2", "6", "67%", "3.00", "2.0", "ms", "9.0", "ms"]
    assert lines[-1].split()[2:] == ["1", "–", "–", "1.00", "0.0", "ms", "5.0", "ms"]


def test_html_has_everything():
    page = Page(view.html(Trace(ROUNDS)))
    assert page.text.startswith("Trace · 8 tokens in 4 rounds · 2.00 tokens per round")
    spoken = [value for name, value in page.attributes if name == "aria-label"]
    assert "Rounds by number of tokens written. 1: 2; 2: 1; 3: 0; 4: 1" in spoken
    assert "Accepted, by position in the draft. 1: 67%; 2: 50%; 3: 50%" in spoken
    assert page.tags.count("caption") == 1


def test_without_a_draft_there_is_one_chart():
    alone = Trace((Round(0, 4, (), 0, 9, 0.0, 0.005),))
    assert len(view.charts(alone)) == 1
    assert "accepted" not in view.line(alone)


def test_without_rounds_it_says_so():
    assert view.text(Trace()) == "Trace · 0 tokens in 0 rounds"
    assert "no rounds were recorded" in Page(view.html(Trace())).text


def test_it_is_one_line_inside_something_else():
    assert view.line(Trace(ROUNDS)) == (
        "<Trace: 8 tokens in 4 rounds, 2.00 tokens per round, 57% of 7 drafted tokens accepted>"
    )
