"""A decoder's pass in one call of the compiled kernels, and the caches as they want them.

What `DecoderNetwork.forward` is through torch, over the same layers; a row's bits hang on nothing but the row, in
either. Where the kernels cannot do a network's shape, there is no `NativePass`, and torch does it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import torch
import torch.nn.functional as F

from whisper_magic.engine import native
from whisper_magic.engine.decoder import DecoderNetwork, Layer
from whisper_magic.engine.layers import LayerNorm, Tiled

Tensor = torch.Tensor
MOST_HEAD_DIM = 256


class NativePass:
    """One decoder network as the kernels take it. It keeps what it points to alive."""

    def __init__(self, network: DecoderNetwork) -> None:
        self._kept: list[object] = [network]
        self.network = network
        self._type = native.TYPES[network.dtype]
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
            self._type,
            network.embed_scale,
        )

    @classmethod
    def of(cls, network: DecoderNetwork) -> NativePass | None:
        """The pass of a network; None where the kernels cannot do it."""
        known = all(isinstance(part, Tiled) and part.then in (None, F.gelu) for part in network.linears)
        return cls(network) if known and _fits(network.head_dim) else None

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
        return torch.zeros(len(network.layers), 2, slots, network.heads, size, dtype=network.dtype)

    def hear(self, tiles: Tensor, slot: int, cross_kv: Tensor) -> None:
        """Put a window's cross keys and values, (layers, 2, H, F, D), into a slot."""
        library = native.kernels()
        assert library is not None
        _, _, heads, frames, dim = cross_kv.shape
        if (
            cross_kv.stride(4) != 1 or cross_kv.stride(2) != dim
        ):  # a frame's heads side by side, as a product leaves them
            cross_kv = cross_kv.transpose(2, 3).contiguous().transpose(2, 3)
        threads = torch.get_num_threads()
        for (keys, values), (key_tiles, value_tiles) in zip(cross_kv, tiles[:, :, slot], strict=True):
            library.pack_heads(
                keys.data_ptr(),
                values.data_ptr(),
                keys.stride(1),
                heads,
                frames,
                dim,
                self._type,
                key_tiles.data_ptr(),
                value_tiles.data_ptr(),
                threads,
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

    def forward(
        self, tokens: Tensor, start: Tensor, self_kv: Tensor, tiles: Tensor, frames: int, live: Sequence[int] | None
    ) -> Tensor:
        """As `DecoderNetwork.forward`: tokens (S, B), start (S,) -> logits (S, B, V), in float32."""
        library = native.kernels()
        assert library is not None
        slots, block = tokens.shape
        chosen = torch.tensor(range(slots) if live is None else live)
        some, first = (tokens, start) if live is None else (tokens[chosen], start[chosen])
        some, first = some.contiguous(), first.contiguous()
        logits = torch.empty(len(chosen), block, self.vocab)
        one = native.PassStruct(
            *(tensor.data_ptr() for tensor in (some, first, chosen, self_kv, tiles, logits)),
            len(chosen),
            block,
            slots,
            self_kv.shape[4],
            frames,
            torch.get_num_threads(),
        )
        library.decoder_forward(ctypes.byref(self._struct), ctypes.byref(one))
        return logits if live is None else logits.new_zeros(slots, block, self.vocab).index_copy_(0, chosen, logits)


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
