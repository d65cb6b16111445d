"""Interleaved timing: sides take turns, and each reports medians.

Knows nothing of models: a side is a name and a function that returns a `TimedRun`. Machines drift (other processes,
heat, memory layout), so the sides of a case run A B C, A B C, ...: a drift affects all of them. The first turn of each
side warms caches and is discarded. Medians are reported, with the lowest and highest values.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter, sleep
from typing import Any

SETTLE = 0.3  # seconds between turns: the OpenMP workers of the previous side spin for some 0.2 s
Output = str | tuple[tuple[int, ...], ...]  # a text, or the token ids of each window


@dataclass(frozen=True)
class TimedRun:
    """One turn of one side. Times are in seconds.

    Attributes:
        wall: From audio (or features) to tokens.
        decode: Spent after the encoder; None where the side cannot separate it.
        first: Until the first segment.
        step: Per target pass.
        tokens: Tokens written.
        windows: Windows decoded.
        judged: Proposals that the target decided on.
        accepted: Proposals that the target accepted.
        peak_bytes: Peak memory, where it was measured.
        output: What was written, for comparison.
        errors: Where a reference is known: word error rate, and words deleted.
        scores: Log-probability of each token written, of each window, where the side knows them.
        rounds: Rounds of the window that took most.
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
    output: Output | None = None
    errors: tuple[float, int] | None = None
    scores: tuple[tuple[float, ...], ...] = ()
    rounds: int = 0

    @property
    def window_tokens(self) -> tuple[tuple[int, ...], ...]:
        """Token ids of each window, of a side that decodes windows."""
        assert isinstance(self.output, tuple)
        return self.output


@dataclass(frozen=True)
class Side:
    """One implementation or setting under comparison.

    Attributes:
        name: What it is.
        run: Does the work once, and times it.
        warm_up: A little of that work, where a whole warm-up turn takes too long.
    """

    name: str
    run: Callable[[], TimedRun]
    warm_up: Callable[[], TimedRun] | None = None


@dataclass(frozen=True)
class Spread:
    """Repeats of one quantity."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        """The lowest value."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The highest value."""
        return max(self.values)

    @staticmethod
    def of(values: Sequence[float | None]) -> Spread | None:
        """The spread of `values`; None unless every run has one."""
        known = [value for value in values if value is not None]
        return Spread(tuple(known)) if known and len(known) == len(values) else None


@dataclass(frozen=True)
class Measurement:
    """One side's runs in one case. Times are in seconds.

    Attributes:
        same_text: Whether it wrote what the first side of the case wrote; None where that cannot be compared.
        errors: As of `TimedRun`.
    """

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
    errors: tuple[float, int] | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """In the decode phase where that is known, else over the wall time."""
        spent = self.decode or self.wall
        return self.tokens / spent.median if self.tokens and spent.median else None

    @property
    def windows_per_second(self) -> float:
        """Over the wall time."""
        return self.windows / self.wall.median


def take_turns(
    case: str,
    sides: Sequence[Side],
    repeats: int,
    *,
    pause: Callable[[], None] | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> list[Measurement]:
    """Run the sides in turn, `repeats` times after one warm-up turn.

    Args:
        case: What is measured; the measurements carry it.
        sides: The sides; their names differ.
        repeats: Timed turns of each side.
        pause: Called before every turn; None waits for threads to settle.
        log: Called with a line after every turn.

    Returns:
        One measurement per side, in their order.
    """
    runs: dict[str, list[TimedRun]] = {side.name: [] for side in sides}
    assert len(runs) == len(sides), "two sides have the same name"
    for turn in range(repeats + 1):
        for side in sides:
            (pause or settle)()
            run = (side.run if turn else side.warm_up or side.run)()
            log(f"{case} | {side.name} | {'warm-up' if not turn else f'{turn} of {repeats}'}: {run.wall:.3f} s")
            if turn:
                runs[side.name].append(run)
    reference = runs[sides[0].name][0].output
    return [_measurement(case, name, done, reference) for name, done in runs.items()]


def settle() -> None:
    """Free memory and wait for idle threads, so that one turn does not affect the next."""
    gc.collect()
    sleep(SETTLE)


def _measurement(case: str, side: str, runs: Sequence[TimedRun], reference: Output | None) -> Measurement:
    last = runs[-1]
    comparable = reference is not None and last.output is not None
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
        same_text=all(run.output == reference for run in runs) if comparable else None,
        errors=last.errors,
    )


@dataclass
class Stopwatch:
    """Wall seconds between `start` and `stop`. wait: blocks until the device is idle."""

    wait: Callable[[], None] = lambda: None
    now: Callable[[], float] = perf_counter
    _began: float = 0.0

    def start(self) -> None:
        """Wait for the device, then start."""
        self.wait()
        self._began = self.now()

    def stop(self) -> float:
        """Wait for the device; the seconds since `start`."""
        self.wait()
        return self.now() - self._began


class TimedCallable:
    """A callable that adds up the seconds spent in it, in `seconds`. Its attributes are the wrapped object's."""

    def __init__(self, wrapped: Any, watch: Stopwatch) -> None:
        self._wrapped, self._watch, self.seconds = wrapped, watch, 0.0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._watch.start()
        result = self._wrapped(*args, **kwargs)
        self.seconds += self._watch.stop()
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)
