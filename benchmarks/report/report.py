"""The measurements of a suite as tables and as JSON, which reads back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import Machine
from benchmarks.measure import Measurement, Spread


@dataclass(frozen=True)
class Finding:
    """One number that follows from measurements.

    Attributes:
        value: None where it could not be measured.
        required: The goal; None where there is none.
        at_most: Whether the goal is an upper bound rather than a lower one.
        detail: How the value came about.
    """

    name: str
    value: float | None
    unit: str = "x"
    required: float | None = None
    at_most: bool = False
    detail: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a value or a goal."""
        if self.value is None or self.required is None:
            return None
        return self.value <= self.required if self.at_most else self.value >= self.required


@dataclass(frozen=True)
class SuiteResult:
    """What a suite returns. Results add up; each note appears once."""

    measurements: tuple[Measurement, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: SuiteResult) -> SuiteResult:
        notes = tuple(dict.fromkeys(self.notes + other.notes))
        return SuiteResult(self.measurements + other.measurements, self.findings + other.findings, notes)


@dataclass(frozen=True)
class Report:
    """One suite, measured once.

    Attributes:
        command: The command line that measured it.
        settings: As given, see `Settings.to_json`.
        notes: What a reader of the figures needs to know, one line each.
    """

    suite: str
    command: str
    machine: Machine
    settings: dict[str, Any]
    measurements: tuple[Measurement, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The report on one line."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Report:
        """Read back what `to_json` or `save` wrote."""
        data = json.loads(text)
        machine = data["machine"]
        machine["versions"] = tuple((name, version) for name, version in machine["versions"])
        return Report(
            suite=data["suite"],
            command=data["command"],
            machine=Machine(**machine),
            settings=data["settings"],
            measurements=tuple(_measurement(row) for row in data["measurements"]),
            findings=tuple(Finding(**row) for row in data["findings"]),
            notes=tuple(data["notes"]),
        )

    @property
    def stem(self) -> str:
        """The name of its files: suite, the requested shapes, and cpu or gpu."""
        on_gpu = self.machine.gpu and str(self.settings.get("device")).startswith("cuda")
        return "-".join([self.suite, *(self.settings.get("shapes") or ()), "gpu" if on_gpu else "cpu"])

    @property
    def mismatches(self) -> tuple[str, ...]:
        """Rows of ours whose text differs from the first row of their case, our target alone: bugs.

        Only of sides named "ours, …": batched mode may cut a recording elsewhere and write another text.
        """
        rows = (row for row in self.measurements if row.side.startswith("ours, ") and row.same_text is False)
        return tuple(f"{row.case}: {row.side} did not write what our target alone wrote" for row in rows)

    @property
    def faster_peers(self) -> tuple[str, ...]:
        """Findings in which a peer is faster than ours."""
        peers = [finding for finding in self.findings if " / ours" in finding.name and finding.value is not None]
        return tuple(
            f"{finding.name}: {finding.value:.2f} {finding.unit}" for finding in peers if (finding.value or 0) < 1
        )

    def case(self, name: str) -> tuple[Measurement, ...]:
        """The measurements of one case."""
        return tuple(row for row in self.measurements if row.case == name)


def _measurement(row: dict[str, Any]) -> Measurement:
    spreads = {name: _spread(row[name]) for name in ("wall", "decode", "first", "step")}
    errors = row.get("errors")
    return Measurement(**{**row, **spreads, "errors": tuple(errors) if errors else None})


def _spread(values: dict[str, list[float]] | None) -> Spread | None:
    return None if values is None else Spread(tuple(values["values"]))


def save(report: Report, folder: Path) -> Path:
    """Write the report to `folder` as indented JSON, and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.stem}.json"
    path.write_text(json.dumps(asdict(report), indent=1) + "\n")
    return path


# Looking up measurements


def find(measurements: Iterable[Measurement], case: str, side: str) -> Measurement | None:
    """The measurement of this case whose side starts with `side`."""
    return next((row for row in measurements if row.case == case and row.side.startswith(side)), None)


def ratio(over: Spread | None, under: Spread | None) -> float | None:
    """Median of `over` / median of `under`; None where one is missing."""
    return over.median / under.median if over is not None and under is not None and under.median else None


def fastest(rows: Iterable[Measurement | None], phase: str) -> Measurement | None:
    """The measurement with the lowest median of a phase ("wall" or "decode"); None where there is none."""
    known = [row for row in rows if row is not None and getattr(row, phase) is not None]
    return min(known, key=lambda row: getattr(row, phase).median, default=None)


# Plain text

FINDING_HEADER = ("", "measured", "required", "met", "")
HEADER = ("side", "decode s", "wall s", "tokens", "tokens/s", "windows/s", "accepted", "first s", "peak", "text")


def full_text(report: Report) -> Iterator[str]:
    """Lines of the whole report."""
    yield from _machine_lines(report)
    for case in dict.fromkeys(row.case for row in report.measurements):
        yield from ("", case, *table([HEADER, *(_cells(row) for row in report.case(case))]))
    if report.findings:
        yield from ("", *table([FINDING_HEADER, *(_finding_cells(finding) for finding in report.findings)]))
    yield from ("", *_notes(report))


def verdict_text(report: Report) -> Iterator[str]:
    """Lines of the findings that have a goal, and whether it is met."""
    required = [finding for finding in report.findings if finding.required is not None]
    yield from _machine_lines(report)
    yield from ("", *table([FINDING_HEADER, *(_finding_cells(finding) for finding in required)]))
    yield from ("", *_notes(report))


def _machine_lines(report: Report) -> Iterator[str]:
    machine = report.machine
    gpu = f", {machine.gpu}" if machine.gpu else ""
    yield f"{report.suite}: {machine.processor}, {machine.cores} cores, {machine.threads} threads used{gpu}"
    yield ", ".join(f"{name} {version}" for name, version in (("Python", machine.python), *machine.versions))
    yield f"{machine.date}, commit {machine.commit}, load {machine.load_before:.2f} -> {machine.load_after:.2f}"
    if machine.busy:
        yield f"WARNING: {machine.busy}"


def _notes(report: Report) -> Iterator[str]:
    yield from (f"- {note}" for note in report.notes)
    yield from (f"- a peer is faster: {line}" for line in report.faster_peers)
    yield from (f"- MISMATCH: {line}" for line in report.mismatches)


def _cells(row: Measurement) -> tuple[str, ...]:
    return (
        row.side,
        _spread_text(row.decode),
        _spread_text(row.wall),
        str(row.tokens or ""),
        f"{row.tokens_per_second:.1f}" if row.tokens_per_second else "",
        f"{row.windows_per_second:.2f}" if row.tokens else "",
        "" if row.acceptance is None else f"{row.acceptance:.0%}",
        _spread_text(row.first),
        "" if row.peak_bytes is None else f"{row.peak_bytes / 2**30:.2f} GiB",
        {None: "", True: "same", False: "differs"}[row.same_text],
    )


def _spread_text(spread: Spread | None) -> str:
    return "" if spread is None else f"{spread.median:.3f} [{spread.low:.3f}-{spread.high:.3f}]"


def _finding_cells(finding: Finding) -> tuple[str, ...]:
    sign = "<=" if finding.at_most else ">="
    required = "" if finding.required is None else f"{sign} {finding.required:g} {finding.unit}"
    met = {None: "", True: "yes", False: "NO"}[finding.met]
    value = "not measured" if finding.value is None else f"{finding.value:.2f} {finding.unit}"
    return finding.name, value, required, met, finding.detail


def table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Align cells in columns.

    Args:
        rows: The header and at least one row, of equal length. Columns that are empty below the header are dropped.

    Yields:
        One line per row; the first and last columns are left-aligned, the others right-aligned.
    """
    full = [i for i in range(len(rows[0])) if i == 0 or any(row[i] for row in rows[1:])]
    rows = [tuple(row[i] for i in full) for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for first, *middle, last in rows:
        cells = [cell.rjust(width) for cell, width in zip(middle, widths[1:-1], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *cells, last]).rstrip()
