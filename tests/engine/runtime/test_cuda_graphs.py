"""Steps that are captured once and replayed: everything but CUDA's own capture, which a CPU cannot do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.support.bench import Bench
from whisper_magic.engine.decode.drafters import Drafter, NoDrafter
from whisper_magic.engine.model.device import place
from whisper_magic.engine.runtime.cuda_graphs import MAX_GRAPHS, CudaGraphs, Step
from whisper_magic.engine.runtime.native_backend import NativeBackend
from whisper_magic.engine.runtime.torch_backend import TorchBackend
from whisper_magic.engine.sample.noise import stream_key

# What a CUDA graph cannot hold: values that the host reads, shapes that hang on values, tensors of the host's numbers
QUESTIONS = ("_local_scalar_dense", "is_nonzero", "nonzero", "equal", "masked_select", "unique", "lift_fresh")


class NoQuestions(TorchDispatchMode):
    """Fails on an operation that could not be captured."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().removeprefix("aten::").split(".")[0]
        assert name not in QUESTIONS, f"{func.name()} asks the device in the middle of a step"
        return func(*args, **(kwargs or {}))


class Recorder:
    """Captures as a GPU would, as far as a CPU can: the step as it was given is run again, at every replay."""

    def __init__(self) -> None:
        self.captured = self.replayed = 0

    def __call__(self, step: Step) -> Step:
        self.captured += 1

        def replay() -> None:
            self.replayed += 1
            with NoQuestions():
                step()

        return replay


@pytest.fixture(scope="module")
def bench(make_pair: Any, shape: Any) -> Bench:
    """Through torch, as on a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NativeBackend, "obstacle", lambda *args: "turned off by a test")
        return Bench(make_pair(shape(seed=4, eot_pull=1.0)))


@pytest.fixture
def recorder(bench: Bench) -> Iterator[Recorder]:
    recorder, backend = Recorder(), bench.runner.backend
    assert isinstance(backend, TorchBackend)
    whole, backend.graphs = backend.graphs, CudaGraphs(lambda: recorder)
    yield recorder
    backend.graphs = whole


@pytest.mark.parametrize("slots", [pytest.param(1, marks=pytest.mark.slow), 3])
@pytest.mark.parametrize("length", [0, 5])
def test_replayed_rounds_write_the_same(bench: Bench, recorder: Recorder, slots: int, length: int) -> None:
    """Prefill, languages, refills and ends included; and again, where all was captured by a run that is over."""
    for _ in range(2):
        drafter: Drafter = bench.model_drafter(length) if length else NoDrafter()
        ends = bench.decode(bench.windows, drafter, slots)
        for window in bench.windows:
            found, alone = ends[window.index], bench.alone[window.index]
            assert found.tokens == alone.tokens
            assert found.logprobs == pytest.approx(alone.logprobs, abs=1e-4)
            assert found.no_speech_prob == pytest.approx(alone.no_speech_prob, rel=1e-4)
            assert found.after_start.language == alone.after_start.language
            assert found.after_start.language_probability == pytest.approx(
                alone.after_start.language_probability, rel=1e-4
            )
    assert recorder.captured <= 12, "as many as there are phases and draft lengths, not rounds"
    assert recorder.replayed > 4 * recorder.captured


@pytest.mark.slow
def test_replayed_samples_are_the_same(bench: Bench, recorder: Recorder) -> None:
    sampling = [replace(window, temperature=0.7, key=stream_key(1, window.index)) for window in bench.windows]
    alone = bench.decode(sampling, NoDrafter())
    for _ in range(2):
        ends = bench.decode(sampling, bench.model_drafter(4), 2)
        assert [ends[w.index].tokens for w in sampling] == [alone[w.index].tokens for w in sampling]
    assert recorder.replayed


def test_nothing_that_a_step_uses_moves(bench: Bench, recorder: Recorder) -> None:
    """A graph writes where it wrote when it was captured."""

    def places() -> dict[str, int]:
        slots, backend = bench.runner.slots, bench.runner.backend
        found = {name: one.data_ptr() for name, one in vars(slots).items() if isinstance(one, torch.Tensor)}
        for i, decoder in enumerate((backend.target, backend.draft)):
            assert decoder is not None
            found |= {f"cache {j} of {i}": cache.data_ptr() for j, cache in enumerate(decoder.caches())}
        return found

    bench.decode(bench.windows, bench.model_drafter(5), 2)
    before = places()
    bench.decode(bench.windows, bench.model_drafter(3), 2)
    assert places() == before


@pytest.mark.slow
def test_other_slots_are_captured_anew(bench: Bench, recorder: Recorder) -> None:
    for slots in (2, 3, 2):
        recorder.captured = 0
        bench.decode(bench.windows, bench.model_drafter(5), slots)
        assert recorder.captured, "the caches have moved"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU: on a CPU the tests above replay without one")
def test_a_gpu_captures_and_writes_the_same(make_pair: Any, shape: Any) -> None:
    bench = Bench(make_pair(shape(seed=4, eot_pull=1.0)), placement=place("cuda", "float16", "sdpa").placement)
    for slots in (1, 3):
        alone = bench.decode(bench.windows, NoDrafter(), slots)
        for _ in range(2):
            ends = bench.decode(bench.windows, bench.model_drafter(5), slots)
            assert [ends[w.index].tokens for w in bench.windows] == [alone[w.index].tokens for w in bench.windows]
    backend = bench.runner.backend
    assert isinstance(backend, TorchBackend)
    assert backend.notes == ()
    assert backend.graphs._captured


def test_first_it_runs_then_it_is_captured_then_replayed() -> None:
    recorder, done = Recorder(), list[str]()
    graphs = CudaGraphs(lambda: recorder)

    def step(name: str) -> Callable[[], None]:
        return lambda: done.append(name)

    for name in "abcd":
        graphs.run("key", step(name))
    assert done == ["a", "b", "b", "b"], "what was captured is what is done"
    graphs.run(None, step("never captured"))
    graphs.run("other", step("e"))
    assert done[4:] == ["never captured", "e"]
    graphs.clear()
    graphs.run("key", step("f"))
    assert done[-1] == "f"


def test_graphs_do_not_pile_up() -> None:
    recorder = Recorder()
    graphs = CudaGraphs(lambda: recorder)
    for key in range(3 * MAX_GRAPHS):
        for _ in range(2):
            graphs.run(key, lambda: None)
    assert recorder.captured == 3 * MAX_GRAPHS
    assert len(graphs._captured) <= MAX_GRAPHS


def test_what_cannot_be_captured_is_done_without_and_said() -> None:
    def refuses(step: Step) -> Step:
        raise RuntimeError("operation not permitted when stream is capturing\nand a long story")

    graphs, done = CudaGraphs(lambda: refuses), list[int]()
    for number in range(4):
        graphs.run("key", lambda number=number: done.append(number))
    assert done == [0, 1, 2, 3]
    assert graphs.note == ("CUDA graphs are off, which is slower: operation not permitted when stream is capturing")


def test_a_cpu_captures_nothing() -> None:
    graphs, done = CudaGraphs.on(torch.device("cpu")), list[int]()
    for number in range(4):
        graphs.run("key", lambda number=number: done.append(number))
    assert done == [0, 1, 2, 3]
    assert graphs.note == ""
