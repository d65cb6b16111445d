"""Turns, medians and spreads, with a clock that the tests move."""

from __future__ import annotations

import pytest

from benchmarks.measure import Run, Side, Spread, Stopwatch, take_turns


class Script:
    """A side that takes the seconds it is told to, and notes when it was asked."""

    def __init__(self, name: str, seconds: list[float], diary: list[str], written: object = None) -> None:
        self.name, self.seconds, self.diary, self.written = name, iter(seconds), diary, written

    def __call__(self) -> Run:
        self.diary.append(self.name)
        return Run(wall=next(self.seconds), decode=None, tokens=10, windows=2, written=self.written)


def test_sides_take_turns_and_the_first_turn_does_not_count() -> None:
    diary: list[str] = []
    sides = [
        Side("a", Script("a", [9.0, 1.0, 3.0, 2.0], diary, "text")),
        Side("b", Script("b", [9.0, 4.0, 4.0, 5.0], diary, "other")),
    ]
    pauses: list[str] = []
    a, b = take_turns("case", sides, 3, pause=lambda: pauses.append("settled"))
    assert diary == ["a", "b"] * 4
    assert len(pauses) == 8
    assert (a.wall.median, a.wall.low, a.wall.high) == (2.0, 1.0, 3.0)
    assert a.wall.values == (1.0, 3.0, 2.0)
    assert b.wall.median == 4.0
    assert (a.same_text, b.same_text) == (True, False)
    assert a.tokens_per_second == 5.0
    assert a.windows_per_second == 1.0


def test_texts_that_nobody_wrote_are_not_compared() -> None:
    (row,) = take_turns("case", [Side("a", Script("a", [1.0, 1.0], []))], 1, pause=lambda: None)
    assert row.same_text is None
    assert row.acceptance is None
    assert row.decode is None


def test_progress_is_told() -> None:
    lines: list[str] = []
    side = Side("a", Script("a", [1.0, 2.0], []))
    take_turns("case", [side], 1, pause=lambda: None, told=lines.append)
    assert lines == ["case | a | warm-up: 1.000 s", "case | a | 1 of 1: 2.000 s"]


def test_a_spread_needs_every_turn() -> None:
    assert Spread.of([1.0, None]) is None
    assert Spread.of([]) is None
    assert Spread.of([1.0, 2.0]) == Spread((1.0, 2.0))


def test_two_sides_of_one_name_are_refused() -> None:
    side = Side("a", lambda: Run(1.0))
    with pytest.raises(AssertionError, match="one name"):
        take_turns("case", [side, side], 1, pause=lambda: None)


def test_a_stopwatch_waits_for_the_device_at_both_ends() -> None:
    time, waits = [0.0], []

    def wait() -> None:
        waits.append(time[0])
        time[0] += 1.0  # what the device still had to do

    watch = Stopwatch(wait, lambda: time[0])
    watch.start()
    time[0] += 5.0
    assert watch.stop() == 6.0
    assert waits == [0.0, 6.0]
