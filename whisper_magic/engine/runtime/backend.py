"""The protocol of who computes a pass. A backend is chosen once, at load, and holds both decoders with their caches.

`TorchBackend` runs anywhere, and replays captured CUDA graphs on a GPU; `NativeBackend` runs the C kernels on a CPU.
Both promise the same tokens for the same round, and that a slot's result does not depend on the other slots.

Shapes: S slots, B tokens fed to each, V vocabulary, H heads, F encoder frames, D head_dim.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from whisper_magic.engine.model.decoder import DecoderNetwork
from whisper_magic.engine.model.encoder import Attend
from whisper_magic.engine.runtime.slots import BLOCK, ROUND_FIELDS, Slots, SlotState
from whisper_magic.engine.sample.logits_processor import LogitsProcessor

Tensor = torch.Tensor


class DecoderRunner(Protocol):
    """One decoder network with its caches."""

    network: DecoderNetwork

    def allocate(self, slots: int, length: int, frames: int) -> None:
        """Allocate self-attention caches for `length` tokens, and cross-attention caches for `frames` frames."""

    def release(self) -> None:
        """Free the caches."""

    def store_cross_kv(self, slot: int, cross_kv: Tensor) -> None:
        """Keep a window's cross-attention keys and values, (layers, 2, H, F, D), in a slot."""

    def cross_kv(self, slot: int) -> Tensor:
        """What `store_cross_kv` kept in a slot, as (layers, 2, 1, H, F, D)."""

    def caches(self) -> Iterator[Tensor]:
        """The tensors of the caches, to count their memory."""


class Backend(Protocol):
    """Computes the rounds of a target and its draft."""

    @property
    def name(self) -> str:
        """For people, as `status` shows it; "" where there is nothing to say beside the attention."""

    @property
    def target(self) -> DecoderRunner:
        """The target's decoder."""

    @property
    def draft(self) -> DecoderRunner | None:
        """The draft's decoder; None without a draft model."""

    @property
    def attend(self) -> Attend | None:
        """Attention of the encoders; None for the one that was asked for."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What people should know about how it runs, a line each."""

    def forward(self, tokens: Tensor, start: Tensor, slots: Sequence[int] | None = None) -> Tensor:
        """One pass of the target.

        Args:
            tokens: (S, B) ids.
            start: (S,), position of each slot's first token. Keys and values are written there and behind.
            slots: The slots whose logits are needed, None for all. Those of the others are undefined.

        Returns:
            (S, B, V) logits.
        """

    def draft_round(self, slots: Slots, processor: LogitsProcessor, num_wanted: Sequence[int]) -> list[int]:
        """Let the draft write up to `num_wanted[s]` tokens behind the certain ones of each slot.

        Returns:
            How many were written in each slot: fewer than wanted where the text ends before.
        """

    def verify_round(
        self, slots: Slots, processor: LogitsProcessor, num_drafted: Sequence[int]
    ) -> list[RoundOutput | None]:
        """Feed a block of every slot to the target, accept what agrees, and write its own next token.

        Args:
            slots: Advanced in place, on the device and on the host.
            processor: The logit rules.
            num_drafted: Tokens proposed in each slot, behind its certain ones.

        Returns:
            An output for each slot, None for the free ones.
        """

    def detect_round(self, slots: Slots, processor: LogitsProcessor, chosen: Sequence[int]) -> list[AfterStart]:
        """Find the language of slots that hold start-of-transcript alone: one pass, read back once.

        Args:
            slots: The others feed again what they have cached.
            processor: Knows the languages.
            chosen: Which slots.

        Returns:
            What follows start-of-transcript in each of them.
        """

    def warmed_up(self) -> bool:
        """Whether, since this was last asked, anything ran that takes longer the first times."""

    def clear(self) -> None:
        """Forget what depends on where the slots and caches lie."""


@dataclass(frozen=True)
class AfterStart:
    """What the target predicts after start-of-transcript.

    Attributes:
        no_speech_prob: P(no speech).
        language: Token of the likeliest language; 0 for an English-only checkpoint.
        language_probability: Of that language, among the languages.
    """

    no_speech_prob: float = 0.0
    language: int = 0
    language_probability: float = 0.0


@dataclass(frozen=True)
class RoundOutput:
    """One round of one slot, read back from the device.

    Attributes:
        position: Of the first token decided, in the slot's text.
        proposed: The drafted ids.
        accepted: How many of them were accepted.
        written: The ids written: those accepted, and the target's own next one. Empty while the slot is prefilled.
        logprobs: Of each token written, under the target, before any temperature.
        finished: Whether the window has ended.
        after_start: What follows start-of-transcript; None where that was not in the block.
    """

    position: int
    proposed: tuple[int, ...] = ()
    accepted: int = 0
    written: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    finished: bool = False
    after_start: AfterStart | None = None


def starting_slots(slots: Slots, processor: LogitsProcessor) -> list[int]:
    """The slots whose next block holds start-of-transcript, after which P(no speech) and the language are found."""
    if processor.special.no_speech is None:
        return []
    states = [(slot, slots.states[slot]) for slot, _ in slots.occupied]
    return [slot for slot, state in states if 0 <= state.sot_index - state.num_cached < BLOCK]


def read_round(slots: Slots, num_drafted: Sequence[int], starting: Sequence[int], eot: int) -> list[RoundOutput | None]:
    """Read a round's output back and advance the host's states. What `verify_round` returns."""
    output = slots.read_back()
    outputs: list[RoundOutput | None] = [None] * slots.count
    for slot, _ in slots.occupied:
        after_start = _after_start(output[slot]) if slot in starting else None
        outputs[slot] = advanced = _advance(slots.states[slot], output[slot], num_drafted[slot], eot, after_start)
        slots.texts[slot] += advanced.written
    return outputs


def _after_start(output: NDArray[np.int64]) -> AfterStart:
    no_speech, language, probability = output[ROUND_FIELDS - 3 : ROUND_FIELDS]
    return AfterStart(float_bits(no_speech[None])[0], int(language), float_bits(probability[None])[0])


def _advance(
    state: SlotState, output: NDArray[np.int64], num_drafted: int, eot: int, after_start: AfterStart | None
) -> RoundOutput:
    """One slot's numbers as an output, and its state advanced by them.

    What a draft proposes behind its own end-of-text could never be written, and does not count as proposed.
    """
    ready, accepted, count, finished = output[: ROUND_FIELDS - 3].tolist()
    position = state.num_tokens
    if not ready:
        state.num_cached += BLOCK
        return RoundOutput(position, after_start=after_start)
    state.num_tokens, state.num_cached = position + count, position + count - 1
    rows = output[ROUND_FIELDS:].reshape(3, BLOCK)
    proposed, choice = rows[0, :num_drafted].tolist(), rows[1, :count].tolist()
    return RoundOutput(
        position=position,
        proposed=tuple(proposed[: proposed.index(eot) + 1] if eot in proposed else proposed),
        accepted=min(accepted, count),
        written=tuple(choice),
        logprobs=tuple(float_bits(rows[2, :count])),
        finished=bool(finished),
        after_start=after_start,
    )


def read_after_start(slots: Slots, chosen: Sequence[int]) -> list[AfterStart]:
    """What `detect_round` returns."""
    output = slots.read_back()
    return [_after_start(output[slot]) for slot in chosen]


def int_bits(numbers: Tensor) -> Tensor:
    """float32 numbers as int64, to be read back beside ids; `float_bits` undoes it."""
    return numbers.float().view(torch.int32).long()


def float_bits(bits: NDArray[np.int64]) -> list[float]:
    """The float32 numbers that `int_bits` made integers of."""
    numbers: list[float] = bits.astype(np.int32).view(np.float32).tolist()
    return numbers
