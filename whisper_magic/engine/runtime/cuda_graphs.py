"""Steps that a GPU repeats without the host: CUDA graphs.

A step is a function of no arguments over tensors that stay where they are. It never reads a value back, and no shape in
it depends on one. Such a step is captured once and replayed at the price of a single launch, however many kernels it
has; at batch 1, launching them is most of what a decoder's pass costs on a GPU.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

import torch

Step = Callable[[], object]
Capture = Callable[[Step], Step]  # a step -> one that does the same, without running it
MAX_GRAPHS = 128  # beyond, all are captured anew, because each holds memory
RETRY_STEPS = 512  # that run uncaptured after memory was short for a capture, before the next is tried


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
        self._pause = 0  # steps to run uncaptured before another capture is tried
        self._warmed_up = False

    @classmethod
    def on(cls, device: torch.device) -> CudaGraphs:
        """Graphs captured on CUDA; steps that are simply called on anything else."""
        return cls((lambda: _Recorder(device)) if device.type == "cuda" else None)

    def warmed_up(self) -> bool:
        """Whether a step was warmed up or captured since this was last asked: it took longer than it will."""
        warmed_up, self._warmed_up = self._warmed_up, False
        return warmed_up

    def run(self, key: Hashable, step: Step) -> None:
        """Do what `step` does. key: what its kernels and tensors depend on; None: never captured."""
        if self._begin is None or key is None:
            step()
        elif key in self._captured:
            self._captured[key]()
        elif self._pause:
            self._pause -= 1
            step()
        else:
            self._warmed_up = True
            self._warm_up_or_capture(key, step)

    def _warm_up_or_capture(self, key: Hashable, step: Step) -> None:
        if key not in self._warm:
            step()
            self._warm.add(key)
            return
        if len(self._captured) >= MAX_GRAPHS:
            self.clear()
        try:
            replay = self._captured_step(step)
        except RuntimeError as error:  # nothing was run, nothing is lost
            self._go_without(error)
            step()
        else:
            self._captured[key], self.note = replay, ""
            replay()

    def _captured_step(self, step: Step) -> Step:
        assert self._begin is not None
        self._capture = self._capture or self._begin()
        return self._capture(step)

    def _go_without(self, error: RuntimeError) -> None:
        """After a capture that failed: for a while where memory was short, which may change; else for good."""
        self.clear()
        causes = (error, error.__context__)  # the end of a capture that memory broke off fails by itself
        if any(isinstance(cause, torch.OutOfMemoryError) for cause in causes):
            self._pause = RETRY_STEPS
            self.note = "not enough memory for CUDA graphs: some rounds ran without them, which is slower"
        else:
            self._begin = None
            self.note = f"CUDA graphs are off, which is slower: {str(error).splitlines()[0]}"

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
        # torch.cuda.graph would take one that all captures of the process share, on the device of the first of them.
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, step: Step) -> Step:
        """Capture a step.

        Raises:
            RuntimeError: It cannot be captured, or nothing of it was: replaying that would leave the text as it is.
        """
        torch.cuda.synchronize(self.device)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self.device):
            before = torch.cuda.current_stream(self.device)
            recording = torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local")
            try:
                with _empty_graphs_refused(), recording:
                    step()
            finally:  # where the end of a capture fails, torch leaves its stream current
                torch.cuda.set_stream(before)
        return graph.replay


@contextmanager
def _empty_graphs_refused() -> Iterator[None]:
    """torch only warns where a graph holds nothing, as one captured on another device than its kernels run on."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "The CUDA Graph is empty")
        try:
            yield
        except UserWarning as warning:
            raise RuntimeError("a captured graph is empty") from warning
