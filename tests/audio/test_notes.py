"""Notes: places merged, listed, counted."""

from __future__ import annotations

from whisper_magic.audio.notes import Notes


def test_lines_in_order_and_once() -> None:
    notes = Notes(["from before"])
    for line in ("first", "second", "first", "from before"):
        notes.add(line)
    assert notes.lines() == ("from before", "first", "second")


def test_places_next_to_one_another_are_one() -> None:
    notes = Notes()
    for start in (1.0, 1.02, 1.04, 7.0):
        notes.damaged(start, start + 0.02)
    notes.silent(3.0, 4.5)
    assert notes.lines() == (
        "has no audio from 3.00 s to 4.50 s: silence is inserted there",
        "damaged from 1.00 s to 1.06 s, from 7.00 s to 7.02 s: silence is inserted there",
    )


def test_many_places_are_counted() -> None:
    notes = Notes()
    for second in range(100):
        notes.damaged(second, second + 0.5)
    (line,) = notes.lines()
    assert line == (
        "damaged from 0.00 s to 0.50 s, from 1.00 s to 1.50 s, from 2.00 s to 2.50 s and in 97 more places, "
        "50.0 s in all: silence is inserted there"
    )


def test_restarts() -> None:
    notes = Notes()
    for second in (3.0, 7.5, 9.0, 12.0):
        notes.restarted(second)
    assert notes.lines() == (
        "its timestamps restart at 3.00 s, at 7.50 s, at 9.00 s and in 1 more place: times continue from there",
    )


def test_damage_to_the_end() -> None:
    notes = Notes()
    notes.damaged(5.0, None)
    assert notes.lines() == ("damaged from 5.00 s to the end",)
