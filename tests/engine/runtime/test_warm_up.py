"""Rounds that warm up or capture teach the draft length nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.bench import Bench
from whisper_magic.engine.decode.draft_length import DraftLengthController, RoundLoad, SlotAcceptance
from whisper_magic.engine.runtime.cuda_graphs import CudaGraphs
from whisper_magic.engine.runtime.native_backend import NativeBackend
from whisper_magic.engine.runtime.torch_backend import TorchBackend

ONE = RoundLoad()


class Noted(DraftLengthController):
    def __init__(self) -> None:
        super().__init__(3)
        self.seconds: list[float | None] = []

    def next_length(self, load: RoundLoad = ONE) -> int:
        super().next_length(load)
        return 3

    def update(self, slots: Sequence[SlotAcceptance], seconds: float | None, load: RoundLoad = ONE) -> None:
        self.seconds.append(seconds)
        super().update(slots, seconds, load)


def test_only_replayed_rounds_are_measured(make_pair: Any, shape: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NativeBackend, "obstacle", lambda *args: "turned off by a test")
    bench = Bench(make_pair(shape(seed=4, eot_pull=1.0)), count=1)
    backend, controller = bench.runner.backend, Noted()
    assert isinstance(backend, TorchBackend)
    backend.graphs = CudaGraphs(lambda: lambda step: step)
    bench.decode(bench.windows, bench.model_drafter(3), 1, controller=controller)
    assert controller.seconds[:2] == [None, None]
    assert all(controller.seconds[3:5])
