"""The exercises: what is right passes, and each wrong function is caught by the contract that it breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from whisper_magic.lessons.exercises import EXERCISES, Verdict
from whisper_magic.lessons.rules import Probabilities

Ids = list[int]
Key = tuple[int, ...]
Rng = np.random.Generator
VERIFY, ACCEPT, SAMPLE = (EXERCISES[name] for name in ("verify", "accept", "sample"))


def accepted(proposed: Ids, choice: Ids) -> int:
    return next((i for i, (a, b) in enumerate(zip(proposed, choice, strict=False)) if a != b), len(proposed))


def gumbel(key: Key, size: int) -> Probabilities:
    return np.random.default_rng(key).gumbel(size=size)


# -- right ones ------------------------------------------------------------------------------------------------------


def right_verify(proposed: Ids, choice: Ids) -> Ids:
    return choice[: accepted(proposed, choice) + 1]


def verify_that_empties_its_lists(proposed: Ids, choice: Ids) -> Ids:
    written = []
    while proposed and proposed.pop(0) == choice[0]:
        written.append(choice.pop(0))
    return [*written, choice[0]]


def verify_in_numpy(proposed: Ids, choice: Ids) -> np.ndarray:
    agrees = np.equal(proposed, choice[:-1])
    return np.array(choice)[: int(np.cumprod(agrees).sum()) + 1]


def verify_in_steps(proposed: Ids, choice: Ids) -> Iterator[int]:
    for place, token in enumerate(choice):
        yield token
        if place < len(proposed) and proposed[place] != token:
            return


def right_accept(p: Probabilities, q: Probabilities, token: int, rng: Rng) -> int:
    if rng.random() * q[token] < p[token]:
        return token
    residual = np.maximum(p - q, 0)
    return int(rng.choice(len(p), p=residual / residual.sum()))


def accept_that_overwrites_its_arrays(p: Probabilities, q: Probabilities, token: int, rng: Rng) -> np.int64:
    if rng.random() < p[token] / q[token]:
        return np.int64(token)
    p -= q
    np.maximum(p, 0, out=p)
    p /= p.sum()
    return np.int64(rng.choice(len(q), p=p))


def right_sample(scores: Probabilities, key: Key) -> int:
    return int(np.argmax(scores + gumbel(key, len(scores))))


def sample_that_overwrites_its_scores(scores: Probabilities, key: Key) -> np.int64:
    scores += gumbel(key, len(scores))
    return np.argmax(scores)


def sample_by_the_inverse_of_the_sum(scores: Probabilities, key: Key) -> int:
    """Shared as well: one uniform number a key."""
    return int(np.searchsorted(np.cumsum(np.exp(scores)), np.random.default_rng(key).random()))


@pytest.mark.parametrize(
    ("exercise", "function"),
    [
        (VERIFY, right_verify),
        (VERIFY, verify_that_empties_its_lists),
        (VERIFY, verify_in_numpy),
        (VERIFY, verify_in_steps),
        (ACCEPT, right_accept),
        (ACCEPT, accept_that_overwrites_its_arrays),
        (SAMPLE, right_sample),
        (SAMPLE, sample_that_overwrites_its_scores),
        (SAMPLE, sample_by_the_inverse_of_the_sum),
    ],
)
def test_what_is_right_passes(exercise: Any, function: Callable[..., Any]) -> None:
    verdict = exercise.check(function)
    assert (verdict.passed, verdict.contract) == (True, ""), verdict
    assert str(verdict).startswith(f"{exercise.name}: passed. ")
    assert "1,000" in verdict.seen


# -- wrong ones: each keeps the contracts that are checked before its own ----------------------------------------------


def writes_nothing_where_all_are_rejected(proposed: Ids, choice: Ids) -> Ids:
    kept = accepted(proposed, choice)
    return choice[: kept + 1] if kept or not proposed else []


def writes_the_rejected_token(proposed: Ids, choice: Ids) -> Ids:
    kept = accepted(proposed, choice)
    return [*proposed[: kept + 1]] if kept < len(proposed) else choice


def writes_what_was_proposed(proposed: Ids, choice: Ids) -> Ids:
    return [*proposed, choice[-1]]


def writes_behind_the_first_rejected(proposed: Ids, choice: Ids) -> Ids:
    return choice[: accepted(proposed, choice) + 2]


def writes_every_choice(proposed: Ids, choice: Ids) -> Ids:
    return choice


def writes_later_tokens_that_agree_by_chance(proposed: Ids, choice: Ids) -> Ids:
    kept = accepted(proposed, choice)
    later = zip(proposed[kept + 1 :], choice[kept + 1 :], strict=False)
    return [*choice[: kept + 1], *(a for a, b in later if a == b)]


def writes_more_than_the_block_holds(proposed: Ids, choice: Ids) -> Ids:
    return [*choice[: accepted(proposed, choice) + 1], *([1] if proposed == choice[:-1] else [])]


def forgets_the_last_choice(proposed: Ids, choice: Ids) -> Ids:
    kept = accepted(proposed, choice)
    return choice[: kept + 1] if kept < len(proposed) else choice[: max(1, kept)]


def forgets_the_correction(proposed: Ids, choice: Ids) -> Ids:
    kept = accepted(proposed, choice)
    return choice if kept == len(proposed) else choice[: max(1, kept)]


def writes_one_where_some_were_rejected(proposed: Ids, choice: Ids) -> Ids:
    return choice if accepted(proposed, choice) == len(proposed) else choice[:1]


@pytest.mark.parametrize(
    ("function", "contract", "words"),
    [
        (writes_nothing_where_all_are_rejected, "progress", ") returned []: the target's own token can always be"),
        (writes_the_rejected_token, "lossless", ": at place "),
        (writes_what_was_proposed, "lossless", "the target's own choice is "),
        (writes_behind_the_first_rejected, "causality", "follow a text that is not written"),
        (writes_every_choice, "causality", ": the choices after the first rejected token, "),
        (writes_later_tokens_that_agree_by_chance, "causality", "follow a text that is not written"),
        (writes_more_than_the_block_holds, "causality", "the block has no further choices"),
        (forgets_the_last_choice, "bonus", "all were accepted, so that the last choice is written too"),
        (forgets_the_correction, "nothing wasted", "were already known"),
        (writes_one_where_some_were_rejected, "nothing wasted", "were already known"),
    ],
)
def test_a_wrong_verify_breaks_its_contract(function: Callable[..., Any], contract: str, words: str) -> None:
    verdict = VERIFY.check(function)
    assert (verdict.passed, verdict.contract) == (False, contract), verdict
    assert verdict.seen.startswith("verify([")
    assert words in verdict.seen


def test_the_round_that_is_shown_is_the_one_that_was_broken() -> None:
    """Shown are the lists as they were given, whatever the function made of them, and what it returned of them."""
    seen: list[str] = []

    def spoils(proposed: Ids, choice: Ids) -> Ids:
        seen.append(f"verify({proposed}, {choice}) returned {choice}: ")
        try:
            return [*choice]
        finally:
            proposed.clear()
            choice.clear()

    verdict = VERIFY.check(spoils)
    assert verdict.contract == "causality"
    assert verdict.seen.startswith(seen[-1])


def returns_the_draft(p: Probabilities, q: Probabilities, token: int, rng: Rng) -> int:
    return token


def has_no_residual(p: Probabilities, q: Probabilities, token: int, rng: Rng) -> int:
    return token if rng.random() * q[token] < p[token] else int(rng.choice(len(p), p=p))


def turns_the_ratio_round(p: Probabilities, q: Probabilities, token: int, rng: Rng) -> int:
    if rng.random() * p[token] < q[token]:
        return token
    return right_accept(p, q, token, rng)


def takes_the_likeliest(p: Probabilities, q: Probabilities, token: int, rng: Rng) -> int:
    return int(np.argmax(p))


def forgets_the_draft(p: Probabilities, q: Probabilities, token: int, rng: Rng) -> int:
    return int(rng.choice(len(p), p=p))


def keeps_half_of_what_it_could(p: Probabilities, q: Probabilities, token: int, rng: Rng) -> int:
    """Lossless: q(x) / 2 · min(1, p(x) / q(x)) is kept, and the residual is p - min(p, q) / 2."""
    if rng.random() < 0.5 and rng.random() * q[token] < p[token]:
        return token
    residual = p - np.minimum(p, q) / 2
    return int(rng.choice(len(p), p=residual / residual.sum()))


@pytest.mark.parametrize(
    ("function", "contract", "words"),
    [
        (returns_the_draft, "distribution", "chi-squared"),
        (has_no_residual, "distribution", "1,000 draws were written as ("),
        (turns_the_ratio_round, "distribution", "1,000 draws were written as ("),
        (takes_the_likeliest, "distribution", "degrees of freedom"),
        (forgets_the_draft, "acceptance", "fewer tokens are kept than possible"),
        (keeps_half_of_what_it_could, "acceptance", "100% can be (1 minus the total variation)"),
    ],
)
def test_a_wrong_accept_breaks_its_contract(function: Callable[..., Any], contract: str, words: str) -> None:
    verdict = ACCEPT.check(function)
    assert (verdict.passed, verdict.contract) == (False, contract), verdict
    assert verdict.seen.startswith("Where the draft is "), "it names the two distributions"
    assert words in verdict.seen


class OwnDice:
    """One random generator for every call, whatever the key."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def __call__(self, scores: Probabilities, key: Key) -> int:
        return int(np.argmax(scores + self.rng.gumbel(size=len(scores))))


def takes_the_best_score(scores: Probabilities, key: Key) -> int:
    return int(np.argmax(scores))


def leaves_the_seed_out(scores: Probabilities, key: Key) -> int:
    return right_sample(scores, key[1:])


def leaves_the_position_out(scores: Probabilities, key: Key) -> int:
    return right_sample(scores, key[:2])


def has_flat_noise(scores: Probabilities, key: Key) -> int:
    return int(np.argmax(scores + np.random.default_rng(key).random(len(scores))))


def has_noise_that_draft_and_target_do_not_share(scores: Probabilities, key: Key) -> int:
    """A sample of softmax(scores) that depends on the key alone, but on other noise for other scores."""
    return right_sample(scores, (*key, int(-1e6 * scores[0])))


@pytest.mark.parametrize(
    ("function", "contract", "words"),
    [
        (OwnDice(), "seed alone", ", and later "),
        (takes_the_best_score, "seed alone", "Seeds 7 and 8 give the same 1,000 tokens"),
        (leaves_the_seed_out, "seed alone", "Seeds 7 and 8 give the same 1,000 tokens"),
        (
            leaves_the_position_out,
            "distribution",
            "p = softmax(scores) = (0.45, 0.3, 0.15, 0.1): 1,000 draws were written as (",
        ),
        (has_flat_noise, "distribution", "degrees of freedom"),
        (has_noise_that_draft_and_target_do_not_share, "acceptance", "shared Gumbel noise guarantees 74%"),
    ],
)
def test_a_wrong_sample_breaks_its_contract(function: Callable[..., Any], contract: str, words: str) -> None:
    verdict = SAMPLE.check(function)
    assert (verdict.passed, verdict.contract) == (False, contract), verdict
    assert words in verdict.seen


def test_noise_that_changes_names_its_call() -> None:
    assert SAMPLE.check(OwnDice()).seen.startswith("sample(scores, (7, ")


# -- it runs ---------------------------------------------------------------------------------------------------------


CALLS = {VERIFY: "verify([", ACCEPT: "accept((0.5, 0.3, 0.2), (0.5, 0.3, 0.2), ", SAMPLE: "sample((-0.8, -1.2, "}


def raises(*arguments: Any) -> None:
    raise LookupError("there is\nno such token")


@pytest.mark.parametrize("exercise", CALLS)
@pytest.mark.parametrize(
    ("function", "words"),
    [
        (raises, ") raised LookupError: there is no such token"),
        (lambda: 1, ") raised TypeError: "),
        (lambda *arguments: None, ") returned None: "),
        (lambda *arguments: object(), ") returned <object "),
    ],
)
def test_what_does_not_run_says_so(exercise: Any, function: Callable[..., Any], words: str) -> None:
    verdict = exercise.check(function)
    assert verdict.contract == "it runs"
    assert verdict.seen.startswith(CALLS[exercise])
    assert words in verdict.seen
    assert "\n" not in str(verdict)


@pytest.mark.parametrize("exercise", [ACCEPT, SAMPLE])
@pytest.mark.parametrize("index", [-1, 4, np.int64(99)])
def test_an_index_has_its_range(exercise: Any, index: int) -> None:
    verdict = exercise.check(lambda *arguments: index)
    assert verdict.contract == "it runs"
    assert f"returned {index}: indices are 0 to " in verdict.seen


@pytest.mark.parametrize("ids", [[None], ["a"], [[1]], 5])
def test_verify_returns_ids(ids: Any) -> None:
    verdict = VERIFY.check(lambda proposed, choice: ids)
    assert verdict.contract == "it runs"
    assert verdict.seen.endswith(f") returned {ids!r}: a list of ids is expected")


def fails_half_way(proposed: Ids, choice: Ids) -> Iterator[int]:
    yield choice[0]
    raise LookupError("half way")


@pytest.mark.parametrize(
    ("exercise", "function"),
    [
        (VERIFY, fails_half_way),  # LookupError
        (VERIFY, lambda proposed, choice: [float("inf")]),  # OverflowError
        (ACCEPT, lambda p, q, token, rng: float("inf")),  # OverflowError
    ],
)
def test_no_error_of_a_function_gets_out(exercise: Any, function: Callable[..., Any]) -> None:
    assert exercise.check(function).contract == "it runs"


# -- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_its_beginning_runs_and_breaks_a_contract(exercise: Any) -> None:
    namespace: dict[str, Any] = {}
    exec(exercise.start, namespace)
    verdict = exercise.check(namespace[exercise.name])
    assert verdict.contract in exercise.contracts
    assert str(verdict).startswith(f"{exercise.name} breaks the contract “{verdict.contract}”. ")


def test_a_function_is_always_judged_alike() -> None:
    assert ACCEPT.check(has_no_residual) == ACCEPT.check(has_no_residual)
    assert isinstance(ACCEPT.check(has_no_residual), Verdict)
