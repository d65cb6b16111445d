"""Contract B, bit for bit: whatever is proposed, and whatever else is in the batch, a window's tokens and their
log-probabilities are the bits that the target alone computes for it, in float32 as in bfloat16."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest
import torch

from whisper_magic.engine.decode.drafters import Drafter, ModelDrafter, NoDrafter
from whisper_magic.engine.decode.speculator import Decoded, Speculator
from whisper_magic.engine.model.checkpoint import Checkpoint, Placement, read_draft, read_target
from whisper_magic.engine.native import bindings
from whisper_magic.engine.runtime.model_runner import ModelRunner
from whisper_magic.engine.runtime.native_backend import NativeBackend
from whisper_magic.engine.runtime.slots import BLOCK, Window
from whisper_magic.engine.runtime.torch_backend import TorchBackend
from whisper_magic.engine.sample.logits_processor import LogitsProcessor

LENGTHS, BATCHES = range(8), (1, 2, 3, 8, 16)
Bits = list[tuple[tuple[int, ...], tuple[float, ...]]]


class Bench:
    """A pair, and 16 windows, which keep their encoder states."""

    def __init__(self, target: Checkpoint, draft: Checkpoint, features: torch.Tensor, limit: int) -> None:
        special = target.special
        self.runner = ModelRunner(target, draft)
        self._states: dict[bytes, tuple[torch.Tensor, ...]] = {}
        self._encode = self.runner.encoder_states
        self.runner.encoder_states = self._encoder_states  # type: ignore[method-assign]
        self.processor = LogitsProcessor.build(special, self.runner.device, timestamps=True)
        languages = sorted(special.languages.values())
        self.windows = []
        for i, window_features in enumerate(features):
            prompt = [special.sot, languages[i % len(languages)], special.tasks["transcribe"]]
            if i % 3 == 1 and special.prev_sot is not None:
                prompt = [special.prev_sot, *range(10, 10 + 2 * i), *prompt]
            max_tokens = min(len(prompt) + (4 * limit if i == 2 else limit), special.max_length)
            self.windows.append(Window(i, window_features, tuple(prompt), max_tokens, 100))

    def _encoder_states(self, features: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
        """Those of the first time: that they do not depend on the batch is a test of its own."""
        for window in features:
            key = window.numpy().tobytes()
            if key not in self._states:
                self._states[key] = self._encode(window[None])[0]
        return [self._states[window.numpy().tobytes()] for window in features]

    def bits(self, length: int, batch: int, temperatures: Sequence[float] = (0.0,)) -> Bits:
        """The tokens and log-probabilities of every window; of a few where few share a batch, to save time.

        temperatures: Of the windows, in turns.
        """
        chosen = self.windows[: max(4, 2 * batch)] if length else self.windows
        heated = zip(chosen, cycle(temperatures), strict=False)
        queue = iter([replace(window, temperature=temperature) for window, temperature in heated])
        drafter: Drafter = ModelDrafter(self.runner.backend, self.processor, length) if length else NoDrafter()
        found: dict[int, Decoded] = {}
        for event in Speculator(self.runner, self.processor, drafter, batch).run(lambda: next(queue, None)):
            if isinstance(event, Decoded):
                found[event.window.index] = event
        return [(found[i].tokens, found[i].logprobs) for i in sorted(found)]


def placement(dtype: str) -> Placement:
    return Placement(torch.device("cpu"), getattr(torch, dtype), "sdpa")


KINDS = ("float32", "float32 of 16 bits", "bfloat16")
THROUGH_TORCH = [pytest.param(f"{kind} through torch", marks=pytest.mark.slow) for kind in (*KINDS, "float16")]


@pytest.fixture(scope="module", params=[*KINDS, *THROUGH_TORCH])
def random_bench(request: pytest.FixtureRequest, make_pair: Callable[[Any], Any], shape: Any) -> Bench:
    """Weights that need all their bits, weights that do not, and rounded ones; native, and through torch."""
    name, half, through_torch = request.param.split()[0], "16 bits" in request.param, "torch" in request.param
    if not through_torch and not bindings.computes(getattr(torch, name)):
        pytest.skip(f"no native CPU kernels for {name}: {bindings.why_not() or 'not on this processor'}")
    pair = make_pair(shape(seed=4, eot_pull=1.0, target_positions=160, max_length=160, half=half))
    features = torch.randn(16, 80, 200, generator=torch.Generator().manual_seed(0))
    target = read_target(str(pair.target), placement(name))
    draft = read_draft(str(pair.drafts["sometimes"]), target, placement(name))
    with pytest.MonkeyPatch.context() as patch:  # the backend is chosen here: no later load may find it patched
        if through_torch:
            patch.setattr(NativeBackend, "obstacle", lambda *args: "turned off by a test")
        bench = Bench(target, draft, features, limit=18)
    assert type(bench.runner.backend) is (TorchBackend if through_torch else NativeBackend)
    return bench


def test_random_weights(random_bench: Bench) -> None:
    alone = random_bench.bits(0, 1)
    assert len({tokens for tokens, _ in alone}) > 8
    assert max(len(tokens) for tokens, _ in alone) > 64  # texts long and short
    native = isinstance(random_bench.runner.backend, NativeBackend)
    for length in LENGTHS:
        for batch in BATCHES if native else (BATCHES[length % 5], BATCHES[(length + 2) % 5]):  # torch takes its time
            found = random_bench.bits(length, batch)
            assert found == alone[: len(found)], (length, batch)


def test_windows_that_sample(random_bench: Bench) -> None:
    """They change no bits of the greedy windows beside them, and theirs do not depend on the batch or the draft."""
    if not isinstance(random_bench.runner.backend, NativeBackend):
        pytest.skip("torch computes a batch of both by other steps: its log-probabilities are close, not equal")
    greedy, alone = random_bench.bits(0, 1), random_bench.bits(0, 1, (0.0, 0.7, 0.0, 1.0))
    assert alone[::2] == greedy[::2]
    assert all(sampled != likeliest for sampled, likeliest in zip(alone[1::2], greedy[1::2], strict=True))
    for length, batch in ((0, 3), (0, 8), (2, 1), (4, 3), (7, 8)):
        found = random_bench.bits(length, batch, (0.0, 0.7, 0.0, 1.0))
        assert found == alone[: len(found)], (length, batch)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_demo_pair(dtype: str) -> None:
    """Its recording, from 8 positions on (3 where the native CPU kernels are not used); each batch and length."""
    from whisper_magic.audio.load import load
    from whisper_magic.engine.model.hub import demo_folder

    target = read_target("demo", placement(dtype))
    samples = load(demo_folder() / "sample.ogg").samples
    extractor = target.feature_extractor
    native = bindings.computes(getattr(torch, dtype))
    count = 8 if native else 3
    starts = range(0, len(samples) - 5 * 16000, (len(samples) - 5 * 16000) // (count - 1))
    parts = [samples[start : start + 30 * 16000] for start in starts][:count]
    features = torch.cat([extractor(s, sampling_rate=16000, return_tensors="pt").input_features for s in parts])
    bench = Bench(target, read_draft("demo-draft", target, placement(dtype)), features, limit=16)
    assert type(bench.runner.backend) is (NativeBackend if native else TorchBackend)
    alone = bench.bits(0, 1)
    assert len(alone) == count
    for length, batch in zip(LENGTHS, (8, 4, 3, 2, 1, 8, 3, 2), strict=True):
        found = bench.bits(length, batch)
        assert found == alone[: len(found)], (length, batch)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@torch.inference_mode()
def test_a_slot_through_torch_does_not_depend_on_the_others(
    dtype: str, through_torch: Callable[[], None], make_pair: Callable[[Any], Any], shape: Any
) -> None:
    """With layers as wide as whisper-base's: on AMX, oneDNN's order depends on the rows from 512 inputs on."""
    through_torch()
    wide = make_pair(shape(d_model=512, heads=8, encoder_layers=1, decoder_layers=1))
    runner = ModelRunner(read_target(str(wide.target), placement(dtype)), None)
    assert type(runner.backend) is TorchBackend
    runner.allocate(16)
    generator = torch.Generator().manual_seed(0)
    for cache in runner.backend.target.caches():
        cache.copy_(torch.randn(cache.shape, generator=generator))
    tokens, start = torch.randint(300, (16, BLOCK), generator=generator), torch.arange(16)
    together = runner.backend.forward(tokens, start)
    for count in (1, 4, 5, 8, 9):
        assert torch.equal(runner.backend.forward(tokens[:count], start[:count]), together[:count]), count


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@torch.inference_mode()
def test_cross_kv_does_not_depend_on_the_batch(dtype: str, pair: Any) -> None:
    target = read_target(str(pair.target), placement(dtype))
    runner = ModelRunner(target, None)
    features = torch.randn(16, 80, 200, generator=torch.Generator().manual_seed(0))
    runner.allocate(16)
    runner.encode(list(range(16)), features)
    _, cache = runner.backend.target.caches()
    together = cache.clone()
    for slot in range(16):
        runner.encode([slot], features[slot : slot + 1])
    assert torch.equal(cache, together)
