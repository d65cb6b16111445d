"""What a suite is asked to do: every default stated once."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import Measurement
from benchmarks.report.report import Finding


@dataclass(frozen=True)
class Settings:
    """None: the suite's own choice."""

    repeats: int | None = None
    threads: int = 1
    device: str = "cpu"
    dtypes: tuple[str, ...] | None = None
    shapes: tuple[str, ...] | None = None  # "demo", or names of checkpoints.SHAPES
    alphas: tuple[float, ...] = (0.8,)  # share of right proposals, with random weights
    tokens: int = 100  # written in a window, with random weights
    batches: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    windows: int | None = None
    minutes: tuple[float, ...] = (0.5, 2, 10, 60, 180)
    peers: bool = True
    audio: Path | None = None
    work: Path = Path(tempfile.gettempdir()) / "whisper-magic-bench"
    told: Callable[[str], None] = lambda line: None

    def to_json(self) -> dict[str, Any]:
        """Without what does not bear on the figures."""
        return {name: value for name, value in asdict(self).items() if name not in ("work", "told", "audio")}


@dataclass(frozen=True)
class Found:
    """What a suite brings home."""

    measurements: tuple[Measurement, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: Found) -> Found:
        notes = tuple(dict.fromkeys(self.notes + other.notes))
        return Found(self.measurements + other.measurements, self.findings + other.findings, notes)


NOTHING = Found(())


def to_stderr(line: str) -> None:
    """Progress: standard output is for the report."""
    print(line, file=sys.stderr, flush=True)
