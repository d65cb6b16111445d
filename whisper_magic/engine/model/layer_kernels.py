"""What lies between a decoder layer's products: residual and layer norm, and attention to the cache of its own tokens.

Plain torch is the reference. On a GPU one Triton kernel takes the place of each (`fused_layers.py`), where it can be
compiled and agrees with torch there.

Shapes: S slots, B tokens fed to each, H heads, D head_dim, T cache length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from whisper_magic.engine.model.attention import pinned_attention
from whisper_magic.engine.model.linear import LayerNorm

Tensor = torch.Tensor
Attend = Callable[[Tensor, Tensor], Tensor]  # qkv (S, B, 3, H, D), keys and values (2, S, H, T, D) -> (S, B, H * D)
AddNorm = Callable[[Tensor, Tensor, LayerNorm], tuple[Tensor, Tensor]]  # x, what is added to it -> their sum, its norm


def add_norm(x: Tensor, update: Tensor, norm: LayerNorm) -> tuple[Tensor, Tensor]:
    """The residual stream with a layer's result added to it, and that normalized for the next layer."""
    x = x + update
    return x, norm(x)


def cached_attention(positions: Tensor, length: int, dtype: torch.dtype) -> Attend:
    """Attention of a block to itself and to what is cached before it; the block's keys and values are cached.

    Args:
        positions: (S, B), of the tokens; one after the other in each slot.
        length: T. What the cache holds beyond a row's own position is never read.
        dtype: Of keys and values.
    """
    device = positions.device
    visible = torch.arange(length, device=device) <= positions[:, None, :, None]  # (S, 1, B, T)
    mask = torch.where(visible, 0.0, -torch.inf).to(dtype)
    slot = torch.arange(len(positions), device=device)[:, None]

    def attend(qkv: Tensor, cache: Tensor) -> Tensor:
        cache.permute(1, 3, 0, 2, 4)[slot, positions] = qkv[:, :, 1:]
        q = qkv[:, :, 0].transpose(1, 2)
        out = F.scaled_dot_product_attention(q, cache[0], cache[1], attn_mask=mask, scale=qkv.shape[-1] ** -0.5)
        return out.transpose(1, 2).flatten(2)

    return attend


@dataclass(frozen=True)
class LayerKernels:
    """How they are computed. obstacle: why not in kernels of our own, on a GPU; "" where they are, or need not be."""

    add_norm: AddNorm = add_norm
    cached_attention: Callable[[Tensor, int, torch.dtype], Attend] = cached_attention
    obstacle: str = ""


PLAIN = LayerKernels()


def choose_kernels(device: torch.device, dtype: torch.dtype, heads: int, head_dim: int) -> LayerKernels:
    """Fused kernels where they can be compiled for this width and agree with plain torch, else plain torch."""
    if device.type != "cuda":
        return PLAIN
    return fused_kernels(device, dtype, heads, head_dim)


def fused_kernels(device: torch.device, dtype: torch.dtype, heads: int, head_dim: int) -> LayerKernels:
    """The same on any device that triton, or its interpreter, computes on."""
    try:
        from whisper_magic.engine.model import fused_layers

        fused = LayerKernels(fused_layers.add_norm, fused_layers.cached_attention)
        obstacle = "" if _agree(fused, device, dtype, heads, head_dim) else "their values differ from torch's"
    except Exception as error:  # no triton, no compiler, a width it does not know: whatever it raises
        obstacle = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return LayerKernels(obstacle=obstacle) if obstacle else fused


@torch.inference_mode()
def _agree(fused: LayerKernels, device: torch.device, dtype: torch.dtype, heads: int, head_dim: int) -> bool:
    """On random values: a block at the beginning of a text, and one in the middle."""
    generator = torch.Generator(device).manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, device=device, generator=generator).to(dtype)

    width, block, length = heads * head_dim, 5, 200
    near = 1e-4 if dtype == torch.float32 else 2e-2
    norm, x, update = LayerNorm(random(width), random(width)), random(2, block, width), random(2, block, width)
    pairs = list(zip(fused.add_norm(x, update, norm), add_norm(x, update, norm), strict=True))
    positions = torch.tensor([[0], [117]], device=device) + torch.arange(block, device=device)
    qkv, cache = random(2, block, 3, heads, head_dim), random(2, 2, heads, length, head_dim)
    other = cache.clone()
    with pinned_attention(device):
        expected = cached_attention(positions, length, dtype)(qkv, other)
    pairs.append((fused.cached_attention(positions, length, dtype)(qkv, cache), expected))
    return torch.equal(cache, other) and all(
        torch.allclose(a.float(), b.float(), rtol=near, atol=near) for a, b in pairs
    )
