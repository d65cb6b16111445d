"""Word times on OpenAI's weights and real recordings."""

from __future__ import annotations

import json
import statistics
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.suites.words import _matches
from whisper_magic import Engine

pytestmark = [pytest.mark.real, pytest.mark.recordings]


@pytest.fixture
def engine(real_engine: Engine) -> Engine:
    return real_engine


@pytest.mark.parametrize("mode", ["sequential", "batched"])
def test_words_keep_to_their_segments(mode: str, engine: Engine, recordings: Path) -> None:
    for name in ("telephone/sample.flac", "multilingual.mp3"):
        found = engine.transcribe(recordings / name, words=True, mode=mode, end=40.0)
        assert found.words
        for segment in found.segments:
            assert (segment.start, segment.end) == (segment.words[0].start, segment.words[-1].end)
        assert all(word.start < word.end for word in found.words)
        assert all(one.end <= other.start for one, other in pairwise(found.words))
        assert found.words[-1].end <= found.duration
        plain = engine.transcribe(recordings / name, mode=mode, end=40.0)
        assert [s.tokens for s in plain.segments] == [s.tokens for s in found.segments]


def test_a_word_after_silence_begins_with_the_voice(engine: Engine, recordings: Path) -> None:
    """The first word of this recording is said at 6.68 s."""
    first = engine.transcribe(recordings / "telephone/sample.flac", language="en", words=True).words[0]
    assert first.start > 6.0


def test_errors_against_checked_times(engine: Engine, recordings: Path) -> None:
    """Both of transformers and faster-whisper: 140 ms at starts, 40 ms at ends (`python -m benchmarks words`)."""
    page = recordings / "many_languages" / "test_data.json"
    starts, ends = [], []
    for test in json.loads(page.read_text())["tests"]["language_tests"]:
        truth = [(word["word"], word["start_sec"], word["end_sec"]) for word in test["words"]]
        path = (page.parent / test["audio_file"]).with_suffix(".flac")
        written = engine.transcribe(path, language=test["language"], words=True).words
        for i, (_, start, end) in _matches(truth, [(word.text, word.start, word.end) for word in written]).items():
            starts.append(abs(start - truth[i][1]))
            ends.append(abs(end - truth[i][2]))
    assert len(starts) > 50
    assert statistics.median(starts) < 0.08
    assert statistics.median(ends) < 0.05
