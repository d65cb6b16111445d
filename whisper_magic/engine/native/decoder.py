"""A decoder network as the native CPU kernels take it: its caches, a pass, and the greedy halves of a round.

What `DecoderNetwork.forward` computes through torch, over the same layers. A row's bits depend on the row alone.

Shapes: S slots, B tokens fed to each, V vocabulary, H heads, T cache length, F encoder frames, D head_dim.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from transformers import WhisperConfig

from whisper_magic.engine.model.decoder import DecoderNetwork, Layer
from whisper_magic.engine.model.linear import LayerNorm, activation
from whisper_magic.engine.native import bindings
from whisper_magic.engine.native.linear import TiledLinear, draft_linear, exact_linear, smallest
from whisper_magic.engine.sample.logits_processor import LogitsProcessor
from whisper_magic.engine.sample.rules import MAX_GENERATED

Tensor = torch.Tensor
MAX_HEAD_DIM = 256


def obstacle(config: WhisperConfig, dtype: torch.dtype) -> str:
    """Why the kernels cannot run a decoder of this shape here; "" where they can."""
    if reason := bindings.why_not():
        return reason
    if not bindings.computes(dtype):
        return f"this processor has no {str(dtype).removeprefix('torch.')} instructions that they use"
    head_dim = int(config.d_model) // int(config.decoder_attention_heads)
    if head_dim % bindings.TILE or head_dim > MAX_HEAD_DIM:
        return f"they take head sizes that are multiples of {bindings.TILE}, and this one is {head_dim}"
    if activation(config.activation_function) is not F.gelu:
        return f"they have no activation {config.activation_function!r}"
    return ""


class NativeDecoder:
    """One decoder network and its caches. It keeps alive what its structs point to."""

    def __init__(
        self,
        state: Mapping[str, Tensor],
        config: WhisperConfig,
        shortlist: Tensor | None = None,
        *,
        low_precision: bool = False,
    ) -> None:
        """Make it.

        Args:
            state, config, shortlist: As of `DecoderNetwork.build`.
            low_precision: Of a draft, whose guesses cannot change the text: 8-bit weights, and caches in bfloat16 (half
                the bytes to read) where the processor has such products.
        """
        make = draft_linear if low_precision else exact_linear
        self.network = network = DecoderNetwork.build(state, config, make, smallest, shortlist)
        half = low_precision and bindings.computes(torch.bfloat16)
        self._dtype = torch.bfloat16 if half else network.dtype
        self._kept: list[object] = []
        self._logits = torch.empty(0, 0)  # of a round, kept for the next
        self._rules: WeakKeyDictionary[LogitsProcessor, NativeRules] = WeakKeyDictionary()
        self._struct = self._decoder_struct()
        self.release()

    def _decoder_struct(self) -> bindings.DecoderStruct:
        network = self.network
        layers = (bindings.LayerStruct * len(network.layers))(*map(self._layer, network.layers))
        positions = network.positions.float()
        self._kept += [layers, positions]
        output = network.output
        assert isinstance(output, TiledLinear)
        self._outputs = output.outputs  # the vocabulary, or a shortlist of it
        return bindings.DecoderStruct(
            layers,
            network.embedding.data_ptr(),
            positions.data_ptr(),
            self._norm(network.final_norm),
            output.struct,
            len(network.layers),
            network.embedding.shape[1],
            network.heads,
            len(positions),
            len(network.embedding),
            bindings.TYPES[network.embedding.dtype],
            bindings.TYPES[self._dtype],
            network.embed_scale,
        )

    def _layer(self, layer: Layer) -> bindings.LayerStruct:
        norms = (self._norm(norm) for norm in (layer.self_norm, layer.cross_norm, layer.ffn_norm))
        parts = (layer.qkv, layer.self_out, layer.cross_q, layer.cross_out, layer.fc1, layer.fc2)
        return bindings.LayerStruct(*norms, *(part.struct for part in parts if isinstance(part, TiledLinear)))

    def _norm(self, norm: LayerNorm) -> bindings.NormStruct:
        parts = [part.float() for part in (norm.weight, norm.bias)]
        self._kept += parts
        return bindings.NormStruct(*(part.data_ptr() for part in parts))

    # -- caches ------------------------------------------------------------------------------------------------------

    def allocate(self, slots: int, length: int, frames: int) -> None:
        network, self._frames = self.network, frames
        shape = (len(network.layers), 2, slots, network.heads)
        padded = -(-frames // bindings.TILE) * bindings.TILE
        self._self_kv = torch.zeros(*shape, length, network.head_dim, dtype=self._dtype)
        self._cross_tiles = torch.zeros(*shape, padded * network.head_dim, dtype=self._dtype)

    def release(self) -> None:
        self._self_kv = self._cross_tiles = torch.empty(0)
        self._frames = 0

    def caches(self) -> Iterator[Tensor]:
        yield from (self._self_kv, self._cross_tiles)

    def store_cross_kv(self, slot: int, cross_kv: Tensor) -> None:
        tiles = self._cross_tiles
        layers, _, heads, frames, dim = cross_kv.shape
        cross_kv = cross_kv.to(tiles.dtype)
        if cross_kv.stride()[2::2] != (dim, 1):  # a frame's heads side by side, as a product leaves them
            cross_kv = cross_kv.transpose(2, 3).contiguous().transpose(2, 3)
        (keys, values), (key_tiles, value_tiles) = cross_kv.unbind(1), tiles[:, :, slot].unbind(1)
        size = tiles.itemsize
        bindings.kernels().pack_heads(
            *(keys.data_ptr(), values.data_ptr(), keys.stride(0) * size, keys.stride(2) * size),
            *(layers, heads, frames, dim, bindings.TYPES[tiles.dtype]),
            *(key_tiles.data_ptr(), value_tiles.data_ptr(), tiles.stride(0) * size, torch.get_num_threads()),
        )

    def cross_kv(self, slot: int) -> Tensor:
        tiles, tile, dim = self._cross_tiles, bindings.TILE, self.network.head_dim
        pair = 2 if tiles.dtype == torch.bfloat16 else 1
        keys, values = tiles[:, :, slot : slot + 1].unbind(1)  # (layers, 1, H, *)
        shape = keys.shape[:3]
        keys = keys.view(*shape, -1, dim // pair, tile, pair).transpose(-3, -2).reshape(*shape, -1, dim)
        values = values.view(*shape, dim // tile, -1, tile, pair).permute(0, 1, 2, 4, 6, 3, 5).reshape(keys.shape)
        return torch.stack([keys, values], 1)[..., : self._frames, :]

    # -- calls of the kernels ----------------------------------------------------------------------------------------

    def forward(self, tokens: Tensor, start: Tensor, slots: Sequence[int] | None = None) -> Tensor:
        """(S, B) tokens from positions start (S,) on -> (S, B, V) float32 logits, undefined where not listed."""
        if slots is None:
            return self.forward_slots(tokens, start, range(len(tokens)))
        chosen = torch.tensor(slots)
        logits = self.forward_slots(tokens[chosen], start[chosen], slots)
        return logits.new_zeros(*tokens.shape, logits.shape[-1]).index_copy_(0, chosen, logits)

    def forward_slots(self, tokens: Tensor, start: Tensor, slots: Sequence[int]) -> Tensor:
        """(N, B) tokens of these N slots from positions start (N,) on -> (N, B, V) float32 logits."""
        (count, block), chosen = tokens.shape, torch.tensor(slots)
        tokens, start = tokens.contiguous(), start.contiguous()
        logits = torch.empty(count, block, self._outputs)
        pointers = (tensor.data_ptr() for tensor in (tokens, start, chosen))
        library, caches = bindings.kernels(), self._caches_struct()
        library.decoder_forward(self._struct, caches, *pointers, count, block, logits.data_ptr())
        return self.network.over_vocabulary(logits)

    def verify_round(self, processor: LogitsProcessor, slots: bindings.SlotsStruct, starting: bool) -> None:
        """The greedy `verify_step`; computes only the rows that are used."""
        logits = self._logits_of(slots.active_count * slots.width).data_ptr()
        caches, rules = self._caches_struct(), self._rules_of(processor)
        bindings.kernels().verify_round(self._struct, caches, rules, slots, starting, logits)

    def draft_round(self, processor: LogitsProcessor, slots: bindings.SlotsStruct) -> None:
        """The greedy `draft_step`, prefill included; `slots.num_drafted` becomes what was written."""
        logits = self._logits_of(slots.active_count).data_ptr()
        caches, rules = self._caches_struct(), self._rules_of(processor)
        bindings.kernels().draft_round(self._struct, caches, rules, slots, logits)

    def _rules_of(self, processor: LogitsProcessor) -> bindings.ProcessorStruct:
        if processor not in self._rules:
            self._rules[processor] = NativeRules.of(processor, self.network.shortlist)
        return self._rules[processor].struct

    def _caches_struct(self) -> bindings.CachesStruct:
        _, _, slots, _, length, _ = self._self_kv.shape
        pointers = self._self_kv.data_ptr(), self._cross_tiles.data_ptr()
        return bindings.CachesStruct(*pointers, slots, length, self._frames, torch.get_num_threads())

    def _logits_of(self, rows: int) -> Tensor:
        if len(self._logits) < rows:
            self._logits = torch.empty(rows, self._outputs)
        return self._logits


@dataclass(frozen=True, eq=False)
class NativeRules:
    """The logit rules as the kernels take them, and what they point to."""

    struct: bindings.ProcessorStruct
    kept: tuple[Tensor, ...]

    @classmethod
    def of(cls, processor: LogitsProcessor, shortlist: Tensor | None) -> NativeRules:
        special, tables, languages = processor.special, processor.tables, processor.languages
        mask, begin = tables.mask, processor.stamp_begin
        if shortlist is not None:
            mask, begin = mask[:, shortlist].contiguous(), int(torch.searchsorted(shortlist, begin))
        kept = (tables.states, mask, tables.min_step, shortlist, languages)
        sizes = mask.shape[1], begin, processor.stamp_begin, special.eot, special.no_speech or 0, len(languages)
        pointers = (None if part is None else part.data_ptr() for part in kept)
        struct = bindings.ProcessorStruct(*pointers, *sizes, MAX_GENERATED)
        return cls(struct, tuple(part for part in kept if part is not None))
