"""Exercises: functions to write, checked in 1,000 scripted rounds against the contracts of speculative decoding.

The contracts are checked in the order in which they are listed. The first round that breaks one is shown with the
expected result. The rounds come from a fixed seed: a function that passes once always passes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from whisper_magic.lessons.rules import Probabilities, chi_squared, total_variation
from whisper_magic.wording import one_line

ROUNDS = 1000  # of a script
TOKENS = 50  # ids of a script's texts
SIGMAS = 4.5  # a share that is further from what is expected is no accident: one in 150,000
Function = Callable[..., Any]


class Broken(Exception):
    """A round that breaks a contract."""

    def __init__(self, contract: str, seen: str) -> None:
        super().__init__(seen)
        self.contract = contract


@dataclass(frozen=True, repr=False)
class Verdict:
    """The result of checking a function.

    Attributes:
        exercise: name of the exercise.
        contract: the contract that is broken; "" if there is none.
        seen: the round that breaks it, or a summary of the checks.
    """

    exercise: str
    contract: str
    seen: str

    @property
    def passed(self) -> bool:
        """Whether every contract holds."""
        return self.contract == ""

    def __str__(self) -> str:
        if self.passed:
            return f"{self.exercise}: passed. {self.seen}"
        return f"{self.exercise} breaks the contract “{self.contract}”. {self.seen}"

    __repr__ = __str__  # what a cell shows


@dataclass(frozen=True)
class Exercise:
    """A function to write.

    Attributes:
        name: name of the function.
        task: description of the function.
        start: initial code.
        contracts: the contracts that are checked, in order.
    """

    name: str
    task: str
    start: str
    contracts: tuple[str, ...]
    _check: Callable[[Function], str]

    def check(self, function: Function) -> Verdict:
        """Check a function in the scripted rounds.

        Args:
            function: The learner's function.
        """
        try:
            return Verdict(self.name, "", self._check(function))
        except Broken as broken:
            return Verdict(self.name, broken.contract, str(broken))


def _call(function: Function, shown: str, *arguments: Any) -> Any:
    """Call a learner's function. shown: the call as text."""
    try:
        return function(*arguments)
    except Exception as error:
        raise Broken("it runs", f"{shown} raised {type(error).__name__}: {one_line(error)}") from error


# -- verify ----------------------------------------------------------------------------------------------------------

_VERIFY = """\
def verify(proposed, choice):
    # proposed: the ids that the draft proposes, k of them
    # choice:   the target's own next token after 0, 1, … k of them: k + 1 ids
    # returns the ids that this round writes
    return choice[:1]
"""


def _greedy_rounds() -> Iterator[tuple[list[int], list[int]]]:
    """Rounds of each length and number of accepted tokens, including those in which a later token agrees by chance."""
    rng = np.random.default_rng(15)
    for number in range(ROUNDS):
        length = 7 - number % 8
        choice = [int(token) for token in rng.integers(TOKENS, size=length + 1)]
        proposed = choice[:length]
        for place in range(length):
            if rng.random() < 0.3:
                proposed[place] = int((choice[place] + 1 + rng.integers(TOKENS - 1)) % TOKENS)
        yield proposed, choice


def _check_verify(function: Function) -> str:
    written = 0
    for proposed, choice in _greedy_rounds():
        shown = f"verify({proposed}, {choice})"
        returned = _call(function, shown, list(proposed), list(choice))
        try:
            ids = [int(token) for token in returned]
        except Exception:  # whatever was returned
            raise Broken("it runs", f"{shown} returned {returned!r}: a list of ids is expected") from None
        _check_round(shown, ids, proposed, choice)
        written += len(ids)
    return f"{ROUNDS:,} rounds, {written:,} tokens, each the target's own choice: {written / ROUNDS:.2f} a round."


def _check_round(shown: str, ids: list[int], proposed: list[int], choice: list[int]) -> None:
    same = [a == b for a, b in zip(proposed, choice, strict=False)]
    accepted = same.index(False) if False in same else len(same)
    expected = choice[: accepted + 1]
    returned = f"{shown} returned {ids}"
    if not ids:
        raise Broken("progress", f"{returned}: the target's own token can always be written, here {choice[0]}.")
    for place, token in enumerate(ids[: len(expected)]):
        if token != expected[place]:
            raise Broken(
                "lossless", f"{returned}: at place {place} the target's own choice is {expected[place]}, not {token}."
            )
    if len(ids) > len(expected):
        what = (
            "the block has no further choices"
            if accepted == len(proposed)
            else (
                f"the choices after the first rejected token, {proposed[accepted]}, follow a text that is not written"
            )
        )
        raise Broken("causality", f"{returned}: {what}; expected {expected}.")
    if len(ids) < len(expected):
        if accepted == len(proposed):
            raise Broken("bonus", f"{returned}: all were accepted, so that the last choice is written too: {expected}.")
        raise Broken("nothing wasted", f"{returned}: {expected} were already known.")


# -- accept ----------------------------------------------------------------------------------------------------------

_ACCEPT = """\
def accept(p, q, token, rng):
    # p, q:  probabilities by the target and by the draft, numpy arrays
    # token: an index that was drawn from q
    # rng:   a numpy Generator: rng.random(), rng.choice(len(p), p=p)
    # returns the index that is written
    return token
"""


def _pairs() -> Iterator[tuple[str, Probabilities, Probabilities]]:
    """Distributions of target and draft that differ in all relevant ways."""
    yield "the draft is equal to the target", np.array([0.5, 0.3, 0.2]), np.array([0.5, 0.3, 0.2])
    yield "the draft is uniform", np.array([0.7, 0.15, 0.1, 0.05]), np.array([0.25, 0.25, 0.25, 0.25])
    yield "the draft is confident and wrong", np.array([0.1, 0.6, 0.3]), np.array([0.9, 0.05, 0.05])
    yield "the draft proposes impossible tokens", np.array([0.6, 0.4, 0.0]), np.array([0.3, 0.3, 0.4])
    yield "the draft never proposes the most likely token", np.array([0.5, 0.3, 0.2]), np.array([0.0, 0.5, 0.5])


def _check_accept(function: Function) -> str:
    rng, script = np.random.default_rng(16), list(_pairs())
    for name, p, q in script:
        drafted = [int(token) for token in rng.choice(len(q), size=ROUNDS, p=q)]
        written = [_index(function, "accept", p, q, token, rng) for token in drafted]
        _check_distribution(written, p, f"Where {name}, p = {_shown(p)} and q = {_shown(q)}")
        kept, best = float(np.mean(np.equal(drafted, written))), 1 - total_variation(p, q)
        if kept < best - _tolerance(best):
            raise Broken(
                "acceptance",
                f"Where {name}: {kept:.0%} of the drafted tokens were kept, {best:.0%} can be "
                "(1 minus the total variation). The distribution is right, but fewer tokens are kept than possible.",
            )
    drawn = f"{len(script)} pairs of distributions, {ROUNDS:,} draws each"
    return f"{drawn}: they follow p, and no drafted token is rejected unnecessarily."


def _check_distribution(written: list[int], p: Probabilities, where: str) -> None:
    """Raise Broken if these are not samples from p."""
    fit = chi_squared(written, p)
    if fit.refuted:
        shares = _shown(np.bincount(written, minlength=len(p)) / ROUNDS)
        raise Broken(
            "distribution",
            f"{where}: {ROUNDS:,} draws were written as {shares}. Draws of p are as far off with a probability of "
            f"{fit.p_value:.1g} (chi-squared {fit.statistic:.0f}, {fit.freedom} degrees of freedom).",
        )


def _index(function: Function, name: str, *arguments: Any) -> int:
    values = ", ".join(_shown(value) if isinstance(value, np.ndarray) else str(value) for value in arguments[:-1])
    shown = f"{name}({values}, {'rng' if name == 'accept' else arguments[-1]})"
    copies = [argument.copy() if isinstance(argument, np.ndarray) else argument for argument in arguments]
    returned, size = _call(function, shown, *copies), len(arguments[0])
    try:
        index = int(returned)
    except Exception:  # whatever was returned
        raise Broken("it runs", f"{shown} returned {returned!r}: an index is expected") from None
    if not 0 <= index < size:
        raise Broken("it runs", f"{shown} returned {index}: indices are 0 to {size - 1}")
    return index


def _tolerance(share: float) -> float:
    return SIGMAS * math.sqrt(max(share * (1 - share), 1 / ROUNDS) / ROUNDS)


def _shown(values: Probabilities) -> str:
    return f"({', '.join(f'{value:.2g}' for value in values)})"


# -- sample ----------------------------------------------------------------------------------------------------------

_SAMPLE = """\
import numpy as np

def sample(scores, key):
    # scores: log-probabilities, a numpy array
    # key:    (seed, window, position): whole numbers
    # returns the index of a token drawn from softmax(scores); the noise depends on the key alone
    return int(np.argmax(scores))
"""


def _check_sample(function: Function) -> str:
    rng = np.random.default_rng(17)
    p = np.array([0.45, 0.3, 0.15, 0.1])
    q = np.array([0.3, 0.4, 0.2, 0.1])
    keys = [(7, number // 100, number % 100) for number in range(ROUNDS)]
    target = [_index(function, "sample", np.log(p), key) for key in keys]
    order = rng.permutation(ROUNDS)
    for number in order[:200]:
        again = _index(function, "sample", np.log(p), keys[number])
        if again != target[number]:
            raise Broken(
                "seed alone",
                f"sample(scores, {keys[number]}) gave {target[number]}, and later {again}: the text would depend on "
                "what was drawn before, and so on the draft.",
            )
    other = [_index(function, "sample", np.log(p), (8, *key[1:])) for key in keys]
    if other == target:
        raise Broken("seed alone", "Seeds 7 and 8 give the same 1,000 tokens: nothing is sampled.")
    _check_distribution(target, p, f"p = softmax(scores) = {_shown(p)}")
    draft = [_index(function, "sample", np.log(q), key) for key in keys]
    agreed, far = float(np.mean(np.equal(draft, target))), total_variation(p, q)
    least = (1 - far) / (1 + far)  # Daliri et al. 2024, arXiv:2408.07978
    if agreed < least - _tolerance(least):
        raise Broken(
            "acceptance",
            f"Draft and target, {far:.2f} apart in total variation, drew the same token for {agreed:.0%} of the keys; "
            f"shared Gumbel noise guarantees {least:.0%}.",
        )
    return f"{ROUNDS:,} keys: each gives one token, all follow softmax(scores), {agreed:.0%} agree with a draft's."


EXERCISES: Mapping[str, Exercise] = {
    exercise.name: exercise
    for exercise in (
        Exercise(
            "verify",
            "One greedy round: from what the draft proposed and what the target chose, the tokens to write.",
            _VERIFY,
            ("progress", "lossless", "causality", "bonus", "nothing wasted"),
            _check_verify,
        ),
        Exercise(
            "accept",
            "One sampled token by the rejection rule: keep the draft's, or draw another, so that p is followed.",
            _ACCEPT,
            ("distribution", "acceptance"),
            _check_accept,
        ),
        Exercise(
            "sample",
            "Noise that draft and target share: a sample that depends on the key alone.",
            _SAMPLE,
            ("seed alone", "distribution", "acceptance"),
            _check_sample,
        ),
    )
}
