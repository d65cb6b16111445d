"""Steps that a GPU repeats without the host: CUDA graphs.

A step is a function of no arguments over tensors that stay where they are. It never reads a value back, and no shape in
it depends on one. Such a step is captured once and replayed at the price of a single launch, however many kernels it
has; at batch 1, launching them is most of what a decoder's pass costs on a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import torch

Step = Callable[[], object]
Capture = Callable[[Step], Step]  # a step -> one that does the same, without running it
MAX_GRAPHS = 64  # beyond, all are captured anew, because each holds memory


class CudaGraphs:
    """Captured steps by key.

    The first time a step runs as it is, which warms up what it calls; the second time it is captured; from then on the
    captured one is replayed, whichever function is given.
    """

    def __init__(self, begin: Callable[[], Capture] | None) -> None:
        """begin: Makes what captures the steps of one set, which is freed as a whole. None: every step is called."""
        self._begin = begin
        self._capture: Capture | None = None
        self.note = ""  # why steps are not captured although they should be
        self._warm: set[Hashable] = set()
        self._captured: dict[Hashable, Step] = {}

    @classmethod
    def on(cls, device: torch.device) -> CudaGraphs:
        """Graphs captured on CUDA; steps that are simply called on anything else."""
        return cls((lambda: _Recorder(device)) if device.type == "cuda" else None)

    def run(self, key: Hashable, step: Step) -> None:
        """Do what `step` does. key: what its kernels and tensors depend on; None: never captured."""
        if self._begin is None or key is None:
            step()
        elif key in self._captured:
            self._captured[key]()
        elif key in self._warm:
            self._add(key, step)
        else:
            step()
            self._warm.add(key)

    def _add(self, key: Hashable, step: Step) -> None:
        assert self._begin is not None
        if len(self._captured) >= MAX_GRAPHS:
            self.clear()
        try:
            self._capture = self._capture or self._begin()
            replay = self._capture(step)
        except RuntimeError as error:  # torch.OutOfMemoryError is one; nothing was run, nothing is lost
            self.clear()
            self._begin, reason = None, str(error).splitlines()[0]
            self.note = f"CUDA graphs are off, which is slower: {reason}"
            step()
        else:
            self._captured[key] = replay
            replay()

    def clear(self) -> None:
        """Forget every step: their tensors have moved, or their memory is needed."""
        self._warm.clear()
        self._captured.clear()
        self._capture = None


class _Recorder:
    """Captures steps as CUDA graphs that share one pool of memory: no two of them are replayed at once. The pool is
    freed with the last of them, and cannot be used again."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, step: Step) -> Step:
        torch.cuda.synchronize(self.device)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self.device):  # on which torch.cuda.graph makes its capture stream when it is built
            recording = torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local")
            with recording:
                step()
        return graph.replay
