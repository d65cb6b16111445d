"""Which windows are encoded together: those whose turn is fixed, in their order, however many slots are free."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from whisper_magic.engine.decode.encode_ahead import EncodeAhead
from whisper_magic.engine.runtime.slots import Window


class Side:
    """A second stream that notes what is queued on it, and what it hands over."""

    def __init__(self) -> None:
        self.log: list[str] = []

    @contextmanager
    def queued(self) -> Iterator[None]:
        self.log.append("aside:")
        yield
        self.log.append("back")

    def hand_over(self, tensors: list[torch.Tensor]) -> None:
        self.log.append(f"hand over {[int(one.max()) for one in tensors]}")


class Runner:
    """Encodes nothing, and notes which windows it was given together."""

    encoded_together = 4

    def __init__(self, side_stream: Side | None = None) -> None:
        self.groups: list[list[int]] = []
        self.side_stream = side_stream

    def encoder_states(self, features: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
        if self.side_stream is not None:
            self.side_stream.log.append(f"encode {[int(one[0, 0]) for one in features]}")
        self.groups.append([int(one[0, 0]) for one in features])
        return [(one,) for one in features]


def window(index: int, in_order: bool = True) -> Window:
    return Window(index, torch.full((1, 1), float(index)), (1,), 8, 1, in_order=in_order)


def taken(windows: list[Window | None], counts: list[int], slots: int = 8) -> tuple[list[list[int]], list[list[int]]]:
    """The indices handed out where so many slots are free in turn, and the groups."""
    runner: Any = Runner()
    ahead, waiting = EncodeAhead(runner, slots), iter(windows)
    out = [[one.index for one in ahead.take(count, lambda: next(waiting, None))] for count in counts]
    return out, runner.groups


@pytest.mark.parametrize("counts", [[4, 1, 1, 1, 1, 1, 1], [4, 2, 1, 1, 2], [1] * 10])
def test_groups_do_not_depend_on_free_slots(counts: list[int]) -> None:
    windows = [window(i) for i in range(10)]
    out, groups = taken([*windows], counts)
    handed = [index for indices in out for index in indices]
    assert handed == list(range(len(handed)))
    assert groups == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]][: len(groups)]


def test_a_window_whose_turn_is_not_fixed_is_encoded_alone() -> None:
    windows = [window(0), window(10, False), window(1), window(2), window(3), window(11, False)]
    out, groups = taken([*windows], [8, 8])
    assert out == [[0, 10, 1, 2, 3], [11]]
    assert groups == [[0, 1, 2, 3], [10], [11]]


def test_a_window_that_is_decoded_again_is_not_encoded_again() -> None:
    first = window(0)
    _, groups = taken([first, None, first], [1, 1])
    assert groups == [[0]]


def test_one_slot_encodes_one_at_a_time() -> None:
    assert taken([window(0), window(1)], [1, 1], slots=1)[1] == [[0], [1]]


def test_on_a_gpu_the_next_group_is_encoded_beside_the_rounds() -> None:
    """In the same groups, and handed over before it is used."""
    side = Side()
    runner: Any = Runner(side)
    ahead, waiting = EncodeAhead(runner, 4), iter([window(i) for i in range(10)])
    out = [[one.index for one in ahead.take(count, lambda: next(waiting, None))] for count in (4, 1, 1, 2, 3)]
    assert out == [[0, 1, 2, 3], [4], [5], [6, 7], [8, 9]]
    assert side.log == [
        "encode [0, 1, 2, 3]",
        *("aside:", "encode [4, 5, 6, 7]", "back", "hand over [4, 5, 6, 7]"),
        *("aside:", "encode [8, 9]", "back", "hand over [8, 9]"),
        *("aside:", "back"),
    ]


def test_windows_that_depend_on_what_was_written_are_not_asked_for_early() -> None:
    side = Side()
    runner: Any = Runner(side)
    ahead, waiting = EncodeAhead(runner, 4), iter([window(0, False), window(1, False)])
    assert [one.index for one in ahead.take(1, lambda: next(waiting, None))] == [0]
    assert side.log == ["encode [0]"]
