"""PassCost: bytes and operations of a pass, against numbers counted by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from whisper_magic import Engine
from whisper_magic.engine.runtime.pass_cost import PassCost
from whisper_magic.errors import EngineClosed

FRAMES = 1500
# The bundled pair, both 192 wide, 4 * 192 in the feed-forward layers, 2,713 tokens: 8 layers and 1.
# Products of a layer: self-attention 4 (queries, keys, values, out), cross-attention 2 (its keys and values are made
# once a window), feed-forward 4 + 4, in squares of the width.
SQUARE = 192 * 192
OUTPUT = 2713 * 192
BIASES = 192 * (3 + 1 + 1 + 1 + 4 + 1)


@pytest.fixture(scope="module")
def demo() -> Iterator[Engine]:
    with Engine.load("demo", device="cpu") as loaded:
        yield loaded


def test_operations_of_a_token(demo: Engine) -> None:
    target, draft = demo.pass_costs
    attending = 4 * FRAMES * 192  # of each layer: scores and their sum over the encoder's states, a multiply and an add
    assert target.token_flops == 2 * (8 * 14 * SQUARE + OUTPUT) + 8 * attending == 18_515_328
    assert draft.token_flops == 2 * (14 * SQUARE + OUTPUT) + attending == 3_225_984


def test_bytes_of_a_window(demo: Engine) -> None:
    target, draft = demo.pass_costs
    assert target.row_bytes == 8 * 2 * FRAMES * 192 * 4 == 18_432_000, "keys and values, float32"
    assert draft.row_bytes == target.row_bytes / 8


def test_bytes_of_weights_through_torch(through_torch: Callable[[], None]) -> None:
    through_torch()
    with Engine.load("demo", device="cpu") as engine:
        target, draft = engine.pass_costs
    assert target.weight_bytes == 4 * (8 * (14 * SQUARE + BIASES) + OUTPUT) == 18_666_240, "float32"
    assert draft.weight_bytes == 4 * (14 * SQUARE + BIASES + OUTPUT)


def test_kernels_that_hold_weights_in_16_bits_read_half(demo: Engine) -> None:
    if demo.status.attention != "native CPU kernels":
        pytest.skip("no native CPU kernels here")
    weights = 2 * (8 * 14 * SQUARE + OUTPUT)
    assert weights < demo.pass_costs[0].weight_bytes < 1.02 * weights, "and biases, and tiles that are not full"


def test_a_draft_of_few_words_scores_few(demo: Engine) -> None:
    network = demo._loaded().runner.backend.target.network
    few = PassCost.of(replace(network, shortlist=torch.arange(100)), FRAMES)
    assert demo.pass_costs[0].token_flops - few.token_flops == 2 * (2713 - 100) * 192


def test_a_target_alone_has_one_cost(pair: Any) -> None:
    with Engine.load(str(pair.target), "none", device="cpu") as engine:
        (cost,) = engine.pass_costs
        assert cost.row_bytes == 2 * 2 * 100 * 64 * 4
    with pytest.raises(EngineClosed):
        _ = engine.pass_costs


def test_the_width_of_the_feed_forward_layers_is_the_checkpoint_s(pair: Any) -> None:
    with Engine.load(str(pair.target), "none", device="cpu") as engine:
        (cost,) = engine.pass_costs
        vocab = engine._loaded().target.special.vocab
    assert cost.token_flops == 2 * (2 * (4 + 2 + 2 + 2) * 64 * 64 + vocab * 64) + 2 * 4 * 100 * 64
