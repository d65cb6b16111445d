"""Recordings as windows: where each begins, what it is told of those before, and the segments it yields.

Sequential long form as in openai/whisper `transcribe.py` and the Whisper paper (section 3.8): decode a window, cut it
into segments at its timestamps, seek to the last one, go on. Positions are counted in feature frames, never summed up
as rounded seconds.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from whisper_magic.engine.checkpoint import SpecialTokens
from whisper_magic.engine.slots import DETECT, Window
from whisper_magic.engine.speculate import Decoded
from whisper_magic.transcript import Segment

STRIDE = 2  # feature frames per encoder state, and per timestamp step: Whisper's second convolution


@dataclass(frozen=True)
class Plan:
    """What stays the same over a recording's windows.

    forced: prompt from start-of-transcript on (DETECT for an unknown language). previous: ids of the user's prompt.
    frame_seconds: duration of a feature frame. offset: seconds of the source at which the recording begins.
    """

    special: SpecialTokens
    window_frames: int
    context: int
    forced: tuple[int, ...]
    previous: tuple[int, ...]
    condition_on_previous: bool
    limit: int
    frame_seconds: float
    offset: float = 0.0


@dataclass(frozen=True)
class Piece:
    """A segment still in tokens: start and end in feature frames of the recording."""

    start: int
    end: int
    tokens: tuple[int, ...]


class SequentialReader:
    """One recording, window after window. At most one window is out at a time."""

    def __init__(self, features: torch.Tensor, content_frames: int, plan: Plan) -> None:
        """features: (n_mels, frames). content_frames: how many of them are the recording, not padding."""
        self.features, self.plan = features, plan
        self.content_frames = content_frames
        self.seek = 0
        self.index = 0
        self.language: int | None = None
        self.language_probability: float | None = None
        self._history: list[int] = list(plan.previous)
        self._waiting = False

    @property
    def done(self) -> bool:
        return self.seek >= self.content_frames

    def next_window(self) -> Window | None:
        """The next window, or None while one is out or after the last."""
        if self._waiting or self.done:
            return None
        plan = self.plan
        features = self.features[:, self.seek : self.seek + self._frames()]
        missing = plan.window_frames - features.shape[1]
        if missing:  # zeros, as transformers and openai/whisper pad the last window
            features = torch.nn.functional.pad(features, (0, missing))
        self._waiting = True
        return Window(self.index, features, self._prompt(), plan.limit, owner=self)

    def accept(self, decoded: Decoded) -> list[Piece]:
        """Take a window's tokens: its segments, having moved on to where the next window begins."""
        self._waiting = False
        if decoded.language is not None:
            self.language, self.language_probability = decoded.language, decoded.language_probability
        pieces, advance = cut(decoded.tokens, self.seek, self._frames(), self.plan.special.timestamp_begin)
        self.index += 1
        self.seek += advance if advance > 0 else self._frames()
        for piece in pieces:
            self._history += piece.tokens
        return pieces

    def segment(self, piece: Piece, text: str, decoded: Decoded, flags: tuple[str, ...] = ()) -> Segment:
        """A piece with its text and the scores of its window. A time past the end of the recording is its end."""
        plan = self.plan
        return Segment(
            start=plan.offset + min(piece.start, self.content_frames) * plan.frame_seconds,
            end=plan.offset + min(piece.end, self.content_frames) * plan.frame_seconds,
            text=text,
            tokens=piece.tokens,
            avg_logprob=decoded.avg_logprob,
            no_speech_prob=decoded.no_speech_prob,
            compression_ratio=compression_ratio(text),
            flags=flags,
        )

    def _frames(self) -> int:
        return min(self.plan.window_frames, self.content_frames - self.seek)

    def _prompt(self) -> tuple[int, ...]:
        plan = self.plan
        forced = plan.forced
        if self.language is not None:
            forced = tuple(self.language if token == DETECT else token for token in forced)
        history = self._history if plan.condition_on_previous else list(plan.previous)
        if not history or plan.special.prev_sot is None:
            return forced
        keep = plan.context // 2 - 1  # openai/whisper `decoding.py`: half the context at most
        return (plan.special.prev_sot, *history[-keep:], *forced)


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
