"""The suite that compares batched mode with sequential, on random weights and noise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import sound
from benchmarks.checkpoints import random_pair
from benchmarks.settings import Settings
from benchmarks.suites import unread
from whisper_magic.errors import WhisperMagicError


def test_both_modes_are_scored(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, "RECORDINGS", {"noise": ("*.wav", "de"), "nothing": ("none/*.wav", "en")})
    noise = np.random.default_rng(0).standard_normal(3 * sound.RATE).astype(np.float32) * np.float32(0.1)
    sound.write_wav(tmp_path / "a.wav", noise)
    (tmp_path / "a.txt").write_text("one two three four")
    sound.write_wav(tmp_path / "without a text.wav", noise)
    model = str(random_pair("toy", settings.work).target)
    chosen = replace(settings, recordings=tmp_path, model=model, draft="none")
    result = unread.run(chosen)
    (found,) = result.findings
    assert found.name == "noise: word errors, batched - sequential"
    assert (found.required, found.at_most) == (0.5, True)
    assert found.detail.startswith("4 words; sequential ")
    assert result.notes == (f"nothing: there is no {tmp_path / 'none/*.wav'} with a text beside it",)
    with pytest.raises(WhisperMagicError, match="there are no recordings"):
        unread.run(replace(chosen, recordings=tmp_path / "none"))
