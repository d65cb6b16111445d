"""Which language a recording is in, and whether it changes."""

from __future__ import annotations

import pytest
import torch

from whisper_magic.engine.decode.round_timer import Clock
from whisper_magic.engine.decode.speculator import Decoded
from whisper_magic.engine.runtime.backend import AfterStart
from whisper_magic.engine.runtime.slots import Window
from whisper_magic.engine.windows.languages import MIN_PROBABILITY, MIN_SECONDS, LanguageLog

EN, DE = 91, 92


def window(language: int, probability: float, detected: int | None = None, frames: int = 100) -> Decoded:
    """Decoded as English, or as `detected`."""
    one = Window(0, torch.zeros(1, 100), (1, detected or EN), 50, content_frames=frames)
    return Decoded(one, (5,), (-0.1,), AfterStart(0.1, language, probability), detected, None, Clock())


def log() -> LanguageLog:
    return LanguageLog({EN: "en", DE: "de"})


def test_a_change_is_noted_with_its_places() -> None:
    found = log()
    assert found.note("en") == ""
    for second in (30, 60, 90, 120):
        found.add(window(DE, 0.97), second, 20.0)
    note = found.note("en")
    assert "decoded as en sound like de at 30 s (0.97), de at 60 s" in note
    assert "and 1 more" in note
    assert "--language per-window" in note


@pytest.mark.parametrize(
    ("language", "probability", "voiced"),
    [
        (EN, 1.0, 20.0),
        (DE, MIN_PROBABILITY - 0.01, 20.0),
        (DE, 1.0, MIN_SECONDS - 0.1),
        (DE, 1.0, None),
        (0, 1.0, 20.0),
    ],
    ids=["the same", "unlikely", "hardly any voice", "nobody listened", "no language"],
)
def test_what_is_no_change(language: int, probability: float, voiced: float | None) -> None:
    found = log()
    found.add(window(language, probability), 30, voiced)
    assert found.note("en") == ""


def test_the_most_common_language_is_by_length() -> None:
    found = log()
    assert found.most_common is None
    for detected, frames in ((EN, 100), (DE, 150), (EN, 30)):
        found.add(window(detected, 1.0, detected, frames), 0, 1.0)
    assert found.most_common == "de"
