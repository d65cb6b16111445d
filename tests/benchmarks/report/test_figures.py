"""Pictures are well-formed, and show what was measured."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from benchmarks.machine import Machine
from benchmarks.measure import Measurement, Spread
from benchmarks.report import figures, roofline
from benchmarks.report.report import Finding, Report
from benchmarks.suites import adaptive, batch

MACHINE = Machine("a <processor>", 2, 2, 2**34, None, "Linux", "3.11", (), "abc", "today", 0.1, 2.0)


def report_of(rows: list[Measurement], findings: tuple[Finding, ...] = ()) -> Report:
    return Report("suite", "", MACHINE, {}, tuple(rows), findings)


def row(case: str, side: str, seconds: float) -> Measurement:
    return Measurement(case, side, Spread((2 * seconds,)), Spread((seconds,)), step=Spread((seconds / 10,)), tokens=10)


def test_tokens_per_second_against_draft_length() -> None:
    rows = [row("case", adaptive.fixed(length), 1 / (1 + length)) for length in range(8)]
    picture = figures.draft_length(report_of([*rows, row("case", adaptive.AUTO, 0.2)]))
    tree = ElementTree.fromstring(picture)
    assert len(tree.findall("{*}circle")) == 8
    assert len(tree.findall("{*}polyline")) == 2


def test_speed_up_against_batch() -> None:
    rows = []
    for size in (1, 8, 32):
        case = f"demo, batch {size}"
        rows += [row(case, batch.ALONE, 2.0), row(case, f"{batch.SPECULATIVE}, 5 tokens", 1.0)]
    picture = figures.speed_up(report_of(rows))
    assert len(ElementTree.fromstring(picture).findall("{*}circle")) == 3


def test_roofline() -> None:
    found = Finding(f"case: {roofline.NAME}", 4.0)
    picture = figures.roof(report_of([row("case", "ours, target only", 1.0)], (found,)))
    assert "0.0625" not in picture
    assert len(ElementTree.fromstring(picture).findall("{*}circle")) == 1


def test_saved_beside_the_report(tmp_path: Path) -> None:
    rows = [row("case", adaptive.fixed(length), 1.0) for length in range(8)]
    files = figures.save(report_of([*rows, row("case", adaptive.AUTO, 0.2)]), tmp_path / "adaptive-cpu.json")
    assert [path.name for path in files] == ["adaptive-cpu-draft-length.svg"]
    assert figures.figures(report_of([])) == {}


def test_bytes_of_a_pass() -> None:
    class Config:
        d_model, decoder_ffn_dim, decoder_layers, max_source_positions, vocab_size = 1280, 5120, 32, 1500, 51866

    one, two = (roofline.bytes_of_pass(Config, "float16", windows) for windows in (1, 2))
    assert abs((two - one) - 0.246e9) < 1e6  # the design's figures for large-v3
    assert abs(2 * one - two - 1.60e9) < 0.2e9
