"""What stays resident: encoders, decoder networks, and the caches of every slot, allocated once.

Rewinding is by position alone: nothing here is ever cleared. A slot's caches are overwritten from the front when a
new window is admitted, and no row reads beyond its own position.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from whisper_magic.engine.checkpoint import Checkpoint
from whisper_magic.engine.decoder import CrossProjection, DecoderNetwork

Tensor = torch.Tensor
ENCODED_TOGETHER = 8  # windows: more save no time, and their keys and values before sorting take memory
BLOCK = 8  # tokens fed in one target pass: fixed, so that what fills a block never changes a row's arithmetic


@dataclass(eq=False)
class Side:
    """One decoder with its caches. self_kv: (layers, 2, S, H, T, D); cross_kv: (layers, 2, S, H, F, D)."""

    network: DecoderNetwork
    self_kv: Tensor = field(default_factory=lambda: torch.empty(0))
    cross_kv: Tensor = field(default_factory=lambda: torch.empty(0))

    def allocate(self, slots: int, length: int, frames: int) -> None:
        network = self.network
        shape = (len(network.layers), 2, slots, network.heads)
        like = network.embedding
        self.self_kv = torch.zeros(*shape, length, network.head_dim, dtype=like.dtype, device=like.device)
        self.cross_kv = torch.zeros(*shape, frames, network.head_dim, dtype=like.dtype, device=like.device)

    def release(self) -> None:
        """Give the caches back."""
        self.self_kv = self.cross_kv = torch.empty(0)

    def forward(self, tokens: Tensor, start: Tensor) -> Tensor:
        return self.network.forward(tokens, start, self.self_kv, self.cross_kv)


@dataclass(frozen=True, eq=False)
class Feed:
    """An encoder and the decoders that attend to what it hears."""

    encoder: Any
    projection: CrossProjection
    sides: tuple[Side, ...]


class Runtime:
    """Target and draft on their device, with room for `slots` windows at once."""

    def __init__(self, target: Checkpoint, draft: Checkpoint | None) -> None:
        self.context = int(target.config.max_target_positions)
        self.frames = int(target.config.max_source_positions)
        self.median_width = int(target.config.median_filter_width)  # of word alignment
        self.target = Side(DecoderNetwork.build(target.decoder_state, target.output_weight, target.config))
        self.draft = None
        if draft is not None:
            self.draft = Side(DecoderNetwork.build(draft.decoder_state, draft.output_weight, draft.config))
        self.device = self.target.network.embedding.device
        self.dtype = self.target.network.embedding.dtype
        self.feeds = self._feeds(target, draft)
        self.slots = 0
        self.length = 0

    def _feeds(self, target: Checkpoint, draft: Checkpoint | None) -> list[Feed]:
        """Which encoder feeds which decoders: one for both where the draft shares the target's, else one each."""
        own = (target.decoder_state, target.config)
        if draft is None or self.draft is None:
            return [Feed(target.encoder, CrossProjection.build([own]), (self.target,))]
        other = (draft.decoder_state, draft.config)
        if draft.encoder is None:
            return [Feed(target.encoder, CrossProjection.build([own, other]), (self.target, self.draft))]
        return [
            Feed(target.encoder, CrossProjection.build([own]), (self.target,)),
            Feed(draft.encoder, CrossProjection.build([other]), (self.draft,)),
        ]

    def allocate(self, slots: int, block: int) -> None:
        """Room for exactly `slots` windows and blocks of `block` tokens; the caches stay while that does not change."""
        length = self.context + block
        if slots == self.slots and length == self.length:
            return
        sides = [side for side in (self.target, self.draft) if side is not None]
        self.slots = 0  # until it is done: an interruption in between must not look like success
        for side in sides:
            side.release()
        for side in sides:
            side.allocate(slots, length, self.frames)
        self.slots, self.length = slots, length

    def close(self) -> None:
        """Let go of every tensor, whoever may still hold this object."""
        self.slots = 0
        self.feeds = []
        for side in (self.target, self.draft):
            if side is not None:
                side.release()
                del side.network

    def admit(self, slots: list[int], features: Tensor) -> None:
        """Encode windows (N, n_mels, window frames) and put their cross keys and values into these N slots."""
        for first in range(0, len(slots), ENCODED_TOGETHER):
            some = slice(first, first + ENCODED_TOGETHER)
            index = torch.tensor(slots[some], device=self.device)
            sound = features[some].to(self.device, self.dtype)
            for feed in self.feeds:
                states = feed.encoder(sound).last_hidden_state
                for side, cross_kv in zip(feed.sides, feed.projection(states), strict=True):
                    side.cross_kv[:, :, index] = cross_kv

    @property
    def memory_bytes(self) -> int:
        """Weights and caches, each storage counted once."""
        storages: dict[int, int] = {}
        for tensor in self._tensors():
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return sum(storages.values())

    def _tensors(self) -> Iterator[Tensor]:
        for feed in self.feeds:
            yield from feed.encoder.parameters()
            yield feed.projection.linear.weight
            for side in feed.sides:
                yield from (side.self_kv, side.cross_kv, *side.network.tensors())
