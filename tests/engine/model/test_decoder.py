"""The decoder network through torch, against Hugging Face's module over the same weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import WhisperForConditionalGeneration

from whisper_magic.engine.model.checkpoint import Placement, read_target
from whisper_magic.engine.model.decoder import CrossProjection, DecoderNetwork


def decoder(folder: Any, dtype: torch.dtype) -> tuple[DecoderNetwork, CrossProjection]:
    target = read_target(str(folder), Placement(torch.device("cpu"), dtype, "sdpa"))
    projection = CrossProjection.build([(target.decoder_state, target.config)])
    return DecoderNetwork.build(target.decoder_state, target.config), projection


@pytest.mark.parametrize("seed", range(6))
@torch.inference_mode()
def test_equals_transformers(seed: int, make_pair: Callable[[Any], Any], shape: Any) -> None:
    """In one pass, and in blocks at each slot's own position; a rejected block leaves no trace."""
    drawn = shape.draw(seed)
    pair = make_pair(drawn)
    network, projection = decoder(pair.target, torch.float32)
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(2, drawn.source_positions, drawn.d_model, generator=generator)
    tokens = torch.randint(0, 300, (2, 20), generator=generator)
    model = WhisperForConditionalGeneration.from_pretrained(pair.target, dtype=torch.float32)
    expected = model(encoder_outputs=(states,), decoder_input_ids=tokens).logits
    (cross_kv,) = projection(states)
    self_kv = torch.zeros(*cross_kv.shape[:4], 40, network.head_dim)
    whole = network.forward(tokens, torch.zeros(2, dtype=torch.long), self_kv.clone(), cross_kv)
    torch.testing.assert_close(whole, expected, rtol=1e-3, atol=1e-3)
    at, found = torch.tensor([0, 0]), torch.empty_like(expected)
    for first in range(0, 20, 4):
        network.forward(tokens.flip(1)[:, :8], at, self_kv, cross_kv)  # rejected: it is overwritten
        found[:, first : first + 4] = network.forward(tokens[:, first : first + 4], at, self_kv, cross_kv)
        at = at + 4
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_a_slot_does_not_depend_on_the_others(dtype: torch.dtype, pair: Any) -> None:
    """Bit for bit, while the number of slots is the same."""
    network, projection = decoder(pair.target, dtype)
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(5, 100, 64, generator=generator).to(dtype)
    tokens, start = torch.arange(40).view(5, 8), torch.tensor([0, 3, 0, 1, 2])
    (cross_kv,) = projection(states)
    self_kv = torch.zeros(*cross_kv.shape[:4], 64, network.head_dim, dtype=dtype)
    before = network.forward(tokens, start, self_kv.clone(), cross_kv)
    tokens[[0, 2, 4]] += 7
    start[[0, 2, 4]] = 5
    after = network.forward(tokens, start, self_kv.clone(), cross_kv)
    assert torch.equal(before[[1, 3]], after[[1, 3]])
    assert not torch.equal(before[0], after[0])
