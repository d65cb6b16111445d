"""One recording as many windows at once: cut at pauses, each decoded independently.

Speech that is parted by pauses is packed into windows as full as they can be, silence between it included, so that
times stay true (the cutting and merging of WhisperX: Bain et al. 2023, arXiv:2303.00747, section 2.1). No window is
given another's text, and none is decoded twice: a sentence that is still open at a window's end is kept to its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from whisper_magic.audio.vad import Pauses
from whisper_magic.engine.decode.speculator import Decoded
from whisper_magic.engine.runtime.slots import DETECT, Window
from whisper_magic.engine.windows.plan import STRIDE, Plan
from whisper_magic.engine.windows.reader import Piece, Reader, TextOf, cut
from whisper_magic.engine.windows.stream import FeatureSource, Part

PAUSE = 0.4  # seconds between words at which windows may part
MARGIN = 0.2  # seconds kept before and behind speech


def batch_pauses(window_seconds: float) -> Pauses:
    """How speech is parted for windows of this length."""
    return Pauses(PAUSE, MARGIN, window_seconds - 2 * MARGIN)


def packed(parts: Iterator[Part], longest: int) -> Iterator[Part]:
    """Join the parts of a clip to windows of up to `longest` frames; what is longer by itself is cut there."""
    whole: Part | None = None
    for part in parts:
        if whole is not None and part.clip == whole.clip and part.last - whole.first <= longest:
            whole = replace(whole, last=part.last)
            continue
        if whole is not None:
            yield whole
        while part.last - part.first > longest:
            yield Part(part.first, part.first + longest)
            part = Part(part.first + longest, part.last)
        whole = part
    if whole is not None:
        yield whole


class BatchedReader(Reader):
    """Windows cut at pauses; all may be decoded at a time, once the language is known."""

    def __init__(
        self, source: FeatureSource, parts: Iterator[Part], plan: Plan, text_of: TextOf, recording: int = 0
    ) -> None:
        """parts: Where voice was detected; the rest as of `Reader`."""
        super().__init__(source, parts, plan, text_of, recording)
        read = (replace(part, last=self.source.read_until(part.last)) for part in self._parts)
        self._windows = packed((part for part in read if part.first < part.last), self.plan.window_frames)
        self._next = next(self._windows, None)
        self._in_flight = 0
        self._frames_read = 0

    @property
    def done(self) -> bool:
        return self._next is None and not self._in_flight and not self._retries

    @property
    def frames_read(self) -> int:
        return self._frames_read

    def _new_window(self) -> Window | None:
        prompt = self.plan.prompt(self.language)
        unknown = DETECT in prompt and not self.plan.per_window
        if self._next is None or (unknown and self.index):  # it is detected in the first window
            return None
        window = self._window(self._next.first, self._next.last, prompt)
        self._next = next(self._windows, None)
        self.index += 1
        self._in_flight += 1
        return window

    def _take(self, decoded: Decoded, silent: bool, final: bool) -> list[Piece]:
        window, begin = decoded.window, self.plan.special.timestamp_begin
        self._in_flight -= 1
        end = window.first + window.content_frames
        self._frames_read = max(self._frames_read, end)
        pieces, _ = cut(decoded.tokens, window.first, window.content_frames, begin)
        rest = decoded.tokens[sum(len(piece.tokens) for piece in pieces) :]
        if any(token < begin for token in rest):  # no other window holds what is not closed here
            start = window.first + (rest[0] - begin) * STRIDE if rest[0] >= begin else window.first
            pieces.append(Piece(start, end, rest))
        return pieces
