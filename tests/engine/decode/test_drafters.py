"""Drafters that copy: from the window, the prompt, or the previous transcript of the same recording."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from whisper_magic import Engine, TranscribeOptions
from whisper_magic.engine.decode.drafters import continuation
from whisper_magic.engine.windows.history import HISTORY, PreviousTranscript, TranscriptHistory
from whisper_magic.transcript import Segment

PLAIN = TranscribeOptions(temperature=0.0, no_speech_threshold=None, language="en")


def noise(seconds: float, seed: int = 0) -> tuple[np.ndarray, int]:
    return (np.random.default_rng(seed).standard_normal(int(seconds * 16000)) * 0.1).astype(np.float32), 16000


@pytest.fixture(scope="module")
def engine(pair: Any) -> Iterator[Engine]:
    with Engine.load(str(pair.target), str(pair.drafts["never"]), device="cpu") as loaded:
        yield loaded


def texts(engine: Engine, **overrides: Any) -> list[tuple[int, ...]]:
    return [s.tokens for s in engine.transcribe(noise(4.3), PLAIN, **overrides).segments]


@pytest.mark.parametrize(
    ("corpus", "before", "written", "expected"),
    [
        ([], [], [], []),
        ([1, 2, 3], [9], [], [1, 2, 3]),  # nothing written yet: the corpus from its start
        ([1, 2, 3, 4], [], [1, 2], [3, 4]),
        ([1, 2, 3, 4], [], [7, 2], [3, 4]),  # one token is enough in the corpus
        ([5, 2, 3, 9, 9, 9, 9, 5, 2, 4], [], [0, 0, 0, 0, 0, 0, 0, 5, 2], [4]),  # the occurrence nearest in position
        ([1, 2], [], [8, 7, 8, 7, 8, 7], [8, 7]),  # not in the corpus: from the text itself
        ([], [3, 4, 5, 6], [3, 4], [5, 6, 3, 4]),
        ([], [3, 4, 5], [4], []),  # a single token of the text's own says too little
        ([], [1, 2, 3, 1, 2, 4], [1, 2], [4, 1, 2]),  # the latest occurrence
    ],
)
def test_continuation(corpus: list[int], before: list[int], written: list[int], expected: list[int]) -> None:
    assert continuation(corpus, before, written) == expected


def test_ngrams_change_no_text_and_are_accepted(engine: Engine) -> None:
    for prompt in (None, "ab ab ab"):
        alone = texts(engine, draft="none", prompt=prompt)
        assert texts(engine, draft="ngram", prompt=prompt) == alone
    t = engine.transcribe(noise(4.3), PLAIN, draft="ngram")
    assert (t.trace.acceptance_rate or 0) > 0.2, "random weights repeat themselves"


def test_a_recording_run_again_is_drafted_by_its_transcript(engine: Engine) -> None:
    HISTORY.clear()
    first = engine.transcribe(noise(4.3), PLAIN)
    assert (first.trace.acceptance_rate or 0) < 0.3, "this draft model never agrees"
    again = engine.transcribe(noise(4.3), PLAIN)
    assert [s.tokens for s in again.segments] == [s.tokens for s in first.segments]
    assert len(again.trace.rounds) < 0.7 * len(first.trace.rounds)
    part = engine.transcribe(noise(4.3), PLAIN, condition_on_previous=True, draft_length=7)
    assert part.segments == engine.transcribe(noise(4.3), PLAIN, condition_on_previous=True, draft="none").segments


def test_another_vocabulary_is_tokenised_anew(engine: Engine, make_pair: Any, shape: Any) -> None:
    HISTORY.clear()
    first = engine.transcribe(noise(2), PLAIN)
    other = make_pair(shape(seed=3, multilingual=False))
    with Engine.load(str(other.target), "none", device="cpu") as english:
        found = english.transcribe(noise(2), PLAIN)
        assert found.trace.rounds[0].proposed, "drafted by what the other engine wrote"
        alone = english.transcribe(noise(2), PLAIN, draft="none")
    assert [s.tokens for s in found.segments] == [s.tokens for s in alone.segments]
    assert first.segments


def test_another_task_is_no_draft(engine: Engine) -> None:
    HISTORY.clear()
    engine.transcribe(noise(1), PLAIN)
    translated = engine.transcribe(noise(1), PLAIN, task="translate")
    assert (translated.trace.acceptance_rate or 0) < 0.3


def test_auto_length_changes_no_text_and_says_when_it_is_off(engine: Engine) -> None:
    alone = texts(engine, draft="none")
    t = engine.transcribe(noise(4.3), PLAIN, draft="model", draft_length="auto")
    assert [s.tokens for s in t.segments] == alone
    assert any("speculation was off" in note for note in t.notes), "it never agrees and costs as much"
    assert engine.transcribe(noise(1), PLAIN, draft="none", draft_length="auto").notes == ()


def test_history_is_bounded() -> None:
    history = TranscriptHistory(capacity=2)
    for i in range(4):
        history.put(bytes([i]), PreviousTranscript((Segment(0, 1, str(i)),), None))
    assert history.get(b"\x00") is None
    found = history.get(b"\x03")
    assert found is not None
    assert found.segments[0].text == "3"
    history.clear()
    assert history.get(b"\x03") is None
