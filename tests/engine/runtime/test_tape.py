"""Steps captured as a GPU captures them: their operators are recorded once, over the very tensors, and replayed without
the Python that called them.

What a CUDA graph cannot follow shows here as another text: a number of the host that was baked in at capture, a tensor
that moved, an operator whose result went through Python. As on a GPU, nothing has happened after the capture alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_unflatten

from tests.support.bench import Bench
from whisper_magic.engine.decode.drafters import NoDrafter
from whisper_magic.engine.model.device import place
from whisper_magic.engine.runtime.cuda_graphs import CudaGraphs, Step
from whisper_magic.engine.runtime.native_backend import NativeBackend
from whisper_magic.engine.runtime.slots import Slots
from whisper_magic.engine.runtime.torch_backend import TorchBackend
from whisper_magic.engine.sample.noise import stream_key


class Tape(TorchDispatchMode):
    """Records operators. Each tensor that one of them made is known by its place on the tape."""

    def __init__(self) -> None:
        super().__init__()
        self.operators: list[tuple[Any, list[Any], Any, int]] = []
        self.made: list[torch.Tensor] = []  # kept alive: an id must not be used twice
        self._place: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        leaves, spec = tree_flatten((args, kwargs or {}))
        marked = [Made(self._place[id(leaf)]) if id(leaf) in self._place else leaf for leaf in leaves]
        found = func(*args, **(kwargs or {}))
        self.operators.append((func, marked, spec, len(self.made)))
        for one in tree_flatten(found)[0]:
            if isinstance(one, torch.Tensor):
                self._place.setdefault(id(one), len(self.made))
                self.made.append(one)
        return found

    def replay(self) -> None:
        made: list[Any] = [None] * len(self.made)
        for func, marked, spec, begin in self.operators:
            leaves = [made[leaf.place] if isinstance(leaf, Made) else leaf for leaf in marked]
            args, kwargs = tree_unflatten(leaves, spec)
            results = [one for one in tree_flatten(func(*args, **kwargs))[0] if isinstance(one, torch.Tensor)]
            made[begin : begin + len(results)] = results


class Made:
    """A tensor that was made on the tape, by its place there."""

    def __init__(self, place: int) -> None:
        self.place = place


class Recorder:
    """Captures steps on tapes. The state of the slots and caches is what it was before, as nothing runs on a GPU."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.captured, self.replayed = bench, 0, 0

    def _state(self) -> list[torch.Tensor]:
        slots, backend = self.bench.runner.slots, self.bench.runner.backend
        found = [one for one in vars(slots).values() if isinstance(one, torch.Tensor)]
        for decoder in (backend.target, backend.draft):
            assert decoder is not None
            found += decoder.caches()
        return found

    def __call__(self, step: Step) -> Step:
        self.captured += 1
        state = self._state()
        before, tape = [one.clone() for one in state], Tape()
        with tape:
            step()
        for one, saved in zip(state, before, strict=True):
            one.copy_(saved)

        def replay() -> None:
            self.replayed += 1
            tape.replay()

        return replay


@pytest.fixture(scope="module", params=[pytest.param("float32", marks=pytest.mark.slow), "float16"])
def bench(request: pytest.FixtureRequest, make_pair: Any, shape: Any) -> Bench:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NativeBackend, "obstacle", lambda *args: "turned off by a test")
        placement = place("cpu", request.param, "sdpa").placement
        return Bench(make_pair(shape(seed=4, eot_pull=1.0)), count=3, placement=placement)


@pytest.fixture
def recorder(bench: Bench) -> Iterator[Recorder]:
    recorder, backend = Recorder(bench), bench.runner.backend
    assert isinstance(backend, TorchBackend)
    whole, backend.graphs = backend.graphs, CudaGraphs(lambda: recorder)
    yield recorder
    backend.graphs = whole


@pytest.mark.parametrize("slots", [pytest.param(1, marks=pytest.mark.slow), 4])
@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_what_was_captured_writes_the_same(bench: Bench, recorder: Recorder, slots: int, temperature: float) -> None:
    windows = [replace(one, temperature=temperature, key=stream_key(1, one.index)) for one in bench.windows]
    backend = bench.runner.backend
    assert isinstance(backend, TorchBackend)
    captures, backend.graphs = backend.graphs, CudaGraphs(None)
    expected = bench.decode(windows, NoDrafter(), slots)
    backend.graphs = captures
    for drafter in (NoDrafter(), bench.model_drafter(3)):
        found = bench.decode(windows, drafter, slots)
        assert [found[w.index].tokens for w in windows] == [expected[w.index].tokens for w in windows]
        assert [found[w.index].language for w in windows] == [expected[w.index].language for w in windows]
    assert recorder.replayed > 2 * recorder.captured > 0


def test_a_number_of_the_host_that_was_baked_in_is_found(
    bench: Bench, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tape is worth its name: with the draft's counts read from the host, the texts or the rounds part."""
    block = Slots.block

    def baked(slots: Slots, start: torch.Tensor, width: int) -> torch.Tensor:
        return block(slots, torch.tensor(start.tolist()), width)

    expected = bench.decode(bench.windows, NoDrafter(), 1)
    monkeypatch.setattr(Slots, "block", baked)
    bench.runner.backend.clear()
    found = bench.decode(bench.windows, NoDrafter(), 1)
    assert [found[w.index].tokens for w in bench.windows] != [expected[w.index].tokens for w in bench.windows]
