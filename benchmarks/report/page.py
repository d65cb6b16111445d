"""Committed results -> the README's section on speed. Its numbers are never typed by hand: a test compares the two.

python -m benchmarks readme      # writes the section anew
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Measurement, Spread
from benchmarks.report.report import Finding, Report
from whisper_magic.errors import WhisperMagicError

RESULTS = Path(__file__).parents[1] / "results"
BEGIN, END = "<!-- bench: begin (python -m benchmarks readme) -->", "<!-- bench: end -->"
NONE_YET = "Nothing is committed yet: `python -m benchmarks verdict --out benchmarks/results` measures it."


def committed(folder: Path = RESULTS) -> list[Report]:
    """Every report in a folder, in the order of their names."""
    return [Report.from_json(path.read_text()) for path in sorted(folder.glob("*.json"))]


def section(reports: list[Report], folder: Path = RESULTS) -> str:
    """The section, without its markers."""
    if not reports:
        return NONE_YET + "\n"
    return "\n".join(line for report in reports for line in [*_one(report, folder), ""])


def rewrite(readme: Path, reports: list[Report]) -> None:
    """Put the section between its markers.

    Raises:
        WhisperMagicError: where a marker is missing.
    """
    text = readme.read_text()
    if BEGIN not in text or END not in text:
        raise WhisperMagicError(f"{readme} has no markers for the section: {BEGIN} and {END}")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    readme.write_text(f"{before}{BEGIN}\n{section(reports)}{END}{after}")


def _one(report: Report, folder: Path) -> Iterator[str]:
    machine = report.machine
    where = machine.gpu or f"{machine.processor}, {machine.cores} cores"
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions)
    yield f"**`{report.command}`**: {where}, {machine.threads} threads; {versions}; {machine.date}, commit"
    yield f"{machine.commit}. Medians of repeats taken in turn; the lowest and highest in brackets."
    if machine.busy:
        yield f"**{machine.busy[0].upper()}{machine.busy[1:]}.**"
    required = [found for found in report.findings if found.required is not None]
    if required or report.findings:
        yield from ("", "| measure | measured | required | met |", "|---|---|---|---|")
        yield from (_finding(found) for found in required or report.findings)
    if report.behind:
        yield from ("", "**Where a peer is faster:**", "", *(f"- {line}" for line in report.behind))
    yield from ("", "<details><summary>Every measurement</summary>")
    for case in dict.fromkeys(row.case for row in report.measurements):
        yield from ("", f"| {case} | decode, s | wall, s | tokens / s | accepted |", "|---|---|---|---|---|")
        yield from (_row(row) for row in report.case(case))
    yield from ("", "</details>")
    for path in sorted(folder.glob(f"{report.stem}-*.svg")):
        yield from ("", f"![{path.stem}](benchmarks/results/{path.name})")
    yield from (f"\n{note[0].upper()}{note[1:]}." for note in report.notes)


def _finding(found: Finding) -> str:
    measured = "not measured" if found.value is None else f"{found.value:.2f} {found.unit}"
    required = "" if found.required is None else f"at {'most' if found.at_most else 'least'} {found.required:g}"
    met = {True: "yes", False: "**no**", None: ""}[found.met]
    return f"| {found.name} | {measured} | {required} | {met} |"


def _row(row: Measurement) -> str:
    speed = "" if row.tokens_per_second is None else f"{row.tokens_per_second:.0f}"
    accepted = "" if row.acceptance is None else f"{row.acceptance:.0%}"
    return f"| {row.side} | {_shown(row.decode)} | {_shown(row.wall)} | {speed} | {accepted} |"


def _shown(spread: Spread | None) -> str:
    return "" if spread is None else f"{spread.median:.2f} [{spread.low:.2f}, {spread.high:.2f}]"
