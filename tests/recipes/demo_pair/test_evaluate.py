"""Acceptance is counted from the draft's choices given the target's own tokens."""

import pytest

from recipes.demo_pair.evaluate import _rounds


@pytest.mark.parametrize(
    ("right", "rounds"),
    [
        ([True] * 5, [(4, 4)]),  # four accepted, and the target's own token
        ([True] * 6, [(4, 4), (1, 1)]),
        ([False] * 3, [(0, 3), (0, 2), (0, 1)]),
        ([True, False, True, True], [(1, 4), (2, 2)]),
        ([], []),
    ],
)
def test_rounds_end_at_the_first_wrong_token(right: list[bool], rounds: list[tuple[int, int]]) -> None:
    assert _rounds(right, 4) == rounds
