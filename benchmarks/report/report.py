"""What a suite found: a plain table for people, JSON for machines, and back."""

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
    """One number that follows from measurements. required: what it should reach; at_most: rather stay below."""

    name: str
    value: float | None  # None: could not be measured
    unit: str = "x"
    required: float | None = None
    at_most: bool = False
    detail: str = ""

    @property
    def met(self) -> bool | None:
        if self.value is None or self.required is None:
            return None
        return self.value <= self.required if self.at_most else self.value >= self.required


@dataclass(frozen=True)
class Report:
    """One suite, measured once. settings: as they were given. notes: what is to be known, a line each."""

    suite: str
    command: str
    machine: Machine
    settings: dict[str, Any]
    measurements: tuple[Measurement, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Report:
        """Back from `to_json`."""
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
        """Of its files' names: suite, shapes where they were asked for, and cpu or gpu."""
        on_gpu = self.machine.gpu and str(self.settings.get("device")).startswith("cuda")
        return "-".join([self.suite, *(self.settings.get("shapes") or ()), "gpu" if on_gpu else "cpu"])

    @property
    def broken(self) -> tuple[str, ...]:
        """Rows of ours that did not write what the first row of their case, our target alone, wrote: bugs.

        Of "ours, …" alone: another mode may cut elsewhere, and write another text.
        """
        rows = (row for row in self.measurements if row.side.startswith("ours, ") and row.same_text is False)
        return tuple(f"{row.case}: {row.side} did not write what our target alone wrote" for row in rows)

    @property
    def behind(self) -> tuple[str, ...]:
        """Where a peer is faster than we are."""
        peers = [found for found in self.findings if " / ours" in found.name and found.value is not None]
        return tuple(f"{found.name}: {found.value:.2f} {found.unit}" for found in peers if (found.value or 0) < 1)

    def case(self, name: str) -> tuple[Measurement, ...]:
        return tuple(row for row in self.measurements if row.case == name)


def _measurement(row: dict[str, Any]) -> Measurement:
    spreads = {name: _spread(row[name]) for name in ("wall", "decode", "first", "step")}
    return Measurement(**{**row, **spreads})


def _spread(values: dict[str, list[float]] | None) -> Spread | None:
    return None if values is None else Spread(tuple(values["values"]))


def find(measurements: Iterable[Measurement], case: str, side: str) -> Measurement | None:
    """The row of this case whose side begins so."""
    return next((row for row in measurements if row.case == case and row.side.startswith(side)), None)


def ratio(over: Spread | None, under: Spread | None) -> float | None:
    """Of the medians: how many times as long the first took."""
    return over.median / under.median if over is not None and under is not None and under.median else None


def fastest(rows: Iterable[Measurement | None], phase: str) -> Measurement | None:
    """The row with the lowest median of a phase ("wall" or "decode"); None where there is none."""
    known = [row for row in rows if row is not None and getattr(row, phase) is not None]
    return min(known, key=lambda row: getattr(row, phase).median, default=None)


# The table


def lines(report: Report) -> Iterator[str]:
    """The whole report in plain text."""
    yield from about(report)
    for case in dict.fromkeys(row.case for row in report.measurements):
        yield ""
        yield case
        yield from table([HEADER, *(_cells(row) for row in report.case(case))])
    if report.findings:
        yield ""
        yield from table([FOUND, *(_finding(found) for found in report.findings)])
    yield ""
    yield from remarks(report)


def verdict(report: Report) -> Iterator[str]:
    """Only what was asked for, and whether it is met."""
    asked = [found for found in report.findings if found.required is not None]
    yield from about(report)
    yield ""
    yield from table([FOUND, *(_finding(found) for found in asked)])
    yield ""
    yield from remarks(report)


def remarks(report: Report) -> Iterator[str]:
    """What is to be known of the figures, a line each."""
    yield from (f"- {note}" for note in report.notes)
    yield from (f"- a peer is faster: {line}" for line in report.behind)
    yield from (f"- BROKEN: {fault}" for fault in report.broken)


FOUND = ("", "measured", "required", "met", "")
HEADER = ("side", "decode s", "wall s", "tokens", "tokens/s", "windows/s", "accepted", "first s", "peak", "text")


def about(report: Report) -> Iterator[str]:
    machine = report.machine
    gpu = f", {machine.gpu}" if machine.gpu else ""
    yield f"{report.suite}: {machine.processor}, {machine.cores} cores, {machine.threads} threads used{gpu}"
    yield ", ".join(f"{name} {version}" for name, version in (("Python", machine.python), *machine.versions))
    yield f"{machine.date}, commit {machine.commit}, load {machine.load_before:.2f} -> {machine.load_after:.2f}"
    if machine.busy:
        yield f"WARNING: {machine.busy}"


def _cells(row: Measurement) -> tuple[str, ...]:
    same = {None: "", True: "same", False: "differs"}[row.same_text]
    return (
        row.side,
        _shown(row.decode),
        _shown(row.wall),
        str(row.tokens or ""),
        f"{row.tokens_per_second:.1f}" if row.tokens_per_second else "",
        f"{row.windows_per_second:.2f}" if row.tokens else "",
        "" if row.acceptance is None else f"{row.acceptance:.0%}",
        _shown(row.first),
        "" if row.peak_bytes is None else f"{row.peak_bytes / 2**30:.2f} GiB",
        same,
    )


def _shown(spread: Spread | None) -> str:
    return "" if spread is None else f"{spread.median:.3f} [{spread.low:.3f}-{spread.high:.3f}]"


def _finding(found: Finding) -> tuple[str, ...]:
    sign = "<=" if found.at_most else ">="
    required = "" if found.required is None else f"{sign} {found.required:g} {found.unit}"
    met = {None: "", True: "yes", False: "NO"}[found.met]
    value = "not measured" if found.value is None else f"{found.value:.2f} {found.unit}"
    return found.name, value, required, met, found.detail


def table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Columns as wide as their widest cell; the first and last to the left, the others to the right. Empty ones go."""
    full = [i for i in range(len(rows[0])) if i == 0 or any(row[i] for row in rows[1:])]
    rows = [tuple(row[i] for i in full) for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for first, *middle, last in rows:
        cells = [cell.rjust(width) for cell, width in zip(middle, widths[1:-1], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *cells, last]).rstrip()


def save(report: Report, folder: Path) -> Path:
    """Write the report as indented JSON, to be committed; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.stem}.json"
    path.write_text(json.dumps(asdict(report), indent=1) + "\n")
    return path
