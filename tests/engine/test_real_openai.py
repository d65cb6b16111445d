"""openai/whisper with the same weights: what parts it from transformers, and so from us."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.peers.reference import OpenAIReference, TransformersReference, openai_features, why_no_openai_whisper
from benchmarks.probe import read_recording

pytestmark = [pytest.mark.real, pytest.mark.recordings]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves its vocabulary's file open
def test_from_equal_features_it_writes_the_same(real_folder: Callable[[str], Path], recordings: Path) -> None:
    """What parts them on short recordings is how they pad, and that alone."""
    if missing := why_no_openai_whisper():
        pytest.skip(f"NO OPENAI/WHISPER: {missing}")
    folder = real_folder("openai/whisper-base")
    samples = read_recording(recordings / "fleurs" / "fleurs-en-004.ogg")
    theirs, reference = OpenAIReference(folder).write(samples), TransformersReference(folder)
    features = openai_features(samples, reference.extractor.feature_size)
    assert reference.write_features(features, "transcribe", None).tokens == theirs.tokens
    assert reference.write(samples).tokens != theirs.tokens
