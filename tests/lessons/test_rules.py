"""The rules by their draws: what is lossless follows p, what is broken does not, and the test that says so is right."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from whisper_magic.lessons.rules import (
    RULES,
    Draw,
    Probabilities,
    chi_squared,
    chi_squared_survival,
    draws,
    total_variation,
)

COUNT = 20_000
NOTHING_SHARED = np.array([0.5, 0.5, 0.0, 0.0]), np.array([0.0, 0.0, 0.5, 0.5])
SIGMAS = 4.5
PAIRS = {
    "far apart": ([0.1, 0.6, 0.3], [0.8, 0.1, 0.1]),
    "the draft proposes impossible tokens": ([0.6, 0.4, 0.0, 0.0], [0.2, 0.3, 0.4, 0.1]),
    "the draft leaves out the likeliest": (
        [0.3, 0.2, 0.2, 0.1, 0.1, 0.05, 0.05],
        [0.0, 0.1, 0.3, 0.1, 0.05, 0.05, 0.4],
    ),
}
# Critical values of chi-squared (NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4), 1 to 30 degrees.
FIVE_PERCENT = (
    *(3.841, 5.991, 7.815, 9.488, 11.070, 12.592, 14.067, 15.507, 16.919, 18.307),
    *(19.675, 21.026, 22.362, 23.685, 24.996, 26.296, 27.587, 28.869, 30.144, 31.410),
    *(32.671, 33.924, 35.172, 36.415, 37.652, 38.885, 40.113, 41.337, 42.557, 43.773),
)
ONE_IN_A_THOUSAND = {1: 10.828, 2: 13.816, 3: 16.266, 4: 18.467, 5: 20.515, 10: 29.588, 15: 37.697, 30: 59.703}


def pair(name: str) -> tuple[Probabilities, Probabilities]:
    p, q = PAIRS[name]
    return np.array(p), np.array(q)


@cache
def drawn(rule: str, name: str) -> list[Draw]:
    return draws(RULES[rule], *pair(name), COUNT, seed=1)


def written(rule: str, name: str) -> list[int]:
    return [draw.written for draw in drawn(rule, name)]


def accepted(rule: str, name: str) -> float:
    return float(np.mean([draw.accepted for draw in drawn(rule, name)]))


def tolerance(share: float) -> float:
    return SIGMAS * math.sqrt(share * (1 - share) / COUNT)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("rule", ["rejection", "shared noise"])
def test_a_lossless_rule_follows_the_target(rule: str, name: str) -> None:
    fit = chi_squared(written(rule, name), pair(name)[0])
    assert not fit.refuted, fit


@pytest.mark.parametrize("rule", ["no residual", "unshared noise"])
def test_a_broken_rule_is_refuted(rule: str) -> None:
    assert chi_squared(written(rule, "far apart"), pair("far apart")[0]).refuted


@pytest.mark.parametrize("name", PAIRS)
def test_rejection_keeps_one_less_the_total_variation(name: str) -> None:
    best = 1 - total_variation(*pair(name))
    assert abs(accepted("rejection", name) - best) <= tolerance(best)


@pytest.mark.parametrize("name", PAIRS)
def test_shared_noise_keeps_what_its_theory_says(name: str) -> None:
    p, q = pair(name)
    exact = sum(
        1 / sum(max(p[j] / p[i], q[j] / q[i]) for j in range(len(p))) for i in range(len(p)) if p[i] > 0 and q[i] > 0
    )
    far = total_variation(p, q)
    assert (1 - far) / (1 + far) <= exact <= 1 - far + 1e-12
    assert abs(accepted("shared noise", name) - exact) <= tolerance(exact)


@pytest.mark.parametrize("rule", ["rejection", "shared noise"])
def test_the_same_distribution_is_always_accepted(rule: str) -> None:
    p = np.array([0.5, 0.3, 0.2, 0.0])
    assert all(draw.accepted for draw in draws(RULES[rule], p, p, 1000))


@pytest.mark.parametrize("rule", ["rejection", "shared noise"])
def test_where_nothing_is_shared_nothing_is_accepted(rule: str) -> None:
    found = draws(RULES[rule], *NOTHING_SHARED, 1000)
    assert not any(draw.accepted for draw in found)
    assert not chi_squared([draw.written for draw in found], NOTHING_SHARED[0]).refuted


@pytest.mark.parametrize("rule", RULES)
def test_a_seed_draws_the_same_again(rule: str) -> None:
    p, q = pair("far apart")
    assert draws(RULES[rule], p, q, 100, seed=3) == draws(RULES[rule], p, q, 100, seed=3)
    assert draws(RULES[rule], p, q, 100, seed=3) != draws(RULES[rule], p, q, 100, seed=4)


@pytest.mark.parametrize("rule", ["rejection", "shared noise"])
def test_what_the_target_excludes_is_never_written(rule: str) -> None:
    assert {0, 1} == set(written(rule, "the draft proposes impossible tokens"))


def test_total_variation_is_a_distance() -> None:
    for name in PAIRS:
        p, q = pair(name)
        assert total_variation(p, q) == total_variation(q, p) == pytest.approx(1 - np.minimum(p, q).sum())
        assert total_variation(p, p) == 0
    assert total_variation(*NOTHING_SHARED) == 1


def test_chi_squared_is_the_sum_of_squares() -> None:
    fit = chi_squared([0] * 60 + [1] * 25 + [2] * 15, np.array([0.5, 0.3, 0.2]))
    assert fit.statistic == pytest.approx(100 / 50 + 25 / 30 + 25 / 20)
    assert fit.freedom == 2
    assert fit.p_value == pytest.approx(math.exp(-fit.statistic / 2))


def test_a_token_without_probability_refutes_at_once() -> None:
    p = np.array([0.5, 0.5, 0.0])
    assert chi_squared([0, 1] * 50, p).freedom == 1
    assert not chi_squared([0, 1] * 50, p).refuted
    fit = chi_squared([0, 1] * 50 + [2], p)
    assert (fit.statistic, fit.p_value, fit.refuted) == (math.inf, 0.0, True)


def test_a_certain_token_leaves_nothing_to_test() -> None:
    assert chi_squared([1] * 10, np.array([0.0, 1.0])).p_value == 1


@pytest.mark.parametrize("freedom", range(1, 31))
def test_the_test_is_that_of_the_tables(freedom: int) -> None:
    assert chi_squared_survival(FIVE_PERCENT[freedom - 1], freedom) == pytest.approx(0.05, abs=2e-5)
    if freedom in ONE_IN_A_THOUSAND:
        assert chi_squared_survival(ONE_IN_A_THOUSAND[freedom], freedom) == pytest.approx(0.001, abs=1e-6)


@pytest.mark.parametrize("freedom", range(1, 31))
def test_a_survival_falls_from_one_to_nothing(freedom: int) -> None:
    found = [chi_squared_survival(statistic, freedom) for statistic in np.linspace(0, 200, 101)]
    assert found[0] == 1
    assert found == sorted(found, reverse=True)
    assert found[-1] < 1e-20
    assert chi_squared_survival(5_000, freedom) == 0


def test_p_values_of_true_draws_are_spread_evenly() -> None:
    """Of an honest test's p-values a tenth is below a tenth: it neither cries wolf nor sleeps."""
    p, rng = np.array([0.4, 0.3, 0.2, 0.1]), np.random.default_rng(5)
    values = [chi_squared(rng.choice(4, size=500, p=p), p).p_value for _ in range(1000)]
    for share in (0.1, 0.5, 0.9):
        assert abs(np.mean(np.less(values, share)) - share) < SIGMAS * math.sqrt(share * (1 - share) / 1000)
