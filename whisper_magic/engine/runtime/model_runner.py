"""What stays resident: encoders, decoder networks, and the caches of every slot, allocated once.

Rewinding is by position alone: nothing here is ever cleared. A slot's caches are overwritten from the front when a
new window is admitted, and no row reads beyond its own position.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import torch

from whisper_magic.engine.model.checkpoint import Checkpoint
from whisper_magic.engine.model.decoder import CrossProjection, DecoderNetwork, pinned_attention
from whisper_magic.engine.model.encoder import EncoderNetwork
from whisper_magic.engine.model.linear import Linear, for_draft
from whisper_magic.engine.runtime.cuda_graphs import Graphs
from whisper_magic.engine.runtime.native_pass import Caches, NativePass
from whisper_magic.engine.runtime.slots import Slots
from whisper_magic.engine.sample.logits_processor import Rules

Tensor = torch.Tensor
ENCODED_TOGETHER = 8  # windows on a GPU: more save no time, and their keys and values before sorting take memory
SHORT_ON = ("cuda",)  # where memory ends with an error that one can live with
KEYS_TOGETHER = 64  # self-attention looks at a multiple of so many places


@dataclass(eq=False)
class Side:
    """One decoder with its caches. self_kv: (layers, 2, S, H, T, D); cross_kv: (layers, 2, S, H, F, D), or in the
    kernels' tiles, (layers, 2, S, H, about F * D), where they do its passes. proposes: and does nothing else, so that
    it may be rough."""

    network: DecoderNetwork
    proposes: bool = False
    self_kv: Tensor = field(default_factory=lambda: torch.empty(0))
    cross_kv: Tensor = field(default_factory=lambda: torch.empty(0))

    def __post_init__(self) -> None:
        self.native = NativePass.of(self.network, self.proposes)
        self._frames = 0

    def allocate(self, slots: int, length: int, frames: int) -> None:
        network, self._frames = self.network, frames
        shape = (len(network.layers), 2, slots, network.heads)
        dtype, device = self.native.dtype if self.native else network.dtype, network.embedding.device
        self.self_kv = torch.zeros(*shape, length, network.head_dim, dtype=dtype, device=device)
        if self.native is not None:
            self.cross_kv = self.native.room_for_sound(slots, frames)
        else:
            self.cross_kv = torch.zeros(*shape, frames, network.head_dim, dtype=dtype, device=device)

    def hear(self, slot: int, cross_kv: Tensor) -> None:
        """Put a window's cross keys and values, (layers, 2, H, F, D), into a slot."""
        if self.native is not None:
            self.native.hear(self.cross_kv, slot, cross_kv)
        else:
            self.cross_kv[:, :, slot] = cross_kv

    def heard(self, slot: int) -> Tensor:
        """The cross keys and values of a slot, (layers, 2, 1, H, F, D)."""
        if self.native is not None:
            return self.native.heard(self.cross_kv, slot, self._frames)
        return self.cross_kv[:, :, slot : slot + 1]

    @property
    def _caches(self) -> Caches:
        return Caches(self.self_kv, self.cross_kv, self._frames)

    def release(self) -> None:
        """Give the caches back."""
        self.self_kv = self.cross_kv = torch.empty(0)

    def forward(self, tokens: Tensor, start: Tensor, reach: int, live: Sequence[int] | None = None) -> Tensor:
        """tokens: (S, B). start: (S,). reach: no row is at this place or beyond. live: the slots that are wanted, None
        all. Returns logits (S, B, V)."""
        if self.native is not None:
            return self.native.forward(self._caches, tokens, start, live)
        length = self.self_kv.shape[4]
        if start.device.type == "cpu":  # what lies behind the last row is masked: it need not be computed
            length = min(length, -(-reach // KEYS_TOGETHER) * KEYS_TOGETHER)
        with pinned_attention(start.device):
            self_kv = self.self_kv.narrow(4, 0, length)
            return self.network.forward(tokens, start, self_kv, self.cross_kv, live=live)

    def decide(self, rules: Rules, slots: Slots, offered: Sequence[int], heard: bool) -> bool:
        """The target's part of a round in one call, see `NativePass.decide`; False where there is none."""
        if self.native is None or slots.sampling:
            return False
        self.native.decide(self._caches, rules, slots, offered, heard)
        return True

    def guess(self, rules: Rules, slots: Slots, wanted: Sequence[int]) -> list[int] | None:
        """A draft's part of a round in one call, see `NativePass.guess`; None where there is none."""
        if self.native is None or slots.sampling:
            return None
        return self.native.guess(self._caches, rules, slots, wanted)


@dataclass(frozen=True, eq=False)
class Feed:
    """An encoder and the decoders that attend to what it hears."""

    encoder: Any  # an EncoderNetwork, or what is called like one
    projection: CrossProjection
    sides: tuple[Side, ...]


class Runtime:
    """Target and draft on their device, with room for `slots` windows at once."""

    def __init__(self, target: Checkpoint, draft: Checkpoint | None) -> None:
        self.context = int(target.config.max_target_positions)
        self.frames = int(target.config.max_source_positions)
        self.median_width = int(target.config.median_filter_width)  # of word alignment
        self.target = Side(DecoderNetwork.build(target.decoder_state, target.config))
        self.draft = None
        if draft is not None:
            self.draft = Side(DecoderNetwork.build(draft.decoder_state, draft.config, for_draft), proposes=True)
        # Kernels of our own stand in for SDPA.
        native = self.target.native is not None and target.attention == "sdpa"
        self.attention = "native" if native else target.attention
        self.device = self.target.network.embedding.device
        self.dtype = self.target.network.dtype
        self.feeds = self._feeds(target, draft)
        self.slots = Slots(0, 0, self.device)
        self.graphs = Graphs.on(self.device)
        self.rules: dict[Hashable, Rules] = {}  # by the options that they were built from
        # A CPU gains nothing from several at once, and alone no window's bits depend on its neighbours.
        self.together = ENCODED_TOGETHER if self.device.type == "cuda" else 1
        self.note = ""  # what had to be done for want of memory; '' where nothing was

    def _feeds(self, target: Checkpoint, draft: Checkpoint | None) -> list[Feed]:
        """Which encoder feeds which decoders: one for both where the draft shares the target's, else one each."""
        own = (target.decoder_state, target.config)
        encoder = _encoder(target)
        if draft is None or self.draft is None:
            return [Feed(encoder, CrossProjection.build([own]), (self.target,))]
        other = (draft.decoder_state, draft.config)
        if draft.encoder is None:
            return [Feed(encoder, CrossProjection.build([own, other]), (self.target, self.draft))]
        return [
            Feed(encoder, CrossProjection.build([own]), (self.target,)),
            Feed(_encoder(draft), CrossProjection.build([other]), (self.draft,)),
        ]

    def allocate(self, slots: int, block: int) -> Slots:
        """Empty slots for `slots` windows and blocks of `block` tokens, with their caches; the same as before while
        that does not change, and with them the graphs.

        There are half as many, and half of that, while memory does not suffice; `note` says so then.

        Raises:
            torch.OutOfMemoryError: where it does not suffice for a single one.
        """
        length, wanted = self.context + block, slots
        self.note = ""
        if (slots, block) == (self.slots.count, self.slots.width):
            self.slots.empty()
            return self.slots
        while not self._allocated(slots, length, block):
            slots //= 2
        if slots < wanted:
            self.note = f"memory was short: {slots} of {wanted} windows were decoded at a time"
        self.slots = Slots(slots, length, self.device, block)
        return self.slots

    def _allocated(self, slots: int, length: int, block: int) -> bool:
        """Whether there was memory for it, and for what a round takes besides."""
        sides = [side for side in (self.target, self.draft) if side is not None]
        self.slots = Slots(0, 0, self.device)  # until it is done: an interruption must not look like success
        self.graphs.clear()
        for side in sides:
            side.release()
        try:
            for side in sides:
                side.allocate(slots, length, self.frames)
            if self.device.type in SHORT_ON:
                self._rehearse(slots, block)
        except torch.OutOfMemoryError:
            if slots == 1:
                raise
            for side in sides:
                side.release()
            torch.cuda.empty_cache()
            return False
        return True

    def _rehearse(self, slots: int, block: int) -> None:
        """A pass as large as those to come: in the middle of a window it would be too late to be short of memory."""
        nothing = torch.zeros(slots, block, dtype=torch.long, device=self.device)
        with torch.inference_mode():
            logits = self.target.forward(nothing, nothing[:, 0], block)
            logits.float().log_softmax(-1).add(logits)  # some three copies in float32, as rules and sampling make

    @property
    def live(self) -> list[int] | None:
        """The slots that a pass need be computed for. None: all, as none is empty, or because passes are captured, and
        so the same each time."""
        if self.graphs.captures or None not in self.slots.windows:
            return None
        return [slot for slot, _ in self.slots.occupied]

    def close(self) -> None:
        """Let go of every tensor, whoever may still hold this object."""
        self.slots = Slots(0, 0, self.device)
        self.graphs.clear()
        self.rules.clear()
        self.feeds = []
        for side in (self.target, self.draft):
            if side is not None:
                side.release()
                del side.network, side.native

    def admit(self, slots: list[int], features: Tensor) -> None:
        """Encode windows (N, n_mels, window frames) and put their cross keys and values into these N slots."""
        done = 0
        while done < len(slots):
            some = slice(done, done + self.together)
            try:
                self._admit(slots[some], features[some])
            except torch.OutOfMemoryError:
                if self.together == 1:
                    raise
                self.together //= 2
                torch.cuda.empty_cache()
            else:
                done += len(slots[some])

    def _admit(self, slots: list[int], features: Tensor) -> None:
        sound = features.to(self.device, self.dtype)
        for feed in self.feeds:
            states = feed.encoder(sound)
            for side, cross_kv in zip(feed.sides, feed.projection(states), strict=True):
                for i, slot in enumerate(slots):  # indexing with a tensor takes a CPU 1.5 to 7 times as long
                    side.hear(slot, cross_kv[:, :, i])

    def mark(self) -> Any:
        """A moment, in the device's own time: `seconds` tells how long it is from one to another."""
        if self.device.type != "cuda":
            return perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self.device))
        return event

    def seconds(self, first: Any, last: Any) -> float:
        """Between two marks. On CUDA it waits until the second has passed."""
        if self.device.type != "cuda":
            return float(last - first)
        last.synchronize()
        return float(first.elapsed_time(last)) / 1000

    @property
    def memory_bytes(self) -> int:
        """Weights and caches, each storage counted once."""
        storages: dict[int, int] = {}
        for tensor in self._tensors():
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return sum(storages.values()) + sum(linear.packed_bytes for linear in self._linears())

    def _tensors(self) -> Iterator[Tensor]:
        for feed in self.feeds:
            yield from feed.encoder.tensors()
            for side in feed.sides:
                yield from (side.self_kv, side.cross_kv, *side.network.tensors())
        for linear in self._linears():
            yield from linear.tensors()

    def _linears(self) -> Iterator[Linear]:
        for feed in self.feeds:
            yield from (feed.projection.linear, *feed.encoder.linears)
            for side in feed.sides:
                yield from side.network.linears


def _encoder(checkpoint: Checkpoint) -> EncoderNetwork:
    assert checkpoint.encoder is not None
    return EncoderNetwork.build(checkpoint.encoder, checkpoint.config, checkpoint.attention)
