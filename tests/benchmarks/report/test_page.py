"""The numbers and figures of docs/benchmarks.md are the committed results'."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import labels
from benchmarks.machine import Machine
from benchmarks.measure import Measurement, Spread
from benchmarks.report import page
from benchmarks.report.report import Finding, Report, save
from whisper_magic.errors import WhisperMagicError

BUSY = Machine("a processor", 2, 2, 2**34, None, "Linux", "3.11", (("torch", "2.13"),), "abc", "today", 3.0, 2.0)
REPORT = Report(
    "demo",
    "python -m benchmarks demo",
    BUSY,
    {"repeats": 3},
    (Measurement("case", "ours, speculative", Spread((2.0, 3.0, 4.0)), Spread((1.0,)), tokens=30, acceptance=0.8),),
    (Finding("gain", 3.9, required=4.0), Finding("for information", 1.5), Finding("a peer / ours, wall", 0.8)),
    ("CTranslate2 is not installed",),
)


def test_the_page_agrees_with_the_committed_results() -> None:
    between = page.PAGE.read_text().partition(page.BEGIN)[2].partition(page.END)[0]
    assert between == "\n\n" + page.section(page.committed()), "run python -m benchmarks page"


def test_the_figures_agree_with_the_committed_results() -> None:
    folder = page.PAGE.parent / page.FIGURES
    drawn = {path.name: path.read_text() for path in folder.iterdir()}
    assert drawn == page.figure_files(page.committed()), "run python -m benchmarks page"


def test_hardware_spread_and_missed_goals_are_shown() -> None:
    text = page.section([REPORT])
    assert "a processor, 2 cores, 2 threads; torch 2.13. Measured today at commit abc by" in text
    assert "| ours, speculative | 1.00 [1.00, 1.00] | 3.00 [2.00, 4.00] | 30 | 80% |" in text
    assert "| gain | 3.90 x | at least 4 | **no** |" in text
    assert "for information" not in text
    assert "busy" in text
    assert "**Where a peer is faster:**\n\n- a peer / ours, wall: 0.80 x\n" in text
    assert "CTranslate2 is not installed." in text


def test_only_the_part_between_the_markers_is_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    page.rewrite(path, [REPORT])
    text = path.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    page.rewrite(path, [REPORT])
    assert path.read_text() == text


def test_figures_are_written_where_the_page_shows_them(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(f"{page.BEGIN}\n{page.END}\n")
    sides = [*map(labels.speculative, range(8)), labels.AUTO]
    rows = tuple(Measurement("case", side, Spread((1.0,)), tokens=10) for side in sides)
    written = page.rewrite(path, [replace(REPORT, suite="adaptive", measurements=rows)])
    assert written == [path, tmp_path / "images/benchmarks/adaptive-cpu-draft-length.svg"]
    assert "](images/benchmarks/adaptive-cpu-draft-length.svg)" in path.read_text()
    assert written[1].read_text().startswith("<svg")


def test_a_page_without_markers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("no markers")
    with pytest.raises(WhisperMagicError, match="lacks a marker"):
        page.rewrite(path, [REPORT])


def test_a_verdict_comes_first(tmp_path: Path) -> None:
    assert page.committed(tmp_path) == []
    assert "Nothing is committed yet" in page.section([])
    for suite in ("adaptive", "verdict"):
        save(replace(REPORT, suite=suite), tmp_path)
    assert [report.suite for report in page.committed(tmp_path)] == ["verdict", "adaptive"]
