"""The formulas: against closed forms, against dice, and against one another."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from whisper_magic.engine.runtime.pass_cost import PassCost
from whisper_magic.lessons.theory import (
    MACHINES,
    MAX_LENGTH,
    Machine,
    best_length,
    break_even,
    expected_tokens,
    pass_seconds,
    roofline_speedup,
    speedup,
)
from whisper_magic.options import MAX_DRAFT_LENGTH

LENGTHS = range(MAX_LENGTH + 1)
ROUNDS = 100_000
SIGMAS = 4.5  # dice are thrown from a fixed seed: what passes once passes always

# Round numbers: a pass of the target takes one 10.5 s of reading, the other 20 s of arithmetic.
SLOW_READER = Machine("slow reader", bandwidth=1_000, flops=100_000)
SLOW_MULTIPLIER = Machine("slow multiplier", bandwidth=1_000_000, flops=100)
TARGET = PassCost(weight_bytes=10_000, row_bytes=500, token_flops=2_000)
DRAFT = PassCost(weight_bytes=1_000, row_bytes=100, token_flops=300)


@pytest.mark.parametrize("acceptance", [0.0, 0.1, 0.5, 0.8, 0.99])
@pytest.mark.parametrize("length", LENGTHS)
def test_one_acceptance_gives_the_geometric_sum(acceptance: float, length: int) -> None:
    closed = (1 - acceptance ** (length + 1)) / (1 - acceptance)  # Leviathan et al. 2023, equation 1
    assert expected_tokens(acceptance, length) == pytest.approx(closed)


@pytest.mark.parametrize("length", LENGTHS)
def test_the_ends_are_exact(length: int) -> None:
    assert expected_tokens(1.0, length) == expected_tokens(1, length) == length + 1
    assert expected_tokens(0.0, length) == expected_tokens(0, length) == 1
    assert isinstance(expected_tokens(1, length), float)


@pytest.mark.parametrize("acceptance", [(0.3,) * 5, (0.8,) * 7, (0.9, 0.7, 0.5, 0.3), (0.0, 1.0), (1.0, 0.5, 0.0, 1.0)])
def test_dice_agree(acceptance: tuple[float, ...]) -> None:
    thrown = np.random.default_rng(0).random((ROUNDS, len(acceptance))) < acceptance
    written = 1 + np.cumprod(thrown, axis=1).sum(axis=1)  # up to the first that is rejected, and the target's own
    error = written.std() / math.sqrt(ROUNDS)
    assert abs(expected_tokens(acceptance, len(acceptance)) - written.mean()) <= SIGMAS * error


def test_the_last_acceptance_stands_for_the_places_behind_it() -> None:
    assert expected_tokens((0.5,), 4) == expected_tokens(0.5, 4)
    assert expected_tokens((0.9, 0.5), 4) == expected_tokens((0.9, 0.5, 0.5, 0.5), 4)
    assert expected_tokens((0.9, 0.5, 0.1), 1) == expected_tokens(0.9, 1), "places that are not drafted do not count"
    assert expected_tokens((), 4) == 1, "nothing was ever accepted"
    assert expected_tokens(np.array([0.9, 0.5]), 2) == pytest.approx(1 + 0.9 + 0.45)


@pytest.mark.parametrize("acceptance", [-0.1, 1.1, math.nan, math.inf, (0.5, 1.5), (0.5, -1.0), [math.nan]])
def test_an_acceptance_is_a_probability(acceptance: float | tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="acceptance is a probability, 0 to 1, got"):
        expected_tokens(acceptance, 3)


def test_a_draft_has_no_negative_length() -> None:
    with pytest.raises(ValueError, match="a draft has 0 tokens or more, got -1"):
        expected_tokens(0.5, -1)


def test_the_longest_draft_is_that_of_the_options() -> None:
    assert MAX_LENGTH == MAX_DRAFT_LENGTH


def test_a_speedup_is_tokens_over_cost() -> None:
    assert speedup(0.8, 4, 0.2) == pytest.approx(expected_tokens(0.8, 4) / 1.8)  # Leviathan et al. 2023, theorem 3.8
    assert speedup(0.8, 4, 0.2, verify_cost=1.5) == pytest.approx(expected_tokens(0.8, 4) / 2.3)
    assert speedup(1.0, 4, 0.0) == 5


@pytest.mark.parametrize("verify_cost", [1.0, 3.0])
def test_the_target_alone_is_as_fast_as_itself(verify_cost: float) -> None:
    assert speedup(0.7, 0, 0.3, verify_cost) == 1


@pytest.mark.parametrize("acceptance", [0.0, 0.2, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("draft_cost", [0.0, 0.05, 0.3, 1.0])
def test_no_length_is_faster_than_the_best(acceptance: float, draft_cost: float) -> None:
    best = best_length(acceptance, draft_cost)
    assert speedup(acceptance, best, draft_cost) == max(speedup(acceptance, k, draft_cost) for k in LENGTHS)
    assert (best == 0) == all(speedup(acceptance, k, draft_cost) <= 1 for k in LENGTHS)


def test_the_best_length_grows_with_acceptance_and_falls_with_cost() -> None:
    assert [best_length(a, 0.1) for a in (0.0, 0.3, 0.6, 0.8, 1.0)] == [0, 1, 3, 6, 7]
    assert [best_length(0.8, c) for c in (0.0, 0.1, 0.3, 1.0)] == [7, 6, 3, 0]
    assert best_length(1.0, 0.1, longest=2) == 2


@pytest.mark.parametrize("length", range(1, MAX_LENGTH + 1))
@pytest.mark.parametrize("draft_cost", [0.01, 0.2, 0.7])
def test_a_draft_breaks_even_where_it_costs_what_it_brings(length: int, draft_cost: float) -> None:
    even = break_even(length, draft_cost)
    assert speedup(even, length, draft_cost) == pytest.approx(1)
    assert speedup(even + 0.01, length, draft_cost) > 1 > speedup(even - 0.001, length, draft_cost)


def test_one_drafted_token_breaks_even_at_its_own_cost() -> None:
    assert break_even(1, 0.25) == pytest.approx(0.25)
    assert break_even(3, 0.0) == pytest.approx(0.0), "a draft that costs nothing cannot lose"
    assert break_even(3, 1.0) == pytest.approx(1.0)
    assert break_even(3, 1.01) == math.inf, "no acceptance pays for it"


def test_a_pass_takes_what_is_slower() -> None:
    assert pass_seconds(TARGET, SLOW_READER) == pytest.approx(10.5)
    assert pass_seconds(TARGET, SLOW_MULTIPLIER) == pytest.approx(20)
    assert pass_seconds(TARGET, SLOW_READER, tokens=8) == pytest.approx(10.5), "further tokens are free"
    assert pass_seconds(TARGET, SLOW_MULTIPLIER, tokens=8) == pytest.approx(160)


def test_weights_are_read_once_for_a_batch_and_rows_for_each_window() -> None:
    assert pass_seconds(TARGET, SLOW_READER, batch=4) == pytest.approx(10 + 4 * 0.5)
    assert pass_seconds(TARGET, SLOW_MULTIPLIER, tokens=2, batch=4) == pytest.approx(8 * 20)


def test_where_reading_decides_the_roofline_is_the_theorem() -> None:
    ratio = 1_100 / 10_500
    assert roofline_speedup(0.8, 4, TARGET, DRAFT, SLOW_READER) == pytest.approx(speedup(0.8, 4, ratio))


@pytest.mark.parametrize("length", range(1, MAX_LENGTH + 1))
def test_where_arithmetic_decides_nothing_is_won(length: int) -> None:
    """A pass over k + 1 tokens costs k + 1 passes: even a draft that is always right gains nothing."""
    assert roofline_speedup(1.0, length, TARGET, DRAFT, SLOW_MULTIPLIER) == pytest.approx(
        speedup(1.0, length, 0.15, verify_cost=length + 1)
    )
    assert roofline_speedup(1.0, length, TARGET, replace(DRAFT, token_flops=0), SLOW_MULTIPLIER) <= 1


def test_a_batch_takes_the_gain_away() -> None:
    gains = [roofline_speedup(0.8, 4, TARGET, DRAFT, SLOW_READER, batch) for batch in (1, 8, 64, 512)]
    assert gains[0] > 2
    assert gains == sorted(gains, reverse=True)
    assert roofline_speedup(0.8, 4, replace(TARGET, row_bytes=0), replace(DRAFT, row_bytes=0), SLOW_READER, 512) < 1


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_the_machines_have_no_gain_without_a_draft(machine: Machine) -> None:
    assert roofline_speedup(0.9, 0, TARGET, DRAFT, machine) == 1
