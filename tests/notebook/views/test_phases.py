"""Where the time goes."""

from __future__ import annotations

from dataclasses import fields

import pytest

from whisper_magic.notebook.views import phases
from whisper_magic.notebook.views.text import PLAIN
from whisper_magic.transcript import Timing


def test_shares_are_of_the_total_and_sum_to_one():
    found = phases.phases(Timing(read=0.1, encode=0.4, draft=0.2, verify=0.2, total=1.0))
    assert [phase.name for phase in found] == ["read", "encode", "draft", "verify", "other"]
    assert sum(phase.share for phase in found) == pytest.approx(1)


def test_slivers_are_left_out():
    assert [phase.name for phase in phases.phases(Timing(read=0.004, encode=0.996, total=1.0))] == ["encode"]
    assert phases.phases(Timing()) == ()


def test_every_phase_of_a_timing_has_a_colour():
    named = {field.name for field in fields(Timing)} - {"total", "audio"}
    assert set(phases.PHASES) == named | {"other"} == set(phases._COLOURS)


def test_bars_of_text_are_in_proportion():
    lines = list(phases.bars(Timing(read=0.25, verify=0.75, total=1.0), PLAIN))
    assert lines == [
        "read audio   250 ms  25%  ██████",
        "verify       750 ms  75%  ██████████████████",
    ]


def test_a_bar_of_html_is_read_aloud_too():
    bar = phases.html_bar(Timing(read=0.25, verify=0.75, total=1.0))
    assert 'role="img" aria-label="Time spent: read audio 250 ms, verify 750 ms"' in bar
    assert 'width:25.00%;background-color:#90a4ae"' in bar
    assert phases.html_bar(Timing()) == ""


def test_slices_fill_a_part():
    parts = phases.phases(Timing(read=0.5, verify=0.5, total=1.0))
    assert phases.slices(parts, 0.5).count("width:25.00%") == 2
