"""The state of the slots: each holds one window of one recording, at its own position, ended in its own time.

A slot's text is prompt and generated tokens in one row. `known` counts its certain tokens, `cached` those whose keys
and values the target's cache holds. A window being prefilled has many known tokens that are not cached yet; a window
being decoded has exactly one, the last. A round feeds `tokens[cached : cached + block]` whichever it is, so that
prefill and decoding share one pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

Tensor = torch.Tensor


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


class Slots:
    """Device tensors, one row a slot, and which window each holds.

    chances: (S, draft length, V), the draft's probabilities for what it proposed this round, where the rejection rule
    wants them; else None.
    """

    def __init__(self, count: int, length: int, device: torch.device, chances: Tensor | None = None) -> None:
        self.chances = chances
        self.tokens = torch.zeros(count, length, dtype=torch.long, device=device)
        self.known = torch.ones(count, dtype=torch.long, device=device)
        self.cached = torch.zeros(count, dtype=torch.long, device=device)
        self.begin = torch.ones(count, dtype=torch.long, device=device)
        self.limit = torch.ones(count, dtype=torch.long, device=device)
        self.temperature = torch.zeros(count, dtype=torch.float32, device=device)
        self.key = torch.zeros(count, dtype=torch.long, device=device)
        self.active = torch.zeros(count, dtype=torch.bool, device=device)
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

    def put(self, slot: int, window: Window, prompt: tuple[int, ...]) -> None:
        """Begin a window in a slot, whatever the slot held before."""
        assert len(prompt) < window.limit
        self.tokens[slot, : len(prompt)] = torch.tensor(prompt, device=self.tokens.device)
        self.known[slot] = self.begin[slot] = len(prompt)
        self.cached[slot] = 0
        self.limit[slot] = window.limit
        self.temperature[slot] = window.temperature
        self.key[slot] = window.key
        self.active[slot] = True
        self.windows[slot] = window

    def release(self, slot: int) -> None:
        """Empty a slot; its position goes back to the start, so that nothing is computed for it."""
        self.active[slot] = False
        self.cached[slot], self.known[slot] = 0, 1
        self.windows[slot] = None

    def block(self, start: Tensor, width: int) -> Tensor:
        """tokens[s, start[s] : start[s] + width], (S, width)."""
        return self.tokens.gather(1, start[:, None] + torch.arange(width, device=start.device))
