"""The state of the slots. Each holds one window of one recording, at its own position.

A slot's text is prompt and generated tokens in one row. `num_tokens` counts its certain tokens, `num_cached` those
whose keys and values the target's cache holds. A window being prefilled has many tokens that are not cached yet; a
window being decoded has exactly one, the last. A round feeds `tokens[num_cached : num_cached + BLOCK]` in either case,
so that prefill and decoding share one pass.

The device advances its positions by itself; the host keeps the same counts from what it reads back after each round,
and never has to ask.

Shapes: S slots, T slot length.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from whisper_magic.options import MAX_DRAFT_LENGTH

Tensor = torch.Tensor
# Tokens fed in one pass of the target: the last certain one, and the draft. One width, because another kernel shape may
# change a row's bits.
BLOCK = MAX_DRAFT_LENGTH + 1
# Numbers of a slot in `round_output` besides three a row: ready, accepted, written, finished; P(no speech), the
# likeliest language and its probability.
ROUND_FIELDS = 7
_COUNTS = ("num_tokens", "num_cached", "num_prompt", "max_tokens", "sot_index")  # on the device as on the host
DETECT = -1  # in a prompt: the language token, to be detected


@dataclass(frozen=True, eq=False)
class Window:
    """One window to decode.

    Attributes:
        index: Number of the window in its recording.
        features: (n_mels, window frames) log-mel features.
        prompt: Forced tokens; DETECT stands for the language.
        max_tokens: Tokens that the window may hold, prompt included.
        content_frames: How many of the frames are the recording, not padding.
        temperature: 0 takes the likeliest tokens; above, samples drawn with the noise of `key`.
        key: Of the noise, see `sample.noise.stream_key`.
        first: First frame of the window in the recording.
        in_order: Whether its turn is the same however long the windows before it take; it may be encoded with others.
        encoded: The encoders' states, once there are; the same list where the window is decoded again.
        fallback_index: How many attempts at this window were refused.
        recording: Id of the recording it belongs to.
    """

    index: int
    features: Tensor
    prompt: tuple[int, ...]
    max_tokens: int
    content_frames: int
    temperature: float = 0.0
    key: int = 0
    first: int = 0
    fallback_index: int = 0
    recording: int = 0
    in_order: bool = False
    encoded: list[Tensor] = field(default_factory=list, repr=False)


@dataclass
class SlotState:
    """What the host knows of a slot: its row of the tensors of the same names."""

    num_tokens: int = 1
    num_cached: int = 0
    num_prompt: int = 1
    max_tokens: int = 1
    sot_index: int = 0
    draft_cached: int = 0


class Slots:
    """Device tensors, one row a slot, and which window each holds. They are allocated once and never move.

    Attributes:
        tokens: (S, T), each slot's text.
        num_tokens, num_cached: (S,), see above.
        num_prompt: (S,), where the generated text begins.
        max_tokens: (S,), how many tokens a slot may hold.
        sot_index: (S,), position of start-of-transcript.
        num_drafted: (S,), tokens proposed this round.
        draft_cached: (S,), tokens whose keys and values the draft's cache holds.
        temperature, key: (S,), of each slot's window.
        active: (S,), whether a slot holds a window.
        round_output: (S, ROUND_FIELDS + 3 * BLOCK), what came of a round.
        draft_probs: (S, draft length, V), the draft's probabilities of what it proposed this round, where the rejection
            rule needs them; else None.
        states: What the host knows of each slot.
        texts: Certain tokens of each slot, which the host knows too; free ones keep those of their last window.
        windows: The window of each slot, None where it is free.
    """

    def __init__(self, count: int, length: int, device: torch.device) -> None:
        def row() -> Tensor:
            return torch.zeros(count, dtype=torch.long, device=device)

        self.count, self.device = count, device
        self.tokens = torch.zeros(count, length, dtype=torch.long, device=device)
        self.num_tokens, self.num_cached, self.num_prompt = row() + 1, row(), row() + 1
        self.max_tokens, self.sot_index = row() + 1, row()
        self.num_drafted, self.draft_cached, self.key = row(), row(), row()
        self.temperature = torch.zeros(count, dtype=torch.float32, device=device)
        self.active = torch.zeros(count, dtype=torch.bool, device=device)
        self.round_output = torch.zeros(count, ROUND_FIELDS + 3 * BLOCK, dtype=torch.long, device=device)
        self._num_drafted: list[int] | None = None  # what `num_drafted` holds, so that it is copied once a round
        self._on_host = torch.empty(self.round_output.shape, dtype=torch.long, pin_memory=device.type == "cuda")
        self.draft_probs: Tensor | None = None
        self.states = [SlotState() for _ in range(count)]
        self.texts: list[list[int]] = [[] for _ in range(count)]
        self.windows: list[Window | None] = [None] * count

    @property
    def free(self) -> list[int]:
        """The slots that hold no window."""
        return [slot for slot, window in enumerate(self.windows) if window is None]

    @property
    def occupied(self) -> list[tuple[int, Window]]:
        """The slots that hold a window, with it."""
        return [(slot, window) for slot, window in enumerate(self.windows) if window is not None]

    @property
    def sampling(self) -> bool:
        """Whether any window is decoded at a temperature above 0."""
        return any(window.temperature > 0 for _, window in self.occupied)

    def put(self, slot: int, window: Window, prompt: tuple[int, ...], sot_index: int = 0) -> None:
        """Begin a window in a slot, whatever it held before. sot_index: of start-of-transcript in the prompt."""
        assert len(prompt) < window.max_tokens
        size = len(prompt)
        self.tokens[slot, :size] = torch.tensor(prompt, device=self.device)
        self.states[slot] = SlotState(size, 0, size, window.max_tokens, sot_index, 0)
        self.texts[slot] = list(prompt)
        self._sync(slot)
        self.temperature[slot] = window.temperature
        self.key[slot] = window.key
        self.active[slot] = True
        self.windows[slot] = window

    def release(self, slot: int) -> None:
        """Free a slot; its position goes back to the start, so that little is computed for it."""
        self.states[slot] = SlotState()
        self._sync(slot)
        self.active[slot] = False
        self.windows[slot] = None

    def release_all(self) -> None:
        """Free every slot."""
        for slot, _ in self.occupied:
            self.release(slot)
        self.draft_probs = None

    def _sync(self, slot: int) -> None:
        """Copy the host's state of one slot to the device."""
        state = self.states[slot]
        self.num_tokens[slot], self.num_cached[slot] = state.num_tokens, state.num_cached
        self.num_prompt[slot], self.max_tokens[slot] = state.num_prompt, state.max_tokens
        self.sot_index[slot] = state.sot_index

    def sync_drafted(self, num_drafted: Sequence[int]) -> None:
        """Copy how many tokens are proposed in each slot to the device, where it does not know."""
        if self._num_drafted != list(num_drafted):
            self._num_drafted = list(num_drafted)
            self.num_drafted.copy_(torch.tensor(num_drafted), non_blocking=True)

    def write_proposals(self, proposals: Sequence[Sequence[int]]) -> None:
        """Write tokens behind the certain ones of each slot, all in one copy, which nothing waits for.

        Args:
            proposals: Of each slot, BLOCK - 1 at most; none where what stands there stays.
        """
        width = max(map(len, proposals), default=0)
        if not width:
            return
        at = [[state.num_tokens + i for i in range(width)] for state in self.states]
        ids = [[*row, *[-1] * (width - len(row))] for row in proposals]
        places, proposed = torch.tensor([at, ids]).to(self.device, non_blocking=True)
        kept = torch.where(proposed < 0, self.tokens.gather(1, places), proposed)
        self.tokens.scatter_(1, places, kept)

    def sync_draft_cached(self) -> None:
        """Copy how many tokens the draft has cached to the device."""
        self.draft_cached.copy_(torch.tensor([state.draft_cached for state in self.states]), non_blocking=True)

    def read_back(self) -> NDArray[np.int64]:
        """`round_output` on the host: the one moment of a round at which the host waits for the device."""
        self._on_host.copy_(self.round_output, non_blocking=True)
        if self.device.type == "cuda":
            torch.cuda.current_stream(self.device).synchronize()
        output: NDArray[np.int64] = self._on_host.numpy()
        return output

    def part(self, chosen: Sequence[int]) -> Slots:
        """Some slots as slots of their own, to compute a half of a round for them alone; `take_back` ends it."""
        part = copy(self)
        part.count = len(chosen)
        for name in (*_COUNTS, "tokens", "num_drafted", "draft_cached", "temperature", "key", "active", "round_output"):
            setattr(part, name, getattr(self, name)[list(chosen)])
        part.draft_probs = None if self.draft_probs is None else self.draft_probs[list(chosen)]
        part.states = [self.states[slot] for slot in chosen]
        part.windows = [self.windows[slot] for slot in chosen]
        part._num_drafted = None
        return part

    def take_back(self, chosen: Sequence[int], part: Slots) -> None:
        """Copy what a round has written to a part."""
        for name in ("tokens", "num_tokens", "num_cached", "round_output"):
            getattr(self, name)[list(chosen)] = getattr(part, name)
        if self.draft_probs is not None and part.draft_probs is not None:
            self.draft_probs[list(chosen)] = part.draft_probs

    def block(self, start: Tensor, width: int) -> Tensor:
        """(S, width) tokens[s, start[s] : start[s] + width]."""
        return self.tokens.gather(1, start[:, None] + torch.arange(width, device=start.device))
