"""A decoder's pass, and a round of speculation, in one call of the compiled kernels; and the caches as they want them.

What `DecoderNetwork.forward` is through torch, over the same layers; a row's bits hang on nothing but the row, in
either. Where the kernels cannot do a network's shape, there is no `NativePass`, and torch does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from whisper_magic.engine.model.decoder import DecoderNetwork, Layer
from whisper_magic.engine.model.linear import LayerNorm, Tiled
from whisper_magic.engine.native import bindings as native
from whisper_magic.engine.runtime.slots import Slots
from whisper_magic.engine.sample.logits_processor import Rules

Tensor = torch.Tensor
MOST_HEAD_DIM = 256


@dataclass(frozen=True, eq=False)
class Caches:
    """What a pass reads and writes. self_kv: (layers, 2, S, H, T, D). tiles: see `NativePass.room_for_sound`."""

    self_kv: Tensor
    tiles: Tensor
    frames: int

    @property
    def struct(self) -> native.CachesStruct:
        pointers, (_, _, slots, _, length, _) = (self.self_kv.data_ptr(), self.tiles.data_ptr()), self.self_kv.shape
        return native.CachesStruct(*pointers, slots, length, self.frames, torch.get_num_threads())


class NativePass:
    """One decoder network as the kernels take it. It keeps what it points to alive."""

    def __init__(self, network: DecoderNetwork, dtype: torch.dtype) -> None:
        self._kept: list[object] = [network]
        self._logits = torch.empty(0, 0)  # of a round, kept for the next
        self.network = network
        self.dtype = dtype  # of the caches
        layers = (native.LayerStruct * len(network.layers))(*map(self._layer, network.layers))
        positions = network.positions.float()
        self._kept += [layers, positions]
        output = network.output
        assert isinstance(output, Tiled)
        self.vocab = output.outputs
        self._struct = native.DecoderStruct(
            layers,
            network.embedding.data_ptr(),
            positions.data_ptr(),
            self._norm(network.final_norm),
            output.struct,
            len(network.layers),
            network.embedding.shape[1],
            network.heads,
            len(positions),
            native.TYPES[network.embedding.dtype],
            native.TYPES[dtype],
            network.embed_scale,
        )

    @classmethod
    def of(cls, network: DecoderNetwork, rough: bool = False) -> NativePass | None:
        """The pass of a network; None where the kernels cannot do it. rough: caches in bfloat16 will do, half the bytes
        to read where the processor has such products."""
        known = all(isinstance(part, Tiled) and part.then in (None, F.gelu) for part in network.linears)
        dtype = torch.bfloat16 if rough and native.computes(torch.bfloat16) else network.dtype
        return cls(network, dtype) if known and _fits(network.head_dim) else None

    def _layer(self, layer: Layer) -> native.LayerStruct:
        norms = (self._norm(norm) for norm in (layer.self_norm, layer.cross_norm, layer.ffn_norm))
        parts = (layer.qkv, layer.self_out, layer.cross_q, layer.cross_out, layer.fc1, layer.fc2)
        return native.LayerStruct(*norms, *(part.struct for part in parts if isinstance(part, Tiled)))

    def _norm(self, norm: LayerNorm) -> native.NormStruct:
        parts = [part.float() for part in (norm.weight, norm.bias)]
        self._kept += parts
        return native.NormStruct(*(part.data_ptr() for part in parts))

    def room_for_sound(self, slots: int, frames: int) -> Tensor:
        """Cross keys and values of `slots` windows, in tiles: (layers, 2, S, H, frames rounded up * D)."""
        network = self.network
        size = -(-frames // native.TILE) * native.TILE * network.head_dim
        return torch.zeros(len(network.layers), 2, slots, network.heads, size, dtype=self.dtype)

    def hear(self, tiles: Tensor, slot: int, cross_kv: Tensor) -> None:
        """Put a window's cross keys and values, (layers, 2, H, F, D), into a slot."""
        library = native.kernels()
        assert library is not None
        layers, _, heads, frames, dim = cross_kv.shape
        cross_kv = cross_kv.to(tiles.dtype)
        if cross_kv.stride()[2::2] != (dim, 1):  # a frame's heads side by side, as a product leaves them
            cross_kv = cross_kv.transpose(2, 3).contiguous().transpose(2, 3)
        (keys, values), (key_tiles, value_tiles) = cross_kv.unbind(1), tiles[:, :, slot].unbind(1)
        size = tiles.itemsize
        library.pack_heads(
            *(keys.data_ptr(), values.data_ptr(), keys.stride(0) * size, keys.stride(2) * size),
            *(layers, heads, frames, dim, native.TYPES[tiles.dtype]),
            *(key_tiles.data_ptr(), value_tiles.data_ptr(), tiles.stride(0) * size, torch.get_num_threads()),
        )

    def heard(self, tiles: Tensor, slot: int, frames: int) -> Tensor:
        """What `hear` put there: (layers, 2, 1, H, F, D)."""
        network, tile = self.network, native.TILE
        dim, pair = network.head_dim, 2 if tiles.dtype == torch.bfloat16 else 1
        keys, values = tiles[:, :, slot : slot + 1].unbind(1)  # (layers, 1, H, *)
        shape = keys.shape[:3]
        keys = keys.view(*shape, -1, dim // pair, tile, pair).transpose(-3, -2).reshape(*shape, -1, dim)
        values = values.view(*shape, dim // tile, -1, tile, pair).permute(0, 1, 2, 4, 6, 3, 5).reshape(keys.shape)
        return torch.stack([keys, values], 1)[..., :frames, :]

    def forward(self, caches: Caches, tokens: Tensor, start: Tensor, live: Sequence[int] | None) -> Tensor:
        """As `DecoderNetwork.forward`: tokens (S, B), start (S,) -> logits (S, B, V), in float32."""
        library = native.kernels()
        assert library is not None
        slots, block = tokens.shape
        chosen = torch.tensor(range(slots) if live is None else live)
        some, first = (tokens, start) if live is None else (tokens[chosen], start[chosen])
        some, first = some.contiguous(), first.contiguous()
        logits = torch.empty(len(chosen), block, self.vocab)
        pointers = (tensor.data_ptr() for tensor in (some, first, chosen))
        library.decoder_forward(self._struct, caches.struct, *pointers, len(chosen), block, logits.data_ptr())
        return logits if live is None else logits.new_zeros(slots, block, self.vocab).index_copy_(0, chosen, logits)

    def decide(self, caches: Caches, rules: Rules, slots: Slots, offered: Sequence[int], heard: bool) -> None:
        """The target's part of a round, as `TargetPass` has it for slots that do not sample, in one call: of each block
        only the rows that are used."""
        library = native.kernels()
        assert library is not None
        slots.facts.zero_()
        state = _state(slots, offered)
        logits = self._room_for_logits(state.live_count * slots.width)
        library.target_round(self._struct, caches.struct, rules.struct, state, heard, logits.data_ptr())

    def guess(self, caches: Caches, rules: Rules, slots: Slots, wanted: Sequence[int]) -> list[int]:
        """A draft's part, as `ModelDraft` has it for slots that do not sample, in one call. Returns how many tokens
        were proposed in each slot: fewer than wanted where the text ends before."""
        library = native.kernels()
        assert library is not None
        state = _state(slots, wanted)
        logits = self._room_for_logits(state.live_count)
        library.draft_round(self._struct, caches.struct, rules.struct, state, logits.data_ptr())
        proposed = [0] * slots.count
        for i in range(state.live_count):
            proposed[state.live[i]] = state.offered[i]
        return proposed

    def _room_for_logits(self, rows: int) -> Tensor:
        if len(self._logits) < rows:
            self._logits = torch.empty(rows, self.vocab)
        return self._logits


def _state(slots: Slots, offered: Sequence[int]) -> native.SlotsStruct:
    """The occupied slots as the kernels take them, with what is, or shall be, proposed in each."""
    live = [slot for slot, _ in slots.occupied]
    numbers = native.Int * len(live)
    pointers = (
        tensor.data_ptr()
        for tensor in (slots.tokens, slots.known, slots.cached, slots.facts, slots.begin, slots.start, slots.limit)
    )
    return native.SlotsStruct(
        *pointers,
        numbers(*live),
        numbers(*(slots.counts[slot].read for slot in live)),
        numbers(*(offered[slot] for slot in live)),
        len(live),
        slots.tokens.shape[1],
        slots.width,
    )


def attends(q: Tensor) -> bool:
    """Whether `attention` does these queries, (N, F, H, D), here."""
    return q.device.type == "cpu" and _fits(q.shape[3]) and native.computes(q.dtype)


def attention(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
    """softmax(q k^T * scale) v of an encoder: slices (N, F, H, D) of one product. Returns (N, F, H, D)."""
    library = native.kernels()
    assert library is not None
    assert q.stride() == k.stride() == v.stride()
    assert q.stride()[2:] == (q.shape[3], 1)
    out = torch.empty(q.shape, dtype=q.dtype)
    _, frames, heads, dim = q.shape
    for queries, keys, values, heard in zip(q, k, v, out, strict=True):
        pointers = (part.data_ptr() for part in (queries, keys, values))
        kind, threads = native.TYPES[q.dtype], torch.get_num_threads()
        library.attend_all(*pointers, q.stride(1), frames, heads, dim, kind, scale, heard.data_ptr(), threads)
    return out


def _fits(head_dim: int) -> bool:
    return head_dim % native.TILE == 0 and head_dim <= MOST_HEAD_DIM
