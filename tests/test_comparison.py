"""The figures of a comparison."""

from __future__ import annotations

from typing import Any

import pytest

from whisper_magic.comparison import Candidate, Comparison, Divergence, Runs
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Models, Round, Timing, Trace

APART = Divergence(1, 4, 0.0, 90, " by the", Candidate(3, " sea", 12.25), Candidate(4, " see", 12.249), 0.001, True)


def comparison(target_only: list[float], speculative: list[float], **fields: Any) -> Comparison:
    """One with these totals, in seconds."""
    slow = tuple(Timing(prefill=0.1 * total, verify=0.8 * total, total=total) for total in target_only)
    fast = tuple(Timing(draft=0.5 * total, verify=0.3 * total, total=total) for total in speculative)
    return Comparison(
        source="talk.mp3",
        duration=30.0,
        options=TranscribeOptions(draft="model"),
        models=Models("big", "small"),
        target_only=Runs(slow, Trace()),
        speculative=Runs(fast, Trace((Round(0, 4, (7, 8, 9), 2, 5),))),
        tokens=212,
        windows=2,
        **fields,
    )


def test_medians_are_taken_phase_by_phase() -> None:
    runs = Runs((Timing(read=1, verify=5, total=9), Timing(read=2, verify=4, total=7), Timing(total=8)), Trace())
    assert runs.median == Timing(read=1, verify=4, total=8)
    assert (runs.seconds(), runs.seconds("verify")) == (8.0, 4.0)
    assert runs.spread == (7, 9)


def test_speed_ups_are_of_pairs_and_of_medians() -> None:
    found = comparison([2, 2.2, 2], [1, 1, 1])
    assert found.speed_ups == pytest.approx((2.0, 2.2, 2.0))
    assert found.speed_up == pytest.approx(2.0)


def test_without_a_divergence_the_tokens_are_identical() -> None:
    assert comparison([1], [1]).identical
    assert not comparison([1], [1], divergence=APART).identical


def test_in_plain_python_it_prints_one_line() -> None:
    line = "Comparison(source='talk.mp3', identical=True, speed_up=2.00, tokens=212, windows=2)"
    assert str(comparison([2], [1])) == repr(comparison([2], [1])) == line
    assert "identical=False" in str(comparison([2], [1], divergence=APART))
