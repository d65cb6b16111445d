"""A second stream, on a stand-in for `torch.cuda`: on which device, and who waits for whom."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.support import cuda_mock
from tests.support.cuda_mock import Cuda, Stream
from whisper_magic.engine.runtime.side_stream import SideStream


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Cuda:
    return cuda_mock.install(monkeypatch)


def test_a_cpu_has_none() -> None:
    assert SideStream.on(torch.device("cpu")) is None


@pytest.mark.parametrize("index", [0, 1])
def test_each_waits_for_the_other(cuda: Cuda, index: int) -> None:
    """What is queued there waits for its input; what is handed over is waited for, and kept while it is in use."""
    device = torch.device("cuda", index)
    usual, side = cuda.stream_of(index), SideStream.on(device)
    assert side is not None
    with side.queued():
        own = cuda.stream_of(index)
        assert own is not usual
        assert cuda.waits == [(own, usual)]
    assert cuda.stream_of(index) is usual
    assert cuda.current == 0
    used: list[Stream] = []
    states: Any = type("States", (), {"record_stream": lambda self, stream: used.append(stream)})()
    side.hand_over([states, states])
    assert cuda.waits == [(own, usual), (usual, own)]
    assert used == [usual, usual]


def test_after_an_error_the_usual_stream_is_current(cuda: Cuda) -> None:
    usual, side = cuda.stream_of(1), SideStream.on(torch.device("cuda", 1))
    assert side is not None
    with pytest.raises(torch.OutOfMemoryError), side.queued():
        raise torch.OutOfMemoryError("no memory")
    assert cuda.stream_of(1) is usual
