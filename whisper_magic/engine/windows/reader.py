"""Recordings as windows: where each begins, what it is told of those before, and the segments it yields.

Sequential long form as in openai/whisper `transcribe.py` and the Whisper paper (section 3.8): decode a window, cut it
into segments at its timestamps, seek to the last one, go on. Positions are counted in feature frames, never summed up
as rounded seconds.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from whisper_magic.engine.decode.speculator import Decoded
from whisper_magic.engine.model.checkpoint import SpecialTokens
from whisper_magic.engine.runtime.slots import DETECT, Window
from whisper_magic.engine.sample.noise import stream_key
from whisper_magic.engine.windows.stream import Ear, Part
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
    frame_seconds: duration of a feature frame. offset: seconds of the source at which the recording begins. hotwords:
    ids told to every window, before all else. per_window: each window's language is detected. clips: what to read;
    (): everything.
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
    hotwords: tuple[int, ...] = ()
    per_window: bool = False
    clips: tuple[Part, ...] = ()

    def seconds(self, frame: float) -> float:
        """When in the source a feature frame begins, to the microsecond: 11.4 and not 11.399999999999999."""
        return round(self.offset + frame * self.frame_seconds, 6)

    def prompt(self, language: int | None, history: Sequence[int] = ()) -> tuple[int, ...]:
        """What a window's text is forced to begin with. language: the token, once it is known. history: ids of the
        text before, which come after those of the user's prompt."""
        forced = self.forced
        if language is not None and not self.per_window:
            forced = tuple(language if token == DETECT else token for token in forced)
        told = [*self.previous, *history]
        if not (told or self.hotwords) or self.special.prev_sot is None:
            return forced
        room = self.max_tokens - len(forced) - 2  # for the token that announces it, and one to be written
        keep = min(self.context // 2 - 1, room)  # openai/whisper `decoding.py`: half the context at most
        hot = self.hotwords[: max(0, keep)]
        rest = keep - len(hot)
        return (self.special.prev_sot, *hot, *(told[-rest:] if rest > 0 else ()), *forced) if keep > 0 else forced

    def limit(self, prompt: tuple[int, ...]) -> int:
        """Tokens that a window may hold: the checkpoint's `max_length` counts what is written, as in transformers'
        `_set_max_new_tokens_and_length`; `max_tokens` counts the prompt too."""
        return min(self.max_length + min(len(prompt), self.context // 2 - 1), self.context, self.max_tokens)


@dataclass(frozen=True)
class Verdict:
    """What became of a window. pieces: its segments. flags: why to doubt them. silent: they are left out.

    retry: it is decoded again, and there are no pieces yet.
    """

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


class Reader(ABC):
    """One recording as windows: what each is told, and what becomes of its text. How it is cut is a subclass's.

    language: the token that was detected, and how likely it was; of windows that are detected each, the last one's.
    """

    def __init__(
        self, ear: Ear, parts: Iterator[Part], plan: Plan, text_of: Callable[[Sequence[int]], str], owner: Any = None
    ) -> None:
        """parts: what is to be read. text_of: token ids -> text, for the guards. owner: goes with every window."""
        self.ear, self.plan, self.text_of, self._owner = ear, plan, text_of, owner
        self.index = 0
        self.language: int | None = None
        self.language_probability: float | None = None
        self._parts = parts
        self._again: list[Window] = []  # to be tried again

    @property
    @abstractmethod
    def done(self) -> bool:
        """Whether there is nothing more to come."""

    @property
    @abstractmethod
    def read_until(self) -> int:
        """Frame up to which the recording was read."""

    def next_window(self) -> Window | None:
        """The next window that is ready; None after the last, or while it hangs on one that is out."""
        if self._again:
            return self._again.pop(0)
        return self._new_window()

    def heard_language(self, language: int, probability: float) -> None:
        """The language that a window was found to be in."""
        if self.language is None or self.plan.per_window:
            self.language, self.language_probability = language, probability

    def accept(self, decoded: Decoded, final: bool = False) -> Verdict:
        """Take a window's tokens. final: as they are, though a guard may doubt them (the run was stopped)."""
        if decoded.language is not None and decoded.language_probability is not None:
            self.heard_language(decoded.language, decoded.language_probability)
        window, guards = decoded.window, self.plan.guards
        silent = guards.is_silence(decoded)
        flags = guards.doubts(decoded, self.text_of(decoded.tokens))
        if flags and not silent and not final and window.rung + 1 < len(guards.temperatures):
            heat = guards.temperatures[window.rung + 1]  # the same features: they need not be encoded again
            self._again.append(replace(window, rung=window.rung + 1, temperature=heat))
            return Verdict(retry=True)
        if silent:
            flags = (f"silence (no speech {decoded.no_speech_prob:.2f})",)
        pieces = self._taken(decoded, silent, final)
        return Verdict(tuple(pieces), flags, silent)

    def segment(
        self, piece: Piece, text: str, decoded: Decoded, flags: tuple[str, ...], words: tuple[Word, ...] = ()
    ) -> Segment:
        """A piece with its text and the scores of its window. A time past the end of the recording is its end."""
        plan, window = self.plan, decoded.window
        end = window.first + window.content_frames
        return Segment(
            start=plan.seconds(min(piece.start, end)),
            end=plan.seconds(min(piece.end, end)),
            text=text,
            tokens=piece.tokens,
            words=words,
            avg_logprob=decoded.avg_logprob,
            no_speech_prob=decoded.no_speech_prob,
            compression_ratio=compression_ratio(text),
            temperature=window.temperature,
            flags=flags,
        )

    @abstractmethod
    def _new_window(self) -> Window | None:
        """The next window that was not out before."""

    @abstractmethod
    def _taken(self, decoded: Decoded, silent: bool, final: bool) -> list[Piece]:
        """The pieces of a window that is not tried again."""

    def _window(self, first: int, last: int, prompt: tuple[int, ...]) -> Window:
        """Frames first..last as a window."""
        plan = self.plan
        features = self.ear.features(first, last)
        missing = plan.window_frames - features.shape[1]
        if missing:  # zeros, as transformers and openai/whisper pad the last window
            features = torch.nn.functional.pad(features, (0, missing))
        self.ear.forget(first)
        return Window(
            self.index,
            features,
            prompt,
            plan.limit(prompt),
            last - first,
            temperature=plan.guards.temperatures[0],
            key=stream_key(plan.seed, self.index),
            first=first,
            owner=self._owner,
        )


class SequentialReader(Reader):
    """Window after window: each begins where the text of the last one ended. At most one is out at a time."""

    def __init__(
        self, ear: Ear, parts: Iterator[Part], plan: Plan, text_of: Callable[[Sequence[int]], str], owner: Any = None
    ) -> None:
        super().__init__(ear, parts, plan, text_of, owner)
        self.seek = 0
        self._history: list[int] = []
        self._believed = True  # whether the last window was decoded coolly enough to be told to the next
        self._waiting = False
        self._part: Part | None = Part(0, 0)
        self._go_on()

    @property
    def done(self) -> bool:
        return self._part is None

    @property
    def read_until(self) -> int:
        return self.seek

    def accept(self, decoded: Decoded, final: bool = False) -> Verdict:
        self._waiting = False
        return super().accept(decoded, final)

    def next_window(self) -> Window | None:
        window = None if self._waiting or self.done else super().next_window()
        self._waiting = self._waiting or window is not None
        return window

    def _new_window(self) -> Window:
        history = self._history if self.plan.condition_on_previous and self._believed else []
        return self._window(self.seek, self._end(), self.plan.prompt(self.language, history))

    def _end(self) -> int:
        """Where a window that begins at `seek` ends."""
        assert self._part is not None
        return self.ear.hear(min(self.seek + self.plan.window_frames, self._part.last))

    def _go_on(self) -> None:
        """To the next part, where this one was read."""
        while self._part is not None and self._end() <= self.seek:
            self._part = next(self._parts, None)
            if self._part is not None:
                self.seek = self._part.first
                self.ear.forget(self.seek)

    def _taken(self, decoded: Decoded, silent: bool, final: bool) -> list[Piece]:
        window, begin = decoded.window, self.plan.special.timestamp_begin
        self._believed = window.temperature < COOL
        pieces, advance = cut(decoded.tokens, window.first, window.content_frames, begin)
        if not silent:
            for piece in pieces:
                self._history += piece.tokens
        if final:  # nothing after it is read
            end = window.first + window.content_frames
            return [p if p.tokens[-1] >= begin else replace(p, end=end) for p in pieces]  # its one stamp is its start
        self.index += 1
        self.seek += window.content_frames if silent or advance <= 0 else advance
        self._go_on()
        return pieces


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
