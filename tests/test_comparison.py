"""What is said of a comparison: is the text the same, and does speculation pay here?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from whisper_magic import TranscribeOptions
from whisper_magic.comparison import Candidate, Comparison, Divergence, Runs
from whisper_magic.transcript import Models, Round, Timing, Trace


def comparison(alone: list[float], speculative: list[float], **fields: Any) -> Comparison:
    slow = tuple(Timing(verify=0.8 * total, total=total) for total in alone)
    fast = tuple(Timing(draft=0.5 * total, verify=0.3 * total, total=total) for total in speculative)
    made: dict[str, Any] = {
        "source": "talk.mp3",
        "duration": 30.0,
        "options": TranscribeOptions(draft="model"),
        "models": Models("big", "small"),
        "tokens": 212,
        "windows": 2,
    }
    drafted = Trace((Round(0, 4, (7, 8, 9), 2, 5),))
    return Comparison(alone=Runs(slow, Trace()), speculative=Runs(fast, drafted), **{**made, **fields})


@pytest.mark.parametrize(
    ("alone", "speculative", "sentence"),
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
def test_the_verdict(alone: list[float], speculative: list[float], sentence: str) -> None:
    assert comparison(alone, speculative).verdict == sentence


def test_without_drafts_there_is_nothing_to_gain() -> None:
    bare = comparison([1, 1], [1, 0.5])
    bare = replace(bare, speculative=replace(bare.speculative, trace=Trace((Round(0, 4, (), 0, 5),))))
    assert bare.verdict == (
        "Nothing was drafted here, so that nothing can be gained: "
        "1.33 times the speed (1.00 to 2.00 in 2 pairs of runs)."
    )


def test_exactness_in_words() -> None:
    assert comparison([1], [1], tokens=1, windows=1).exactness == (
        "Identical: the only token in 1 window is the target's own."
    )
    apart = Divergence(1, 4, 0.0, 90, " by the", Candidate(3, " sea", 12.25), Candidate(4, " see", 12.249), 0.001, True)
    assert str(comparison([1], [1], divergence=apart)).splitlines()[:2] == [
        "Not identical: 90 tokens agree, then token 5 of window 2 differs, 0.001 apart: a near-tie in float32.",
        "There the target alone writes “ sea” (logit 12.2500), speculation “ see” (logit 12.2490).",
    ]
    ended = replace(apart, agreed=1, speculative=None, gap=None, near_tie=False)
    assert str(comparison([1], [1], divergence=ended)).splitlines()[:2] == [
        "Not identical: 1 token agrees, then token 5 of window 2 differs.",
        "There the target alone writes “ sea” (logit 12.2500), speculation nothing.",
    ]


def test_the_rejection_rule_is_no_fault() -> None:
    drawn = Divergence(0, 2, 0.8, 2, " a", Candidate(3, " b", 1.0), Candidate(4, " c", 2.0), 1.0, False)
    options = TranscribeOptions(draft="model", temperature=0.8, acceptance="rejection")
    said = comparison([1], [1], divergence=drawn, options=options).exactness
    assert said.endswith("The rejection rule keeps the distribution of samples, not the samples.")
