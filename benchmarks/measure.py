"""Sides take turns, and what came of it. Knows nothing of models: a side is a name and a function that returns a Run.

Machines drift (other processes, heat, memory layout), so the sides of a case run A B C, A B C, ...: what changes over
time changes for all of them. The first turn of each warms caches and is thrown away. Reported are medians, with the
lowest and highest beside them.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from time import perf_counter, sleep

SETTLE = 0.3  # seconds between turns: OpenMP's workers of the last side spin for some 0.2 s after their work


@dataclass(frozen=True)
class Run:
    """One turn of one side.

    wall: seconds from sound (or features) to tokens. decode: those spent behind the encoder, where that can be told.
    first: seconds until the first segment. step: seconds per target pass. tokens: written. judged, accepted: of the
    draft's proposals. peak_bytes: of memory, where it was measured. written: what was written, to compare.
    """

    wall: float
    decode: float | None = None
    first: float | None = None
    step: float | None = None
    tokens: int = 0
    windows: int = 1
    judged: int = 0
    accepted: int = 0
    peak_bytes: int | None = None
    written: Hashable = None


@dataclass(frozen=True)
class Side:
    """One contestant. run: does the work once, and times it."""

    name: str
    run: Callable[[], Run]


@dataclass(frozen=True)
class Spread:
    """Repeats of one quantity."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)

    @staticmethod
    def of(values: Sequence[float | None]) -> Spread | None:
        """None where some turn could not tell."""
        known = [value for value in values if value is not None]
        return Spread(tuple(known)) if known and len(known) == len(values) else None


@dataclass(frozen=True)
class Measurement:
    """What one side took in one case. Seconds; `same_text`: whether it wrote what the first side of the case wrote."""

    case: str
    side: str
    wall: Spread
    decode: Spread | None = None
    first: Spread | None = None
    step: Spread | None = None
    tokens: int = 0
    windows: int = 1
    acceptance: float | None = None
    peak_bytes: int | None = None
    same_text: bool | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """In the decode phase where that is known, else over the whole wall."""
        spent = self.decode or self.wall
        return self.tokens / spent.median if self.tokens and spent.median else None

    @property
    def windows_per_second(self) -> float:
        return self.windows / self.wall.median


def take_turns(
    case: str,
    sides: Sequence[Side],
    repeats: int,
    *,
    pause: Callable[[], None] | None = None,
    told: Callable[[str], None] = lambda line: None,
) -> list[Measurement]:
    """Run the sides in turn, `repeats` times after one turn to warm up; what each took, in their order.

    pause: before every turn; None settles. told: a line after every turn.
    """
    runs: dict[str, list[Run]] = {side.name: [] for side in sides}
    assert len(runs) == len(sides), "two sides of one name"
    for turn in range(repeats + 1):
        for side in sides:
            (pause or settle)()
            run = side.run()
            told(f"{case} | {side.name} | {'warm-up' if not turn else f'{turn} of {repeats}'}: {run.wall:.3f} s")
            if turn:
                runs[side.name].append(run)
    reference = runs[sides[0].name][0].written
    return [_measurement(case, name, done, reference) for name, done in runs.items()]


def settle() -> None:
    """Leave nothing of the last turn to the next."""
    gc.collect()
    sleep(SETTLE)


def _measurement(case: str, side: str, runs: Sequence[Run], reference: Hashable) -> Measurement:
    last = runs[-1]
    comparable = reference is not None and last.written is not None
    return Measurement(
        case=case,
        side=side,
        wall=Spread(tuple(run.wall for run in runs)),
        decode=Spread.of([run.decode for run in runs]),
        first=Spread.of([run.first for run in runs]),
        step=Spread.of([run.step for run in runs]),
        tokens=last.tokens,
        windows=last.windows,
        acceptance=last.accepted / last.judged if last.judged else None,
        peak_bytes=max((run.peak_bytes for run in runs if run.peak_bytes is not None), default=None),
        same_text=all(run.written == reference for run in runs) if comparable else None,
    )


@dataclass
class Stopwatch:
    """Wall seconds, once the device has done what it was told. wait: returns when it has."""

    wait: Callable[[], None] = lambda: None
    now: Callable[[], float] = perf_counter
    _began: float = 0.0

    def start(self) -> None:
        self.wait()
        self._began = self.now()

    def stop(self) -> float:
        self.wait()
        return self.now() - self._began
