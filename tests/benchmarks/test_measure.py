"""Turns, medians and spreads, with a clock that the tests move."""

from __future__ import annotations

import pytest

from benchmarks.measure import Output, Side, Spread, Stopwatch, TimedCallable, TimedRun, take_turns


class Script:
    """A run that takes given seconds, and appends its name to a list of calls."""

    def __init__(self, name: str, seconds: list[float], calls: list[str], output: Output | None = None) -> None:
        self.name, self.seconds, self.calls, self.output = name, iter(seconds), calls, output

    def __call__(self) -> TimedRun:
        self.calls.append(self.name)
        return TimedRun(wall=next(self.seconds), decode=None, tokens=10, windows=2, output=self.output)


def test_sides_take_turns_and_the_first_turn_does_not_count() -> None:
    calls: list[str] = []
    sides = [
        Side("a", Script("a", [9.0, 1.0, 3.0, 2.0], calls, "text")),
        Side("b", Script("b", [9.0, 4.0, 4.0, 5.0], calls, "other")),
    ]
    pauses: list[str] = []
    a, b = take_turns("case", sides, 3, pause=lambda: pauses.append("settled"))
    assert calls == ["a", "b"] * 4
    assert len(pauses) == 8
    assert (a.wall.median, a.wall.low, a.wall.high) == (2.0, 1.0, 3.0)
    assert a.wall.values == (1.0, 3.0, 2.0)
    assert b.wall.median == 4.0
    assert (a.same_text, b.same_text) == (True, False)
    assert a.tokens_per_second == 5.0
    assert a.windows_per_second == 1.0


def test_a_side_may_warm_up_with_less() -> None:
    calls: list[str] = []
    side = Side("a", Script("a", [1.0, 3.0], calls), Script("few", [0.1], calls))
    (row,) = take_turns("case", [side], 2, pause=lambda: None)
    assert calls == ["few", "a", "a"]
    assert row.wall.values == (1.0, 3.0)


def test_missing_outputs_are_not_compared() -> None:
    (row,) = take_turns("case", [Side("a", Script("a", [1.0, 1.0], []))], 1, pause=lambda: None)
    assert row.same_text is None
    assert row.acceptance is None
    assert row.decode is None


def test_progress_is_logged() -> None:
    lines: list[str] = []
    side = Side("a", Script("a", [1.0, 2.0], []))
    take_turns("case", [side], 1, pause=lambda: None, log=lines.append)
    assert lines == ["case | a | warm-up: 1.000 s", "case | a | 1 of 1: 2.000 s"]


def test_a_spread_needs_every_turn() -> None:
    assert Spread.of([1.0, None]) is None
    assert Spread.of([]) is None
    assert Spread.of([1.0, 2.0]) == Spread((1.0, 2.0))


def test_two_sides_with_the_same_name_are_refused() -> None:
    side = Side("a", lambda: TimedRun(1.0))
    with pytest.raises(AssertionError, match="same name"):
        take_turns("case", [side, side], 1, pause=lambda: None)


def test_a_stopwatch_waits_for_the_device_at_both_ends() -> None:
    time, waits = [0.0], []

    def wait() -> None:
        waits.append(time[0])
        time[0] += 1.0  # the device was still busy

    watch = Stopwatch(wait, lambda: time[0])
    watch.start()
    time[0] += 5.0
    assert watch.stop() == 6.0
    assert waits == [0.0, 6.0]


def test_a_timed_callable_adds_up_its_seconds() -> None:
    time = iter([0.0, 2.0, 10.0, 13.0])
    timed = TimedCallable("{}-{name}".format, Stopwatch(now=lambda: next(time)))
    assert timed(1, name="a") == "1-a"
    assert timed(2, name="b") == "2-b"
    assert timed.seconds == 5.0
    assert timed.__name__ == "format"
