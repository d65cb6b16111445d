"""Contract B, to the last bit: whatever is proposed, and whoever shares the batch, a window's tokens and their
log-probabilities are the bits that the target alone computes for it, in float32 as in bfloat16."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from whisper_magic.engine.decode.drafters import Draft, ModelDraft, NoDraft
from whisper_magic.engine.decode.speculator import Decoded, Speculator
from whisper_magic.engine.model.checkpoint import Checkpoint, Placement, read_draft, read_target
from whisper_magic.engine.model.linear import Half, Packed, Tiled
from whisper_magic.engine.native import bindings as native
from whisper_magic.engine.runtime.model_runner import Runtime
from whisper_magic.engine.runtime.slots import Window
from whisper_magic.engine.sample.logits_processor import Rules

LENGTHS, BATCHES = range(8), (1, 2, 3, 8, 16)
Bits = list[tuple[tuple[int, ...], tuple[float, ...]]]


class Bench:
    """A pair, and 16 windows whose cross-attention is computed once."""

    def __init__(self, target: Checkpoint, draft: Checkpoint, features: torch.Tensor, limit: int) -> None:
        special = target.special
        self.runtime = Runtime(target, draft)
        self.rules = Rules.build(special, self.runtime.device, timestamps=True)
        languages = sorted(special.languages.values())
        self.windows = []
        for i, sound in enumerate(features):
            prompt = [special.sot, languages[i % len(languages)], special.tasks["transcribe"]]
            if i % 3 == 1 and special.prev_sot is not None:
                prompt = [special.prev_sot, *range(10, 10 + 2 * i), *prompt]
            room = 4 * limit if i == 2 else limit
            self.windows.append(Window(i, sound, tuple(prompt), min(len(prompt) + room, special.max_length), 100))
        self._heard: dict[int, list[torch.Tensor]] = {}
        self._encode, self.runtime.admit = self.runtime.admit, self._admit  # type: ignore[method-assign]

    def _admit(self, slots: list[int], features: torch.Tensor) -> None:
        """What the runtime does, but each sound is encoded only once."""
        sides = [side for feed in self.runtime.feeds for side in feed.sides]
        for slot, sound in zip(slots, features, strict=True):
            key = hash(sound.numpy().tobytes())
            if key not in self._heard:
                self._encode([slot], sound[None])
                self._heard[key] = [side.cross_kv[:, :, slot].clone() for side in sides]
            for side, cross_kv in zip(sides, self._heard[key], strict=True):
                side.cross_kv[:, :, slot] = cross_kv

    def bits(self, length: int, batch: int) -> Bits:
        """The tokens and log-probabilities of every window; of a few where few share a batch, to save time."""
        queue = iter(self.windows[: max(4, 2 * batch)] if length else self.windows)
        draft: Draft = NoDraft()
        if length:
            assert self.runtime.draft is not None
            draft = ModelDraft(self.runtime, self.rules, length)
        found: dict[int, Decoded] = {}
        for event in Speculator(self.runtime, self.rules, draft, batch).run(lambda: next(queue, None)):
            if isinstance(event, Decoded):
                found[event.window.index] = event
        return [(found[i].tokens, found[i].logprobs) for i in sorted(found)]


def placement(dtype: str) -> Placement:
    return Placement(torch.device("cpu"), getattr(torch, dtype), "sdpa")


KINDS = ("float32", "float32 of 16 bits", "bfloat16")


@pytest.fixture(scope="module", params=[*KINDS, *(f"{kind} through torch" for kind in KINDS)])
def random_bench(request: pytest.FixtureRequest, make_pair: Callable[[Any], Any], shape: Any) -> Iterator[Bench]:
    """Weights that need all their bits, weights that do not, and rounded ones; with kernels of our own and without."""
    name, half, alone = request.param.split()[0], "16 bits" in request.param, "torch" in request.param
    pair = make_pair(shape(seed=4, eot_pull=1.0, target_positions=160, max_length=160, half=half))
    features = torch.randn(16, 80, 200, generator=torch.Generator().manual_seed(0))
    with pytest.MonkeyPatch.context() as patch:
        if alone:
            patch.setattr(native, "kernels", lambda: None)
        elif not native.computes(getattr(torch, name)):
            pytest.skip(f"no compiled kernels for {name}: {native.why_not() or 'not on this processor'}")
        target = read_target(str(pair.target), placement(name))
        draft = read_draft(str(pair.drafts["sometimes"]), target, placement(name))
        bench = Bench(target, draft, features, limit=18)
        assert (bench.runtime.target.native is None) == alone
        assert isinstance(bench.runtime.target.network.output, Tiled if not alone else Half if half else Packed)
        yield bench


def test_random_weights(random_bench: Bench) -> None:
    alone = random_bench.bits(0, 1)
    assert len({tokens for tokens, _ in alone}) > 8
    assert max(len(tokens) for tokens, _ in alone) > 64  # self-attention has looked at keys of more than one length
    for length in LENGTHS:
        for batch in BATCHES:
            found = random_bench.bits(length, batch)
            assert found == alone[: len(found)], (length, batch)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_demo_pair(dtype: str) -> None:
    """Its sample, from 16 places on; each of the batches, and each of the lengths."""
    from whisper_magic.audio.load import load
    from whisper_magic.engine.model.hub import demo_folder

    target = read_target("demo", placement(dtype))
    samples = load(demo_folder() / "sample.ogg").samples
    extractor = target.feature_extractor
    starts = range(0, len(samples) - 5 * 16000, (len(samples) - 5 * 16000) // 15)
    sounds = [samples[start : start + 30 * 16000] for start in starts][:16]
    features = torch.cat([extractor(s, sampling_rate=16000, return_tensors="pt").input_features for s in sounds])
    bench = Bench(target, read_draft("demo-draft", target, placement(dtype)), features, limit=16)
    alone = bench.bits(0, 1)
    assert len(alone) == 16
    for length, batch in zip(LENGTHS, (16, 8, 3, 2, 1, 16, 3, 8), strict=True):
        found = bench.bits(length, batch)
        assert found == alone[: len(found)], (length, batch)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@torch.inference_mode()
def test_what_is_heard_does_not_depend_on_the_batch(dtype: str, pair: Any) -> None:
    target = read_target(str(pair.target), placement(dtype))
    runtime = Runtime(target, None)
    features = torch.randn(16, 80, 200, generator=torch.Generator().manual_seed(0))
    runtime.allocate(16, 8)
    runtime.admit(list(range(16)), features)
    together = runtime.target.cross_kv.clone()
    for slot in range(16):
        runtime.admit([slot], features[slot : slot + 1])
    assert torch.equal(runtime.target.cross_kv, together)
