"""The decoder's cross-attention on a CPU: as exact as transformers' eager attention, and blind to other slots."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from whisper_magic.engine.model.checkpoint import Placement, read_target
from whisper_magic.engine.model.decoder import DecoderNetwork


def network(pair: Any, dtype: torch.dtype) -> DecoderNetwork:
    target = read_target(str(pair.target), Placement(torch.device("cpu"), dtype, "sdpa"))
    return DecoderNetwork.build(target.decoder_state, target.config)


def drawn(net: DecoderNetwork, slots: int, block: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Queries (S, B, H, D), keys and values (2, S, H, F, D)."""
    generator = torch.Generator().manual_seed(0)
    q = 3 * torch.randn(slots, block, net.heads, net.head_dim, generator=generator)
    kv = torch.randn(2, slots, net.heads, 150, net.head_dim, generator=generator)
    return q.to(net.dtype), kv.to(net.dtype)


@pytest.mark.parametrize("block", [1, 2, 8])
@pytest.mark.parametrize(("dtype", "within"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
@torch.inference_mode()
def test_cross_attention_is_near(block: int, dtype: torch.dtype, within: float, pair: Any) -> None:
    net = network(pair, dtype)
    q, kv = drawn(net, 3, block)
    weights = torch.softmax(torch.einsum("sbhd,shfd->shbf", q.double(), kv[0].double()) * net.scale, -1)
    exact = torch.einsum("shbf,shfd->sbhd", weights, kv[1].double()).reshape(3, block, -1)
    found = net._attend_to_sound(q, kv)
    assert found.dtype == dtype
    assert (found - exact).norm() < within * exact.norm()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_cross_attention_of_a_slot_does_not_know_the_others(dtype: torch.dtype, pair: Any) -> None:
    net = network(pair, dtype)
    q, kv = drawn(net, 16, 8)
    together = net._attend_to_sound(q, kv)
    for slots in (1, 2, 3, 8):
        for first in range(0, 17 - slots, slots):
            some = slice(first, first + slots)
            assert torch.equal(net._attend_to_sound(q[some].clone(), kv[:, some].clone()), together[some]), slots


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_a_slot_reads_the_same_where_others_are_left_out(dtype: torch.dtype, pair: Any) -> None:
    net = network(pair, dtype)
    _, sound = drawn(net, 5, 8)
    tokens, start = torch.arange(40).view(5, 8), torch.tensor([0, 3, 0, 1, 2])
    cross_kv = sound.expand(len(net.layers), *sound.shape)
    self_kv = torch.zeros(*cross_kv.shape[:4], 64, net.head_dim, dtype=dtype)
    everyone = net.forward(tokens, start, self_kv.clone(), cross_kv)
    some = net.forward(tokens, start, self_kv.clone(), cross_kv, live=[1, 3])
    assert torch.equal(some[[1, 3]], everyone[[1, 3]])
    assert not some[[0, 2, 4]].any()
