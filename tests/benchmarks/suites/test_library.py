"""The suite of clips transcribed into a library, on random weights."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.checkpoints import random_pair
from benchmarks.settings import Settings
from benchmarks.suites import library
from whisper_magic.errors import WhisperMagicError


@pytest.mark.slow
def test_a_library_is_compared_with_a_loop(
    settings: Settings, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "FEW", 1)
    model = _brief(random_pair("toy", settings.work).target, tmp_path / "toy")
    chosen = replace(settings, recordings=recordings, model=str(model), draft="none", windows=3, peers=False)
    result = library.run(chosen)
    assert [(row.side, row.same_text) for row in result.measurements] == [(library.LOOP, True), (library.KEPT, True)]
    case = "3 clips (digits, LibriSpeech, FLEURS), float32"
    names = [f"{case}: loop / library, wall", f"{case}: a run without anything new"]
    assert [found.name for found in result.findings] == names


def test_a_folder_without_recordings_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(WhisperMagicError, match=r"^there is no .*fsdd_four_speakers.*; --recordings names the folder$"):
        library.run(replace(settings, recordings=tmp_path))


def _brief(model: Path, folder: Path) -> Path:
    """A copy that writes a few tokens a window: random weights seldom end a text, and each temperature is tried."""
    shutil.copytree(model, folder)
    config = folder / "generation_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "max_length": 12}))
    return folder
