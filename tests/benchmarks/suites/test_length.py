"""The suite of recording lengths, on short files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import measure
from benchmarks.report.report import SuiteResult
from benchmarks.settings import Settings
from benchmarks.suites import length

pytestmark = pytest.mark.usefixtures("no_waiting")


def test_first_segments_of_files(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(length, "_first", lambda engine, path: measure.TimedRun(wall=path.stat().st_size / 1e6))
    result = length.first_segments(settings, (0.01, 0.05))
    assert [row.side for row in result.measurements] == ["0.01 min", "0.05 min"]
    assert result.findings == ()


@pytest.mark.slow
def test_a_whole_recording_is_measured_in_its_own_process(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(length, "first_segments", lambda settings, lengths: SuiteResult())
    (row,) = length.run(replace(settings, minutes=(0.2,), audio=None)).measurements
    assert row.case == length.WHOLE
    assert row.windows == 1
    assert row.tokens > 10
    assert row.first is not None
    assert row.first.median <= row.wall.median
    assert row.peak_bytes is not None
    assert row.peak_bytes > 2**26
