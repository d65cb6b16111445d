"""The whole CUDA path on fake tensors of large-v3's width, with fewer layers: what a GPU would be asked to compute.

Every call of the real code, from admitting a window to word times, over tensors that have a device, a dtype and a shape
but no numbers. A mixed device or dtype is an error there as on a GPU. Inside a step nothing may ask the device for a
value, nor take a tensor from the host: a CUDA graph could not hold it. What the host reads back is scripted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from transformers import WhisperConfig

from tests.support.fake_gpu import DEVICE, Watch, fake_gpu, kernels_of
from whisper_magic.engine.decode import speculator as speculator_module
from whisper_magic.engine.decode.drafters import Drafter, ModelDrafter, NoDrafter, PreviousDrafter
from whisper_magic.engine.decode.speculator import Decoded, Detected, Speculator
from whisper_magic.engine.model.checkpoint import Checkpoint, SpecialTokens
from whisper_magic.engine.model.decoder import DecoderNetwork
from whisper_magic.engine.model.layer_kernels import PLAIN, LayerKernels
from whisper_magic.engine.model.weights import decoder_shapes, encoder_shapes
from whisper_magic.engine.runtime.cuda_graphs import CudaGraphs, Step
from whisper_magic.engine.runtime.model_runner import ModelRunner
from whisper_magic.engine.runtime.side_stream import SideStream
from whisper_magic.engine.runtime.slots import BLOCK, DETECT, ROUND_FIELDS, Slots, Window
from whisper_magic.engine.runtime.torch_backend import TorchBackend, TorchDecoder, draft_step, verify_step
from whisper_magic.engine.sample.logits_processor import LogitsProcessor

VOCAB, EOT, SOT = 51866, 50257, 50258
LANGUAGES = {f"l{i}": SOT + 1 + i for i in range(100)}
SPECIAL = SpecialTokens(
    sot=SOT, eot=EOT, vocab=VOCAB, timestamp_begin=50365, no_timestamps=50364, prev_sot=50362, no_speech=50363,
    languages=LANGUAGES, tasks={"transcribe": 50360, "translate": 50359}, suppress=(1, 2), begin_suppress=(220, EOT),
    max_initial_timestamp_index=50, max_length=448, alignment_heads=((0, 0), (1, 17), (1, 18)),
)  # fmt: skip
PROMPT = (SOT, 50259, 50360)


def checkpoint(layers: int, dtype: torch.dtype, encoder: bool, vocab: int = VOCAB) -> Checkpoint:
    config = WhisperConfig(
        vocab_size=vocab, num_mel_bins=128, d_model=1280, encoder_layers=1, decoder_layers=layers,
        encoder_attention_heads=20, decoder_attention_heads=20, encoder_ffn_dim=5120, decoder_ffn_dim=5120,
    )  # fmt: skip

    def tensors(shapes: Any) -> dict[str, torch.Tensor]:
        return {name: torch.empty(shape, dtype=dtype, device=DEVICE) for name, shape in shapes.items()}

    decoder = {name: one for name, one in tensors(decoder_shapes(config)).items() if name != "proj_out.weight"}
    own: Any = tensors(encoder_shapes(config)) if encoder else None
    nothing: Any = None
    return Checkpoint("large-v3", config, SPECIAL, nothing, nothing, own, decoder, "sdpa")


# Operators of a round by part: a decoder layer, and what is around the layers in a target pass, in the first token of a
# draft chain, and in each after it.
KERNELS = {"layer": 16, "target pass": 112, "first draft": 72, "each more": 44}
FUSED = {"layer": 12, "target pass": 105, "first draft": 65, "each more": 37}  # with `fused_layers`
ONE_EACH = LayerKernels(  # one operator each, as the Triton kernels are
    lambda x, update, norm: (x.clone(), x),
    lambda positions, length, dtype: lambda qkv, cache: qkv.new_zeros(*qkv.shape[:2], qkv[0, 0, 0].numel()),
)


class Aside:
    """A second stream, on which nothing is different."""

    handed_over = 0

    @contextmanager
    def queued(self) -> Iterator[None]:
        yield

    def hand_over(self, tensors: Sequence[torch.Tensor]) -> None:
        assert all(one.device == DEVICE for one in tensors)
        self.handed_over += len(tensors)


@dataclass
class Gpu:
    """A model runner on a GPU that is not there."""

    runner: ModelRunner
    processor: LogitsProcessor
    watch: Watch
    dtype: torch.dtype
    reads: int = 0

    def config(self, layers: int) -> WhisperConfig:
        return checkpoint(layers, self.dtype, False).config

    def window(self, index: int, prompt: Sequence[int] = PROMPT, temperature: float = 0.0) -> Window:
        features = torch.empty(128, 3000, device=DEVICE)
        return Window(index, features, tuple(prompt), 20, 3000, temperature=temperature, key=index, in_order=True)

    def decode(self, windows: Sequence[Window], drafter: Drafter, slots: int, **options: Any) -> list[Any]:
        queue = iter(windows)
        return list(Speculator(self.runner, self.processor, drafter, slots, **options).run(lambda: next(queue, None)))

    def model_drafter(self, length: int = 5) -> ModelDrafter:
        return ModelDrafter(self.runner.backend, self.processor, length)


@pytest.fixture(params=[torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
def gpu(request: pytest.FixtureRequest) -> Iterator[Gpu]:
    with pytest.MonkeyPatch.context() as patch, fake_gpu() as watch:
        patch.setattr(SideStream, "on", lambda device: Aside())
        patch.setattr(ModelRunner, "_free_bytes", lambda runner: 140 * 10**9)
        patch.setattr(ModelRunner, "timestamp", lambda runner: 0.0)
        patch.setattr(ModelRunner, "elapsed", lambda runner, first, last: 0.0)
        target, draft = checkpoint(2, request.param, True), checkpoint(1, request.param, False)
        runner = ModelRunner(target, draft)
        backend = runner.backend
        assert isinstance(backend, TorchBackend)
        made = Gpu(runner, LogitsProcessor.build(SPECIAL, DEVICE, timestamps=True), watch, request.param)

        def capture(step: Step) -> Step:
            assert kernels_of(step, watch)
            return lambda: None

        backend.graphs = CudaGraphs(lambda: capture)

        def read_back(slots: Slots) -> np.ndarray:
            """Two tokens accepted a round, the third the target's own; the device is asked this once."""
            made.reads += 1
            output = np.zeros((slots.count, ROUND_FIELDS + 3 * BLOCK), np.int64)
            for slot, _ in slots.occupied:
                state = slots.states[slot]
                ready = state.num_tokens - state.num_cached <= BLOCK
                count = min(3, state.max_tokens - state.num_tokens)
                finished = state.num_tokens + count >= state.max_tokens
                output[slot, : ROUND_FIELDS - 3] = ready, count - 1, count, finished
                output[slot, ROUND_FIELDS - 2] = 50260
                output[slot, ROUND_FIELDS:] = 400
            return output

        patch.setattr(Slots, "read_back", read_back)
        patch.setattr(speculator_module, "token_spans", lambda attention, states, width: _spans(made, attention))
        yield made


def _spans(gpu: Gpu, attention: torch.Tensor) -> list[tuple[int, int]]:
    assert attention.shape[0] == 3
    assert attention.shape[2] == 1500
    assert attention.dtype == torch.float32
    assert attention.device == DEVICE
    return [(0, 1)] * attention.shape[1]


def clean(gpu: Gpu) -> None:
    faults, gpu.watch.faults = gpu.watch.faults, []
    assert not faults, faults[:5]


@pytest.mark.parametrize(("slots", "temperature"), [(1, 0.0), (4, 0.7)])
def test_rounds(gpu: Gpu, slots: int, temperature: float) -> None:
    """Admit, encode, prefill of prompts shorter and longer than a block, draft, verify, refill, end."""
    prompts = [PROMPT, (50362, *range(10, 30), *PROMPT)] * (1 if slots == 1 else 3)
    windows = [replace(gpu.window(i, one, temperature), max_tokens=len(one) + 8) for i, one in enumerate(prompts)]
    for drafter in (gpu.model_drafter(2), PreviousDrafter(2, lambda window: [400] * 30)):
        ends = [event for event in gpu.decode(windows, drafter, slots) if isinstance(event, Decoded)]
        assert sorted(end.window.index for end in ends) == list(range(len(prompts)))
        clean(gpu)
    assert getattr(gpu.runner.side_stream, "handed_over"), "the last windows were encoded beside the first ones' rounds"  # noqa: B009


def test_samples_by_rejection(gpu: Gpu) -> None:
    windows = [replace(gpu.window(i, temperature=0.7), max_tokens=9) for i in range(4)]
    ends = gpu.decode(windows, gpu.model_drafter(2), 4, rejection=True)
    assert sum(isinstance(event, Decoded) for event in ends) == 4
    clean(gpu)


def test_word_times(gpu: Gpu) -> None:
    ends = gpu.decode([gpu.window(0)], NoDrafter(), 1, align=True)
    assert len(ends[-1].times) == len(ends[-1].tokens) > 15


def test_languages_are_read_back_once_for_all(gpu: Gpu) -> None:
    """One pass and one read, in a step that is captured, however many windows there are."""
    windows = [gpu.window(i, (SOT, DETECT, 50360)) for i in range(4)]
    for _ in range(2):
        reads = gpu.reads
        speculator = Speculator(gpu.runner, gpu.processor, NoDrafter(), 4)
        found = speculator._fill(partial(next, iter(windows), None))
        assert [one.language for one in found if isinstance(one, Detected)] == [50260] * 4
        assert gpu.reads == reads + 1
    captured = getattr(gpu.runner.backend, "graphs")._captured  # noqa: B009
    assert ("detect", 4, gpu.processor) in captured
    clean(gpu)


@pytest.mark.parametrize(("drafter", "uploads"), [("model", 1), ("ngram", 2)])
def test_what_goes_over_the_bus_in_a_round(gpu: Gpu, drafter: str, uploads: int) -> None:
    """How much was drafted goes to the device once, though both halves need it; drafts that are looked up go there in
    one copy for all slots, and are looked up in what the host knows. One answer comes back."""
    chosen = gpu.model_drafter(2) if drafter == "model" else PreviousDrafter(4, lambda window: [400] * 30)
    speculator = Speculator(gpu.runner, gpu.processor, chosen, 4)
    queue = iter([gpu.window(i) for i in range(4)])
    with torch.inference_mode():
        speculator._fill(lambda: next(queue, None))
        for turn in range(5):
            for state in gpu.runner.slots.states:
                state.num_tokens -= turn % 2  # another number of drafts than last time
            before = gpu.watch.uploads, gpu.watch.downloads, gpu.reads
            speculator._round(speculator._proposal or speculator._propose())
            if turn > 1:
                now = gpu.watch.uploads, gpu.watch.downloads, gpu.reads
                assert now[0] - before[0] <= uploads, turn
                assert now[1:] == (before[1], before[2] + 1)


@pytest.mark.parametrize(("kernels", "expected"), [(PLAIN, KERNELS), (ONE_EACH, FUSED)], ids=["plain", "fused"])
def test_the_number_of_kernels_does_not_grow(gpu: Gpu, kernels: LayerKernels, expected: dict[str, int]) -> None:
    """Operators that compute, each one kernel or more, by layer and around the layers; docs/speed.md has the counts for
    large-v3. If a change needs fewer, lower the numbers."""
    slots = gpu.runner.allocate(1)
    slots.put(0, gpu.window(0), PROMPT)

    def passes(layers: int) -> tuple[int, int, int]:
        network = DecoderNetwork.build(checkpoint(layers, gpu.dtype, False).decoder_state, gpu.config(layers))
        decoder = TorchDecoder(replace(network, kernels=kernels))
        decoder.allocate(1, 456, 1500)
        steps = (
            lambda: verify_step(decoder.forward, gpu.processor, slots, False),
            lambda: draft_step(decoder.forward, gpu.processor, slots, 1),
            lambda: draft_step(decoder.forward, gpu.processor, slots, 2),
        )
        first, second, third = (kernels_of(step, gpu.watch) for step in steps)
        assert "_log_softmax" not in gpu.watch.kernels, "nobody asks a draft for its log-probability"
        return first, second, third

    (verify, one, two), (verify_more, one_more, _) = passes(1), passes(2)
    layer = verify_more - verify
    assert one_more - one == layer, "the draft's layers are the target's"
    found = {"layer": layer, "target pass": verify - layer, "first draft": one - layer, "each more": two - one - layer}
    assert found == expected
    clean(gpu)
