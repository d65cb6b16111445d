"""The machine that was measured: processor, memory, GPU, threads, package versions, and how busy it was."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from benchmarks.measure import Stopwatch

BUSY = 0.5  # load average per core over the last minute, above which figures are not to be trusted
PACKAGES = ("torch", "transformers", "ctranslate2", "faster-whisper", "numpy")
NATIVE_KERNELS = "native CPU kernels"  # listed among the versions


@dataclass(frozen=True)
class Machine:
    """A machine at one moment.

    Attributes:
        load_before: Load average of the minute before the first suite.
        load_after: Load average of the last minute.
        bandwidth: Bytes per second read from memory; None where it was not measured.
    """

    processor: str
    cores: int
    threads: int
    memory_bytes: int
    gpu: str | None
    system: str
    python: str
    versions: tuple[tuple[str, str], ...]
    commit: str
    date: str
    load_before: float
    load_after: float
    bandwidth: float | None = None

    @property
    def busy(self) -> str:
        """A warning, or ''. Only the load before counts: the benchmark's own threads are part of the load after."""
        if self.load_before <= BUSY * self.cores:
            return ""
        return f"the machine was busy (load average {self.load_before:.2f} on {self.cores} cores): do not trust this"


def describe(threads: int, load_before: float, native_kernels: str, bandwidth: float | None = None) -> Machine:
    """This machine, now.

    Args:
        threads: torch threads in use.
        load_before: Load average before the first suite.
        native_kernels: "compiled", or why they are not used; '' where they do not apply.
        bandwidth: Bytes per second, as `bandwidth` measures them.
    """
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        threads=threads,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        gpu=_gpu(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions=(*_versions(), *([(NATIVE_KERNELS, native_kernels)] if native_kernels else ())),
        commit=_commit(),
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        load_before=load_before,
        load_after=load(),
        bandwidth=bandwidth,
    )


def load() -> float:
    """Load average of the last minute."""
    return os.getloadavg()[0]


def bandwidth(device: str, megabytes: int = 512, now: Callable[[], float] = perf_counter) -> float:
    """Bytes per second that a plain sum reads from memory: the best of five passes over `megabytes`."""
    import torch

    numbers = torch.ones(megabytes * 2**18, dtype=torch.float32, device=device)
    return numbers.numel() * 4 / min(seconds_of(device, numbers.sum, now) for _ in range(5))


def seconds_of(device: str, work: Callable[[], object], now: Callable[[], float] = perf_counter) -> float:
    """Seconds that some work takes: by the GPU's own clock there, since the host's counts launching and waiting too."""
    if not device.startswith("cuda"):
        began = now()
        work()
        return now() - began
    import torch

    with torch.cuda.device(device):
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        first.record()
        work()
        last.record()
        last.synchronize()
    return float(first.elapsed_time(last)) / 1000


def synchronize(device: str) -> None:
    """Wait until a GPU has finished its work; return at once on other devices."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize(device)


class DeviceStopwatch(Stopwatch):
    """A stopwatch that waits for a GPU and records how much memory a run allocated there."""

    def __init__(self, device: str) -> None:
        super().__init__(lambda: synchronize(device))
        self._device, self._before = device, 0
        self._allocated_bytes = 0 if device.startswith("cuda") else None

    def start(self) -> None:
        """Wait for the device, reset its peak, then start."""
        if self._device.startswith("cuda"):
            import torch

            torch.cuda.reset_peak_memory_stats(self._device)
            self._before = torch.cuda.memory_allocated(self._device)
        super().start()

    def stop(self) -> float:
        """Wait for the device; the seconds since `start`."""
        seconds = super().stop()
        if self._device.startswith("cuda"):
            import torch

            self._allocated_bytes = torch.cuda.max_memory_allocated(self._device) - self._before
        return seconds

    def peak_bytes(self, resident: int) -> int | None:
        """Peak bytes of the last run by a side that keeps `resident` bytes; None without a GPU."""
        return None if self._allocated_bytes is None else resident + self._allocated_bytes


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "")
    wide = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags.split()]
    return f"{names[0] if names else platform.machine()} ({', '.join(wide)})"


def _gpu() -> str | None:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def _versions() -> Iterator[tuple[str, str]]:
    """Of the packages that are installed."""
    for name in PACKAGES:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue


def _commit() -> str:
    """The commit that was measured; '+' where the working tree differs from it."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
