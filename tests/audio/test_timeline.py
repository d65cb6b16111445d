"""Timestamps and counts -> positions."""

from __future__ import annotations

import pytest

from whisper_magic.audio.timeline import Timeline

RATE = 1000


def place(timeline: Timeline, times: list[float | None], length: int = 100) -> list[int]:
    """The positions of frames of `length` with these timestamps."""
    positions = []
    for time in times:
        timeline.add(silence=timeline.missing(time))
        positions.append(timeline.position)
        timeline.add(sound=length)
    return positions


def test_frames_one_after_the_other() -> None:
    assert place(Timeline(RATE, 0.0), [0.0, 0.1, 0.2, None, 0.4]) == [0, 100, 200, 300, 400]


def test_rounded_and_jittery_timestamps_are_counted_until_they_are_far_off() -> None:
    assert place(Timeline(RATE, 0.0), [0.0, 0.11, 0.19, 0.34]) == [0, 100, 200, 300]
    assert place(Timeline(RATE, 0.0), [0.0, 0.12, 0.24, 0.36]) == [0, 100, 200, 360], "60 ms is a hole"


def test_late_beginnings_and_holes() -> None:
    assert place(Timeline(RATE, 0.0), [2.5, 2.6, 4.0]) == [2500, 2600, 4000]
    assert place(Timeline(RATE, 2.5), [2.5, 2.6]) == [0, 100]
    assert place(Timeline(RATE, 0.0), [0.02, 0.12]) == [20, 120], "the first timestamp is exact"


def test_what_lies_before_zero_has_negative_positions() -> None:
    assert place(Timeline(RATE, 0.0), [-0.15, -0.05, 0.05]) == [-150, -50, 50]


def test_timestamps_that_start_anew_are_counted_on() -> None:
    timeline = Timeline(RATE, 0.0)
    assert place(timeline, [0.0, 0.1, 0.0, 0.1, 0.5]) == [0, 100, 200, 300, 700]
    assert timeline.restarts == [200]


def test_counted_timestamps_mean_nothing_after_the_first() -> None:
    assert place(Timeline(RATE, 0.07, counted=True), [0.07, 0.3, 0.0]) == [0, 100, 200]


@pytest.mark.parametrize(("end", "believed"), [(None, False), (100.0, False), (200.0, True)])
def test_a_long_hole_needs_room_in_the_container(end: float | None, believed: bool) -> None:
    timeline = Timeline(RATE, 0.0, end)
    assert place(timeline, [0.0, 150.0, 150.1]) == ([0, 150_000, 150_100] if believed else [0, 100, 200])
    assert timeline.restarts == ([] if believed else [100])


def test_nonsense_does_not_become_hours_of_silence() -> None:
    timeline = Timeline(RATE, 0.0, end=1e6)
    place(timeline, [70.0 * number for number in range(1000)])
    assert timeline.position < 20 * 71 * RATE + 1000 * 100
    timeline = Timeline(RATE, 0.0, end=1e6)
    place(timeline, [50.0 * number for number in range(1000)])
    assert timeline.position < 60 * RATE + 31 * 1000 * 100 + 60 * RATE


def test_sparse_packets_are_believed() -> None:
    """Opus that skips silence: 20 ms every 400 ms, for an hour."""
    timeline = Timeline(RATE, 0.0)
    positions = place(timeline, [0.4 * number for number in range(9000)], length=20)
    assert positions[-1] == round(0.4 * 8999 * RATE)


def test_landing() -> None:
    timeline = Timeline(RATE, 0.5, end=100.0)
    timeline.land(5000)
    assert place(timeline, [5.5, 5.6, 7.0]) == [5000, 5100, 6500]
    assert timeline.position_of(1.5) == 1000
