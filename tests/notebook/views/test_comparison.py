"""A comparison, in sentences, as text and as HTML."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.support import fake_engine
from tests.support.fake_engine import APART
from tests.support.html import Page
from whisper_magic.comparison import Candidate, Comparison, Divergence, Runs
from whisper_magic.notebook.views import comparison as view
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Models, Round, Timing, Trace


@pytest.fixture
def apart():
    return fake_engine.comparison("talk.mp3", divergence=APART)


def timed(target_only, speculative, **fields):
    """A comparison with these totals."""
    slow = tuple(Timing(verify=0.8 * total, total=total) for total in target_only)
    fast = tuple(Timing(draft=0.5 * total, verify=0.3 * total, total=total) for total in speculative)
    drafted = Trace((Round(0, 4, (7, 8, 9), 2, 5),))
    made = {"options": TranscribeOptions(draft="model"), "tokens": 212, "windows": 2, **fields}
    runs = {"target_only": Runs(slow, Trace()), "speculative": Runs(fast, drafted)}
    return Comparison(source="talk.mp3", duration=30.0, models=Models("big", "small"), **runs, **made)


# -- sentences ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target_only", "speculative", "sentence"),
    [
        ([2, 2.2, 2], [1, 1, 1], "Speculation is 2.00 times as fast here (2.00 to 2.20 in 3 pairs of runs)."),
        ([2], [1], "Speculation is 2.00 times as fast here (one pair of runs)."),
        (
            [1, 1, 1],
            [1.25, 0.8, 1],
            "Speculation makes no clear difference here: 1.00 times the speed (0.80 to 1.25 in 3 pairs of runs).",
        ),
        (
            [1, 1],
            [2, 2],
            "Speculation is slower here: 0.50 times the speed (0.50 to 0.50 in 2 pairs of runs); "
            "drafting takes 1 s and saves 0.2 s of the target's passes.",
        ),
        (
            [1],
            [4],
            "Speculation is slower here: 0.25 times the speed (one pair of runs); "
            "drafting takes 2 s, and the target's passes take 0.4 s more.",
        ),
    ],
)
def test_the_verdict(target_only, speculative, sentence):
    assert view.verdict(timed(target_only, speculative)) == sentence


def test_without_drafts_there_is_nothing_to_gain():
    bare = timed([1, 1], [1, 0.5])
    bare = replace(bare, speculative=replace(bare.speculative, trace=Trace((Round(0, 4, (), 0, 5),))))
    assert view.verdict(bare) == (
        "No tokens were drafted, so that there is no gain: 1.33 times the speed (1.00 to 2.00 in 2 pairs of runs)."
    )


@pytest.mark.parametrize(
    ("tokens", "windows", "sentence"),
    [
        (212, 2, "Identical: all 212 tokens in 2 windows are the target's own."),
        (1, 1, "Identical: the only token in 1 window is the target's own."),
        (0, 1, "Identical: both texts are empty."),
    ],
)
def test_equal_tokens_in_a_sentence(tokens, windows, sentence):
    assert view.exactness(timed([1], [1], tokens=tokens, windows=windows)) == sentence


def test_different_tokens_in_a_sentence():
    assert view.exactness(timed([1], [1], divergence=APART)) == (
        "Not identical: 90 tokens agree, then token 5 of window 2 differs, 0.001 apart: a near-tie in float32."
    )
    ended = replace(APART, agreed=1, speculative=None, gap=None, near_tie=False)
    sentence = "Not identical: 1 token agrees, then token 5 of window 2 differs."
    assert view.exactness(timed([1], [1], divergence=ended)) == sentence


def test_a_target_that_does_not_repeat_itself_is_named():
    unsteady = timed([1], [1], unsteady=True)
    assert view.exactness(unsteady).endswith(" But the tokens of the target alone differ between runs.")


def test_rejection_sampling_is_no_fault():
    sampled = Divergence(0, 2, 0.8, 2, " a", Candidate(3, " b", 1.0), Candidate(4, " c", 2.0), 1.0, False)
    options = TranscribeOptions(draft="model", temperature=0.8, acceptance="rejection")
    sentence = view.exactness(timed([1], [1], divergence=sampled, options=options))
    assert sentence.endswith("Rejection sampling preserves the distribution of samples, not the samples.")


# -- in full -----------------------------------------------------------------------------------------------------------


def test_text_has_everything():
    lines = view.text(fake_engine.comparison("talk.mp3")).splitlines()
    assert lines[0] == "talk.mp3 · 0:20 · the target alone against drafts of 5 tokens by small-draft"
    assert lines[2] == "Identical: all 212 tokens in 2 windows are the target's own."
    assert lines[3] == "Speculation is 1.68 times as fast here (1.60 to 1.76 in 3 pairs of runs)."
    cells = [re.split(r"  +", line) for line in lines[5:]]
    assert cells[0] == ["Median of 3 runs each, interleaved"]
    assert cells[1] == ["", "target alone", "speculative"]
    assert ["total", "2.1 s", "1.25 s"] in cells
    assert ["shortest to longest", "2 s to 2.2 s", "1.25 s to 1.25 s"] in cells
    assert ["draft", "–", "200 ms"] in cells
    assert ["tokens per pass", "1.00", "3.00"] in cells
    assert ["drafted tokens accepted", "–", "67%"] in cells
    assert not [row for row in cells if row[0] == "align"]
    assert lines[-1] == "big-model + small-draft · cpu · float32 · sdpa attention"


def test_html_has_everything():
    page = Page(view.html(fake_engine.comparison("talk.mp3")))
    assert page.text.startswith(
        "talk.mp3 · 0:20 · the target alone against drafts of 5 tokens by small-draft ✓ Identical:"
    )
    assert "Speculation is 1.68 times as fast here (1.60 to 1.76 in 3 pairs of runs)." in page.text
    assert page.tags.count("table") == page.tags.count("caption") == 1
    headings = [attributes["scope"] for tag, attributes in page.elements if tag == "th"]
    assert headings[:2] == ["col", "col"]
    assert set(headings[2:]) == {"row"}
    assert ("div", {"class": "wm-lanes", "aria-hidden": "true"}) in page.elements
    assert page.elements[0][1]["aria-label"] == "Comparison on talk.mp3"


@pytest.mark.parametrize(
    ("options", "drafts"),
    [
        ({"draft": "model", "draft_length": "auto"}, "drafts of automatic length by small-draft"),
        ({"draft": "ngram"}, "drafts of 5 tokens from n-grams"),
    ],
)
def test_the_heading_names_the_drafter(options, drafts):
    made = replace(fake_engine.comparison("talk.mp3"), options=TranscribeOptions(**options))
    assert view.text(made).splitlines()[0].endswith(f"the target alone against {drafts}")


def test_a_single_pair_shows_no_spread():
    shown = view.text(fake_engine.comparison("talk.mp3", repeats=1))
    assert "One run each, after a warm-up run" in shown
    assert "shortest to longest" not in shown


def test_a_difference_shows_both_tokens(apart):
    text = view.text(apart)
    assert "Not identical: 90 tokens agree, then token 5 of window 2 differs, 0.001 apart: a" in text
    assert re.search(r"^target alone +“ sea” +12\.2500$", text, re.MULTILINE)
    assert re.search(r"^speculative +“ see” +12\.2490$", text, re.MULTILINE)
    assert "The window's text before it: “We went down to the”" in text
    page = Page(view.html(apart))
    assert "⚑ Not identical: 90 tokens agree" in page.text
    assert "The first difference: window 2, token 5" in page.text
    assert page.tags.count("table") == 2


def test_a_difference_without_logits(apart):
    ended = replace(apart, divergence=replace(APART, speculative=None, gap=None, before="", temperature=0.4))
    text = view.text(ended)
    assert re.search(r"^speculative +nothing$", text, re.MULTILINE)
    assert "window 2, token 5, at temperature 0.4" in text
    assert "It is the window's first token." in text


def test_slower_is_named():
    slow = fake_engine.comparison("talk.mp3", target_only=fake_engine.FAST, speculative=fake_engine.SLOW)
    assert "Speculation is slower here: 0.68 times the speed (0.62 to 0.72 in 3 pairs of runs)" in (
        " ".join(view.text(slow).split())
    )
    assert "Speculation is slower here" in view.html(slow)


def test_one_line(apart):
    assert view.line(fake_engine.comparison("a.mp3")) == "<Comparison a.mp3: identical, 1.68 times as fast>"
    assert view.line(apart) == "<Comparison talk.mp3: not identical, 1.68 times as fast>"
