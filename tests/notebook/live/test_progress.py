"""Live progress, by a clock that the tests turn."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from tests.support import fake_engine
from whisper_magic.notebook.live.progress import Frame, LiveProgress
from whisper_magic.transcript import Finished, Round, Segment, Started

WORDS = {1: " one", 2: " two", 3: " three", 4: " four"}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Recorder:
    """A surface that remembers."""

    def __init__(self):
        self.frames, self.cleared = [], 0

    def draw(self, frame):
        self.frames.append(frame)

    def clear(self):
        self.cleared += 1


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def live(recorder, clock):
    made = LiveProgress(recorder, clock=clock, ticking=False)
    made.decode = lambda tokens: "".join(WORDS[token] for token in tokens)
    return made


def round_of(window, position, *tokens):
    return Round(window, position, tokens[:-1], len(tokens) - 1, tokens[-1])


def test_nothing_shows_in_the_first_second(live, recorder, clock):
    with live:
        live.update(0, Started("talk.mp3", 100.0))
        clock.now = 0.99
        live.update(0, round_of(0, 4, 1))
    assert recorder.frames == []
    assert recorder.cleared == 0


def test_then_at_most_fifteen_frames_a_second(live, recorder, clock):
    with live:
        live.update(0, Started("talk.mp3", 100.0))
        for step in range(2000):
            clock.now = 1 + step / 1000
            live.update(0, round_of(0, 4 + step, 1))
    assert 25 <= len(recorder.frames) <= 30
    assert recorder.cleared == 1


def test_how_far_how_long_and_what_is_said(live, recorder, clock):
    with live:
        live.update(0, Started("talk.mp3", 100.0))
        live.update(0, round_of(0, 4, 1, 2))
        clock.now = 20.0
        live.update(0, Segment(0.0, 25.0, " one two"))
        clock.now = 30.0
        live.update(0, round_of(1, 4, 3))
        clock.now = 31.0
        live.update(0, round_of(1, 5, 4))
    assert recorder.frames[0] == Frame("0:25 of 1:40 · about 1:00 left", "one two", "", 0.25, "talk.mp3")
    assert recorder.frames[-1].line == "talk.mp3 · 0:25 of 1:40 · about 0:49 left"
    assert recorder.frames[-1].settled == "one two"
    assert recorder.frames[-1].tail == " three four"


def test_a_single_window_counts_as_it_is_decoded(live, recorder, clock):
    with live:
        live.update(0, Started("talk.mp3", 28.0))
        for second, covered in enumerate((0.0, 7.0, 14.0, 12.5, 21.0)):  # an estimate may be corrected downwards
            clock.now = 2.0 + second
            live.update(0, replace(round_of(0, 4 + second, 1), covered=covered))
        clock.now = 8.0
        live.update(0, Segment(0.0, 28.0, " one"))
    assert [frame.fraction for frame in recorder.frames] == [0.0, 0.25, 0.5, 0.5, 0.75, 1.0]
    assert recorder.frames[2].line == "talk.mp3 · 0:14 of 0:28"


def test_windows_of_a_batch_count_together(live, recorder, clock):
    with live:
        live.update(0, Started("talk.mp3", 100.0))
        for second, (window, covered) in enumerate([(0, 5.0), (1, 10.0), (0, 10.0), (1, 20.0), (0, 15.0), (0, 20.0)]):
            clock.now = 2.0 + second
            live.update(0, replace(round_of(window, 4 + second, 1), covered=covered))
        clock.now = 10.0
        live.update(0, Segment(0.0, 25.0, " one"))
    done = [round(100 * frame.fraction) for frame in recorder.frames]
    assert done == sorted(done) == [5, 15, 20, 30, 35, 40, 40]


def test_a_window_read_again_starts_its_tail_again(live, recorder, clock):
    with live:
        live.update(0, Started("talk.mp3", 100.0))
        live.update(0, round_of(0, 4, 1, 2))
        live.update(0, round_of(0, 6, 3))
        clock.now = 2.0
        live.update(0, round_of(0, 4, 4))
    assert recorder.frames[-1].tail == " four"


def test_of_windows_that_take_turns_the_first_is_shown(live, recorder, clock):
    """No flicker between the texts of a batch; one that falls silent has ended."""
    with live:
        live.update(0, Started("talk.mp3", 100.0))
        for second, (window, token) in enumerate([(0, 1), (1, 2), (2, 3), (0, 1), (1, 2), (2, 3)]):
            clock.now = 2.0 + second
            live.update(0, round_of(window, 4 + second, token))
        assert {frame.tail for frame in recorder.frames} == {" one", " one one"}
        clock.now = 10.0
        live.update(0, Segment(0.0, 25.0, " one one"))
        live.update(0, Segment(25.0, 26.0, " and"))
        assert (recorder.frames[-1].settled, recorder.frames[-1].tail) == ("one one", " two two")
        for second, window in enumerate((3, 2, 3, 2)):  # window 1 was silence: no segment comes
            clock.now = 20.0 + second
            live.update(0, round_of(window, 20 + second, 4))
        assert recorder.frames[-1].tail == " three three four four"


def test_a_length_that_is_not_known_yet(live, recorder, clock):
    with live:
        live.update(0, Started("talk.mp3", 0.0))
        clock.now = 2.0
        live.update(0, Segment(0.0, 75.0, " one"))
    assert recorder.frames[-1] == Frame("1:15 read", "one", "", None, "talk.mp3")


def test_a_part_counts_from_its_start(recorder, clock):
    live = LiveProgress(recorder, start=60.0, clock=clock, ticking=False)
    with live:
        live.update(0, Started("talk.mp3", 20.0))
        clock.now = 2.0
        live.update(0, Segment(60.0, 65.0, " one"))
    assert recorder.frames[-1].line == "talk.mp3 · 0:05 of 0:20 · about 6 s left"


def test_several_recordings_are_one_job(recorder, clock):
    """Recordings run together: files and seconds done, what is left of all of them, and the text of the first."""
    live = LiveProgress(recorder, 3, clock=clock, ticking=False)
    live.decode = lambda tokens: ""
    with live:
        clock.now = 1.0
        live.stage("Loading big-model")
        clock.now = 2.0
        live.update(0, Started("a.wav", 10.0))
        clock.now = 3.0
        live.update(1, Started("b.wav", 20.0))
        clock.now = 4.0
        live.update(1, Segment(0.0, 10.0, " one"))
        clock.now = 5.0
        live.update(0, Finished(fake_engine.transcript("a.wav")))
    assert [(frame.state, frame.fraction) for frame in recorder.frames] == [
        ("Loading big-model", None),
        ("0 of 3 recordings · 0.0 s read · a.wav", 0.0),  # once: the second recording's start changes nothing
        ("0 of 3 recordings · 0:10 read · 5× real time · about 0:10 left · a.wav", 0.5 / 3),
        ("1 of 3 recordings · 0:30 read · 10× real time · about 3 s left · b.wav", 1.5 / 3),
    ]


def test_recordings_that_failed_are_not_waited_for(recorder, clock):
    live = LiveProgress(recorder, 4, clock=clock, ticking=False)
    with live:
        clock.now = 2.0
        live.update(2, Started("c.wav", 10.0))
    assert recorder.frames[-1].state.startswith("2 of 4 recordings · ")


def test_the_clock_thread_shows_what_no_event_announces(recorder, clock):
    threads = threading.active_count()
    live = LiveProgress(recorder, clock=clock)
    drawn = threading.Event()
    recorder.draw = lambda frame: drawn.set()
    with live:
        live.stage("Loading")
        clock.now = 2.0
        assert drawn.wait(10)
    assert threading.active_count() == threads
    assert recorder.cleared == 1


def test_it_is_cleared_after_an_error_too(live, recorder, clock):
    def stop():
        with live:
            clock.now = 2.0
            live.update(0, Started("talk.mp3", 100.0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert recorder.cleared == 1
