"""Rounds through the native CPU kernels: each half of a greedy round is one call.

Slots that sample take the kernels' logits through the steps of `torch_backend`: noise is not computed in C.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from whisper_magic.engine.model.checkpoint import Checkpoint
from whisper_magic.engine.native import bindings
from whisper_magic.engine.native.attention import encoder_attention
from whisper_magic.engine.native.decoder import NativeDecoder, obstacle
from whisper_magic.engine.runtime.backend import RoundOutput, read_round, starting_slots
from whisper_magic.engine.runtime.slots import BLOCK, Slots
from whisper_magic.engine.runtime.torch_backend import Forward, draft_step, verify_step
from whisper_magic.engine.sample.logits_processor import LogitsProcessor

Tensor = torch.Tensor


class NativeBackend:
    """Computes rounds with the native CPU kernels."""

    name = "native CPU kernels"
    notes: tuple[str, ...] = ()
    attend = staticmethod(encoder_attention)

    def __init__(self, target: Checkpoint, draft: Checkpoint | None) -> None:
        self.target = NativeDecoder(target.decoder_state, target.config)
        self.draft: NativeDecoder | None = None
        if draft is not None:
            self.draft = NativeDecoder(draft.decoder_state, draft.config, draft.shortlist, low_precision=True)

    @staticmethod
    def obstacle(target: Checkpoint, draft: Checkpoint | None, dtype: torch.dtype) -> str:
        """Why it cannot run these models here; "" where it can."""
        found = (obstacle(one.config, dtype) for one in (target, draft) if one is not None)
        return next((reason for reason in found if reason), "")

    def forward(self, tokens: Tensor, start: Tensor, slots: Sequence[int] | None = None) -> Tensor:
        return self.target.forward(tokens, start, slots)

    def draft_round(self, slots: Slots, processor: LogitsProcessor, num_wanted: Sequence[int]) -> list[int]:
        assert self.draft is not None
        if slots.sampling:
            self._prefill_draft(slots, num_wanted)
            slots.sync_drafted(num_wanted)
            draft_step(_occupied(self.draft, slots), processor, slots, max(num_wanted))
            return list(num_wanted)
        state = _slots_struct(slots, num_wanted)
        self.draft.draft_round(processor, state)
        num_drafted = [0] * slots.count
        for i in range(state.active_count):
            num_drafted[state.active[i]] = state.num_drafted[i]
        return num_drafted

    def _prefill_draft(self, slots: Slots, num_wanted: Sequence[int]) -> None:
        """Feed each slot in need what is certain, all at once, but for the last two tokens."""
        assert self.draft is not None
        for slot, state in enumerate(slots.states):
            first, last = state.draft_cached, state.num_tokens - 2
            if num_wanted[slot] and first < last:
                tokens, start = slots.tokens[:, first:last].contiguous(), torch.full((slots.count,), first)
                self.draft.forward(tokens, start, [slot])
                state.draft_cached = last

    def verify_round(
        self, slots: Slots, processor: LogitsProcessor, num_drafted: Sequence[int]
    ) -> list[RoundOutput | None]:
        starting = starting_slots(slots, processor)
        if slots.sampling:
            slots.sync_drafted(num_drafted)
            verify_step(_occupied(self.target, slots), processor, slots, bool(starting))
        else:
            slots.round_output.zero_()
            self.target.verify_round(processor, _slots_struct(slots, num_drafted), bool(starting))
        return read_round(slots, num_drafted, starting, processor.special.eot)

    def clear(self) -> None:
        """Nothing is kept between rounds."""


def _occupied(decoder: NativeDecoder, slots: Slots) -> Forward:
    """The decoder's pass, computed for the occupied slots only."""
    occupied = [slot for slot, _ in slots.occupied]
    return lambda tokens, start: decoder.forward(tokens, start, occupied)


def _slots_struct(slots: Slots, num_drafted: Sequence[int]) -> bindings.SlotsStruct:
    """The occupied slots as the kernels take them, with what is, or is to be, drafted in each."""
    active = [slot for slot, _ in slots.occupied]
    numbers = bindings.Int * len(active)
    tensors = (slots.tokens, slots.num_tokens, slots.num_cached, slots.round_output)
    constants = (slots.num_prompt, slots.sot_index, slots.max_tokens)
    return bindings.SlotsStruct(
        *(tensor.data_ptr() for tensor in (*tensors, *constants)),
        numbers(*active),
        numbers(*(slots.states[slot].draft_cached for slot in active)),
        numbers(*(num_drafted[slot] for slot in active)),
        len(active),
        slots.tokens.shape[1],
        BLOCK,
    )
