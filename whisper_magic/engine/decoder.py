"""Whisper's decoder, over a checkpoint's weights, as a function: tokens, positions and caches in, logits out.

The caches are arguments. This module does not know who proposes tokens, which are accepted, or what the rules
forbid; rolling back is the caller's not advancing a position.

Shapes: S slots (one window of one recording each), B block (tokens fed a pass), H heads, D head_dim, T cache
length, F encoder frames, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from transformers import WhisperConfig
from transformers.activations import ACT2FN

Tensor = torch.Tensor
Watch = Callable[[int, Tensor, Tensor], None]  # layer, queries (S, B, H, D), cross keys (S, H, F, D)


@dataclass(frozen=True, eq=False)
class Linear:
    """y = x W^T + b."""

    weight: Tensor
    bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


@dataclass(frozen=True, eq=False)
class LayerNorm:
    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias)


@dataclass(frozen=True, eq=False)
class Layer:
    """One decoder layer. The query rows are scaled by head_dim**-0.5 already."""

    self_norm: LayerNorm
    qkv: Linear  # (3 * d_model, d_model): fused; Whisper's keys have no bias
    self_out: Linear
    cross_norm: LayerNorm
    cross_q: Linear
    cross_out: Linear
    ffn_norm: LayerNorm
    fc1: Linear
    fc2: Linear


@dataclass(frozen=True, eq=False)
class DecoderNetwork:
    """A decoder's weights and its forward pass."""

    layers: tuple[Layer, ...]
    embedding: Tensor  # (V, d_model)
    positions: Tensor  # (n_text_ctx, d_model)
    final_norm: LayerNorm
    output: Linear  # (V, d_model)
    heads: int
    embed_scale: float
    activation: torch.nn.Module

    @classmethod
    def build(cls, state: Mapping[str, Tensor], output_weight: Tensor, config: WhisperConfig) -> DecoderNetwork:
        """state: a Hugging Face `WhisperDecoder`'s state dict. Weights are shared with it where nothing is fused."""
        width, heads = int(config.d_model), int(config.decoder_attention_heads)
        scale = (width // heads) ** -0.5
        names = [f"layers.{i}" for i in range(config.decoder_layers)]
        return cls(
            layers=tuple(_layer(state, name, scale) for name in names),
            embedding=state["embed_tokens.weight"],
            positions=state["embed_positions.weight"],
            final_norm=_norm(state, "layer_norm"),
            output=Linear(output_weight, None),
            heads=heads,
            embed_scale=width**0.5 if config.scale_embedding else 1.0,
            activation=ACT2FN[config.activation_function],
        )

    @property
    def head_dim(self) -> int:
        return self.embedding.shape[1] // self.heads

    def tensors(self) -> Iterator[Tensor]:
        """Every weight."""
        parts: list[Linear | LayerNorm] = [self.final_norm, self.output]
        for layer in self.layers:
            parts += [getattr(layer, field.name) for field in fields(layer)]
        yield from (self.embedding, self.positions)
        for part in parts:
            yield from (tensor for tensor in (part.weight, part.bias) if tensor is not None)

    def forward(
        self, tokens: Tensor, start: Tensor, self_kv: Tensor, cross_kv: Tensor, watch: Watch | None = None
    ) -> Tensor:
        """Feed a block of tokens to every slot.

        tokens: (S, B) ids. start: (S,) position of each slot's first token. self_kv: (layers, 2, S, H, T, D), written
        at start..start+B-1; whatever lies beyond a row's own position is never read. cross_kv: (layers, 2, S, H, F, D).
        watch: shown each layer's cross-attention. Returns logits (S, B, V), in the weights' dtype.
        """
        slots, block = tokens.shape
        length = self_kv.shape[4]
        at = start[:, None] + torch.arange(block, device=tokens.device)  # (S, B)
        row = torch.arange(slots, device=tokens.device)[:, None]
        place = at.clamp(max=self.positions.shape[0] - 1)  # rows past the context are never used
        visible = torch.arange(length, device=tokens.device) <= at[:, None, :, None]  # (S, 1, B, T)
        mask = torch.zeros(visible.shape, dtype=self_kv.dtype, device=tokens.device).masked_fill_(~visible, -torch.inf)

        x = self.embedding[tokens]
        x = (x if self.embed_scale == 1.0 else x * self.embed_scale) + self.positions[place]
        for i, (layer, own, cross) in enumerate(zip(self.layers, self_kv, cross_kv, strict=True)):
            q, k, v = layer.qkv(layer.self_norm(x)).view(slots, block, 3, self.heads, self.head_dim).unbind(2)
            own[0][row, :, at] = k
            own[1][row, :, at] = v
            x = x + layer.self_out(self._attend(q, own[0], own[1], mask))
            q = layer.cross_q(layer.cross_norm(x)).view(slots, block, self.heads, self.head_dim)
            if watch is not None:
                watch(i, q, cross[0])
            x = x + layer.cross_out(self._attend(q, cross[0], cross[1], None))
            x = x + layer.fc2(self.activation(layer.fc1(layer.ffn_norm(x))))
        return self.output(self.final_norm(x))

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        """q: (S, B, H, D), scaled already; k, v: (S, H, *, D). Returns (S, B, d_model)."""
        slots, block, _, _ = q.shape
        out = F.scaled_dot_product_attention(q.transpose(1, 2), k, v, attn_mask=mask, scale=1.0)
        return out.transpose(1, 2).reshape(slots, block, -1)


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
        return cls(Linear(torch.cat(weights), torch.cat(biases)), tuple(shapes))

    def __call__(self, states: Tensor) -> list[Tensor]:
        """states: (N, F, d_model). Returns one (layers, 2, N, H, F, D) per decoder."""
        rows, frames, _ = states.shape
        sizes = [2 * layers * heads * dim for layers, heads, dim in self.shapes]
        parts = torch.split(self.linear(states), sizes, dim=-1)
        return [
            part.reshape(rows, frames, layers, 2, heads, dim).permute(2, 3, 0, 4, 1, 5)
            for part, (layers, heads, dim) in zip(parts, self.shapes, strict=True)
        ]


def _layer(state: Mapping[str, Tensor], name: str, scale: float) -> Layer:
    own, cross = f"{name}.self_attn", f"{name}.encoder_attn"
    q_bias, v_bias = state[f"{own}.q_proj.bias"], state[f"{own}.v_proj.bias"]
    weights = [state[f"{own}.q_proj.weight"] * scale, state[f"{own}.k_proj.weight"], state[f"{own}.v_proj.weight"]]
    return Layer(
        self_norm=_norm(state, f"{own}_layer_norm"),
        qkv=Linear(torch.cat(weights), torch.cat([q_bias * scale, torch.zeros_like(q_bias), v_bias])),
        self_out=_linear(state, f"{own}.out_proj"),
        cross_norm=_norm(state, f"{cross}_layer_norm"),
        cross_q=Linear(state[f"{cross}.q_proj.weight"] * scale, state[f"{cross}.q_proj.bias"] * scale),
        cross_out=_linear(state, f"{cross}.out_proj"),
        ffn_norm=_norm(state, f"{name}.final_layer_norm"),
        fc1=_linear(state, f"{name}.fc1"),
        fc2=_linear(state, f"{name}.fc2"),
    )


def _linear(state: Mapping[str, Tensor], name: str) -> Linear:
    return Linear(state[f"{name}.weight"], state[f"{name}.bias"])


def _norm(state: Mapping[str, Tensor], name: str) -> LayerNorm:
    return LayerNorm(state[f"{name}.weight"], state[f"{name}.bias"])
