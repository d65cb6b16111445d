"""Reports are printed, saved and read back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.machine import Machine
from benchmarks.measure import Measurement, Spread
from benchmarks.report import report
from benchmarks.report.report import Finding, Report

QUIET = Machine("a processor", 2, 2, 2**34, None, "Linux", "3.11", (("torch", "2.13"),), "abc1234", "today", 0.1, 2.0)
ROWS = (
    Measurement(
        "case", "ours, target only", Spread((2.0, 4.0, 3.0)), Spread((1.0, 1.5, 2.0)), tokens=30, same_text=True
    ),
    Measurement("case", "ours, speculative", Spread((1.0,)), Spread((0.5,)), tokens=30, acceptance=0.8, same_text=True),
    Measurement("case", "a peer", Spread((8.0,)), tokens=30, same_text=False),
)
FOUND = (
    Finding("gain", 3.0, required=2.0, detail="how"),
    Finding("delay", 2.0, "s", required=1.0, at_most=True),
    Finding("unmeasured", None, required=1.0),
    Finding("for information", 1.5),
)


@pytest.fixture
def made() -> Report:
    return Report("suite", "python -m …", QUIET, {"repeats": 3, "device": "cpu"}, ROWS, FOUND, ("a note",))


def test_back_from_json(made: Report) -> None:
    assert "\n" not in made.to_json()
    assert Report.from_json(made.to_json()).to_json() == made.to_json()
    back = Report.from_json(made.to_json())
    assert back.measurements == made.measurements
    assert back.findings == made.findings
    assert back.machine == made.machine


def test_saved_where_it_can_be_committed(made: Report, tmp_path: Path) -> None:
    path = report.save(made, tmp_path / "results")
    assert path.name == "suite-cpu.json"
    assert Report.from_json(path.read_text()).findings == FOUND
    assert json.loads(path.read_text())["machine"]["processor"] == "a processor"


def test_the_table_shows_median_and_spread(made: Report) -> None:
    lines = list(report.full_text(made))
    (line,) = [line for line in lines if line.startswith("ours, target only")]
    assert "3.000 [2.000-4.000]" in line
    assert "1.500 [1.000-2.000]" in line
    assert "20.0" in line  # tokens per second of the decode phase
    assert any("differs" in line for line in lines if line.startswith("a peer"))
    assert "- a note" in lines
    assert not any("WARNING" in line for line in lines)


def test_met_and_not_met(made: Report) -> None:
    assert [found.met for found in FOUND] == [True, False, None, None]
    lines = list(report.verdict_text(made))
    assert any(line.split()[:5] == ["gain", "3.00", "x", ">=", "2"] for line in lines)
    assert any("NO" in line for line in lines if line.startswith("delay"))
    assert any("not measured" in line for line in lines if line.startswith("unmeasured"))
    assert not any(line.startswith("for information") for line in lines)


def test_a_differing_text_of_ours_is_a_bug() -> None:
    wrong = Measurement("case", "ours, speculative", Spread((1.0,)), same_text=False)
    broken = Report("suite", "", QUIET, {}, (*ROWS, wrong))
    assert broken.mismatches == ("case: ours, speculative did not write what our target alone wrote",)
    assert any(line.startswith("- MISMATCH") for line in report.full_text(broken))


def test_a_faster_peer_is_listed() -> None:
    found = (Finding("a peer / ours, wall", 0.5), Finding("another / ours, wall", 1.5), Finding("gain", 0.2))
    report_of_it = Report("suite", "", QUIET, {}, (), found)
    assert report_of_it.faster_peers == ("a peer / ours, wall: 0.50 x",)
    assert "- a peer is faster: a peer / ours, wall: 0.50 x" in list(report.full_text(report_of_it))


def test_a_busy_machine_is_a_warning() -> None:
    busy = Machine(**{**vars(QUIET), "load_before": 1.5})
    assert "busy" in busy.busy
    assert any("WARNING" in line for line in report.full_text(Report("suite", "", busy, {}, ())))


def test_ratios_and_the_fastest_of_several() -> None:
    alone, ours, peer = ROWS
    assert report.ratio(alone.decode, ours.decode) == 3.0
    assert report.ratio(peer.decode, ours.decode) is None
    assert report.fastest([alone, ours, None], "decode") is ours
    assert report.fastest([peer], "decode") is None
    assert report.find(ROWS, "case", "ours, spec") is ours
    assert report.find(ROWS, "another", "ours") is None
