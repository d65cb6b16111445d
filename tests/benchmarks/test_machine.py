"""The description of a machine, and waiting for its devices."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from benchmarks import machine
from benchmarks.machine import NATIVE_KERNELS, DeviceStopwatch


def test_this_machine_is_described() -> None:
    here = machine.describe(threads=2, load_before=0.0, native_kernels="compiled")
    assert here.cores >= 1
    assert here.memory_bytes > 2**30
    assert "torch" in dict(here.versions)
    assert dict(here.versions)[NATIVE_KERNELS] == "compiled"
    assert NATIVE_KERNELS not in dict(machine.describe(2, 0.0, "").versions)


def test_a_high_load_before_is_a_warning() -> None:
    assert machine.describe(2, load_before=0.0, native_kernels="").busy == ""
    assert "busy" in machine.describe(2, load_before=100.0, native_kernels="").busy


def test_bandwidth_is_the_best_of_its_passes() -> None:
    times = iter([0.0, 4.0, 10.0, 12.0, 20.0, 21.0, 30.0, 33.0, 40.0, 45.0])
    assert machine.bandwidth("cpu", megabytes=1, now=lambda: next(times)) == 2**20


def test_without_a_gpu_no_memory_is_measured() -> None:
    watch = DeviceStopwatch("cpu")
    watch.start()
    assert watch.stop() >= 0
    assert watch.peak_bytes(100) is None


def test_a_gpu_is_waited_for_and_its_memory_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: calls.append("wait"))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: calls.append("reset"))
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 1000)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 1500)
    watch = DeviceStopwatch("cuda:0")
    watch.start()
    watch.stop()
    assert calls == ["reset", "wait", "wait"]
    assert watch.peak_bytes(100) == 600


def test_a_gpu_is_timed_by_its_own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's counts launching and waiting too."""
    events: list[str] = []

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            events.append("record")

        def synchronize(self) -> None:
            events.append("wait")

        def elapsed_time(self, last: Event) -> float:
            return 2.0  # milliseconds

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())

    def no_clock() -> float:
        raise AssertionError("the host's clock")

    assert machine.seconds_of("cuda:1", lambda: events.append("work"), no_clock) == 0.002
    assert events == ["record", "work", "record", "wait"]
