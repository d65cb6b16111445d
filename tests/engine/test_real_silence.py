"""What OpenAI's weights write where nobody speaks, and which language they take, on real recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from whisper_magic import Engine
from whisper_magic.audio.load import load

pytestmark = [pytest.mark.real, pytest.mark.recordings]
RATE = 16_000
TAP = "audiomentations_130921_laptopmic-dell_tap_channel0_chunk200_aug0.flac"  # whisper-base writes "Thank you."


@pytest.fixture
def engine(real_engine: Engine) -> Engine:
    return real_engine


@pytest.mark.parametrize("name", [TAP, "audiomentations_bus.opus", "audiomentations_sheep.ogg"])
def test_no_text_without_a_flag_where_nobody_speaks(engine: Engine, recordings: Path, name: str) -> None:
    found = engine.transcribe(recordings / "nonspeech" / name)
    assert [segment.text for segment in found.segments if not segment.flags] == []
    assert all("no voice detected" in segment.flags[-1] for segment in (*found.segments, *found.skipped))


def test_music_does_not_decide_the_language(engine: Engine, recordings: Path) -> None:
    """36 s of a guitar, which sounds English (0.75), then a sentence in German."""
    guitar = load(recordings / "nonspeech" / "audiomentations_acoustic_guitar_0.flac").samples
    german = load(recordings / "fleurs" / "fleurs-de-000.ogg").samples
    sound = np.concatenate([np.resize(guitar, 36 * RATE), german])
    found = engine.transcribe((sound, RATE), mode="sequential", temperature=0.0)
    assert found.language == "de"
    assert "Aussichten" in found.text
    assert found.segments[0].start >= 30.0, "the guitar is left out"


def test_a_change_of_language_is_noted(engine: Engine, recordings: Path) -> None:
    """English, then German, which is translated fluently: nothing in the text says so."""
    found = engine.transcribe(recordings / "multilingual.mp3", mode="sequential", temperature=0.0, end=50.0)
    assert found.language == "en"
    (note,) = (note for note in found.notes if "the language changes" in note)
    assert "sound like de at 26 s" in note
    assert "--language per-window" in note
