"""Committed results -> the measured part of docs/benchmarks.md, and its figures. Every number comes from a result.

python -m benchmarks page      # rewrites both; a test compares them with the results
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.measure import Measurement, Spread
from benchmarks.report.figures import figures
from benchmarks.report.report import Finding, Report
from whisper_magic.errors import WhisperMagicError

RESULTS = Path(__file__).parents[1] / "results"
PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
FIGURES = "images/benchmarks"  # below the page's folder: MkDocs serves nothing outside docs/
BEGIN, END = "<!-- measured: begin (python -m benchmarks page) -->", "<!-- measured: end -->"
NOTHING_MEASURED = "Nothing is committed yet: `python -m benchmarks verdict --out benchmarks/results` measures it."


def committed(folder: Path = RESULTS) -> list[Report]:
    """Read every report in a folder: verdicts first, then in the order of their names."""
    reports = [Report.from_json(path.read_text()) for path in sorted(folder.glob("*.json"))]
    return sorted(reports, key=lambda report: report.suite != "verdict")


def rewrite(page: Path, reports: Sequence[Report]) -> list[Path]:
    """Rewrite the measured part of a page, and draw its figures.

    Args:
        page: A Markdown file that holds both markers.
        reports: What to show.

    Returns:
        The files written.

    Raises:
        WhisperMagicError: A marker is missing.
    """
    text = page.read_text()
    if BEGIN not in text or END not in text:
        raise WhisperMagicError(f"{page} lacks a marker of its measured part; it needs both: {BEGIN} and {END}")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{section(reports)}{END}{after}")
    drawn = {page.parent / FIGURES / name: svg for name, svg in figure_files(reports).items()}
    for path, svg in drawn.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(svg)
    return [page, *drawn]


def section(reports: Sequence[Report]) -> str:
    """The measured part, in Markdown, without its markers."""
    if not reports:
        return NOTHING_MEASURED + "\n"
    return "\n".join(line for report in reports for line in [*_report_lines(report), ""])


def figure_files(reports: Sequence[Report]) -> dict[str, str]:
    """File name -> SVG of every figure in the measured part."""
    return {f"{report.stem}-{name}.svg": svg for report in reports for name, svg in figures(report).items()}


def _report_lines(report: Report) -> Iterator[str]:
    yield from (f"## {report.stem}", "", *_header_lines(report))
    findings = [finding for finding in report.findings if finding.required is not None] or report.findings
    if findings:
        yield from ("", "| measure | measured | required | met |", "|---|---|---|---|")
        yield from (_finding_line(finding) for finding in findings)
    if report.faster_peers:
        yield from ("", "**Where a peer is faster:**", "", *(f"- {line}" for line in report.faster_peers))
    for name in figure_files([report]):
        yield from ("", f"![{name.removesuffix('.svg')}]({FIGURES}/{name})")
    yield from (f"\n{note[0].upper()}{note[1:]}." for note in report.notes)
    if report.measurements:
        yield from ("", f"### Every measurement of {report.stem}")
    for case in dict.fromkeys(row.case for row in report.measurements):
        rows = report.case(case)
        scored = any(row.errors for row in rows)
        head = f"| {case} | decode, s | wall, s | tokens / s | accepted |" + " word errors | words deleted |" * scored
        yield from ("", head, "|---|---|---|---|---|" + "---|---|" * scored)
        yield from (_measurement_line(row, scored) for row in rows)


def _header_lines(report: Report) -> Iterator[str]:
    machine = report.machine
    where = machine.gpu or f"{machine.processor}, {machine.cores} cores"
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions)
    yield f"{where}, {machine.threads} threads; {versions}. Measured {machine.date} at commit {machine.commit} by"
    yield f"`{report.command}`. Medians of interleaved runs, the lowest and highest in brackets."
    if machine.busy:
        yield f"**{machine.busy[0].upper()}{machine.busy[1:]}.**"


def _finding_line(finding: Finding) -> str:
    measured = "not measured" if finding.value is None else f"{finding.value:.2f} {finding.unit}"
    required = "" if finding.required is None else f"at {'most' if finding.at_most else 'least'} {finding.required:g}"
    met = {True: "yes", False: "**no**", None: ""}[finding.met]
    return f"| {finding.name} | {measured} | {required} | {met} |"


def _measurement_line(row: Measurement, scored: bool) -> str:
    speed = "" if row.tokens_per_second is None else f"{row.tokens_per_second:.0f}"
    accepted = "" if row.acceptance is None else f"{row.acceptance:.0%}"
    line = f"| {row.side} | {_spread_text(row.decode)} | {_spread_text(row.wall)} | {speed} | {accepted} |"
    if not scored:
        return line
    return line + (f" {row.errors[0]:.1%} | {row.errors[1]} |" if row.errors else " | |")


def _spread_text(spread: Spread | None) -> str:
    return "" if spread is None else f"{spread.median:.2f} [{spread.low:.2f}, {spread.high:.2f}]"
