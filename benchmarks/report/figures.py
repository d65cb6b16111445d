"""Reports as figures: plain SVG, so that no plotting library is needed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from benchmarks import labels
from benchmarks.measure import Measurement
from benchmarks.report import roofline
from benchmarks.report.report import Report, find, ratio

WIDTH, HEIGHT = 830, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 340, 50, 60  # margins; the legend stands at the right
COLOURS = ("#1b6ca8", "#c8553d", "#3a7d44", "#8e5ea2", "#b8860b", "#444444", "#00868b", "#c71585")
Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A series of points.

    Attributes:
        dashed: Drawn for comparison, in the colour of the line before unless it has its own.
        dots: Whether only the points are drawn.
    """

    name: str
    points: tuple[Point, ...]
    dashed: bool = False
    dots: bool = False
    colour: str = ""


@dataclass(frozen=True)
class Axis:
    """One axis, from `low` to `high`; `log` spaces its ticks by powers of two."""

    label: str
    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """Where on the axis a value lies, 0 to 1."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    @property
    def ticks(self) -> list[float]:
        """Values that get a grid line."""
        if self.log:
            exponents = range(math.ceil(math.log2(self.low) - 1e-9), math.floor(math.log2(self.high) + 1e-9) + 1)
            return [2.0**exponent for exponent in exponents]
        step = _round_step((self.high - self.low) / 8)
        return [step * i for i in range(math.ceil(self.low / step), math.floor(self.high / step + 1e-9) + 1)]


def figures(report: Report) -> dict[str, str]:
    """Name -> SVG of every figure that this report's measurements allow."""
    drawn = {"draft-length": draft_length(report), "batch": speed_up(report), "roofline": roof(report)}
    return {name: svg for name, svg in drawn.items() if svg}


def draft_length(report: Report) -> str:
    """Tokens per second against draft length, with the automatic choice as a dashed line; '' without such cases."""
    lines = []
    for case in dict.fromkeys(row.case for row in report.measurements):
        rows = [find(report.measurements, case, labels.speculative(length)) for length in range(8)]
        points = [(float(i), row.tokens_per_second) for i, row in enumerate(rows) if row and row.tokens_per_second]
        auto = find(report.measurements, case, labels.AUTO)
        if len(points) > 2 and auto and auto.tokens_per_second:
            lines.append(Line(case, tuple(points)))
            level = tuple((x, auto.tokens_per_second) for x, _ in (points[0], points[-1]))
            lines.append(Line("its automatic draft length", level, dashed=True))
    if not lines:
        return ""
    return chart(
        _title(report, "Tokens per second"), lines, Axis("draft length (0: the target alone)", 0, 7), "tokens / s"
    )


def speed_up(report: Report) -> str:
    """Speed-up of speculation, and over transformers' greedy decoding, against batch size; '' without such cases."""
    cases = [row.case.rpartition(", batch ")[::2] for row in report.measurements if ", batch " in row.case]
    names = list(dict.fromkeys(name for name, _ in cases))
    batches = sorted({int(size) for _, size in cases})
    if len(batches) < 2:
        return ""
    lines = []
    for name in names:
        for label, over in (("our target only", labels.TARGET_ONLY), ("transformers, greedy", "transformers, greedy")):
            points = _ratios(report.measurements, name, batches, over)
            if points:
                lines.append(Line(f"{name}: {label}", points, dashed=over != labels.TARGET_ONLY))
    title = _title(report, "Speed-up: decode seconds / ours, speculative")
    return chart(title, lines, Axis("windows at once", batches[0], batches[-1], log=True), "times as long")


def _ratios(rows: Sequence[Measurement], name: str, batches: Sequence[int], over: str) -> tuple[Point, ...]:
    points = []
    for size in batches:
        case = f"{name}, batch {size}"
        first, second = find(rows, case, over), find(rows, case, labels.SPECULATIVE)
        value = ratio(first.decode, second.decode) if first and second else None
        if value is not None:
            points.append((float(size), value))
    return tuple(points)


def roof(report: Report) -> str:
    """Measured target pass against the time that reading its bytes takes; '' without such findings."""
    lines = []
    for finding in report.findings:
        case, _, what = finding.name.partition(": ")
        row = find(report.measurements, case, labels.TARGET_ONLY)
        if what == roofline.NAME and finding.value and row and row.step:
            floor = row.step.median / finding.value
            lines.append(Line(case, ((floor * 1e3, row.step.median * 1e3),), dots=True))
    if not lines:
        return ""
    values = [value for line in lines for point in line.points for value in point]
    low, high = min(values) / 1.5, max(values) * 1.5
    lines.append(Line("memory floor", ((low, low), (high, high)), dashed=True, colour="#666"))
    title = _title(report, "One target pass: milliseconds taken, against the memory floor")
    return chart(title, lines, Axis("bytes moved / bandwidth, ms", low, high, log=True), "measured, ms", log=True)


def _title(report: Report, what: str) -> str:
    where = report.machine.gpu or report.machine.processor.partition(" (")[0]
    return f"{what} ({where}, {report.machine.threads} threads)"


# Drawing


def chart(title: str, lines: Sequence[Line], x: Axis, y_label: str, log: bool = False) -> str:
    """Draw lines on axes, with a legend.

    Args:
        title: Above the plot.
        lines: The series.
        x: The x axis; the y axis starts at 0, or spans the same values where `log`.
        y_label: Beside the y axis.
        log: Whether the y axis is logarithmic.

    Returns:
        An SVG document.
    """
    values = [point[1] for line in lines for point in line.points]
    y = Axis(y_label, x.low, x.high, log=True) if log else Axis(y_label, 0.0, max(values) * 1.1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="sans-serif" font-size="11" role="img" aria-label="{escape(title)}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="13" font-weight="bold">{escape(title)}</text>',
        *_axes(x, y),
    ]
    colour = 0
    for i, line in enumerate(lines):
        colour += not line.dashed
        parts += _series(line, line.colour or COLOURS[max(0, colour - 1) % len(COLOURS)], i, x, y)
    return "\n".join([*parts, "</svg>", ""])


def _at(x: Axis, y: Axis, point: Point) -> Point:
    across = LEFT + x.place(point[0]) * (WIDTH - LEFT - RIGHT)
    return round(across, 1), round(HEIGHT - BOTTOM - y.place(point[1]) * (HEIGHT - TOP - BOTTOM), 1)


def _axes(x: Axis, y: Axis) -> Iterator[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for tick in x.ticks:
        across, _ = _at(x, y, (tick, y.low))
        yield f'<line x1="{across}" y1="{TOP}" x2="{across}" y2="{bottom}" stroke="#ddd"/>'
        yield f'<text x="{across}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>'
    for tick in y.ticks:
        _, down = _at(x, y, (x.low, tick))
        yield f'<line x1="{LEFT}" y1="{down}" x2="{right}" y2="{down}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 6}" y="{down + 4}" text-anchor="end">{tick:g}</text>'
    middle = (LEFT + right) / 2
    yield f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="black"/>'
    yield f'<text x="{middle}" y="{HEIGHT - 18}" text-anchor="middle">{escape(x.label)}</text>'
    turned = f"translate(18 {(TOP + bottom) / 2}) rotate(-90)"
    yield f'<text transform="{turned}" text-anchor="middle">{escape(y.label)}</text>'


def _series(line: Line, colour: str, index: int, x: Axis, y: Axis) -> Iterator[str]:
    places = [_at(x, y, point) for point in line.points]
    dash = ' stroke-dasharray="5 4"' if line.dashed else ""
    if not line.dots:
        path = " ".join(f"{across},{down}" for across, down in places)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
    if not line.dashed:
        yield from (f'<circle cx="{across}" cy="{down}" r="3.5" fill="{colour}"/>' for across, down in places)
    left, down = WIDTH - RIGHT + 14, TOP + 18 * index
    yield f'<line x1="{left}" y1="{down}" x2="{left + 18}" y2="{down}" stroke="{colour}" stroke-width="2"{dash}/>'
    yield f'<text x="{left + 24}" y="{down + 4}" font-size="9">{escape(line.name)}</text>'


def _round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten, not below `least`."""
    size: float = 10.0 ** math.floor(math.log10(least))
    return next(size * factor for factor in (1, 2, 5, 10) if size * factor >= least - 1e-12)
