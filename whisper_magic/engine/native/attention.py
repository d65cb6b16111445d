"""Attention of the encoder in one call of the native CPU kernels."""

from __future__ import annotations

import torch

from whisper_magic.engine.native import bindings

Tensor = torch.Tensor


def encoder_attention(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
    """softmax(q k^T * scale) v. q, k, v: slices (N, F, H, D) of one product, all of one dtype. Returns (N, F, H, D)."""
    assert q.stride() == k.stride() == v.stride()
    assert q.stride()[2:] == (q.shape[3], 1)
    library, out = bindings.kernels(), torch.empty(q.shape, dtype=q.dtype)
    _, frames, heads, dim = q.shape
    kind, threads = bindings.TYPES[q.dtype], torch.get_num_threads()
    for queries, keys, values, attended in zip(q, k, v, out, strict=True):
        pointers = (part.data_ptr() for part in (queries, keys, values))
        library.attend_all(*pointers, q.stride(1), frames, heads, dim, kind, scale, attended.data_ptr(), threads)
    return out
