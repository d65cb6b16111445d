"""A recording as windows: where each begins, its prompt, and the segments it yields.

Sequential long form as in openai/whisper `transcribe.py` and the Whisper paper (section 3.8): decode a window, cut it
into segments at its timestamps, seek to the last one, go on. Positions are counted in feature frames, never summed up
as rounded seconds.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from whisper_magic.engine.decode.speculator import Decoded
from whisper_magic.engine.runtime.slots import Window
from whisper_magic.engine.sample.noise import stream_key
from whisper_magic.engine.windows.plan import STRIDE, Plan
from whisper_magic.engine.windows.stream import FeatureSource, Part
from whisper_magic.transcript import Segment, Word

PROMPT_RESET_TEMPERATURE = (
    0.5  # a window decoded at it or above is not given to the next (openai/whisper `transcribe.py`)
)

VOICED_SHARE = 0.003  # of a window, from which on it has voice: a frame in ten seconds
DECIDING_VOICE = 1.0  # seconds in a window, from which on its language is the recording's

DIGITAL_SILENCE = 2.0**-15  # no sample is larger: one step of 16 bits

TextOf = Callable[[Sequence[int]], str]  # token ids -> text


@dataclass(frozen=True)
class Piece:
    """A segment still in tokens. start, end: feature frames of the recording."""

    start: int
    end: int
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class WindowResult:
    """What became of a window.

    Attributes:
        pieces: Its segments.
        end: Frame at which the next window begins, or the last of this one: no word of it is said behind.
        flags: Why to doubt them.
        silent: Whether they are left out, as silence.
        retry: Whether it is decoded again; there are no pieces yet.
    """

    pieces: tuple[Piece, ...] = ()
    end: int = 0
    flags: tuple[str, ...] = ()
    silent: bool = False
    retry: bool = False


class Reader(ABC):
    """One recording as windows: the prompt of each, and what becomes of its text. Subclasses decide where they are cut.

    Attributes:
        index: Number of the next window.
        language: Token of the detected language; the last window's where each is detected.
        language_probability: Of the detected language.
    """

    def __init__(
        self, source: FeatureSource, parts: Iterator[Part], plan: Plan, text_of: TextOf, recording: int = 0
    ) -> None:
        """Start at the first part.

        Args:
            source: Of the features.
            parts: What is to be read.
            plan: What stays the same over the windows.
            text_of: Token ids -> text, for the fallback thresholds.
            recording: Id that goes with every window.
        """
        self.source, self.plan, self.text_of, self._recording = source, plan, text_of, recording
        self.index = 0
        self.language: int | None = None
        self.language_probability: float | None = None
        self._decided = False  # whether the language holds for the windows to come
        self._parts = (part for part in parts if self._begins_inside(part))
        self._retries: list[Window] = []
        self.unread: list[Part] = []  # voiced, and nothing was written of it
        self.silent: list[Part] = []  # digital silence, which was not decoded

    def _begins_inside(self, part: Part) -> bool:
        """Whether a part begins before the recording ends; the padding of a short one is no part of it."""
        self.source.read_until(part.first + 1)
        return part.first < self.source.num_content_frames

    @property
    @abstractmethod
    def done(self) -> bool:
        """Whether there is nothing more to come."""

    @property
    @abstractmethod
    def frames_read(self) -> int:
        """Frame up to which the recording was decoded."""

    @property
    @abstractmethod
    def settled_until(self) -> int:
        """Frame before which no more text will come."""

    def next_window(self) -> Window | None:
        """The next window that is ready; None after the last, or while it depends on one that is being decoded."""
        if self._retries:
            return self._retries.pop(0)
        return self._new_window()

    def set_language(self, language: int, probability: float, window: Window) -> None:
        """The language detected in a window. Until one has enough voice, each window's own is detected: music, noise
        or silence does not decide the language of what is said after it."""
        if self._decided and not self.plan.per_window:
            return
        self.language, self.language_probability = language, probability
        voiced = self.voiced_seconds(window)
        self._decided = voiced is None or voiced >= DECIDING_VOICE

    @property
    def decided_language(self) -> int | None:
        """Token of the language of the windows to come; None where it is still to be detected."""
        return self.language if self._decided else None

    def voiced_seconds(self, window: Window) -> float | None:
        """How long voice was detected in a window; None where it is not looked for."""
        return self.source.voiced_seconds(Part(window.first, window.first + window.content_frames))

    def accept(self, decoded: Decoded, final: bool = False) -> WindowResult:
        """Take a window's tokens. final: as they are, whether or not they pass the thresholds (the run was stopped)."""
        if decoded.language is not None and decoded.language_probability is not None:
            self.set_language(decoded.language, decoded.language_probability, decoded.window)
        window, thresholds = decoded.window, self.plan.thresholds
        voiced = self.voiced_seconds(window)
        has_voice = voiced is None or voiced > VOICED_SHARE * window.content_frames * self.plan.frame_seconds
        silent = thresholds.is_silence(decoded, has_voice)
        flags = thresholds.failures(decoded.avg_logprob, compression_ratio(self.text_of(decoded.tokens)))
        next_index = window.fallback_index + 1
        if flags and not silent and not final and next_index < len(thresholds.temperatures):
            temperature = thresholds.temperatures[next_index]  # the same features: they need not be encoded again
            self._retries.append(replace(window, fallback_index=next_index, temperature=temperature))
            return WindowResult(retry=True)
        if silent:
            flags = (f"silence (no speech {decoded.no_speech_prob:.2f}{'' if has_voice else ', no voice detected'})",)
            if decoded.language_probability is not None:
                self.language = self.language_probability = None  # the next window with speech decides
                self._decided = False
        elif not has_voice:
            flags = (*flags, "no voice detected")
        pieces, end = self._take(decoded, silent, final)
        return WindowResult(tuple(pieces), min(end, window.first + window.content_frames), flags, silent)

    def segment(
        self, piece: Piece, text: str, decoded: Decoded, flags: tuple[str, ...], words: tuple[Word, ...] = ()
    ) -> Segment:
        """A piece with its text and the scores of its window. A time in the padding is the end of the recording."""
        plan, window = self.plan, decoded.window
        end = min(window.first + window.content_frames, self.source.num_content_frames)
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
        """The next window that was not decoded before."""

    @abstractmethod
    def _take(self, decoded: Decoded, silent: bool, final: bool) -> tuple[list[Piece], int]:
        """The pieces of a window that is not decoded again, and the frame that none of its words may reach beyond."""

    def _window(self, first: int, last: int, prompt: tuple[int, ...], in_order: bool) -> Window:
        """Frames first..last as a window."""
        features = pad_to(self.source.features(first, last), self.plan.window_frames)
        self.source.forget(first)
        return replace(self._make_window(first, last, features, prompt), in_order=in_order)

    def _make_window(self, first: int, last: int, features: torch.Tensor, prompt: tuple[int, ...]) -> Window:
        plan, content = self.plan, self.source.num_content_frames - first
        return Window(
            self.index,
            features,
            prompt,
            plan.token_limit(prompt),
            max(0, min(last - first, content)),
            temperature=plan.thresholds.temperatures[0],
            key=stream_key(plan.seed, self.index),
            first=first,
            recording=self._recording,
        )


class SequentialReader(Reader):
    """Window after window: each begins where the text of the last one ended. At most one is decoded at a time."""

    def __init__(
        self, source: FeatureSource, parts: Iterator[Part], plan: Plan, text_of: TextOf, recording: int = 0
    ) -> None:
        super().__init__(source, parts, plan, text_of, recording)
        self.seek = 0
        self._history: list[int] = []
        self._keeps_prompt = True  # whether the next window is given the text of the last one
        self._waiting = self._begun = False
        self._part: Part | None = Part(0, 0)
        self._skip_to_next_part()

    @property
    def done(self) -> bool:
        return self._part is None

    @property
    def frames_read(self) -> int:
        return self.seek

    @property
    def settled_until(self) -> int:
        return self.seek

    def accept(self, decoded: Decoded, final: bool = False) -> WindowResult:
        self._waiting = False
        return super().accept(decoded, final)

    def next_window(self) -> Window | None:
        if self._waiting:
            return None
        if not self._retries:
            self._skip_silence()
        window = None if self.done else super().next_window()
        self._waiting = window is not None
        return window

    def _skip_silence(self) -> None:
        """Pass over windows of digital silence, in which a model tends to write what nobody said."""
        while self.plan.thresholds.no_speech is not None and self._part is not None:
            window = Part(self.seek, self._end())
            if self.source.peak(window) > DIGITAL_SILENCE:
                return
            self.silent.append(window)
            self.index += 1
            self.seek = window.last
            self._skip_to_next_part()

    def _new_window(self) -> Window:
        history = self._history if self.plan.condition_on_previous and self._keeps_prompt else []
        prompt = self.plan.prompt(self.decided_language, history)
        in_order, self._begun = not self._begun, True  # recordings begin in the order of their sources
        return self._window(self.seek, self._end(), prompt, in_order)

    def _end(self) -> int:
        """Where a window that begins at `seek` ends."""
        assert self._part is not None
        return self.source.read_until(min(self.seek + self.plan.window_frames, self._part.last))

    def _begins_inside(self, part: Part) -> bool:
        self.source.forget(part.first)  # on the way to a part that begins late, nothing is kept
        return super()._begins_inside(part)

    def _skip_to_next_part(self) -> None:
        """Go to the next part, where this one was read."""
        while self._part is not None and self._end() <= self.seek:
            self._part = next(self._parts, None)
            if self._part is not None:
                self.seek = self._part.first

    def _take(self, decoded: Decoded, silent: bool, final: bool) -> tuple[list[Piece], int]:
        window, begin = decoded.window, self.plan.special.timestamp_begin
        self._keeps_prompt = window.temperature < PROMPT_RESET_TEMPERATURE
        num_frames = self._end() - window.first
        pieces, advance = cut(decoded.tokens, window.first, num_frames, begin)
        if not silent:
            for piece in pieces:
                self._history += piece.tokens
        if final:  # nothing after it is read
            end = window.first + window.content_frames
            pieces = [
                p if p.tokens[-1] >= begin else replace(p, end=end) for p in pieces
            ]  # its only timestamp is its start
            return pieces, end
        self.index += 1
        self.seek += num_frames if silent or advance <= 0 else advance
        end = self.seek
        self._skip_to_next_part()
        return pieces, end


def pad_to(features: torch.Tensor, frames: int) -> torch.Tensor:
    """(n_mels, frames) with zeros behind, as transformers and openai/whisper pad the last window."""
    missing = frames - features.shape[1]
    return torch.nn.functional.pad(features, (0, missing)) if missing else features


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
