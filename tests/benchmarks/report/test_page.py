"""The README's numbers are the committed results'."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.machine import Machine
from benchmarks.measure import Measurement, Spread
from benchmarks.report import page as readme
from benchmarks.report.report import Finding, Report
from whisper_magic.errors import WhisperMagicError

README = Path(__file__).parents[3] / "README.md"
BUSY = Machine("a processor", 2, 2, 2**34, None, "Linux", "3.11", (("torch", "2.13"),), "abc", "today", 3.0, 2.0)
MADE = Report(
    "demo",
    "python -m benchmarks demo",
    BUSY,
    {"repeats": 3},
    (Measurement("case", "ours, speculative", Spread((2.0, 3.0, 4.0)), Spread((1.0,)), tokens=30, acceptance=0.8),),
    (Finding("gain", 3.9, required=4.0), Finding("for information", 1.5), Finding("a peer / ours, wall", 0.8)),
    ("CTranslate2 is not installed",),
)


def test_agrees_with_the_committed_results() -> None:
    text = README.read_text()
    between = text.partition(readme.BEGIN)[2].partition(readme.END)[0]
    assert between == "\n" + readme.section(readme.committed()), "run python -m benchmarks readme"


def test_says_hardware_spread_and_what_falls_short() -> None:
    text = readme.section([MADE])
    assert "a processor, 2 cores" in text
    assert "torch 2.13" in text
    assert "| ours, speculative | 1.00 [1.00, 1.00] | 3.00 [2.00, 4.00] | 30 | 80% |" in text
    assert "| gain | 3.90 x | at least 4 | **no** |" in text
    assert "for information" not in text
    assert "busy" in text
    assert "**Where a peer is faster:**\n\n- a peer / ours, wall: 0.80 x\n" in text
    assert "CTranslate2 is not installed." in text


def test_only_what_is_between_the_markers_is_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n")
    readme.rewrite(path, [MADE])
    text = path.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    readme.rewrite(path, [MADE])
    assert path.read_text() == text
    path.write_text("no markers")
    with pytest.raises(WhisperMagicError, match="markers"):
        readme.rewrite(path, [MADE])
