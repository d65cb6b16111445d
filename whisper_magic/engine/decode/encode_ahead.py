"""Windows on their way to a slot, encoded ahead in groups that do not depend on when a slot becomes free.

Another number of windows in the encoder is another kernel shape on a GPU, and may change bits. Speculation changes
when slots become free, but not the order in which windows come: of those whose turn is fixed (`Window.in_order`) every
few are encoded together, the others each alone. Only encoder states are kept, 4 MB a window of large-v3, not the keys
and values that a slot holds, some 300 MB.

On a GPU the next group is encoded on a second stream while the rounds of this one are computed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import torch

from whisper_magic.engine.runtime.model_runner import ModelRunner
from whisper_magic.engine.runtime.slots import Window

NextWindow = Callable[[], Window | None]


class EncodeAhead:
    """Takes windows from where they come from, and hands them out encoded, in the same order."""

    def __init__(self, runner: ModelRunner, slot_count: int) -> None:
        """slot_count: Windows decoded at once."""
        self._runner = runner
        self._group = min(slot_count, runner.encoded_together)
        self._waiting: deque[Window] = deque()
        self._side, self._encoded_aside = runner.side_stream, list[torch.Tensor]()

    def take(self, count: int, next_window: NextWindow) -> list[Window]:
        """Up to `count` windows, encoded. More are asked for only where none is waiting."""
        if not self._waiting:
            self._pull(count, next_window)
        elif self._side is not None and self._encoded_aside:
            self._side.hand_over(self._encoded_aside)
            self._encoded_aside = []
        taken = [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]
        if self._side is not None and taken and not self._waiting and all(window.in_order for window in taken):
            with self._side.queued():
                self._pull(self._group, next_window)
            self._encoded_aside = [states for window in self._waiting for states in window.encoded]
        return taken

    def _pull(self, count: int, next_window: NextWindow) -> None:
        group: list[Window] = []
        while len(group) < self._group and (window := next_window()) is not None:
            self._waiting.append(window)
            if window.in_order and not window.encoded:
                group.append(window)
            elif not group and len(self._waiting) >= count:
                break
        others = [window for window in self._waiting if not window.encoded and not window.in_order]
        for some in (group, *([window] for window in others)):
            self._encode(some)

    def _encode(self, windows: Sequence[Window]) -> None:
        if windows:
            states = self._runner.encoder_states(torch.stack([window.features for window in windows]))
            for window, own in zip(windows, states, strict=True):
                window.encoded.extend(own)
