"""How many slots there are on a GPU, on a CPU that is made to count them so: buckets, whose caches and graphs stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.bench import Bench
from whisper_magic import Engine, TranscribeOptions
from whisper_magic.engine.decode.drafters import NoDrafter
from whisper_magic.engine.model.encoder import EncoderNetwork
from whisper_magic.engine.runtime.cuda_graphs import CudaGraphs, Step
from whisper_magic.engine.runtime.model_runner import BUCKETS, ModelRunner, affordable_bucket, bucket_for
from whisper_magic.engine.runtime.native_backend import NativeBackend
from whisper_magic.engine.runtime.torch_backend import TorchBackend, TorchDecoder

PLAIN = TranscribeOptions(temperature=0.0, no_speech_threshold=None, draft="model", language="en")
LARGE_V3 = (32 + 2) * 2 * 1280 * (1500 + 448) * 2  # bytes of a slot: target and draft, float16
GB = 10**9


def noise(seconds: float, seed: int) -> tuple[np.ndarray, int]:
    return (np.random.default_rng(seed).standard_normal(int(seconds * 16000)) * 0.1).astype(np.float32), 16000


@pytest.fixture
def engine(pair: Any, through_torch: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    through_torch()
    monkeypatch.setattr(ModelRunner, "_free_bytes", lambda runner: 40 * GB, raising=False)
    with Engine.load(str(pair.target), str(pair.drafts["sometimes"]), device="cpu") as loaded:
        loaded._loaded().runner.in_buckets = True  # as on a GPU
        yield loaded


@pytest.fixture
def bench(make_pair: Any, shape: Any, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(NativeBackend, "obstacle", lambda *args: "turned off by a test")
    monkeypatch.setattr(ModelRunner, "_free_bytes", lambda runner: 40 * GB, raising=False)
    made = Bench(make_pair(shape(seed=4, eot_pull=1.0)))
    made.runner.in_buckets = True
    return made


def test_the_bucket_follows_free_memory() -> None:
    found = {free: affordable_bucket(free * GB, LARGE_V3) for free in (1, 2, 4, 8, 12, 16, 24, 40, 80, 141)}
    assert found == {1: 1, 2: 1, 4: 4, 8: 16, 12: 16, 16: 32, 24: 32, 40: 32, 80: 32, 141: 32}
    assert [bucket_for(wanted) for wanted in (1, 2, 4, 5, 9, 17, 33, 256)] == [1, 4, 4, 8, 16, 32, 32, 32]


@pytest.mark.parametrize("free", [8, 16, 24, 40, 80, 141])
def test_what_is_allocated_fits(free: int) -> None:
    """With a gigabyte left, and a window's keys and values on their way."""
    bucket = affordable_bucket(free * GB, LARGE_V3)
    assert (bucket + 1) * LARGE_V3 + GB <= free * GB
    assert bucket == BUCKETS[-1] or (BUCKETS[BUCKETS.index(bucket) + 1] + 2) * LARGE_V3 + GB > free * GB


def test_recordings_of_any_length_share_their_slots(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches are allocated for a larger bucket alone, and not for every length."""
    allocated, allocate = list[int](), TorchDecoder.allocate

    def noted(decoder: TorchDecoder, slots: int, *rest: int) -> None:
        allocated.append(slots)
        allocate(decoder, slots, *rest)

    monkeypatch.setattr(TorchDecoder, "allocate", noted)
    for windows in (5, 7, 3, 1):
        sounds = [noise(1.0, seed) for seed in range(windows)]
        assert len(engine.transcribe_many(sounds, PLAIN, batch_size=8)) == windows
    assert allocated == [8, 8], "once, of target and draft"


def test_no_more_windows_are_decoded_at_once_than_asked_for(engine: Engine) -> None:
    batches = [
        one.batch
        for t in engine.transcribe_many([noise(2.0, i) for i in range(3)], PLAIN, batch_size=2)
        for one in t.trace.rounds
    ]
    assert max(batches) == 2


def test_memory_that_is_short_gives_a_smaller_bucket(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = engine._loaded().runner
    sounds = [noise(1.0, seed) for seed in range(6)]
    expected = [t.text for t in engine.transcribe_many(sounds, PLAIN, batch_size=6)]
    runner._release()
    slot = runner.slot_bytes + runner._round_bytes
    monkeypatch.setattr(ModelRunner, "_free_bytes", lambda runner: (1 << 30) + 7 * slot)
    found = engine.transcribe_many(sounds, PLAIN, batch_size=6)
    assert [t.text for t in found] == expected
    assert "not enough memory: 4 of 6 windows were decoded at a time" in found[0].notes


@pytest.mark.slow
def test_each_bucket_is_captured_once(bench: Bench) -> None:
    """And writes what each window has alone, in the front of caches that hold more."""
    captured, backend = list[int](), bench.runner.backend
    assert isinstance(backend, TorchBackend)

    def capture(step: Step) -> Step:
        captured.append(bench.runner.slots.count)
        return step

    backend.graphs = CudaGraphs(lambda: capture)
    for turn, slots in enumerate((4, 1, 4, 1)):
        ends = bench.decode(bench.windows, bench.model_drafter(2), slots)
        assert [ends[w.index].tokens for w in bench.windows] == [end.tokens for end in bench.alone]
        if turn == 1:
            once = len(captured)
            assert {*captured} == {1, 4}
    assert len(captured) == once


@pytest.mark.parametrize("refuses", [False, True])
def test_a_pass_is_always_for_the_whole_bucket(bench: Bench, monkeypatch: pytest.MonkeyPatch, refuses: bool) -> None:
    """Whatever slots are occupied, and also where steps cannot be captured."""
    backend, sizes, forward = bench.runner.backend, set[int](), TorchDecoder.forward
    assert isinstance(backend, TorchBackend)

    def capture(step: Step) -> Step:
        if refuses:
            raise RuntimeError("refused by a test")
        return step

    def noted(decoder: TorchDecoder, tokens: torch.Tensor, *rest: Any) -> torch.Tensor:
        sizes.add(len(tokens))
        return forward(decoder, tokens, *rest)

    monkeypatch.setattr(TorchDecoder, "forward", noted)
    backend.graphs = CudaGraphs(lambda: capture)
    for drafter in (NoDrafter(), bench.model_drafter(4)):
        bench.decode(bench.windows, drafter, 4)
    assert sizes == {4}
    assert bool(backend.notes) == refuses


def test_encoder_groups_do_not_depend_on_speculation(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another number of windows in the encoder may change bits; speculation changes when slots become free."""
    engine._loaded().runner.encoded_together = 4  # as on a GPU
    encode, groups = EncoderNetwork.__call__, list[tuple[float, ...]]()

    def noted(network: EncoderNetwork, features: torch.Tensor) -> torch.Tensor:
        groups.append(tuple(float(one.double().sum()) for one in features))
        return encode(network, features)

    monkeypatch.setattr(EncoderNetwork, "__call__", noted)
    sounds = [noise(1.0 + 1.3 * (seed % 3), seed) for seed in range(7)]
    found = []
    for length in (0, 7):  # the first is the target alone
        groups.clear()
        engine.transcribe_many(
            sounds, PLAIN, batch_size=4, draft="model" if length else "none", draft_length=length or 1
        )
        found.append(sorted(groups))
    assert found[0] == found[1]
    assert sorted(map(len, found[0]))[-2:] == [3, 4], "first windows by fours, in the order of their recordings"
