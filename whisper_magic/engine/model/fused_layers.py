"""`layer_kernels` in Triton, for a GPU: one kernel each for residual and layer norm, and for attention to the cache.

The bits of a row depend on that row alone: sums run over positions in one order, whatever block the row is part of, and
whatever stands beside it.

Importing this imports triton, which torch's builds for CUDA on Linux bring along.

Shapes: S slots, B tokens fed to each, H heads, D head_dim, T cache length.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
import triton
import triton.language as tl

from whisper_magic.engine.model import layer_kernels
from whisper_magic.engine.model.layer_kernels import Attend
from whisper_magic.engine.model.linear import LayerNorm

Tensor = torch.Tensor
TILE = 64  # cached positions that are read together
MIN_ROWS, MAX_ROWS = 16, 64  # of a product of matrices; a text that is fed whole has more
EPSILON = 1e-5  # torch's default for layer norm, and Whisper's


@triton.jit  # type: ignore[untyped-decorator]  # the language of a kernel has no types
def _add_norm(x, update, weight, bias, total, normed, width, epsilon, size: tl.constexpr):  # type: ignore[no-untyped-def]
    at = tl.arange(0, size)
    there, row = at < width, tl.program_id(0) * width
    added = tl.load(x + row + at, mask=there, other=0.0).to(tl.float32)
    added += tl.load(update + row + at, mask=there, other=0.0).to(tl.float32)
    rounded = added.to(total.dtype.element_ty)
    tl.store(total + row + at, rounded, mask=there)
    value = rounded.to(tl.float32)
    centred = tl.where(there, value - tl.sum(value, 0) / width, 0.0)
    scaled = centred / tl.sqrt(tl.sum(centred * centred, 0) / width + epsilon)
    scaled *= tl.load(weight + at, mask=there, other=0.0).to(tl.float32)
    scaled += tl.load(bias + at, mask=there, other=0.0).to(tl.float32)
    tl.store(normed + row + at, scaled.to(normed.dtype.element_ty), mask=there)


@triton.jit(do_not_specialize=["block"])  # type: ignore[untyped-decorator]  # the same code for every block
def _cached_attention(  # type: ignore[no-untyped-def]
    qkv, cache, positions, out, block, length, heads, scale, of_values, of_slot, of_head,
    rows: tl.constexpr, dim: tl.constexpr, tile: tl.constexpr,
):  # fmt: skip
    slot, head = tl.program_id(0), tl.program_id(1)
    first, width = tl.load(positions + slot * block), heads * dim
    row, column = tl.arange(0, rows), tl.arange(0, dim)
    position = first + row
    fed = (row < block)[:, None]
    source = qkv + (slot * block + row[:, None]) * 3 * width + head * dim + column[None, :]
    query = tl.load(source, mask=fed, other=0.0)
    keys = cache + slot * of_slot + head * of_head
    own, kept = position[:, None] * dim + column[None, :], fed & (position < length)[:, None]
    tl.store(keys + own, tl.load(source + width, mask=fed, other=0.0), mask=kept)
    tl.store(keys + of_values + own, tl.load(source + 2 * width, mask=fed, other=0.0), mask=kept)
    tl.debug_barrier()  # other threads of this program read them now
    high = tl.full([rows], float("-inf"), tl.float32)
    total = tl.zeros([rows], tl.float32)
    mixed = tl.zeros([rows, dim], tl.float32)
    for begin in range(0, first + block, tile):
        at = begin + tl.arange(0, tile)
        there = (at < length)[:, None]
        place = at[:, None] * dim + column[None, :]
        key = tl.load(keys + place, mask=there, other=0.0)
        value = tl.load(keys + of_values + place, mask=there, other=0.0)
        score = tl.dot(query, tl.trans(key), input_precision="ieee") * scale
        score = tl.where(at[None, :] <= position[:, None], score, float("-inf"))
        new = tl.maximum(high, tl.max(score, 1))  # a row sees position 0 always: never -inf
        weight, before = tl.exp(score - new[:, None]), tl.exp(high - new)
        total = total * before + tl.sum(weight, 1)
        mixed = mixed * before[:, None] + tl.dot(weight.to(value.dtype), value, input_precision="ieee")
        high = new
    target = out + (slot * block + row[:, None]) * width + head * dim + column[None, :]
    tl.store(target, (mixed / total[:, None]).to(out.dtype.element_ty), mask=fed)


def add_norm(x: Tensor, update: Tensor, norm: LayerNorm) -> tuple[Tensor, Tensor]:
    """As `layer_kernels.add_norm`. x, update: (..., width)."""
    x, update = x.contiguous(), update.contiguous()
    width, total, normed = x.shape[-1], torch.empty_like(x), torch.empty_like(x)
    with _on(x):
        _add_norm[(x.numel() // width,)](
            x, update, norm.weight, norm.bias, total, normed, width, EPSILON, size=triton.next_power_of_2(width)
        )
    return total, normed


def cached_attention(positions: Tensor, length: int, dtype: torch.dtype) -> Attend:
    """As `layer_kernels.cached_attention`, which computes long blocks. D is a power of two, 16 or more."""
    slots, block = positions.shape
    if block > MAX_ROWS:
        return layer_kernels.cached_attention(positions, length, dtype)

    def attend(qkv: Tensor, cache: Tensor) -> Tensor:
        heads, dim = qkv.shape[3:]
        qkv, out = qkv.contiguous(), torch.empty(slots, block, heads * dim, dtype=qkv.dtype, device=qkv.device)
        of_values, of_slot, of_head, *rest = cache.stride()
        assert rest == [dim, 1], "positions of a head lie side by side"
        with _on(qkv):
            _cached_attention[(slots, heads)](
                qkv, cache, positions, out, block, length, heads, dim**-0.5, of_values, of_slot, of_head,
                rows=max(MIN_ROWS, triton.next_power_of_2(block)), dim=dim, tile=TILE,
            )  # fmt: skip
        return out

    return attend


def _on(tensor: Tensor) -> AbstractContextManager[object]:
    """Triton launches on the current device."""
    return torch.cuda.device(tensor.device) if tensor.device.type == "cuda" else nullcontext()
