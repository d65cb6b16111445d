"""Figures are well-formed, and show what was measured."""

from __future__ import annotations

from xml.etree import ElementTree

from benchmarks import labels
from benchmarks.machine import Machine
from benchmarks.measure import Measurement, Spread
from benchmarks.report import figures, roofline
from benchmarks.report.report import Finding, Report

MACHINE = Machine("a <processor>", 2, 2, 2**34, None, "Linux", "3.11", (), "abc", "today", 0.1, 2.0)


def report_of(rows: list[Measurement], findings: tuple[Finding, ...] = ()) -> Report:
    return Report("suite", "", MACHINE, {}, tuple(rows), findings)


def row(case: str, side: str, seconds: float) -> Measurement:
    return Measurement(case, side, Spread((2 * seconds,)), Spread((seconds,)), step=Spread((seconds / 10,)), tokens=10)


def test_tokens_per_second_against_draft_length() -> None:
    rows = [row("case", labels.speculative(length), 1 / (1 + length)) for length in range(8)]
    picture = figures.draft_length(report_of([*rows, row("case", labels.AUTO, 0.2)]))
    tree = ElementTree.fromstring(picture)
    assert len(tree.findall("{*}circle")) == 8
    assert len(tree.findall("{*}polyline")) == 2


def test_speed_up_against_batch() -> None:
    rows = []
    for size in (1, 8, 32):
        case = f"demo, batch {size}"
        rows += [row(case, labels.TARGET_ONLY, 2.0), row(case, labels.speculative(5), 1.0)]
    picture = figures.speed_up(report_of(rows))
    assert len(ElementTree.fromstring(picture).findall("{*}circle")) == 3


def test_roofline() -> None:
    found = Finding(f"case: {roofline.NAME}", 4.0)
    picture = figures.roof(report_of([row("case", labels.TARGET_ONLY, 1.0)], (found,)))
    assert "0.0625" not in picture
    assert len(ElementTree.fromstring(picture).findall("{*}circle")) == 1


def test_only_figures_with_measurements_are_drawn() -> None:
    rows = [row("case", labels.speculative(length), 1.0) for length in range(8)]
    assert set(figures.figures(report_of([*rows, row("case", labels.AUTO, 0.2)]))) == {"draft-length"}
    assert figures.figures(report_of([])) == {}
