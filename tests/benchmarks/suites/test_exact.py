"""The suite that compares texts, on random weights and noise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import sound
from benchmarks.checkpoints import random_pair
from benchmarks.peers.reference import Text, TransformersReference
from benchmarks.settings import Settings
from benchmarks.suites import exact
from whisper_magic.errors import WhisperMagicError


@pytest.fixture
def noisy(settings: Settings, tmp_path: Path) -> Settings:
    """One recording of noise, and one that is known to hold no speech."""
    noise = np.random.default_rng(0).standard_normal(2 * sound.RATE + 4000).astype(np.float32) * np.float32(0.1)
    for name in ("fleurs-de-000.wav", "nonspeech/tap.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        sound.write_wav(tmp_path / name, noise)
    model = str(random_pair("toy", settings.work).target)
    return replace(settings, recordings=tmp_path, model=model, peers=False, work=tmp_path)


def test_recordings_with_speech_and_their_languages(noisy: Settings) -> None:
    assert [(clip.name, clip.language) for clip in exact.clips(noisy.recordings)] == [("fleurs-de-000.wav", "de")]


@pytest.mark.slow
def test_equal_clips_are_counted(noisy: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    found = exact.run(noisy)
    cases = {one.name: (one.value, one.required) for one in found.findings}
    assert cases["transformers: transcribe, language detected: equal clips"] == (1, 1)
    assert cases["transformers: translate, language detected: equal clips"] == (1, 1)
    assert found.notes == ("openai/whisper is left out, as asked for",)
    monkeypatch.setattr(TransformersReference, "write", lambda *args: pytest.fail("it is kept"))
    assert exact.run(noisy).findings == found.findings


def test_a_difference_is_named(noisy: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TransformersReference, "write", lambda *args: Text((1, 2, 3), "de"))
    found = exact.run(noisy)
    assert {one.met for one in found.findings if one.required} == {False}
    assert "from token 0 on" in found.notes[1]


def test_no_recordings(noisy: Settings, tmp_path: Path) -> None:
    with pytest.raises(WhisperMagicError, match="there are no recordings"):
        exact.run(replace(noisy, recordings=tmp_path / "none"))
