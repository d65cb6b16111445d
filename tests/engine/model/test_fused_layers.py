"""The kernels between a layer's products against plain torch: on a GPU, or in Triton's interpreter on a CPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from whisper_magic.engine.model import layer_kernels
from whisper_magic.engine.model.checkpoint import Placement, read_target
from whisper_magic.engine.model.decoder import DecoderNetwork
from whisper_magic.engine.model.layer_kernels import PLAIN, LayerKernels, choose_kernels, fused_kernels
from whisper_magic.engine.model.linear import LayerNorm

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
pytestmark = pytest.mark.gpu
DTYPES = [torch.float32, torch.float16]
HEADS, DIM, LENGTH = 2, 32, 150


@pytest.fixture(scope="module")
def fused() -> Any:
    pytest.importorskip("triton", reason="NO TRITON: pip install triton, then this runs in its interpreter")
    from whisper_magic.engine.model import fused_layers

    return fused_layers


def random(seed: int, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)


def near(dtype: torch.dtype) -> dict[str, float]:
    return {"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 5e-3, "atol": 5e-3}


def positions(*first: int, block: int) -> torch.Tensor:
    return torch.tensor(first, device=DEVICE)[:, None] + torch.arange(block, device=DEVICE)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [64, 80, 384])
def test_residual_and_norm(fused: Any, dtype: torch.dtype, width: int) -> None:
    norm = LayerNorm(random(1, width, dtype=dtype), random(2, width, dtype=dtype))
    x, update = random(3, 2, 5, width, dtype=dtype), 3 * random(4, 2, 5, width, dtype=dtype)
    (total, normed), (expected, expected_norm) = (
        fused.add_norm(x, update, norm),
        layer_kernels.add_norm(x, update, norm),
    )
    assert torch.equal(total, expected)
    torch.testing.assert_close(normed, expected_norm, **near(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("block", [1, 5, 8, 20])
def test_attention_to_the_cache(fused: Any, dtype: torch.dtype, block: int) -> None:
    """At the beginning of a text, in the middle of a tile, over its border, and up to the cache's end."""
    at = positions(0, 37, 62, LENGTH - block, block=block)
    qkv, cache = random(1, 4, block, 3, HEADS, DIM, dtype=dtype), random(2, 2, 4, HEADS, LENGTH, DIM, dtype=dtype)
    other = cache.clone()
    expected = layer_kernels.cached_attention(at, LENGTH, dtype)(qkv, other)
    found = fused.cached_attention(at, LENGTH, dtype)(qkv, cache)
    torch.testing.assert_close(found, expected, **near(dtype))
    assert torch.equal(cache, other)


def test_what_lies_beyond_the_cache_is_not_written(fused: Any) -> None:
    whole = random(2, 2, 1, HEADS, LENGTH + 4, DIM)
    cache, before = whole[..., :LENGTH, :], whole.clone()
    fused.cached_attention(positions(LENGTH - 2, block=5), LENGTH, torch.float32)(random(1, 1, 5, 3, HEADS, DIM), cache)
    assert torch.equal(whole[..., LENGTH:, :], before[..., LENGTH:, :])
    assert not torch.equal(whole, before)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_s_bits_depend_on_that_row_alone(fused: Any, dtype: torch.dtype) -> None:
    """Fed alone, one after the other, or in a block beside another slot."""
    qkv, cache = random(1, 2, 5, 3, HEADS, DIM, dtype=dtype), random(2, 2, 2, HEADS, LENGTH, DIM, dtype=dtype)
    alone = cache[:, 1:].clone()
    together = fused.cached_attention(positions(3, 61, block=5), LENGTH, dtype)(qkv, cache)
    for i in range(5):
        one = fused.cached_attention(positions(61 + i, block=1), LENGTH, dtype)(qkv[1:, i : i + 1], alone)
        assert torch.equal(one[0, 0], together[1, i])
    assert torch.equal(alone, cache[:, 1:])


def test_a_whole_text_is_left_to_torch(fused: Any) -> None:
    at = positions(0, block=fused.MAX_ROWS + 1)
    qkv, cache = random(1, 1, fused.MAX_ROWS + 1, 3, HEADS, DIM), random(2, 2, 1, HEADS, LENGTH, DIM)
    other = cache.clone()
    found = fused.cached_attention(at, LENGTH, torch.float32)(qkv, cache)
    assert torch.equal(found, layer_kernels.cached_attention(at, LENGTH, torch.float32)(qkv, other))


@torch.inference_mode()
def test_the_decoder_computes_the_same(fused: Any, pair: Any) -> None:
    target = read_target(str(pair.target), Placement(DEVICE, torch.float32, "sdpa"))
    plain = replace(DecoderNetwork.build(target.decoder_state, target.config), kernels=PLAIN)
    kernels = fused_kernels(DEVICE, torch.float32, plain.heads, plain.head_dim)
    assert kernels.add_norm is fused.add_norm
    tokens, start = torch.tensor([[3, 4, 5], [6, 7, 8]], device=DEVICE), torch.tensor([0, 9], device=DEVICE)
    own = random(1, len(plain.layers), 2, 2, plain.heads, 64, plain.head_dim)
    cross, other = random(2, len(plain.layers), 2, 2, plain.heads, 100, plain.head_dim), own.clone()
    expected = plain.forward(tokens, start, own, cross)
    torch.testing.assert_close(replace(plain, kernels=kernels).forward(tokens, start, other, cross), expected)
    torch.testing.assert_close(own, other)


def test_where_they_do_not_agree_torch_computes(fused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not fused_kernels(DEVICE, torch.float16, HEADS, DIM).obstacle
    assert fused_kernels(DEVICE, torch.float16, HEADS, 24).obstacle, "a width that the kernel does not know"
    monkeypatch.setattr(fused, "add_norm", lambda x, update, norm: (x + update, x))
    found = fused_kernels(DEVICE, torch.float16, HEADS, DIM)
    assert found == LayerKernels(obstacle="their values differ from torch's")
    assert found.add_norm is layer_kernels.add_norm


def test_without_triton_torch_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "whisper_magic.engine.model.fused_layers", raising=False)
    found = fused_kernels(DEVICE, torch.float32, HEADS, DIM)
    assert "triton" in found.obstacle
    assert found == replace(PLAIN, obstacle=found.obstacle)
    assert choose_kernels(torch.device("cpu"), torch.float32, HEADS, DIM) is PLAIN
