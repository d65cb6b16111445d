"""Whisper's encoder, over a checkpoint's weights, as a function: log-mel windows in, states out.

Shapes: N windows, F states (half as many as feature frames), H heads, D head_dim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from transformers import WhisperConfig

from whisper_magic.engine.model.attention import pinned_attention
from whisper_magic.engine.model.linear import Activation, LayerNorm, Linear, activation, fused_qkv, make_linear

Tensor = torch.Tensor
Attend = Callable[[Tensor, Tensor, Tensor, float], Tensor]  # q, k, v (N, F, H, D), scale -> (N, F, H, D)
FLOAT16_MARGIN = 1000  # float16 states are kept this far from infinity, as transformers does


@dataclass(frozen=True, eq=False)
class Layer:
    """One encoder layer."""

    attention_norm: LayerNorm
    qkv: Linear  # (3 * d_model, d_model): fused; Whisper's keys have no bias
    out: Linear
    ffn_norm: LayerNorm
    fc1: Linear  # with its activation
    fc2: Linear


@dataclass(frozen=True, eq=False)
class EncoderNetwork:
    """An encoder's weights and its forward pass."""

    conv1: tuple[Tensor, Tensor]  # weight (d_model, n_mels, 3), bias
    conv2: tuple[Tensor, Tensor]  # of stride 2
    positions: Tensor  # (F, d_model)
    layers: tuple[Layer, ...]
    final_norm: LayerNorm
    heads: int
    attend: Attend

    @classmethod
    def build(cls, state: Mapping[str, Tensor], config: WhisperConfig, attend: Attend) -> EncoderNetwork:
        """Build it from a checkpoint.

        Args:
            state: Weights under the names of a Hugging Face `WhisperEncoder`'s state dict, each read once.
            config: Of the checkpoint.
            attend: The attention, one of ATTENTIONS or a backend's own.
        """
        then = activation(config.activation_function)
        return cls(
            conv1=(state["conv1.weight"], state["conv1.bias"]),
            conv2=(state["conv2.weight"], state["conv2.bias"]),
            positions=state["embed_positions.weight"],
            layers=tuple(_layer(state, f"layers.{i}", then) for i in range(config.encoder_layers)),
            final_norm=LayerNorm.read(state, "layer_norm"),
            heads=int(config.encoder_attention_heads),
            attend=attend,
        )

    def __call__(self, features: Tensor) -> Tensor:
        """features: (N, n_mels, 2 F) in the weights' dtype. Returns (N, F, d_model)."""
        x = F.gelu(F.conv1d(features, *self.conv1, padding=1))
        x = F.gelu(F.conv1d(x, *self.conv2, stride=2, padding=1))
        x = (x.transpose(1, 2) + self.positions).contiguous()
        windows, states, width = x.shape
        head_dim = width // self.heads
        for layer in self.layers:
            q, k, v = layer.qkv(layer.attention_norm(x)).view(windows, states, 3, self.heads, head_dim).unbind(2)
            x = x + layer.out(self.attend(q, k, v, head_dim**-0.5).reshape(windows, states, width))
            x = x + layer.fc2(layer.fc1(layer.ffn_norm(x)))
            if x.dtype == torch.float16:
                most = torch.finfo(x.dtype).max - FLOAT16_MARGIN
                x = x.clamp(-most, most)
        return self.final_norm(x)

    @property
    def linears(self) -> list[Linear]:
        parts = [getattr(layer, field.name) for layer in self.layers for field in fields(layer)]
        return [part for part in parts if isinstance(part, Linear)]

    def tensors(self) -> Iterator[Tensor]:
        """Every weight that is not packed."""
        yield from (*self.conv1, *self.conv2, self.positions, *self.final_norm.tensors())
        for layer in self.layers:
            yield from (*layer.attention_norm.tensors(), *layer.ffn_norm.tensors())
        for linear in self.linears:
            yield from linear.tensors()


def _layer(state: Mapping[str, Tensor], name: str, then: Activation) -> Layer:
    def linear(part: str, then: Activation | None = None) -> Linear:
        return make_linear(state[f"{name}.{part}.weight"], state[f"{name}.{part}.bias"], then)

    return Layer(
        attention_norm=LayerNorm.read(state, f"{name}.self_attn_layer_norm"),
        qkv=make_linear(*fused_qkv(state, f"{name}.self_attn")),
        out=linear("self_attn.out_proj"),
        ffn_norm=LayerNorm.read(state, f"{name}.final_layer_norm"),
        fc1=linear("fc1", then),
        fc2=linear("fc2"),
    )


def _sdpa(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
    heads_first = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
    with pinned_attention(q.device):
        return F.scaled_dot_product_attention(*heads_first, scale=scale).transpose(1, 2)


def _eager(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
    weights = torch.softmax(q.transpose(1, 2) * scale @ k.permute(0, 2, 3, 1), dim=-1)
    return (weights @ v.transpose(1, 2)).transpose(1, 2)


def _flash(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
    from flash_attn import flash_attn_func

    out: Tensor = flash_attn_func(q, k, v, softmax_scale=scale)
    return out


ATTENTIONS: Mapping[str, Attend] = {"sdpa": _sdpa, "eager": _eager, "flash_attention_2": _flash}
