"""How many threads torch uses on a CPU: as many as a short measurement finds fastest."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

import torch
import torch.nn.functional as F

TRIAL_SECONDS = 0.1  # no turn begins later
TRIAL_TURNS = 6
HOPELESS = 2.0  # a count is given up once it takes so many times the best one's time, and START_SECONDS more
START_SECONDS = 0.005

_measured: tuple[int, int] | None = None  # what the last measurement set, and what torch had chosen by itself


def choose_threads() -> str:
    """Set torch's thread count to the fastest. Returns what was measured, in a line; "" where there is no choice.

    Two threads on a busy machine can be tens of times slower than one: each step waits for the thread that got no
    processor. OMP_NUM_THREADS, MKL_NUM_THREADS and a `torch.set_num_threads` to anything but torch's own choice take
    precedence.
    """
    global _measured
    now = torch.get_num_threads()
    most = _measured[1] if _measured is not None and now == _measured[0] else now
    if most == 1 or _chosen_by_user(most):
        return ""
    seconds = _try_threads(_counts(most), _trial_steps())
    best = min(seconds.values())
    chosen = min(count for count, taken in seconds.items() if taken <= 1.1 * best)
    torch.set_num_threads(chosen)
    _measured = (chosen, most)
    other = 1 if chosen == most else most
    ratio = seconds[other] / seconds[chosen]
    return f"{chosen} of {most} threads: {ratio:.1f} times as fast as {other} when measured (OMP_NUM_THREADS overrides)"


def _chosen_by_user(threads: int) -> bool:
    if any(os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")):
        return True
    cpus = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    places = [Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/core_cpus_list") for cpu in cpus]
    cores = {place.read_text() for place in places if place.is_file()}
    return threads not in (len(cpus), len(cores))  # torch's own choice, with OpenMP alone or with MKL


def _counts(most: int) -> list[int]:
    """1, 2, 4, ... and `most`."""
    return sorted({most, *(2**i for i in range(most.bit_length()) if 2**i < most)})


def _try_threads(counts: list[int], steps: Sequence[Callable[[], object]]) -> dict[int, float]:
    """Seconds that the steps take at each count, median of some turns; of a hopeless one, what it would take."""
    taken: dict[int, list[float]] = {count: [] for count in counts}
    began = perf_counter()
    for turn in range(TRIAL_TURNS):
        for count in counts:
            best = min((median(others) for others in taken.values() if others), default=float("inf"))
            if taken[count] and (median(taken[count]) > HOPELESS * best or perf_counter() - began > TRIAL_SECONDS):
                continue
            torch.set_num_threads(count)
            seconds = _time(steps, HOPELESS * best + START_SECONDS)
            if turn or count == 1 or seconds > HOPELESS * best + START_SECONDS:  # threads start in the first turn
                taken[count].append(seconds)
    return {count: median(seconds) for count, seconds in taken.items()}


def _time(steps: Sequence[Callable[[], object]], most: float) -> float:
    """Seconds that the steps take; where the first ones take more than `most`, as if all were like them."""
    began = perf_counter()
    for done, step in enumerate(steps, 1):
        step()
        if perf_counter() - began > most:
            return (perf_counter() - began) * len(steps) / done
    return perf_counter() - began


def _trial_steps() -> Sequence[Callable[[], object]]:
    """A little of what decoding does, many small products, and of what encoding does, a large one."""
    weight, few, many = torch.ones(1024, 512), torch.ones(8, 512), torch.ones(128, 512)
    return (*[lambda: F.gelu(F.linear(few, weight))] * 6, lambda: F.linear(many, weight))
