"""The native CPU kernels: what torch computes, and a row that depends on nothing but itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from whisper_magic.engine.model.checkpoint import Checkpoint, Placement, read_target
from whisper_magic.engine.model.decoder import DecoderNetwork
from whisper_magic.engine.native import bindings
from whisper_magic.engine.native.attention import encoder_attention
from whisper_magic.engine.native.decoder import NativeDecoder, obstacle

pytestmark = pytest.mark.skipif(bool(bindings.why_not()), reason=f"no native CPU kernels: {bindings.why_not()}")
DTYPES = [
    pytest.param(dtype, marks=pytest.mark.skipif(not bindings.computes(dtype), reason=f"no kernels for {dtype} here"))
    for dtype in (torch.float32, torch.bfloat16)
]
FRAMES, LENGTH, SLOTS = 100, 64, 5
NEAR = {torch.float32: 2e-4, torch.bfloat16: 6e-2}  # of the logits' size


def checkpoint(pair: Any, dtype: torch.dtype = torch.float32) -> Checkpoint:
    return read_target(str(pair.target), Placement(torch.device("cpu"), dtype, "sdpa"))


class Decoders:
    """A decoder twice, with caches of the same content: through torch, and native."""

    def __init__(self, target: Checkpoint) -> None:
        generator = torch.Generator().manual_seed(1)
        self.torch_network = net = DecoderNetwork.build(target.decoder_state, target.config)
        self.native_decoder = NativeDecoder(target.decoder_state, target.config)
        shape = (len(net.layers), 2, SLOTS, net.heads)
        self.cross = torch.randn(*shape, FRAMES, net.head_dim, generator=generator).to(net.dtype)
        self.self_kv = torch.randn(*shape, LENGTH, net.head_dim, generator=generator).to(net.dtype)
        self.native_decoder.allocate(SLOTS, LENGTH, FRAMES)
        for slot in range(SLOTS):
            self.native_decoder.store_cross_kv(slot, self.cross[:, :, slot])
        self.reset()

    def reset(self) -> None:
        """Caches as they were."""
        cache, _ = self.native_decoder.caches()
        cache.copy_(self.self_kv)

    def native(self, tokens: torch.Tensor, start: torch.Tensor, slots: list[int] | None = None) -> torch.Tensor:
        self.reset()
        return self.native_decoder.forward(tokens, start, slots)

    def torch(self, tokens: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
        return self.torch_network.forward(tokens, start, self.self_kv.clone(), self.cross).float()


@pytest.fixture(params=DTYPES)
def decoders(request: pytest.FixtureRequest, pair: Any) -> Iterator[Decoders]:
    with torch.inference_mode():
        yield Decoders(checkpoint(pair, request.param))


def drawn(block: int) -> tuple[torch.Tensor, torch.Tensor]:
    tokens = torch.randint(0, 300, (SLOTS, block), generator=torch.Generator().manual_seed(block))
    return tokens, torch.tensor([0, 3, 17, 1, LENGTH - block])


@pytest.mark.parametrize("block", [1, 2, 3, 5, 8, 11])
@torch.inference_mode()
def test_a_pass_is_what_torch_computes(decoders: Decoders, block: int) -> None:
    found, expected = decoders.native(*drawn(block)), decoders.torch(*drawn(block))
    assert (found - expected).abs().max() < NEAR[decoders.torch_network.dtype] * expected.abs().max()


@torch.inference_mode()
def test_what_a_pass_caches_serves_the_next(decoders: Decoders) -> None:
    """Eight tokens at once, or in three passes over the same cache."""
    tokens, _ = drawn(8)
    start = torch.arange(SLOTS)
    whole = decoders.native(tokens, start)
    decoders.reset()
    forward = decoders.native_decoder.forward
    parts = [forward(tokens[:, first:last].clone(), start + first) for first, last in ((0, 3), (3, 4), (4, 8))]
    assert torch.equal(torch.cat(parts, 1), whole)


@torch.inference_mode()
def test_a_row_depends_on_nothing_but_itself(decoders: Decoders) -> None:
    """Bit for bit: alone, with other slots, on several threads."""
    tokens, start = drawn(8)
    everything = decoders.native(tokens, start)
    some = decoders.native(tokens, start, [1, 3])
    assert torch.equal(some[[1, 3]], everything[[1, 3]])
    assert not some[[0, 2, 4]].any()
    for slot in range(SLOTS):
        assert torch.equal(decoders.native(tokens[:, :1].clone(), start, [slot])[slot], everything[slot, :1])
    before = torch.get_num_threads()
    try:
        for threads in (2, 3):  # which share a head's attention where there are few, and each take some where many
            torch.set_num_threads(threads)
            assert torch.equal(decoders.native(tokens, start), everything)
            assert torch.equal(decoders.native(tokens, start, [3])[3], everything[3])
    finally:
        torch.set_num_threads(before)


@torch.inference_mode()
def test_cross_kv_can_be_read_back(decoders: Decoders) -> None:
    for slot in range(SLOTS):
        assert torch.equal(decoders.native_decoder.cross_kv(slot)[:, :, 0], decoders.cross[:, :, slot])


@torch.inference_mode()
def test_a_token_outside_the_vocabulary_is_refused(decoders: Decoders) -> None:
    tokens, start = drawn(3)
    for token in (-1, len(decoders.torch_network.embedding)):
        tokens[2, 1] = token
        with pytest.raises(AssertionError, match="outside the vocabulary"):
            decoders.native(tokens, start)


def test_lack_of_memory_is_a_memory_error() -> None:
    with pytest.raises(MemoryError, match="native CPU kernels"):
        bindings._check(bindings.NO_MEMORY, None, ())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("frames", [1, 31, 100, 750])
@torch.inference_mode()
def test_attention_of_an_encoder_is_what_torch_computes(dtype: torch.dtype, frames: int) -> None:
    qkv = (torch.randn(2, frames, 3, 3, 64, generator=torch.Generator().manual_seed(frames)) * 1.3).to(dtype)
    q, k, v = qkv.unbind(2)
    expected = F.scaled_dot_product_attention(*(part.float().transpose(1, 2) for part in (q, k, v)), scale=0.125)
    found = encoder_attention(q, k, v, 0.125).float()
    assert (found - expected.transpose(1, 2)).abs().max() < (1e-5 if dtype == torch.float32 else 3e-2)


def test_shapes_that_they_cannot_run_are_named(make_pair: Any, shape: Any, pair: Any) -> None:
    config = checkpoint(pair).config
    assert obstacle(config, torch.float32) == ""
    assert "float16 instructions" in obstacle(config, torch.float16)
    assert "this one is 16" in obstacle(checkpoint(make_pair(shape(heads=4))).config, torch.float32)
    config.activation_function = "relu"
    assert obstacle(config, torch.float32) == "they have no activation 'relu'"
