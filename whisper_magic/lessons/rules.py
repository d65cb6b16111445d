"""Acceptance rules for sampling, in numpy: two that are lossless, and two that are not.

Each takes the target's probabilities p and the draft's probabilities q over the same tokens, and returns one draw. The
engine's own are in `engine/sample/acceptance.py` (rejection) and `engine/sample/noise.py` (shared noise).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Draw:
    """One token, drafted and written.

    Attributes:
        drafted: index of the draft's token.
        written: index of the token that is written.
    """

    drafted: int
    written: int

    @property
    def accepted(self) -> bool:
        """Whether the drafted token was written."""
        return self.drafted == self.written


Rule = Callable[[Probabilities, Probabilities, np.random.Generator], Draw]


def rejection(p: Probabilities, q: Probabilities, rng: np.random.Generator) -> Draw:
    """Speculative sampling (Leviathan et al. 2023, algorithm 1; Chen et al. 2023, arXiv:2302.01318, algorithm 2).

    A token x drawn from q is kept with probability min(1, p(x) / q(x)); else one is drawn from the residual
    max(0, p - q), normalised. What is written follows p: q(x) min(1, p(x) / q(x)) = min(p(x), q(x)), and the residual
    adds max(0, p(x) - q(x)).
    """
    x = int(rng.choice(len(q), p=q))
    if rng.random() * q[x] < p[x]:
        return Draw(x, x)
    residual = np.maximum(p - q, 0)
    return Draw(x, int(rng.choice(len(p), p=residual / residual.sum())))


def no_residual(p: Probabilities, q: Probabilities, rng: np.random.Generator) -> Draw:
    """Broken: a rejected token is replaced by a sample of p.

    x is written with min(p(x), q(x)) + P(rejected) p(x): too often where q(x) / p(x) is above the acceptance.
    """
    x = int(rng.choice(len(q), p=q))
    if rng.random() * q[x] < p[x]:
        return Draw(x, x)
    return Draw(x, int(rng.choice(len(p), p=p)))


def shared_noise(p: Probabilities, q: Probabilities, rng: np.random.Generator) -> Draw:
    """The coupled rule (Daliri et al. 2024, arXiv:2408.07978): both add the same Gumbel noise to log-probabilities.

    The target's sample is argmax(log p + g), whatever the draft says; a drafted token is accepted where it is the same.
    """
    noise = rng.gumbel(size=len(p))
    with np.errstate(divide="ignore"):
        return Draw(int(np.argmax(np.log(q) + noise)), int(np.argmax(np.log(p) + noise)))


def unshared_noise(p: Probabilities, q: Probabilities, rng: np.random.Generator) -> Draw:
    """Broken: each has noise of its own, and where they differ the target samples anew.

    A token that both happen to sample is written at once, and has a second chance where they differ: x is written with
    p(x) (1 + q(x) - sum of p q), too often where q(x) is above the probability that both agree.
    """
    with np.errstate(divide="ignore"):
        drafted = int(np.argmax(np.log(q) + rng.gumbel(size=len(q))))
        written = int(np.argmax(np.log(p) + rng.gumbel(size=len(p))))
    return Draw(drafted, written if drafted == written else int(rng.choice(len(p), p=p)))


RULES: dict[str, Rule] = {
    "rejection": rejection,
    "shared noise": shared_noise,
    "no residual": no_residual,
    "unshared noise": unshared_noise,
}


def total_variation(p: Probabilities, q: Probabilities) -> float:
    """Half the sum of |p - q|: 0 for the same distribution, 1 for one that shares no token.

    Rejection accepts 1 minus this: the sum of min(p, q) (Leviathan et al. 2023, theorem 3.5).
    """
    return float(np.abs(p - q).sum() / 2)


@dataclass(frozen=True)
class GoodnessOfFit:
    """Pearson's chi-squared test: could these counts be draws of that distribution?

    Attributes:
        statistic: sum of (observed - expected)² / expected.
        freedom: degrees of freedom, tokens with a probability above 0, less one.
        p_value: probability of a statistic so large or larger, if they are.
    """

    statistic: float
    freedom: int
    p_value: float

    @property
    def refuted(self) -> bool:
        """Whether the counts are no draws of the distribution: less than one in a thousand says otherwise."""
        return self.p_value < 0.001


def chi_squared(written: Sequence[int] | npt.NDArray[np.int64], p: Probabilities) -> GoodnessOfFit:
    """Test draws against the distribution that they should follow.

    Args:
        written: Indices of the tokens that were written.
        p: The target's probabilities. A token with 0 that was written refutes at once.
    """
    counts = np.bincount(np.asarray(written), minlength=len(p))
    expected = p * counts.sum()
    possible = expected > 0
    freedom = int(possible.sum()) - 1
    if counts[~possible].any():
        return GoodnessOfFit(math.inf, freedom, 0.0)
    statistic = float(((counts - expected)[possible] ** 2 / expected[possible]).sum())
    return GoodnessOfFit(statistic, freedom, chi_squared_survival(statistic, freedom))


def chi_squared_survival(statistic: float, freedom: int) -> float:
    """P(X >= statistic) for chi-squared with `freedom` degrees: the regularised upper incomplete gamma function.

    By its finite sums for whole and half degrees (Abramowitz and Stegun 1964, 26.4.4 and 26.4.5).
    """
    if freedom < 1:
        return 1.0 if statistic <= 0 else 0.0
    half = statistic / 2
    if freedom % 2 == 0:
        term = total = math.exp(-half)
        for i in range(1, freedom // 2):
            term *= half / i
            total += term
        return min(1.0, total)
    total = math.erfc(math.sqrt(half))
    term = math.exp(-half) * math.sqrt(statistic * 2 / math.pi)
    for i in range(1, freedom // 2 + 1):
        total += term
        term *= statistic / (2 * i + 1)
    return min(1.0, total)


def draws(rule: Rule, p: Probabilities, q: Probabilities, count: int, seed: int = 0) -> list[Draw]:
    """Draw by a rule, again and again.

    Args:
        rule: One of `RULES`, or a function of the same kind.
        p: The target's probabilities.
        q: The draft's.
        count: How many.
        seed: Of the noise.
    """
    rng = np.random.default_rng(seed)
    return [rule(p, q, rng) for _ in range(count)]
