"""Acceptance against a plain-Python reading of the algorithm."""

from __future__ import annotations

import random

import torch

from whisper_magic.engine.sample.acceptance import accepted_prefix, written

EOT = 9


def by_hand(proposed: list[int], choice: list[int], offered: int, room: int) -> tuple[int, int, bool]:
    """(accepted, count, finished), one token at a time."""
    accepted = 0
    while accepted < offered and proposed[accepted] == choice[accepted]:
        accepted += 1
    count = 0
    for token in choice[: accepted + 1]:
        count += 1
        if token == EOT or count == room:
            return accepted, count, True
    return accepted, count, False


def test_against_the_definition() -> None:
    rng = random.Random(0)
    for _ in range(2000):
        width = rng.randrange(1, 9)
        choice = [rng.randrange(10) for _ in range(width + 1)]
        proposed = [c if rng.random() < 0.8 else rng.randrange(10) for c in choice[:width]]
        offered, room = rng.randrange(width + 1), rng.randrange(1, 12)
        accepted = accepted_prefix(torch.tensor([proposed]), torch.tensor([choice[:width]]), torch.tensor([offered]))
        count, finished = written(torch.tensor([choice]), accepted, EOT, torch.tensor([room]))
        assert (int(accepted), int(count), bool(finished)) == by_hand(proposed, choice, offered, room)


def test_rows_are_independent() -> None:
    proposed = torch.tensor([[1, 2, 3], [1, 2, 3], [1, 2, 3]])
    choice = torch.tensor([[1, 2, 3], [0, 2, 3], [1, 0, 3]])
    assert accepted_prefix(proposed, choice, torch.tensor([3, 3, 3])).tolist() == [3, 0, 1]
    assert accepted_prefix(proposed, choice, torch.tensor([2, 3, 0])).tolist() == [2, 0, 0]


def test_a_full_text_ends_at_once() -> None:
    count, finished = written(torch.tensor([[1, 2]]), torch.tensor([1]), EOT, torch.tensor([0]))
    assert int(count) == 0
    assert bool(finished)
