"""On what it was measured: processor, memory, GPU, threads, versions, and how busy the machine was."""

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
from whisper_magic.engine.native import bindings as native

BUSY = 0.5  # load average per core, of the minute before, beyond which figures are not to be trusted
PACKAGES = ("torch", "transformers", "ctranslate2", "faster-whisper", "numpy")


@dataclass(frozen=True)
class Machine:
    """load_before, load_after: load average of the last minute. bandwidth: bytes a second, read; None: not measured."""

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
        """A warning, or ''. Only what ran before us tells: our own threads are part of the load after."""
        if self.load_before <= BUSY * self.cores:
            return ""
        return f"the machine was busy (load average {self.load_before:.2f} on {self.cores} cores): do not trust this"


def look(threads: int, load_before: float, bandwidth: float | None = None) -> Machine:
    """This machine, now."""
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        threads=threads,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        gpu=_gpu(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions=tuple(_versions()),
        commit=_commit(),
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        load_before=load_before,
        load_after=load(),
        bandwidth=bandwidth,
    )


def _versions() -> Iterator[tuple[str, str]]:
    """Of the packages that there are, and whether our kernels were compiled."""
    for name in PACKAGES:
        if (found := _version(name)) is not None:
            yield name, found
    yield "our kernels", native.why_not() or "compiled"


def load() -> float:
    return os.getloadavg()[0]


def bandwidth(device: str, megabytes: int = 512, now: Callable[[], float] = perf_counter) -> float:
    """Bytes a second that a plain sum reads from memory: the best of five passes."""
    import torch

    numbers = torch.ones(megabytes * 2**18, dtype=torch.float32, device=device)
    best = float("inf")
    for _ in range(5):
        wait(device)
        began = now()
        numbers.sum()
        wait(device)
        best = min(best, now() - began)
    return numbers.numel() * 4 / best


class DeviceWatch(Stopwatch):
    """A stopwatch that waits for a GPU, and notes how much memory it took on top of what was there.

    extra_bytes: between the last start and stop; None where there is no GPU to ask.
    """

    def __init__(self, device: str) -> None:
        super().__init__(lambda: wait(device))
        self.device, self.before, self.extra_bytes = device, 0, None if device == "cpu" else 0

    def start(self) -> None:
        if self.device.startswith("cuda"):
            import torch

            torch.cuda.reset_peak_memory_stats(self.device)
            self.before = torch.cuda.memory_allocated(self.device)
        super().start()

    def stop(self) -> float:
        seconds = super().stop()
        if self.device.startswith("cuda"):
            import torch

            self.extra_bytes = torch.cuda.max_memory_allocated(self.device) - self.before
        return seconds

    def peak(self, resident: int) -> int | None:
        """Bytes in all of a side that keeps `resident` bytes."""
        return None if self.extra_bytes is None else resident + self.extra_bytes


def wait(device: str) -> None:
    """Until a GPU has done what it was told; nothing to wait for elsewhere."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize(device)


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


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str:
    """The commit that was measured; '+' where the working tree differs from it."""
    here = Path(__file__).parent
    try:
        name = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name.stdout.strip()
