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
from whisper_magic.engine.runtime.backend import AfterStart, RoundOutput, read_after_start, read_round, starting_slots
from whisper_magic.engine.runtime.slots import BLOCK, Slots
from whisper_magic.engine.runtime.torch_backend import Forward, detect_step, draft_step, verify_step
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
        reasons = (obstacle(checkpoint.config, dtype) for checkpoint in (target, draft) if checkpoint is not None)
        return next((reason for reason in reasons if reason), "")

    def forward(self, tokens: Tensor, start: Tensor, slots: Sequence[int] | None = None) -> Tensor:
        return self.target.forward(tokens, start, slots)

    def draft_round(self, slots: Slots, processor: LogitsProcessor, num_wanted: Sequence[int]) -> list[int]:
        assert self.draft is not None
        greedy, sampling = _greedy_and_sampling(slots)
        num_drafted = [0] * slots.count
        if greedy:
            state = _slots_struct(slots, greedy, num_wanted)
            self.draft.draft_round(processor, state)
            for i, slot in enumerate(greedy):
                num_drafted[slot] = state.num_drafted[i]
        if any(num_wanted[slot] for slot in sampling):
            self._draft_samples(slots, processor, sampling, num_wanted)
            for slot in sampling:
                num_drafted[slot] = num_wanted[slot]
        return num_drafted

    def _draft_samples(
        self, slots: Slots, processor: LogitsProcessor, sampling: Sequence[int], num_wanted: Sequence[int]
    ) -> None:
        assert self.draft is not None
        self._prefill_draft(slots, sampling, num_wanted)
        slots.sync_drafted(num_wanted)
        part = slots.part(sampling)
        draft_step(_pass_of(self.draft, sampling), processor, part, max(num_wanted[slot] for slot in sampling))
        slots.take_back(sampling, part)

    def _prefill_draft(self, slots: Slots, sampling: Sequence[int], num_wanted: Sequence[int]) -> None:
        """Feed each slot in need what is certain, all at once, but for the last two tokens."""
        assert self.draft is not None
        for slot in sampling:
            state = slots.states[slot]
            first, last = state.draft_cached, state.num_tokens - 2
            if num_wanted[slot] and first < last:
                self.draft.forward_slots(slots.tokens[slot : slot + 1, first:last], torch.tensor([first]), [slot])
                state.draft_cached = last

    def verify_round(
        self, slots: Slots, processor: LogitsProcessor, num_drafted: Sequence[int]
    ) -> list[RoundOutput | None]:
        starting = starting_slots(slots, processor)
        greedy, sampling = _greedy_and_sampling(slots)
        slots.round_output.zero_()
        if greedy:
            self.target.verify_round(processor, _slots_struct(slots, greedy, num_drafted), bool(starting))
        if sampling:
            self._verify_samples(slots, processor, sampling, num_drafted)
        return read_round(slots, num_drafted, starting, processor.special.eot)

    def _verify_samples(
        self, slots: Slots, processor: LogitsProcessor, sampling: Sequence[int], num_drafted: Sequence[int]
    ) -> None:
        """Rules and noise take torch milliseconds a row: only the rows that are used are computed."""
        slots.sync_drafted(num_drafted)
        part = slots.part(sampling)
        uncached = (state.num_tokens - state.num_cached for state in part.states)
        used = max(rows + num_drafted[slot] for slot, rows in zip(sampling, uncached, strict=True))
        starting = bool(starting_slots(part, processor))
        verify_step(_pass_of(self.target, sampling), processor, part, starting, min(used, BLOCK))
        slots.take_back(sampling, part)

    def detect_round(self, slots: Slots, processor: LogitsProcessor, chosen: Sequence[int]) -> list[AfterStart]:
        part = slots.part(chosen)
        detect_step(_pass_of(self.target, chosen), processor, part)
        slots.take_back(chosen, part)
        return read_after_start(slots, chosen)

    def warmed_up(self) -> bool:
        return False

    def clear(self) -> None:
        """Nothing is kept between rounds."""


def _greedy_and_sampling(slots: Slots) -> tuple[list[int], list[int]]:
    """The occupied slots at temperature 0, and those above."""
    greedy = [slot for slot, window in slots.occupied if window.temperature == 0]
    return greedy, [slot for slot, window in slots.occupied if window.temperature > 0]


def _pass_of(decoder: NativeDecoder, chosen: Sequence[int]) -> Forward:
    """The decoder's pass over a part of the slots."""
    return lambda tokens, start: decoder.forward_slots(tokens, start, chosen)


def _slots_struct(slots: Slots, active: Sequence[int], num_drafted: Sequence[int]) -> bindings.SlotsStruct:
    """Some occupied slots as the kernels take them, with what is, or is to be, drafted in each."""
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
