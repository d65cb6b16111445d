"""Recordings as windows: where each begins, what it is told of those before, and the segments it yields.

Sequential long form as in openai/whisper `transcribe.py` and the Whisper paper (section 3.8): decode a window, cut it
into segments at its timestamps, seek to the last one, go on. Positions are counted in feature frames, never summed up
as rounded seconds.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from whisper_magic.engine.checkpoint import SpecialTokens
from whisper_magic.engine.sampling import stream_key
from whisper_magic.engine.slots import DETECT, Window
from whisper_magic.engine.speculate import Decoded
from whisper_magic.transcript import Segment, Word

COOL = 0.5  # a window decoded at this temperature or above is not told to the next (openai/whisper `transcribe.py`)
STRIDE = 2  # feature frames per encoder state, and per timestamp step: Whisper's second convolution


@dataclass(frozen=True)
class Guards:
    """When a window's text is not believed (openai/whisper `transcribe.py`, `decode_with_fallback`).

    temperatures: the ladder; a text that repeats itself or is a guess is decoded again at the next rung.
    """

    temperatures: tuple[float, ...] = (0.0,)
    compression_ratio: float | None = None
    logprob: float | None = None
    no_speech: float | None = None

    def is_silence(self, decoded: Decoded) -> bool:
        """No speech by the model's own word, and no confident text against it."""
        if self.no_speech is None or decoded.no_speech_prob <= self.no_speech:
            return False
        return self.logprob is None or decoded.avg_logprob < self.logprob

    def doubts(self, decoded: Decoded, text: str) -> tuple[str, ...]:
        """Why this text should not be believed; nothing where it should."""
        found = []
        ratio = compression_ratio(text)
        if self.compression_ratio is not None and ratio > self.compression_ratio:
            found.append(f"repeats itself (compression ratio {ratio:.1f})")
        if self.logprob is not None and decoded.avg_logprob < self.logprob:
            found.append(f"is a guess (mean log-probability {decoded.avg_logprob:.2f})")
        return tuple(found)


@dataclass(frozen=True)
class Plan:
    """What stays the same over a recording's windows.

    forced: prompt from start-of-transcript on (DETECT for an unknown language). previous: ids of the user's prompt,
    told to every window; with `condition_on_previous` it comes before the text of earlier windows, and scrolls away.
    max_length: tokens that may be written in a window. max_tokens: what it may hold, prompt included.
    frame_seconds: duration of a feature frame. offset: seconds of the source at which the recording begins.
    """

    special: SpecialTokens
    window_frames: int
    context: int
    forced: tuple[int, ...]
    previous: tuple[int, ...]
    condition_on_previous: bool
    max_length: int
    max_tokens: int
    frame_seconds: float
    offset: float = 0.0
    guards: Guards = Guards()
    seed: int = 0


@dataclass(frozen=True)
class Verdict:
    """What became of a window. pieces: its segments. flags: why to doubt them. silent: they are left out.

    retry: it is decoded again, and there are no pieces yet.
    """

    seek: int = 0  # the window's first frame
    pieces: tuple[Piece, ...] = ()
    flags: tuple[str, ...] = ()
    silent: bool = False
    retry: bool = False


@dataclass(frozen=True)
class Piece:
    """A segment still in tokens: start and end in feature frames of the recording."""

    start: int
    end: int
    tokens: tuple[int, ...]


class SequentialReader:
    """One recording, window after window. At most one window is out at a time."""

    def __init__(
        self, features: torch.Tensor, content_frames: int, plan: Plan, text_of: Callable[[Sequence[int]], str]
    ) -> None:
        """features: (n_mels, frames). content_frames: how many of them are the recording, not padding.

        text_of: token ids -> text, for the guards.
        """
        self.features, self.plan, self.text_of = features, plan, text_of
        self.content_frames = content_frames
        self.seek = 0
        self.index = 0
        self.language: int | None = None
        self.language_probability: float | None = None
        self._history: list[int] = list(plan.previous)
        self._believed = True  # whether the last window was decoded coolly enough to be told to the next
        self._rung = 0
        self._window: Window | None = None  # the one that is out, or to be tried again
        self._waiting = False

    @property
    def done(self) -> bool:
        return self.seek >= self.content_frames

    def next_window(self, owner: Any = None) -> Window | None:
        """The next window, or None while one is out or after the last."""
        if self._waiting or self.done:
            return None
        self._waiting = True
        if self._rung and self._window is not None:  # the same features: they need not be encoded again
            self._window = replace(self._window, temperature=self.plan.guards.temperatures[self._rung])
            return self._window
        plan = self.plan
        features = self.features[:, self.seek : self.seek + self._frames()]
        missing = plan.window_frames - features.shape[1]
        if missing:  # zeros, as transformers and openai/whisper pad the last window
            features = torch.nn.functional.pad(features, (0, missing))
        prompt = self._prompt()
        self._window = Window(
            self.index,
            features,
            prompt,
            self._limit(prompt),
            self._frames(),
            temperature=plan.guards.temperatures[0],
            key=stream_key(plan.seed, self.index),
            owner=owner,
        )
        return self._window

    def accept(self, decoded: Decoded, final: bool = False) -> Verdict:
        """Take a window's tokens: its segments, having moved on to where the next window begins.

        final: take them as they are, though a guard may doubt them (the run was stopped).
        """
        self._waiting = False
        if decoded.language is not None:
            self.language, self.language_probability = decoded.language, decoded.language_probability
        guards = self.plan.guards
        silent = guards.is_silence(decoded)
        flags = guards.doubts(decoded, self.text_of(decoded.tokens))
        if flags and not silent and not final and self._rung + 1 < len(guards.temperatures):
            self._rung += 1
            return Verdict(self.seek, retry=True)
        self._rung = 0
        self._believed = decoded.window.temperature < COOL
        pieces, advance = cut(decoded.tokens, self.seek, self._frames(), self.plan.special.timestamp_begin)
        if silent:
            flags = (f"silence (no speech {decoded.no_speech_prob:.2f})",)
            advance = self._frames()
        else:
            for piece in pieces:
                self._history += piece.tokens
        if final:
            return self._as_it_is(pieces, flags, silent)
        verdict = Verdict(self.seek, tuple(pieces), flags, silent)
        self.index += 1
        self.seek += advance if advance > 0 else self._frames()
        return verdict

    def _as_it_is(self, pieces: list[Piece], flags: tuple[str, ...], silent: bool) -> Verdict:
        """The verdict on a window that was stopped: nothing after it is read."""
        end, begin = self.seek + self._frames(), self.plan.special.timestamp_begin
        whole = [p if p.tokens[-1] >= begin else replace(p, end=end) for p in pieces]  # its only timestamp is its start
        return Verdict(self.seek, tuple(whole), flags, silent)

    def segment(
        self, piece: Piece, text: str, decoded: Decoded, flags: tuple[str, ...], words: tuple[Word, ...] = ()
    ) -> Segment:
        """A piece with its text and the scores of its window. A time past the end of the recording is its end."""
        plan = self.plan
        return Segment(
            start=plan.offset + min(piece.start, self.content_frames) * plan.frame_seconds,
            end=plan.offset + min(piece.end, self.content_frames) * plan.frame_seconds,
            text=text,
            tokens=piece.tokens,
            words=words,
            avg_logprob=decoded.avg_logprob,
            no_speech_prob=decoded.no_speech_prob,
            compression_ratio=compression_ratio(text),
            temperature=decoded.window.temperature,
            flags=flags,
        )

    def _frames(self) -> int:
        return min(self.plan.window_frames, self.content_frames - self.seek)

    def _prompt(self) -> tuple[int, ...]:
        plan = self.plan
        forced = plan.forced
        if self.language is not None:
            forced = tuple(self.language if token == DETECT else token for token in forced)
        told = plan.condition_on_previous and self._believed
        history = self._history if told else list(plan.previous)
        if not history or plan.special.prev_sot is None:
            return forced
        room = plan.max_tokens - len(forced) - 2  # for the token that announces it, and one to be written
        keep = min(plan.context // 2 - 1, room)  # openai/whisper `decoding.py`: half the context at most
        return (plan.special.prev_sot, *history[-keep:], *forced) if keep > 0 else forced

    def _limit(self, prompt: tuple[int, ...]) -> int:
        """Tokens that a window may hold: the checkpoint's `max_length` counts what is written, as in transformers'
        `_set_max_new_tokens_and_length`; `max_tokens` counts the prompt too."""
        plan = self.plan
        return min(plan.max_length + min(len(prompt), plan.context // 2 - 1), plan.context, plan.max_tokens)


def cut(tokens: Sequence[int], seek: int, frames: int, timestamp_begin: int) -> tuple[list[Piece], int]:
    """Cut a window's tokens into segments at its timestamps.

    seek: the window's first frame. frames: how many frames of it are the recording. Returns the pieces and how many
    frames to move on: to the last timestamp where the window ended inside a segment (which is then left out, to be
    read whole in the next window), else past the window. As openai/whisper `transcribe.py`.
    """
    is_stamp = [token >= timestamp_begin for token in tokens]

    def frame(token: int) -> int:
        return seek + (token - timestamp_begin) * STRIDE

    ends = [i + 1 for i in range(len(tokens) - 1) if is_stamp[i] and is_stamp[i + 1]]
    if not ends:
        stamps = [token for token, stamp in zip(tokens, is_stamp, strict=True) if stamp]
        last = frame(stamps[-1]) if stamps and stamps[-1] != timestamp_begin else seek + frames // STRIDE * STRIDE
        return ([Piece(seek, last, tuple(tokens))] if tokens else []), frames

    closed = is_stamp[-2:] == [False, True]  # one timestamp at the end: nothing is said after it
    pieces = []
    if closed:
        ends.append(len(tokens))
    first = 0
    for end in ends:
        part = tuple(tokens[first:end])
        pieces.append(Piece(frame(part[0]), frame(part[-1]), part))
        first = end
    return pieces, frames if closed else frame(tokens[first - 1]) - seek


def compression_ratio(text: str) -> float:
    """Bytes of the text over its zlib-compressed bytes: high for repetition (openai/whisper `utils.py`)."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0
