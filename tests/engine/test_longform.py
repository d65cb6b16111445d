"""Cutting windows into segments, by the cases of openai/whisper `transcribe.py`."""

from __future__ import annotations

import pytest

from whisper_magic.engine.longform import Piece, compression_ratio, cut

B = 100  # <|0.00|>


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
