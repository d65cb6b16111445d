"""Acceptance against a plain-Python reading of the algorithm."""

from __future__ import annotations

import random

import torch

from whisper_magic.engine.sample.acceptance import accepted_prefix, num_written

EOT = 9


def one_by_one(proposed: list[int], choice: list[int], num_drafted: int, remaining: int) -> tuple[int, int, bool]:
    """(accepted, count, finished), one token at a time."""
    accepted = 0
    while accepted < num_drafted and proposed[accepted] == choice[accepted]:
        accepted += 1
    count = 0
    for token in choice[: accepted + 1]:
        count += 1
        if token == EOT or count == remaining:
            return accepted, count, True
    return accepted, count, False


def test_against_the_definition() -> None:
    rng = random.Random(0)
    for _ in range(2000):
        width = rng.randrange(1, 9)
        choice = [rng.randrange(10) for _ in range(width + 1)]
        proposed = [c if rng.random() < 0.8 else rng.randrange(10) for c in choice[:width]]
        num_drafted, remaining = rng.randrange(width + 1), rng.randrange(1, 12)
        accepted = accepted_prefix(
            torch.tensor([proposed]), torch.tensor([choice[:width]]), torch.tensor([num_drafted])
        )
        count, finished = num_written(torch.tensor([choice]), accepted, EOT, torch.tensor([remaining]))
        assert (int(accepted), int(count), bool(finished)) == one_by_one(proposed, choice, num_drafted, remaining)


def test_rows_are_independent() -> None:
    proposed = torch.tensor([[1, 2, 3], [1, 2, 3], [1, 2, 3]])
    choice = torch.tensor([[1, 2, 3], [0, 2, 3], [1, 0, 3]])
    assert accepted_prefix(proposed, choice, torch.tensor([3, 3, 3])).tolist() == [3, 0, 1]
    assert accepted_prefix(proposed, choice, torch.tensor([2, 3, 0])).tolist() == [2, 0, 0]


def test_a_full_text_ends_at_once() -> None:
    count, finished = num_written(torch.tensor([[1, 2]]), torch.tensor([1]), EOT, torch.tensor([0]))
    assert int(count) == 0
    assert bool(finished)
