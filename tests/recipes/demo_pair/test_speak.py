"""The synthesizers produce speech; skipped where they are not installed."""

from shutil import which

import numpy as np
import pytest

from recipes.demo_pair import espeak_library
from recipes.demo_pair import speak as speak_module
from recipes.demo_pair.mel import raw_log_mel
from recipes.demo_pair.speak import SAMPLE_RATE, SpeechError, available, speak
from recipes.demo_pair.voices import Voice

needs_speech = pytest.mark.skipif(
    not (which("espeak-ng") and which("flite")), reason="espeak-ng or flite is not installed"
)


@needs_speech
@pytest.mark.parametrize("voice", [Voice("espeak-ng", "en-us+f2", 170, 50), Voice("flite", "slt", 170, 50)])
def test_speech_is_trimmed_and_levelled(voice: Voice) -> None:
    samples = speak("Turn on the lamp.", voice)
    assert 0.6 < len(samples) / SAMPLE_RATE < 2.5
    assert np.abs(samples).max() == pytest.approx(0.5)
    assert raw_log_mel(samples).shape[1] == 80


def test_a_missing_synthesizer_is_named() -> None:
    with pytest.raises(SpeechError, match="nosuch is not installed"):
        speak("Hello.", Voice("nosuch", "x", 170, 50))


def test_espeak_may_be_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        rate = 8_000

        def speak(self, text: str, voice: str, speed: int, pitch: int) -> np.ndarray:
            assert (text, voice, speed, pitch) == ("Hallo.", "de+m3", 170, 50)
            return np.repeat(np.array([0, 9_000, 0], np.int16), 2_000)

    monkeypatch.setattr(speak_module, "which", lambda program: None)
    monkeypatch.setattr(espeak_library, "available", lambda: True)
    monkeypatch.setattr(espeak_library, "library", Library)
    samples = speak("Hallo.", Voice("espeak-ng", "de+m3", 170, 50))
    assert len(samples) / SAMPLE_RATE == pytest.approx(0.25, abs=0.02)
    assert available(Voice("flite", "slt", 160, 40)) == Voice("espeak-ng", "en-us", 160, 40)
