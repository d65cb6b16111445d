"""How steps are captured, on a stand-in for `torch.cuda`: on which device, and what is done where it fails."""

from __future__ import annotations

import pytest
import torch

from tests.support import cuda_mock
from tests.support.cuda_mock import Cuda, Stream
from whisper_magic.engine.runtime import cuda_graphs
from whisper_magic.engine.runtime.cuda_graphs import CudaGraphs, Step


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Cuda:
    return cuda_mock.install(monkeypatch)


def run_twice(graphs: CudaGraphs, step: Step, key: str = "key") -> None:
    for _ in range(2):
        graphs.run(key, step)


@pytest.mark.parametrize("index", [0, 1])
def test_steps_are_captured_on_their_own_device(cuda: Cuda, index: int) -> None:
    """Also where another device is current, and where another was captured first: torch.cuda.graph's own stream is of
    the first one for good."""
    for at in (1 - index, index):
        graphs = CudaGraphs.on(torch.device("cuda", at))
        run_twice(graphs, lambda at=at: cuda.launch(at))
        assert graphs.note == ""
        assert cuda.captured[-1] == (at, 1)
        assert cuda.current == 0


def test_an_empty_graph_is_refused(cuda: Cuda) -> None:
    """Replaying one leaves the text as it is: it would be wrong, silently."""
    graphs, done = CudaGraphs.on(torch.device("cuda", 1)), list[int]()
    for number in range(4):
        graphs.run("key", lambda number=number: (done.append(number), cuda.launch(0)))
    assert "captured graph is empty" in graphs.note
    assert done[-2:] == [2, 3], "it is done without"


def test_no_stream_of_a_failed_capture_stays_current(cuda: Cuda) -> None:
    usual = Stream(1)
    cuda.streams[1] = usual
    cuda.fails_at_end = "capture invalidated"
    graphs = CudaGraphs.on(torch.device("cuda", 1))
    run_twice(graphs, lambda: cuda.launch(1))
    assert graphs.note == "CUDA graphs are off, which is slower: capture invalidated"
    assert cuda.streams[1] is usual
    assert cuda.current == 0


@pytest.mark.parametrize("hidden", [False, True])
def test_lack_of_memory_is_no_reason_for_good(monkeypatch: pytest.MonkeyPatch, hidden: bool) -> None:
    """hidden: where the end of the capture fails too, with an error of its own."""
    monkeypatch.setattr(cuda_graphs, "RETRY_STEPS", 3)
    short, done = [True], list[int]()

    def capture(step: Step) -> Step:
        if not short[0]:
            return step
        if not hidden:
            raise torch.OutOfMemoryError("no memory")
        try:
            raise torch.OutOfMemoryError("no memory")
        finally:
            raise RuntimeError("capture invalidated")  # as torch.cuda.graph does

    graphs = CudaGraphs(lambda: capture)

    def run(times: int) -> None:
        for _ in range(times):
            graphs.run("key", lambda: done.append(0))

    run(2)
    assert "not enough memory" in graphs.note
    assert not graphs._captured
    short[0] = False
    run(3 + 2)
    assert graphs._captured
    assert graphs.note == ""
    assert len(done) == 7


def test_it_says_when_a_step_took_longer_than_it_will() -> None:
    graphs, seen = CudaGraphs(lambda: lambda step: step), list[bool]()
    for _ in range(4):
        graphs.run("key", lambda: None)
        seen.append(graphs.warmed_up())
    assert seen == [True, True, False, False]
    eager = CudaGraphs(None)
    eager.run("key", lambda: None)
    assert not eager.warmed_up()
