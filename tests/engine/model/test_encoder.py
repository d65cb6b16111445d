"""The encoder against Hugging Face's module over the same weights."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import WhisperForConditionalGeneration

from whisper_magic.engine.model.checkpoint import Placement, read_target
from whisper_magic.engine.model.encoder import ATTENTIONS, EncoderNetwork


def encoder(folder: Any, attention: str = "sdpa", dtype: torch.dtype = torch.float32) -> EncoderNetwork:
    target = read_target(str(folder), Placement(torch.device("cpu"), dtype, attention))
    assert target.encoder is not None
    return EncoderNetwork.build(target.encoder, target.config, ATTENTIONS[target.attention])


def drawn_features(shape: Any, windows: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(windows, shape.mels, 2 * shape.source_positions, generator=generator)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("seed", range(6))
@torch.inference_mode()
def test_equals_transformers(seed: int, attention: str, make_pair: Callable[[Any], Any], shape: Any) -> None:
    drawn = shape.draw(seed)
    pair = make_pair(drawn)
    features = drawn_features(drawn, 2)
    theirs = WhisperForConditionalGeneration.from_pretrained(pair.target, dtype=torch.float32).model.encoder
    expected = theirs(features).last_hidden_state
    torch.testing.assert_close(encoder(pair.target, attention)(features), expected, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_bfloat16_is_near(pair: Any) -> None:
    features = drawn_features(pair.shape, 1)
    exact = encoder(pair.target)(features)
    rounded = encoder(pair.target, dtype=torch.bfloat16)(features.bfloat16())
    assert (rounded.float() - exact).abs().mean() < 0.05 * exact.abs().mean()


@pytest.mark.parametrize(("dtype", "within"), [(torch.float32, 1e-5), (torch.bfloat16, 1e-2)])
@torch.inference_mode()
def test_attention_is_near(dtype: torch.dtype, within: float) -> None:
    q, k, v = (2 * torch.randn(2, 400, 3, 64, generator=torch.Generator().manual_seed(i)).to(dtype) for i in range(3))
    weights = torch.softmax(torch.einsum("nqhd,nkhd->nhqk", q.double(), k.double()) / 8, -1)
    exact = torch.einsum("nhqk,nkhd->nqhd", weights, v.double())
    found = ATTENTIONS["sdpa"](q, k, v, 0.125)
    assert found.dtype == dtype
    assert (found - exact).norm() < within * exact.norm()


@torch.inference_mode()
def test_flash_attention_is_called_as_it_wants(pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """(windows, states, heads, head_dim), a scale, and no mask."""

    def flash(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, softmax_scale: float) -> torch.Tensor:
        assert q.shape == k.shape == v.shape == (2, 100, 2, 32)
        weights = torch.softmax(torch.einsum("nqhd,nkhd->nhqk", q, k) * softmax_scale, -1)
        return torch.einsum("nhqk,nkhd->nqhd", weights, v)

    monkeypatch.setitem(sys.modules, "flash_attn", SimpleNamespace(flash_attn_func=flash))
    features = drawn_features(pair.shape, 2)
    found, expected = encoder(pair.target, "flash_attention_2")(features), encoder(pair.target)(features)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_float16_states_stay_finite(pair: Any) -> None:
    """As transformers does, states are clamped where float16 ends."""
    network = encoder(pair.target, dtype=torch.float16)
    states = network(drawn_features(pair.shape, 1).half() * 60)
    assert torch.isfinite(states).all()
