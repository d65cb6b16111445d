"""Where the models go: device, dtype and attention, chosen from what was asked and what this machine can do."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import get_args

import torch
import torch.nn.functional as F

from whisper_magic.engine.model.checkpoint import Placement
from whisper_magic.engine.native import bindings as native
from whisper_magic.errors import OptionError
from whisper_magic.options import Attention, Dtype
from whisper_magic.wording import counted, near

DTYPES: dict[str, torch.dtype] = {name: getattr(torch, name) for name in get_args(Dtype)}
ATTENTIONS = get_args(Attention)
FLASH_CAPABILITY = (8, 0)  # Ampere: the oldest GPU that FlashAttention-2 supports


@dataclass(frozen=True)
class Placed:
    """A choice, its device's name for people, and one line for each thing that could not be had."""

    placement: Placement
    device_name: str
    notes: tuple[str, ...]


def place(device: str | None, dtype: str | None, attention: str | None) -> Placed:
    """Choose. None means: CUDA where there is one; float16 on CUDA, else float32; the fastest attention that works.

    On a CPU, torch's thread count is set to what a short measurement finds fastest (`choose_threads`).

    Raises:
        OptionError: for a name that does not exist, or a device that is not there.
    """
    where = _device(device)
    if dtype is not None and dtype not in DTYPES:
        raise OptionError(f"dtype must be one of {', '.join(DTYPES)}, got {dtype!r}{near(str(dtype), DTYPES)}")
    kind = DTYPES[dtype] if dtype else (torch.float16 if where.type == "cuda" else torch.float32)
    if attention is not None and attention not in ATTENTIONS:
        raise OptionError(f"attention must be one of {', '.join(ATTENTIONS)}, got {attention!r}")
    obstacle = _flash_obstacle(where, kind)
    notes = []
    if attention in (None, "flash_attention_2") and obstacle is not None:
        notes.append(f"FlashAttention-2 is not used: {obstacle}")
    if where.type == "cpu" and (note := choose_threads()):
        notes.append(note)
    if where.type == "cpu" and (reason := native.why_not()):
        notes.append(f"decoding goes through torch, which takes several times as long: {reason}")
    usable = "sdpa" if obstacle else "flash_attention_2"
    chosen = usable if attention in (None, "flash_attention_2") else attention
    return Placed(Placement(where, kind, str(chosen)), _device_name(where), tuple(notes))


def _device(name: str | None) -> torch.device:
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise OptionError(f"there is no device {name!r}; use 'cpu', 'cuda' or 'cuda:1'") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise OptionError(
            f"device {name!r} is not here: torch sees {torch.cuda.device_count()} CUDA devices; use 'cpu'"
        )
    return device


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    threads = torch.get_num_threads()
    return f"{device} ({counted(threads, 'thread')})"


def _flash_obstacle(device: torch.device, dtype: torch.dtype) -> str | None:
    """Why FlashAttention-2 cannot be used; None where it can."""
    if device.type != "cuda":
        return "it needs a CUDA device"
    if dtype not in (torch.float16, torch.bfloat16):
        return f"it needs float16 or bfloat16, not {str(dtype).removeprefix('torch.')}"
    capability = torch.cuda.get_device_capability(device)
    if capability < FLASH_CAPABILITY:
        return f"it needs compute capability 8.0, this GPU has {capability[0]}.{capability[1]}"
    if importlib.util.find_spec("flash_attn") is None:
        return "flash-attn is not installed (pip install 'whisper-magic[flash]')"
    return None


# -- threads ---------------------------------------------------------------------------------------------------------

TRIAL_SECONDS = 0.1  # no turn begins later
TRIAL_TURNS = 6
HOPELESS = 2.0  # a count is given up once it takes so many times the best one's time, and START_SECONDS more
START_SECONDS = 0.005

_measured: tuple[int, int] | None = None  # what the last measurement set, and what torch had chosen by itself


def choose_threads() -> str:
    """Let torch use as many threads as pay here and now; what was found, in a line, or '' where there is no choice.

    Two threads on a busy machine can be tens of times slower than one: each step waits for the thread that got no
    processor. OMP_NUM_THREADS, MKL_NUM_THREADS and a `torch.set_num_threads` to anything but torch's own choice are
    left alone.
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
    return (
        f"{chosen} of {most} threads: {ratio:.1f} times as fast as {other} just now (OMP_NUM_THREADS chooses instead)"
    )


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
