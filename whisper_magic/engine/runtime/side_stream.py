"""A second stream of a GPU, for work that need not wait for the rounds, nor they for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch


class SideStream:
    """What is queued on it runs beside the current stream; what it made is handed over before that uses it."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    @classmethod
    def on(cls, device: torch.device) -> SideStream | None:
        """None on anything but CUDA."""
        return cls(device) if device.type == "cuda" else None

    @contextmanager
    def queued(self) -> Iterator[None]:
        """What is called inside runs here, after what the current stream has been given so far."""
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            yield

    def hand_over(self, tensors: Iterable[torch.Tensor]) -> None:
        """The current stream waits for what was queued here; the tensors' memory is not used again before it is done
        with them."""
        current = torch.cuda.current_stream(self._device)
        current.wait_stream(self._stream)
        for tensor in tensors:
            tensor.record_stream(current)
