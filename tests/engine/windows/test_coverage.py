"""How far the text of a window is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from whisper_magic.engine.model.checkpoint import SpecialTokens
from whisper_magic.engine.runtime.slots import Window
from whisper_magic.engine.windows.coverage import TOKEN_SECONDS, Coverage
from whisper_magic.engine.windows.plan import Plan

B, EOT = 100, 90  # <|0.00|>, 0.02 s a step; <|endoftext|>
SPECIAL = SpecialTokens(
    sot=1, eot=EOT, vocab=1700, timestamp_begin=B, no_timestamps=99, prev_sot=2, no_speech=98, languages={}, tasks={},
    suppress=(), begin_suppress=(), max_initial_timestamp_index=None, max_length=64,
)  # fmt: skip
WINDOW = Window(0, torch.zeros(1, 1), (1,), 64, content_frames=2800)


@pytest.fixture
def coverage() -> Coverage:
    return Coverage(Plan(SPECIAL, 3000, 64, (1,), (), False, 50, 64, frame_seconds=0.01))


def test_timestamps_say_and_tokens_are_counted(coverage: Coverage) -> None:
    assert coverage.add(WINDOW, (B, 5, 6)) == 2 * TOKEN_SECONDS
    assert coverage.add(WINDOW, (7, B + 200)) == 4.0
    assert coverage.add(WINDOW, (B + 200, 5)) == 4.0 + TOKEN_SECONDS
    assert coverage.add(WINDOW, (EOT,)) == 4.0 + TOKEN_SECONDS
    assert coverage.add(WINDOW, (B + 1500,)) == 28.0, "no more than the recording has"


def test_every_window_and_every_attempt_has_its_own(coverage: Coverage) -> None:
    coverage.add(WINDOW, (B + 200,))
    assert coverage.add(replace(WINDOW, index=1), (5,)) == TOKEN_SECONDS
    assert coverage.add(replace(WINDOW, fallback_index=1), (5,)) == TOKEN_SECONDS
    coverage.forget(WINDOW)
    assert coverage.add(WINDOW, (5,)) == TOKEN_SECONDS
