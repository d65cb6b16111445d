"""Which of torch's attention kernels computes on a GPU: pinned, so that bits do not depend on what it prefers for a
shape (cuDNN, which it may choose on Hopper, also plans anew for each)."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

# The first that can compute a call: FlashAttention takes 16 bits and no mask, and splits the keys where there are few
# queries, as in cross-attention; the memory-efficient kernel takes masks and float32; plain arithmetic takes anything.
KERNELS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


def pinned_attention(device: torch.device) -> AbstractContextManager[object]:
    """For every `scaled_dot_product_attention` inside; on a CPU nothing is changed."""
    return sdpa_kernel(KERNELS, set_priority=True) if device.type == "cuda" else nullcontext()
