"""Windows cut at pauses: packed full, decoded independently, reported in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from whisper_magic.engine.decode.round_timer import Clock
from whisper_magic.engine.decode.speculator import Decoded
from whisper_magic.engine.model.checkpoint import SpecialTokens
from whisper_magic.engine.runtime.backend import AfterStart
from whisper_magic.engine.runtime.slots import DETECT, Window
from whisper_magic.engine.windows.batched import BatchedReader, packed
from whisper_magic.engine.windows.plan import FallbackThresholds, Plan
from whisper_magic.engine.windows.reader import Piece
from whisper_magic.engine.windows.stream import Part

B = 100  # <|0.00|>
SPECIAL = SpecialTokens(
    sot=1, eot=90, vocab=200, timestamp_begin=B, no_timestamps=99, prev_sot=2, no_speech=98, languages={"en": 91},
    tasks={}, suppress=(), begin_suppress=(), max_initial_timestamp_index=None, max_length=64,
)  # fmt: skip


def parts(*ends: int) -> list[Part]:
    return [Part(first, last) for first, last in zip(ends[::2], ends[1::2], strict=True)]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([], []),
        ([5, 40], [5, 40]),
        ([5, 40, 60, 90, 95, 105], [5, 105]),  # just a window, with the silence between
        ([5, 40, 60, 90, 95, 106], [5, 90, 95, 106]),  # too much by one frame
        ([0, 99, 99, 250], [0, 99, 99, 199, 199, 250]),  # longer than a window by itself
        ([0, 86, 94, 97, 99, 130], [0, 86, 94, 130]),  # the longer pause, near the window's end
        ([0, 84, 94, 97, 99, 130], [0, 97, 99, 130]),  # the longer pause is too early
        ([0, 86, 90, 95, 99, 130], [0, 95, 99, 130]),  # of equal ones the last
    ],
)
def test_packing(given: list[int], found: list[int]) -> None:
    spans = list(packed(iter(parts(*given)), 100))
    assert [Part(span.first, span.last) for span in spans] == parts(*found)
    assert all(span.first == span.voiced[0].first and span.last == span.voiced[-1].last for span in spans)


class Source:
    """A source that was read to its end: 1,000 frames of zeros."""

    num_content_frames = 1000

    def read_until(self, frame: int) -> int:
        return min(frame, 1000)

    def features(self, first: int, last: int) -> torch.Tensor:
        return torch.zeros(1, last - first)

    def forget(self, before: int) -> None:
        pass

    def peak(self, part: Part) -> float:
        return 1.0

    def voiced_seconds(self, part: Part) -> float | None:
        return None


def reader(speech: Sequence[Part], forced: tuple[int, ...] = (1, 91), **changes: Any) -> BatchedReader:
    thresholds = FallbackThresholds((0.0, 0.4), logprob=-1.0, no_speech=0.6)
    plan = Plan(SPECIAL, 100, 64, forced, (), False, 50, 64, 0.01, thresholds=thresholds)
    plan = replace(plan, **changes)
    return BatchedReader(Source(), iter(speech), plan, str)


def decoded(window: Window | None, *tokens: int, logprob: float = -0.1, silence: float = 0.0) -> Decoded:
    assert window is not None
    return Decoded(window, tokens, (logprob,), AfterStart(silence), None, None, Clock())


def test_all_windows_are_decoded_at_once() -> None:
    one = reader(parts(0, 80, 100, 180, 950, 1100))
    windows = [one.next_window() for _ in range(4)]
    assert [(w.index, w.first, w.content_frames) for w in windows if w] == [(0, 0, 80), (1, 100, 80), (2, 950, 50)]
    assert windows[3] is None
    assert not one.done
    for window in windows[:3][::-1]:
        one.accept(decoded(window, 5))
    assert one.done
    assert one.frames_read == 1000


def test_a_window_that_fails_comes_again_and_the_others_do_not_wait() -> None:
    one = reader(parts(0, 80, 100, 180))
    first, second = one.next_window(), one.next_window()
    assert one.accept(decoded(first, 5, logprob=-2)).retry
    again = one.next_window()
    assert again is not None
    assert (again.index, again.temperature, again.fallback_index) == (0, 0.4, 1)
    assert first is not None
    assert again.features is first.features
    one.accept(decoded(second, 5))
    assert not one.done
    result = one.accept(decoded(again, 5, logprob=-2))
    assert "is a guess" in result.flags[0]
    assert one.done


def test_the_others_wait_for_the_language() -> None:
    one = reader(parts(0, 80, 100, 180), forced=(1, DETECT))
    first = one.next_window()
    assert first is not None
    assert first.prompt == (1, DETECT)
    assert one.next_window() is None
    one.set_language(91, 0.9, first)
    second = one.next_window()
    assert second is not None
    assert second.prompt == (1, 91)


def test_each_finds_its_own_language() -> None:
    one = reader(parts(0, 80, 100, 180), forced=(1, DETECT), per_window=True)
    windows = [one.next_window(), one.next_window()]
    assert [w.prompt for w in windows if w] == [(1, DETECT), (1, DETECT)]


@pytest.mark.parametrize(
    ("tokens", "pieces"),
    [
        ((B, 1, B + 10, B + 12, 2), [(300, 320, (B, 1, B + 10)), (324, 380, (B + 12, 2))]),  # open at the end: kept
        ((B, 1, B + 10, B + 12), [(300, 320, (B, 1, B + 10))]),
        ((B, 1, B + 10), [(300, 320, (B, 1, B + 10))]),
        ((1, 2), [(300, 380, (1, 2))]),
    ],
)
def test_nothing_is_left_for_another_window(
    tokens: tuple[int, ...], pieces: list[tuple[int, int, tuple[int, ...]]]
) -> None:
    one = reader(parts(300, 380))
    result = one.accept(decoded(one.next_window(), *tokens))
    assert list(result.pieces) == [Piece(*piece) for piece in pieces]


def test_silence_is_left_out() -> None:
    one = reader(parts(300, 380))
    result = one.accept(decoded(one.next_window(), 5, logprob=-1.5, silence=0.9))
    assert result.silent
    assert result.pieces
    assert one.done


def test_no_voice_no_window() -> None:
    assert reader([]).done
    assert reader([]).next_window() is None


def test_the_rest_of_a_window_is_decoded_again() -> None:
    """Its text ends at 2 s; voice was detected until 4.5 s, and from 6 to 9 s."""
    one = reader(parts(100, 550, 700, 1000), window_frames=1000)
    window = one.next_window()
    assert one.settled_until == 100
    assert len(one.accept(decoded(window, B, 1, B + 50)).pieces) == 1
    assert not one.done
    assert one.settled_until == 200
    rest = one.next_window()
    assert rest is not None
    assert (rest.index, rest.first, rest.content_frames, rest.features.shape) == (1, 200, 800, (1, 1000))
    one.accept(decoded(rest, B, 2, B + 200))  # up to 600, where there is no voice
    last = one.next_window()
    assert last is not None
    assert (last.index, last.first, last.content_frames) == (2, 700, 300)
    one.accept(decoded(last, B, 3, B + 140))  # all but 0.2 s
    assert one.next_window() is None
    assert one.done
    assert not one.unread


def test_a_rest_that_would_not_end_is_reported() -> None:
    one = reader(parts(100, 900), window_frames=1000)
    assert not one.accept(decoded(one.next_window())).pieces
    assert one.next_window() is None
    assert one.done
    assert one.unread == [Part(100, 900)]


def test_silence_has_no_rest() -> None:
    one = reader(parts(100, 900), window_frames=1000)
    one.accept(decoded(one.next_window(), B, 1, B + 100, logprob=-1.5, silence=0.9))
    assert one.done
    assert not one.unread


def test_without_timestamps_there_is_no_rest() -> None:
    one = reader(parts(100, 900), forced=(1, 91, 99), window_frames=1000)
    one.accept(decoded(one.next_window(), 1, 2))
    assert one.done
    assert not one.unread


def test_silence_decides_no_language_and_keeps_nobody_waiting() -> None:
    one = reader(parts(0, 80, 100, 180), forced=(1, DETECT))
    silent = decoded(one.next_window(), 5, silence=0.9, logprob=-2)
    assert one.accept(replace(silent, language=41, language_probability=0.4)).silent
    second = one.next_window()
    assert second is not None
    assert second.prompt == (1, DETECT)
    one.accept(replace(decoded(second, 5), language=42, language_probability=0.9))
    assert one.language == 42
    assert one.done


def test_a_rests_noise_does_not_depend_on_which_window_ended_first() -> None:
    """Windows end in another order where the draft is another one; their samples must stay."""
    keys = []
    for order in (1, -1):
        one = reader(parts(100, 450, 600, 1000), window_frames=400)
        windows = [one.next_window(), one.next_window()]
        for window in windows[::order]:
            one.accept(decoded(window, B, 1, B + 100))
        rests = [one.next_window(), one.next_window()]
        keys.append({rest.first: rest.key for rest in rests if rest})
    assert keys[0] == keys[1]
    assert len(set(keys[0].values())) == 2
