"""What the native backend leaves to torch: the slots that sample, and of them only the rows that are used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.bench import Bench, ScriptedDrafter
from whisper_magic.engine.decode.drafters import NoDrafter
from whisper_magic.engine.native import bindings
from whisper_magic.engine.runtime import native_backend
from whisper_magic.engine.runtime.slots import BLOCK
from whisper_magic.engine.runtime.torch_backend import verify_step

pytestmark = pytest.mark.skipif(bool(bindings.why_not()), reason=f"no native kernels: {bindings.why_not()}")


@pytest.mark.parametrize("length", [0, 2])
def test_rules_and_noise_are_computed_for_rows_that_are_used(
    length: int, make_pair: Any, shape: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(make_pair(shape(seed=4, eot_pull=1.0)))
    sampled = 1
    windows = [replace(window, temperature=0.7 if window.index == sampled else 0.0, key=5) for window in bench.windows]
    seen = []

    def verify(forward: Any, processor: Any, slots: Any, no_speech: bool, width: int = BLOCK) -> None:
        seen.append((slots.count, width))
        verify_step(forward, processor, slots, no_speech, width)

    monkeypatch.setattr(native_backend, "verify_step", verify)
    drafter = ScriptedDrafter(bench.truth, length) if length else NoDrafter()
    bench.decode(windows, drafter, 3)
    assert seen
    assert {count for count, _ in seen} == {1}, "the greedy slots go through the kernels"
    assert all(width <= 1 + length for _, width in seen[2:]), "once the prompt is cached: one token, and the draft"
