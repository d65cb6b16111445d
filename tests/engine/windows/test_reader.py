"""Cutting windows into segments, by the cases of openai/whisper `transcribe.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch

from whisper_magic.engine.decode.round_timer import Clock
from whisper_magic.engine.decode.speculator import Decoded
from whisper_magic.engine.model.checkpoint import SpecialTokens
from whisper_magic.engine.runtime.backend import AfterStart
from whisper_magic.engine.runtime.slots import DETECT, Window
from whisper_magic.engine.windows.plan import FallbackThresholds, Plan
from whisper_magic.engine.windows.reader import (
    DECIDING_VOICE,
    Piece,
    SequentialReader,
    WindowResult,
    compression_ratio,
    cut,
)
from whisper_magic.engine.windows.stream import ALL_FRAMES, Part

B = 100  # <|0.00|>
SPECIAL = SpecialTokens(
    sot=1, eot=90, vocab=200, timestamp_begin=B, no_timestamps=99, prev_sot=2, no_speech=98, languages={}, tasks={},
    suppress=(), begin_suppress=(), max_initial_timestamp_index=None, max_length=64,
)  # fmt: skip


@pytest.mark.parametrize(
    ("tokens", "pieces", "advance"),
    [
        # one segment, closed: the rest of the window is silence
        ([B, 1, 2, B + 50], [(0, 100, [B, 1, 2, B + 50])], 3000),
        # two segments, closed
        ([B, 1, B + 50, B + 60, 2, B + 90], [(0, 100, [B, 1, B + 50]), (120, 180, [B + 60, 2, B + 90])], 3000),
        # cut inside the second: only the first is kept, and the next window begins at its end
        ([B, 1, B + 50, B + 60, 2], [(0, 100, [B, 1, B + 50])], 100),
        # cut just after a pair
        ([B, 1, B + 50, B + 50], [(0, 100, [B, 1, B + 50])], 100),
        # no closing timestamp at all: everything is one segment as long as the window
        ([B, 1, 2, 3], [(0, 3000, [B, 1, 2, 3])], 3000),
        ([1, 2, 3], [(0, 3000, [1, 2, 3])], 3000),
        # nothing
        ([], [], 3000),
    ],
)
def test_cut(tokens: list[int], pieces: list[tuple[int, int, list[int]]], advance: int) -> None:
    for seek in (0, 1234):
        found, moved = cut(tokens, seek, 3000, B)
        assert found == [Piece(seek + start, seek + end, tuple(ids)) for start, end, ids in pieces]
        assert moved == advance


def test_last_window_is_as_long_as_the_recording() -> None:
    assert cut([1, 2], 3000, 451, B) == ([Piece(3000, 3450, (1, 2))], 451)


def test_compression_ratio() -> None:
    assert compression_ratio("") == 0
    assert compression_ratio("and so on " * 40) > 2.4 > compression_ratio("The quick brown fox jumps over a dog.")


def decoded(window: Window | None, tokens: tuple[int, ...], logprob: float = -0.1, silence: float = 0.0) -> Decoded:
    assert window is not None
    return Decoded(window, tokens, (logprob,), AfterStart(silence), None, None, Clock())


@dataclass
class Source:
    """A source that was read to its end: so many frames of zeros."""

    frames: int

    @property
    def num_content_frames(self) -> int:
        return self.frames

    def read_until(self, frame: int) -> int:
        return min(frame, self.frames)

    def features(self, first: int, last: int) -> torch.Tensor:
        return torch.zeros(1, last - first)

    def forget(self, before: int) -> None:
        pass

    quiet: tuple[Part, ...] = ()
    voice: float | None = None

    def peak(self, part: Part) -> float:
        return 0.0 if part in self.quiet else 1.0

    def voiced_seconds(self, part: Part) -> float | None:
        return self.voice


def reader(frames: int = 200, parts: Sequence[Part] = (Part(0, ALL_FRAMES),), **changes: Any) -> SequentialReader:
    """Windows of one second, whose text is as many 'a's as there are tokens."""
    thresholds = FallbackThresholds((0.0, 0.4, 0.8), compression_ratio=2.4, logprob=-1.0, no_speech=0.6)
    plan = Plan(SPECIAL, 100, 64, (1,), (), True, 50, 64, 0.01, thresholds=thresholds)
    return SequentialReader(Source(frames), iter(parts), replace(plan, **changes), lambda ids: "a" * len(ids))


def test_a_window_that_fails_is_decoded_at_the_next_temperature() -> None:
    r = reader()
    seen = []
    for _ in range(3):
        window = r.next_window()
        assert window is not None
        seen.append(window)
        result = r.accept(decoded(window, (5,) * 60))
    assert [w.temperature for w in seen] == [0.0, 0.4, 0.8]
    assert seen[1].features is seen[0].features, "so that it is not encoded again"
    assert {w.index for w in seen} == {0}
    assert not result.retry
    assert "repeats itself" in result.flags[0], "the last temperature is taken, and flagged"
    assert r.seek == 100
    following = r.next_window()
    assert following is not None
    assert following.temperature == 0.0
    assert following.prompt == (1,), "at that temperature its text is not given to the next"


def test_guesses_are_decoded_again_and_good_text_is_not() -> None:
    r = reader()
    assert r.accept(decoded(r.next_window(), (5, 6), logprob=-1.5)).retry
    result = r.accept(decoded(r.next_window(), (5, 6)))
    assert result == WindowResult((Piece(0, 100, (5, 6)),), end=100)


def test_silence_needs_both_words_for_it() -> None:
    r = reader()
    assert r.accept(decoded(r.next_window(), (5,), silence=0.9)).pieces, "a confident text stands against it"
    result = r.accept(decoded(r.next_window(), (5,), silence=0.9, logprob=-1.2))
    assert result.silent
    assert result.pieces, "kept, so that nothing is dropped without a word"
    assert "0.90" in result.flags[0]
    assert r.done


@pytest.mark.parametrize(
    ("silence", "logprob", "silent"), [(0.9, -0.1, True), (0.1, -1.2, True), (0.9, -1.2, True), (0.1, -0.1, False)]
)
def test_where_no_voice_is_detected_one_more_word_for_silence_is_enough(
    silence: float, logprob: float, silent: bool
) -> None:
    r = reader()
    r.source.voice = 0.0
    result = r.accept(decoded(r.next_window(), (5,), silence=silence, logprob=logprob))
    assert result.silent == silent
    assert result.pieces, "kept among what was skipped, or flagged"
    assert "no voice detected" in result.flags[0]
    r.source.voice = 0.5
    assert not r.accept(decoded(r.next_window(), (5,), silence=0.9)).silent


def test_the_first_window_with_voice_decides_the_language() -> None:
    special = replace(SPECIAL, languages={"en": 91, "de": 92})
    r = reader(400, special=special, forced=(1, DETECT), condition_on_previous=False)
    for voice, language in ((0.0, 91), (DECIDING_VOICE / 2, 91), (DECIDING_VOICE, 92)):
        r.source.voice = voice
        window = r.next_window()
        assert window is not None
        assert window.prompt == (1, DETECT)
        r.accept(replace(decoded(window, (5,)), language=language, language_probability=0.9))
        assert r.language == language
    last = r.next_window()
    assert last is not None
    assert last.prompt == (1, 92)


def test_a_stopped_window_is_taken_as_it_is() -> None:
    r = reader()
    assert not r.accept(decoded(r.next_window(), (5,) * 60), final=True).retry


def test_parts_are_read_and_what_lies_between_is_not() -> None:
    r = reader(450, (Part(30, 170), Part(200, 230), Part(400, ALL_FRAMES)))
    seen = []
    while (window := r.next_window()) is not None:
        seen.append((window.first, window.content_frames))
        r.accept(decoded(window, (5,)))
    assert seen == [(30, 100), (130, 40), (200, 30), (400, 50)]
    assert r.done


def test_a_part_ends_no_later_than_the_recording() -> None:
    r = reader(90, (Part(80, 300), Part(300, 400)))
    window = r.next_window()
    assert window is not None
    assert (window.first, window.content_frames) == (80, 10)
    r.accept(decoded(window, (5,)))
    assert r.done
    assert reader(0).done


def test_the_prompt_of_a_window() -> None:
    plan = reader().plan
    assert plan.prompt(None) == (1,)
    assert plan.prompt(None, [7, 8]) == (2, 7, 8, 1)
    with_prompt = replace(plan, previous=(50, 51), hotwords=(60, 61))
    assert with_prompt.prompt(None) == (2, 60, 61, 50, 51, 1)
    long = with_prompt.prompt(None, list(range(3, 49)))
    assert long == (2, 60, 61, *range(20, 49), 1), "half the context; hot words stay, the oldest text scrolls away"
    assert replace(plan, forced=(1, DETECT)).prompt(33) == (1, 33)
    assert replace(plan, forced=(1, DETECT), per_window=True).prompt(33) == (1, DETECT)


def test_digital_silence_is_not_decoded() -> None:
    r = reader(350)
    r.source.quiet = (Part(0, 100), Part(200, 300))
    first = r.next_window()
    assert first is not None
    assert (first.index, first.first) == (1, 100)
    r.accept(decoded(first, (5,)))
    last = r.next_window()
    assert last is not None
    assert (last.index, last.first, last.content_frames) == (3, 300, 50)
    r.accept(decoded(last, (5,)))
    assert r.done
    assert r.silent == [Part(0, 100), Part(200, 300)]


def test_digital_silence_is_decoded_where_no_threshold_asks_otherwise() -> None:
    r = reader(200, thresholds=FallbackThresholds())
    r.source.quiet = (Part(0, 100),)
    first = r.next_window()
    assert first is not None
    assert first.first == 0


def test_silence_does_not_decide_the_language() -> None:
    r = reader(300, forced=(1, DETECT))
    silent = decoded(r.next_window(), (5,), silence=0.9, logprob=-1.2)
    assert r.accept(replace(silent, language=41, language_probability=0.4)).silent
    assert (r.language, r.language_probability) == (None, None)
    window = r.next_window()
    assert window is not None
    assert window.prompt == (1, DETECT), "it is detected anew"
    assert r.accept(replace(decoded(window, (5, 6)), language=42, language_probability=0.9)).pieces
    assert (r.language, r.language_probability) == (42, 0.9)
