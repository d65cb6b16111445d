"""A stand-in for `torch.cuda`: devices, streams and captures that note which device they are on.

Shapes no kernel and runs no kernel: what a capture holds is what the step did on the stream that was current then.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch


class Stream:
    def __init__(self, device: Any = None) -> None:
        index = getattr(device, "index", device)
        self.index = CUDA.current if index is None else int(index)

    @property
    def device(self) -> torch.device:
        return torch.device("cuda", self.index)

    def wait_stream(self, other: Stream) -> None:
        CUDA.waits.append((self, other))


@dataclass
class Cuda:
    """What is current, and what was captured: (device of the capture, kernels in it)."""

    current: int = 0
    streams: dict[int, Any] = field(default_factory=dict)
    captured: list[tuple[int, int]] = field(default_factory=list)
    capturing: Any = None
    kernels: int = 0
    fails_at_end: str = ""
    waits: list[tuple[Stream, Stream]] = field(default_factory=list)  # who waits for whom

    def stream_of(self, index: int) -> Any:
        return self.streams.setdefault(index, Stream(index))

    def launch(self, index: int) -> None:
        """A kernel of a tensor on this device, on the stream that is current there."""
        stream = self.capturing
        if stream is not None and self.stream_of(index) is stream:
            self.kernels += 1


CUDA = Cuda()


class Graph:
    def capture_begin(self, **named: Any) -> None:
        CUDA.capturing, CUDA.kernels = CUDA.stream_of(CUDA.current), 0

    def capture_end(self) -> None:
        stream, CUDA.capturing = CUDA.capturing, None
        if CUDA.fails_at_end:
            raise RuntimeError(CUDA.fails_at_end)
        CUDA.captured.append((stream.index, CUDA.kernels))
        if not CUDA.kernels:
            warnings.warn("The CUDA Graph is empty. This usually means a wrong device.", UserWarning, stacklevel=2)

    def replay(self) -> None: ...


class _Capture:
    """`torch.cuda.graph`, with its faults: one stream for the whole process, of the device that was current when the
    first capture was made, which stays current where the end of a capture fails."""

    default_capture_stream: Any = None

    def __init__(self, graph: Graph, pool: Any = None, stream: Any = None, capture_error_mode: str = "") -> None:
        if stream is None and _Capture.default_capture_stream is None:
            _Capture.default_capture_stream = Stream()
        self.stream, self.graph = stream or _Capture.default_capture_stream, graph

    def __enter__(self) -> None:
        self.before = CUDA.current, CUDA.stream_of(CUDA.current)
        set_stream(self.stream)
        self.graph.capture_begin()

    def __exit__(self, *error: object) -> None:
        self.graph.capture_end()
        CUDA.current = self.before[0]
        set_stream(self.before[1])


def set_stream(stream: Any) -> None:
    CUDA.current = stream.index
    CUDA.streams[stream.index] = stream


@contextmanager
def device(wanted: Any) -> Iterator[None]:
    before, CUDA.current = CUDA.current, getattr(wanted, "index", wanted)
    try:
        yield
    finally:
        CUDA.current = before


@contextmanager
def on_stream(wanted: Stream) -> Iterator[None]:
    device, before = CUDA.current, CUDA.stream_of(wanted.index)
    set_stream(wanted)
    try:
        yield
    finally:
        set_stream(before)
        CUDA.current = device


def install(patch: pytest.MonkeyPatch) -> Cuda:
    """Put the stand-ins in place of `torch.cuda`'s own."""
    CUDA.__init__()  # type: ignore[misc]
    _Capture.default_capture_stream = None
    for name, stand_in in {
        "Stream": Stream,
        "CUDAGraph": Graph,
        "graph": _Capture,
        "graph_pool_handle": lambda: (0, 0),
        "synchronize": lambda device=None: None,
        "device": device,
        "current_stream": lambda device=None: CUDA.stream_of(CUDA.current if device is None else device.index),
        "set_stream": set_stream,
        "stream": on_stream,
    }.items():
        patch.setattr(torch.cuda, name, stand_in)
    return CUDA
