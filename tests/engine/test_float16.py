"""The full engine in float16, as on a GPU, on a CPU: the text of float32 on real weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from whisper_magic import Engine, TranscribeOptions
from whisper_magic.audio.load import load

PLAIN = TranscribeOptions(temperature=0.0, no_speech_threshold=None, language="en", draft="model", mode="sequential")


@pytest.mark.real
@pytest.mark.recordings
def test_real_weights_write_what_they_write_in_float32(real_folder: Callable[[str], Path], recordings: Path) -> None:
    """whisper-tiny.en on four seconds of speech; its draft is its own decoder, so that whole drafts are accepted."""
    folder = str(real_folder("openai/whisper-tiny.en"))
    sound = load(recordings / "jfk.flac", end=4.0)
    texts = {}
    for dtype in ("float32", "float16"):
        with Engine.load(folder, folder, device="cpu", dtype=dtype) as loaded:
            for draft in ("none", "model")[: 1 if dtype == "float32" else 2]:
                found = loaded.transcribe(sound, PLAIN, draft=draft, draft_length=5)
                texts[dtype, draft] = [(one.tokens, one.avg_logprob) for one in found.segments]
    assert texts["float16", "none"] == texts["float16", "model"]
    assert [one for one, _ in texts["float16", "none"]] == [one for one, _ in texts["float32", "none"]]
    assert "fellow Americans" in found.text
