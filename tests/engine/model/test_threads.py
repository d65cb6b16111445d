"""How many threads: what a measurement finds, unless the user has decided."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
import torch

from whisper_magic.engine.model import threads as module
from whisper_magic.engine.model.device import place
from whisper_magic.engine.model.threads import choose_threads

TORCHS_OWN = 4


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[int, float]], None]]:
    """Four processors, and a trial whose steps take so many seconds at each thread count, by a clock of its own."""
    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(TORCHS_OWN)), raising=False)
    monkeypatch.setattr(module, "_measured", None)
    monkeypatch.setattr(module.torch, "get_num_threads", lambda: threads[0])
    monkeypatch.setattr(module.torch, "set_num_threads", lambda count: threads.__setitem__(0, count))
    threads, clock = [TORCHS_OWN], [0.0]

    def takes(seconds: dict[int, float]) -> None:
        def trial() -> None:
            clock[0] += seconds[threads[0]]

        monkeypatch.setattr(module, "_trial_steps", lambda: [trial] * 4)
        monkeypatch.setattr(module, "perf_counter", lambda: clock[0])

    yield takes
    monkeypatch.undo()
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("seconds", "chosen", "words"),
    [
        ({1: 0.004, 2: 0.002, 4: 0.001}, 4, "4.0 times as fast as 1"),
        ({1: 0.004, 2: 0.003, 4: 0.03}, 2, "10.0 times as fast as 4"),
        ({1: 0.001, 2: 0.010, 4: 0.020}, 1, "20.0 times as fast as 4"),
        ({1: 0.00105, 2: 0.001, 4: 0.001}, 1, "1 of 4 threads"),  # hardly faster: leave the others alone
    ],
)
def test_the_fastest_is_taken(
    machine: Callable[[dict[int, float]], None], seconds: dict[int, float], chosen: int, words: str
) -> None:
    machine(seconds)
    assert words in choose_threads()
    assert module.torch.get_num_threads() == chosen


def test_a_later_load_may_choose_anew(machine: Callable[[dict[int, float]], None]) -> None:
    machine({1: 0.001, 2: 0.01, 4: 0.01})
    choose_threads()
    assert module.torch.get_num_threads() == 1
    machine({1: 0.004, 2: 0.002, 4: 0.001})
    choose_threads()
    assert module.torch.get_num_threads() == 4


def test_what_is_hopeless_costs_little(machine: Callable[[dict[int, float]], None]) -> None:
    machine({1: 0.004, 2: 0.04, 4: 0.05})
    choose_threads()
    assert module.perf_counter() < 6 * 4 * 0.004 + 0.04 + 0.05 + 0.001


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])
def test_the_environment_decides(
    name: str, machine: Callable[[dict[int, float]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine({1: 0.001, 2: 1.0, 4: 1.0})
    monkeypatch.setenv(name, "4")
    assert choose_threads() == ""
    assert module.torch.get_num_threads() == 4


def test_set_num_threads_decides(machine: Callable[[dict[int, float]], None]) -> None:
    machine({1: 0.001, 2: 1.0, 3: 1.0, 4: 1.0})
    module.torch.set_num_threads(3)
    assert choose_threads() == ""
    assert module.torch.get_num_threads() == 3


def test_what_was_chosen_is_reported(machine: Callable[[dict[int, float]], None]) -> None:
    machine({1: 0.001, 2: 0.01, 4: 0.01})
    placed = place("cpu", None, "sdpa")
    assert placed.device_name == "cpu (1 thread)"
    assert any("1 of 4 threads" in note for note in placed.notes)
    if torch.cuda.is_available():
        assert not place("cuda", None, "sdpa").notes
