"""Steps that a device repeats without the host: CUDA graphs, and what stands in for them elsewhere.

A step is a function of no arguments over tensors that stay where they are. It asks the device nothing: no value is
read back in the middle, no shape depends on one. Such a step can be captured once, and replayed at the price of a
single launch, however many kernels it has; at batch 1 launching them is most of what a decoder's pass costs on a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import torch

Step = Callable[[], object]
Capture = Callable[[Step], Step]  # makes of a step one that does the same, without running it
MOST = 64  # graphs kept: beyond, all are made anew, for each holds memory


class Graphs:
    """Steps by key. The first time a step runs as it is, which warms up what it calls; the second time it is captured;
    from then on the captured one is replayed, whatever function is given.

    begin: gives what captures the steps of one set, which is forgotten as a whole. None: every step is simply called.
    """

    def __init__(self, begin: Callable[[], Capture] | None) -> None:
        self._begin = begin
        self._capture: Capture | None = None
        self.note = ""  # why steps are not captured although they should be; '' where all is well
        self._warm: set[Hashable] = set()
        self._captured: dict[Hashable, Step] = {}

    @classmethod
    def on(cls, device: torch.device) -> Graphs:
        """Captured on CUDA, called on anything else."""
        return cls((lambda: _Recorder(device)) if device.type == "cuda" else None)

    @property
    def captures(self) -> bool:
        """Whether a step may be replayed, and so must do the same each time."""
        return self._begin is not None

    def run(self, key: Hashable, step: Step) -> None:
        """Do what `step` does. key: what the step's kernels and tensors depend on; None: never captured."""
        if self._begin is None or key is None:
            step()
        elif key in self._captured:
            self._captured[key]()
        elif key in self._warm:
            self._keep(key, step)
        else:
            step()
            self._warm.add(key)

    def _keep(self, key: Hashable, step: Step) -> None:
        assert self._begin is not None
        if len(self._captured) >= MOST:
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
        """Forget every step: their tensors have moved, or their memory is wanted."""
        self._warm.clear()
        self._captured.clear()
        self._capture = None


class _Recorder:
    """Captures steps as CUDA graphs, which share one pool of memory: never are two of them replayed at once. The pool
    is given back with the last of them, and cannot be used again."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, step: Step) -> Step:
        torch.cuda.synchronize(self.device)
        graph = torch.cuda.CUDAGraph()
        recording = torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local")
        with torch.cuda.device(self.device), recording:
            step()
        return graph.replay
