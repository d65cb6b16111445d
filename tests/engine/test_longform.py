"""Cutting windows into segments, by the cases of openai/whisper `transcribe.py`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from whisper_magic.engine.checkpoint import SpecialTokens
from whisper_magic.engine.longform import Guards, Piece, Plan, SequentialReader, Verdict, compression_ratio, cut
from whisper_magic.engine.slots import Window
from whisper_magic.engine.speculate import Clock, Decoded

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


def decoded(tokens: tuple[int, ...], temperature: float = 0.0, logprob: float = -0.1, silence: float = 0.0) -> Decoded:
    window = Window(0, torch.zeros(1, 100), (1,), 50, 100, temperature=temperature)
    return Decoded(window, tokens, (logprob,), silence, None, None, Clock())


def reader(**changes: Any) -> SequentialReader:
    """One window of one second, whose text is as many 'a's as there are tokens."""
    guards = Guards((0.0, 0.4, 0.8), compression_ratio=2.4, logprob=-1.0, no_speech=0.6)
    plan = Plan(SPECIAL, 100, 64, (1,), (), True, 50, 64, 0.01, guards=guards)
    return SequentialReader(torch.zeros(1, 200), 200, replace(plan, **changes), lambda ids: "a" * len(ids))


def test_a_doubted_window_is_tried_at_the_next_rung() -> None:
    r = reader()
    seen = []
    for _ in range(3):
        window = r.next_window()
        assert window is not None
        seen.append(window)
        verdict = r.accept(decoded((5,) * 60, window.temperature))
    assert [w.temperature for w in seen] == [0.0, 0.4, 0.8]
    assert seen[1].features is seen[0].features, "so that it is not encoded again"
    assert {w.index for w in seen} == {0}
    assert not verdict.retry
    assert "repeats itself" in verdict.flags[0], "the last rung is taken, and flagged"
    assert r.seek == 100
    following = r.next_window()
    assert following is not None
    assert following.temperature == 0.0
    assert following.prompt == (1,), "a window decoded hotly is not told to the next"


def test_guesses_are_tried_again_and_good_text_is_not() -> None:
    r = reader()
    r.next_window()
    assert r.accept(decoded((5, 6), logprob=-1.5)).retry
    r.next_window()
    verdict = r.accept(decoded((5, 6), temperature=0.4))
    assert verdict == Verdict(0, (Piece(0, 100, (5, 6)),))


def test_silence_needs_both_words_for_it() -> None:
    r = reader()
    r.next_window()
    assert r.accept(decoded((5,), silence=0.9)).pieces, "a confident text stands against it"
    r.next_window()
    verdict = r.accept(decoded((5,), silence=0.9, logprob=-1.2))
    assert verdict.silent
    assert verdict.pieces, "kept, so that nothing is dropped without a word"
    assert "0.90" in verdict.flags[0]
    assert r.done


def test_a_stopped_window_is_taken_as_it_is() -> None:
    r = reader()
    r.next_window()
    assert not r.accept(decoded((5,) * 60), final=True).retry
