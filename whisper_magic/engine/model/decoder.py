"""Whisper's decoder, over a checkpoint's weights, as a function: tokens, positions and caches in, logits out.

The caches are arguments. This module knows nothing of drafting, acceptance or logit rules; rolling back is the caller's
not advancing a position.

Shapes: S slots (one window of one recording each), B block (tokens fed a pass), H heads, D head_dim, T cache
length, F encoder frames, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from transformers import WhisperConfig

from whisper_magic.engine.model.attention import pinned_attention
from whisper_magic.engine.model.layer_kernels import PLAIN, LayerKernels, choose_kernels
from whisper_magic.engine.model.linear import Activation, LayerNorm, Linear, Make, activation, fused_qkv, make_linear

Tensor = torch.Tensor
Watch = Callable[[int, Tensor, Tensor], None]  # layer, scaled queries (S, B, H, D), cross-attention keys (S, H, F, D)


@dataclass(frozen=True, eq=False)
class Layer:
    """One decoder layer."""

    self_norm: LayerNorm
    qkv: Linear  # (3 * d_model, d_model): fused; Whisper's keys have no bias
    self_out: Linear
    cross_norm: LayerNorm
    cross_q: Linear
    cross_out: Linear
    ffn_norm: LayerNorm
    fc1: Linear  # with its activation
    fc2: Linear


@dataclass(frozen=True, eq=False)
class DecoderNetwork:
    """A decoder's weights and its forward pass."""

    layers: tuple[Layer, ...]
    embedding: Tensor  # (V, d_model)
    positions: Tensor  # (n_text_ctx, d_model)
    final_norm: LayerNorm
    output: Linear  # (V, d_model), or (shortlist, d_model)
    heads: int
    embed_scale: float
    shortlist: Tensor | None = None  # the only ids that a draft proposes, ascending; None: any
    kernels: LayerKernels = PLAIN

    @classmethod
    def build(
        cls,
        state: Mapping[str, Tensor],
        config: WhisperConfig,
        make: Make = make_linear,
        make_table: Callable[[Tensor], Tensor] = lambda table: table,
        shortlist: Tensor | None = None,
    ) -> DecoderNetwork:
        """Build it from a checkpoint.

        Args:
            state: Weights under the names of a Hugging Face `WhisperDecoder`'s state dict, and "proj_out.weight" where
                the output layer is not the embedding.
            config: Of the checkpoint.
            make: Makes its linear layers.
            make_table: Makes its embedding, which is only looked up.
            shortlist: Ids, ascending, that logits are computed of; None for all.
        """
        width = int(config.d_model)
        then = activation(config.activation_function)
        names = [f"layers.{i}" for i in range(config.decoder_layers)]
        embedding = state["embed_tokens.weight"]
        output, heads = state.get("proj_out.weight"), int(config.decoder_attention_heads)
        if output is None or torch.equal(output, embedding):
            output = embedding
        return cls(
            layers=tuple(_layer(state, name, then, make) for name in names),
            embedding=make_table(embedding),
            positions=state["embed_positions.weight"],
            final_norm=LayerNorm.read(state, "layer_norm"),
            output=make(output if shortlist is None else output[shortlist.to(output.device)], None),
            heads=heads,
            embed_scale=width**0.5 if config.scale_embedding else 1.0,
            shortlist=None if shortlist is None else shortlist.to(embedding.device),
            kernels=choose_kernels(embedding.device, embedding.dtype, heads, width // heads),
        )

    @property
    def dtype(self) -> torch.dtype:
        """Of what it computes."""
        return self.positions.dtype

    @property
    def head_dim(self) -> int:
        return self.embedding.shape[1] // self.heads

    @property
    def scale(self) -> float:
        """Of queries times keys."""
        return float(self.head_dim**-0.5)

    @property
    def linears(self) -> list[Linear]:
        parts = [getattr(layer, field.name) for layer in self.layers for field in fields(layer)]
        return [self.output, *(part for part in parts if isinstance(part, Linear))]

    def tensors(self) -> Iterator[Tensor]:
        """Every weight that is not packed."""
        yield from (self.embedding, self.positions, *self.final_norm.tensors())
        for layer in self.layers:
            for norm in (layer.self_norm, layer.cross_norm, layer.ffn_norm):
                yield from norm.tensors()
        for linear in self.linears:
            yield from linear.tensors()

    def forward(
        self, tokens: Tensor, start: Tensor, self_kv: Tensor, cross_kv: Tensor, watch: Watch | None = None
    ) -> Tensor:
        """Feed a block of tokens to every slot.

        Args:
            tokens: (S, B) ids.
            start: (S,), position of each slot's first token.
            self_kv: (layers, 2, S, H, T, D), written at start..start+B-1. What lies beyond a row's own position is
                never read.
            cross_kv: (layers, 2, S, H, F, D).
            watch: Called with each layer's cross-attention queries and keys.

        Returns:
            (S, B, V) logits, in the weights' dtype.
        """
        with pinned_attention(tokens.device):
            return self._forward(tokens, start, self_kv, cross_kv, watch)

    def _forward(self, tokens: Tensor, start: Tensor, self_kv: Tensor, cross_kv: Tensor, watch: Watch | None) -> Tensor:
        slots, block = tokens.shape
        positions = start[:, None] + torch.arange(block, device=tokens.device)  # (S, B)
        embedded = positions.clamp(max=self.positions.shape[0] - 1)  # rows past the context are never used
        add_norm = self.kernels.add_norm
        attend = self.kernels.cached_attention(positions, self_kv.shape[4], self_kv.dtype)
        norms = [layer.self_norm for layer in self.layers[1:]] + [self.final_norm]

        x = F.embedding(tokens, self.embedding).to(self.dtype)
        x = (x if self.embed_scale == 1.0 else x * self.embed_scale) + F.embedding(embedded, self.positions)
        normed = self.layers[0].self_norm(x)
        for i, (layer, own, cross, norm) in enumerate(zip(self.layers, self_kv, cross_kv, norms, strict=True)):
            qkv = layer.qkv(normed).view(slots, block, 3, self.heads, self.head_dim)
            x, normed = add_norm(x, layer.self_out(attend(qkv, own)), layer.cross_norm)
            q = layer.cross_q(normed).view(slots, block, self.heads, self.head_dim)
            if watch is not None:
                watch(i, q * self.scale, cross[0])
            x, normed = add_norm(x, layer.cross_out(self._attend(q, cross)), layer.ffn_norm)
            x, normed = add_norm(x, layer.fc2(layer.fc1(normed)), norm)
        return self.over_vocabulary(self.output(normed))

    def teacher_forced(self, tokens: Sequence[int], cross_kv: Tensor, watch: Watch | None = None) -> Tensor:
        """Feed a whole text at once, which fills no cache.

        Args:
            tokens: Ids, prompt and all.
            cross_kv: (layers, 2, 1, H, F, D), of the window.
            watch: As of `forward`.

        Returns:
            (1, len(tokens), V) logits, in the weights' dtype.
        """
        cross_kv = cross_kv.to(self.dtype)
        shape = (*cross_kv.shape[:4], len(tokens), cross_kv.shape[5])
        self_kv, start = cross_kv.new_zeros(shape), torch.zeros(1, dtype=torch.long, device=cross_kv.device)
        return self.forward(torch.tensor([tokens], device=cross_kv.device), start, self_kv, cross_kv, watch)

    def over_vocabulary(self, logits: Tensor) -> Tensor:
        """(..., shortlist) logits -> (..., V), -inf for every other id; as they are where there is no shortlist."""
        if self.shortlist is None:
            return logits
        whole = logits.new_full((*logits.shape[:-1], self.embedding.shape[0]), -torch.inf)
        return whole.index_copy_(-1, self.shortlist, logits)

    def _attend(self, q: Tensor, kv: Tensor) -> Tensor:
        """Cross-attention. q: (S, B, H, D). kv: keys and values (2, S, H, F, D). Returns (S, B, d_model)."""
        out = F.scaled_dot_product_attention(q.transpose(1, 2), kv[0], kv[1], scale=self.scale)
        return out.transpose(1, 2).flatten(2)


@dataclass(frozen=True, eq=False)
class CrossProjection:
    """Encoder states -> the cross-attention keys and values of every layer of one or more decoders, in one GEMM.

    A draft that shares the target's encoder has its layers in the same product. `shapes`: (layers, heads, head_dim)
    of each decoder.
    """

    linear: Linear  # (sum over decoders of layers * 2 * d_model, d_model)
    shapes: tuple[tuple[int, int, int], ...]

    @classmethod
    def build(cls, decoders: Sequence[tuple[Mapping[str, Tensor], WhisperConfig]]) -> CrossProjection:
        weights, biases, shapes = [], [], []
        for state, config in decoders:
            for i in range(config.decoder_layers):
                name = f"layers.{i}.encoder_attn"
                v_bias = state[f"{name}.v_proj.bias"]
                weights += [state[f"{name}.k_proj.weight"], state[f"{name}.v_proj.weight"]]
                biases += [torch.zeros_like(v_bias), v_bias]
            heads = int(config.decoder_attention_heads)
            shapes.append((int(config.decoder_layers), heads, int(config.d_model) // heads))
        return cls(make_linear(torch.cat(weights), torch.cat(biases)), tuple(shapes))

    def __call__(self, states: Tensor) -> list[Tensor]:
        """states: (N, F, d_model). Returns one (layers, 2, N, H, F, D) per decoder."""
        rows, frames, _ = states.shape
        sizes = [2 * layers * heads * dim for layers, heads, dim in self.shapes]
        parts = torch.split(self.linear(states), sizes, dim=-1)
        return [
            part.reshape(rows, frames, layers, 2, heads, dim).permute(2, 3, 0, 4, 1, 5)
            for part, (layers, heads, dim) in zip(parts, self.shapes, strict=True)
        ]


def _layer(state: Mapping[str, Tensor], name: str, then: Activation, make: Make) -> Layer:
    def linear(part: str, then: Activation | None = None) -> Linear:
        return make(state[f"{name}.{part}.weight"], state[f"{name}.{part}.bias"], then)

    return Layer(
        self_norm=LayerNorm.read(state, f"{name}.self_attn_layer_norm"),
        qkv=make(*fused_qkv(state, f"{name}.self_attn")),
        self_out=linear("self_attn.out_proj"),
        cross_norm=LayerNorm.read(state, f"{name}.encoder_attn_layer_norm"),
        cross_q=linear("encoder_attn.q_proj"),
        cross_out=linear("encoder_attn.out_proj"),
        ffn_norm=LayerNorm.read(state, f"{name}.final_layer_norm"),
        fc1=linear("fc1", then),
        fc2=linear("fc2"),
    )
