"""Figures in words."""

from __future__ import annotations

import pytest

from whisper_magic.notebook.views import facts
from whisper_magic.transcript import Models, Timing


@pytest.mark.parametrize(
    ("seconds", "clock", "length", "took"),
    [
        (0, "00:00.00", "0.0 s", "0 ms"),
        (4.999, "00:05.00", "5.0 s", "5 s"),
        (59.996, "01:00.00", "1:00", "60 s"),
        (3599.999, "1:00:00.00", "1:00:00", "3600 s"),
        (0.01234, "00:00.01", "0.0 s", "12.3 ms"),
    ],
)
def test_times(seconds, clock, length, took):
    assert (facts.clock(seconds), facts.length(seconds), facts.took(seconds)) == (clock, length, took)


def test_times_that_line_up():
    assert facts.clock(4, hours=True) == "0:00:04.00"
    assert facts.length(4, of=20) == "0:04"


@pytest.mark.parametrize(
    ("audio", "total", "speed"),
    [(20, 1.6, "12.5×"), (300, 2, "150×"), (1, 3, "0.33×"), (0, 1, None), (1, 0, None)],
)
def test_the_real_time_factor_has_three_digits(audio, total, speed):
    assert facts.speed(Timing(audio=audio, total=total)) == speed


@pytest.mark.parametrize(
    ("source", "name"),
    [("talk.mp3", "talk.mp3"), ("/home/me/long/way/talk.mp3", "…/way/talk.mp3"), ("/tmp/a.mp3", "/tmp/a.mp3")],
)
def test_names_of_sources(source, name):
    assert facts.name(source) == name


def test_models_name_what_computes_attention():
    assert facts.models(Models("big")) == "big · cpu · float32 · sdpa attention"
    native = Models("big", "small", "cpu (2 threads)", "float32", "native CPU kernels")
    assert facts.models(native) == "big + small · cpu (2 threads) · float32 · native CPU kernels"
