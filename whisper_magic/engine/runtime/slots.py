"""The state of the slots: each holds one window of one recording, at its own position, ended in its own time.

A slot's text is prompt and generated tokens in one row. `known` counts its certain tokens, `cached` those whose keys
and values the target's cache holds. A window being prefilled has many known tokens that are not cached yet; a window
being decoded has exactly one, the last. A round feeds `tokens[cached : cached + block]` whichever it is, so that
prefill and decoding share one pass.

The device moves its positions on by itself; the host keeps the same counts from what it reads back after each round,
and so never has to ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Tensor = torch.Tensor
BLOCK = (
    8  # tokens fed in one target pass at most; with torch always so many, lest what fills a block change a row's bits
)
FACTS = 5  # numbers a slot besides three a token: ready, accepted, written, finished, P(no speech)


@dataclass(frozen=True, eq=False)
class Window:
    """One window to decode. features: (n_mels, window frames). prompt: forced tokens; DETECT stands for the language.

    index: the window's number in its recording. limit: tokens that it may hold, prompt included. temperature: 0 takes
    the likeliest tokens; above, samples drawn with the noise of `key`. first: its first frame in the recording. rung:
    how many attempts at it were refused.
    """

    index: int
    features: Tensor
    prompt: tuple[int, ...]
    limit: int
    content_frames: int  # how many of the frames are the recording, not padding
    temperature: float = 0.0
    key: int = 0  # sampling.stream_key
    first: int = 0
    rung: int = 0
    owner: Any = None  # whoever asked for it


DETECT = -1  # in a prompt: the language token, to be detected


@dataclass
class Counts:
    """What the host knows of a slot; of the tensors of the same names, its row."""

    known: int = 1
    cached: int = 0
    begin: int = 1
    limit: int = 1
    start: int = 0
    read: int = 0


class Slots:
    """Device tensors, one row a slot, and which window each holds. They stay where they are.

    known, cached: see above. begin: where the generated text begins. limit: tokens it may hold. start: where its
    start-of-transcript stands. offered: what a draft proposes this round. read: what a draft model's cache holds.
    facts: what came of a round, (S, FACTS + 3 block). chances: (S, draft length, V), the draft's probabilities for
    what it proposed this round, where the rejection rule wants them; else None.
    """

    def __init__(self, count: int, length: int, device: torch.device, block: int = BLOCK) -> None:
        def row() -> Tensor:
            return torch.zeros(count, dtype=torch.long, device=device)

        self.count, self.width, self.device = count, block, device
        self.tokens = torch.zeros(count, length, dtype=torch.long, device=device)
        self.known, self.cached, self.begin, self.limit, self.start = row() + 1, row(), row() + 1, row() + 1, row()
        self.offered, self.read, self.key = row(), row(), row()
        self.temperature = torch.zeros(count, dtype=torch.float32, device=device)
        self.active = torch.zeros(count, dtype=torch.bool, device=device)
        self.facts = torch.zeros(count, FACTS + 3 * block, dtype=torch.long, device=device)
        self._answer = torch.empty(self.facts.shape, dtype=torch.long, pin_memory=device.type == "cuda")
        self.chances: Tensor | None = None
        self.counts = [Counts() for _ in range(count)]
        self.windows: list[Window | None] = [None] * count

    @property
    def free(self) -> list[int]:
        return [i for i, window in enumerate(self.windows) if window is None]

    @property
    def occupied(self) -> list[tuple[int, Window]]:
        return [(i, window) for i, window in enumerate(self.windows) if window is not None]

    @property
    def sampling(self) -> bool:
        """Whether any window is decoded at a temperature above 0."""
        return any(window.temperature > 0 for _, window in self.occupied)

    def put(self, slot: int, window: Window, prompt: tuple[int, ...], start: int = 0) -> None:
        """Begin a window in a slot, whatever it held before. start: where start-of-transcript is in the prompt."""
        assert len(prompt) < window.limit
        size = len(prompt)
        self.tokens[slot, :size] = torch.tensor(prompt, device=self.device)
        self.counts[slot] = Counts(known=size, cached=0, begin=size, limit=window.limit, start=start, read=0)
        self._tell(slot)
        self.temperature[slot] = window.temperature
        self.key[slot] = window.key
        self.active[slot] = True
        self.windows[slot] = window

    def release(self, slot: int) -> None:
        """Empty a slot; its position goes back to the start, so that nothing is computed for it."""
        self.counts[slot] = Counts()
        self._tell(slot)
        self.active[slot] = False
        self.windows[slot] = None

    def _tell(self, slot: int) -> None:
        """The device takes over what the host counts of one slot."""
        one = self.counts[slot]
        self.known[slot], self.cached[slot] = one.known, one.cached
        self.begin[slot], self.limit[slot], self.start[slot] = one.begin, one.limit, one.start

    def empty(self) -> None:
        """Release every slot."""
        for slot, _ in self.occupied:
            self.release(slot)
        self.chances = None

    def offer(self, offered: Sequence[int]) -> None:
        """Tell the device how many tokens are proposed in each slot."""
        self.offered.copy_(torch.tensor(offered), non_blocking=True)

    def tell_read(self) -> None:
        """Tell the device what a draft model has read."""
        self.read.copy_(torch.tensor([one.read for one in self.counts]), non_blocking=True)

    def answer(self) -> NDArray[np.int64]:
        """`facts`, read back: the one moment of a round at which the host waits for the device."""
        self._answer.copy_(self.facts, non_blocking=True)
        if self.device.type == "cuda":
            torch.cuda.current_stream(self.device).synchronize()
        found: NDArray[np.int64] = self._answer.numpy()
        return found

    def block(self, start: Tensor, width: int) -> Tensor:
        """tokens[s, start[s] : start[s] + width], (S, width)."""
        return self.tokens.gather(1, start[:, None] + torch.arange(width, device=start.device))
