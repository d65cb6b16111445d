"""Settings that make every suite run in seconds."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import measure, sound
from benchmarks.settings import Settings

TOKENS = 20


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One repeat of the toy shape on three seconds of noise."""
    work = tmp_path_factory.mktemp("benchmarks")
    noise = np.random.default_rng(0).standard_normal(3 * sound.RATE).astype(np.float32) * 0.1
    sound.write_wav(work / "noise.wav", noise)
    return Settings(repeats=1, tokens=TOKENS, shapes=("toy",), batches=(1, 2), audio=work / "noise.wav", work=work)


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns follow each other at once, and memory bandwidth is made up."""
    monkeypatch.setattr(measure, "settle", lambda: None)
    monkeypatch.setattr("benchmarks.machine.bandwidth", lambda device: 1e9)
