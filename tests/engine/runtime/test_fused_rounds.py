"""Rounds whose logit rules are one kernel: a window's bits do not depend on whether the one beside it samples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.support.bench import Bench
from whisper_magic.engine.decode.drafters import NoDrafter
from whisper_magic.engine.runtime.native_backend import NativeBackend
from whisper_magic.engine.sample.logits_processor import TokenContext
from whisper_magic.engine.sample.noise import stream_key
from whisper_magic.engine.sample.rules import RuleTables


def test_greedy_beside_samples(make_pair: Any, shape: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the kernel, whose log-probabilities are its own."""
    monkeypatch.setattr(NativeBackend, "obstacle", lambda *args: "turned off by a test")
    bench = Bench(make_pair(shape(seed=4, eot_pull=1.0)), count=2)
    plain = bench.processor

    def fused(logits: torch.Tensor, tables: RuleTables, parts: Any, begin: int) -> Any:
        scores = plain(logits, TokenContext(*parts))
        return scores.argmax(-1), torch.full(scores.shape[:2], -0.5)

    bench.processor = replace(plain, fused=fused)
    greedy, sampled = bench.windows[1], replace(bench.windows[0], temperature=0.7, key=stream_key(1, 0))
    alone = bench.decode([greedy], NoDrafter(), 2)[1]
    assert {*alone.logprobs} == {-0.5}
    for drafter in (NoDrafter(), bench.model_drafter(3)):
        beside = bench.decode([sampled, greedy], drafter, 2)
        assert (beside[1].tokens, beside[1].logprobs) == (alone.tokens, alone.logprobs)
        assert {*beside[0].logprobs} != {-0.5}
