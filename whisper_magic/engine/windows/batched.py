"""One recording as many windows at once: cut at pauses, each decoded independently.

Speech that is parted by pauses is packed into windows, silence between it included, so that times stay true (the
cutting and merging of WhisperX: Bain et al. 2023, arXiv:2303.00747, section 2.1); a window that would be full ends at
the longest of the pauses near its end. No window is given another's text; a sentence that is still open at a window's
end is kept to its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from whisper_magic.audio.vad import Pauses
from whisper_magic.engine.decode.speculator import Decoded
from whisper_magic.engine.runtime.slots import DETECT, Window
from whisper_magic.engine.sample.noise import stream_key
from whisper_magic.engine.windows.plan import STRIDE, Plan
from whisper_magic.engine.windows.reader import Piece, Reader, TextOf, cut, pad_to
from whisper_magic.engine.windows.stream import ALL_FRAMES, FeatureSource, Part

PAUSE = 0.4  # seconds between words at which windows may part
MARGIN = 0.2  # seconds kept before and behind speech
LATE = 0.15  # share of a window, at its end, in which the longest pause ends it
MIN_REST = 0.5  # seconds of voice behind a window's last timestamp, from which on they are decoded as another window
MIN_ADVANCE = 1.0  # seconds that a window must have covered for that


def batch_pauses(window_seconds: float) -> Pauses:
    """How speech is parted for windows of this length."""
    return Pauses(PAUSE, MARGIN, window_seconds - 2 * MARGIN)


@dataclass(frozen=True)
class Span:
    """Frames first..last that are decoded as one window. voiced: the parts of it in which voice was detected."""

    first: int
    last: int
    voiced: tuple[Part, ...]


def packed(parts: Iterator[Part], longest: int) -> Iterator[Span]:
    """Join the parts of a clip to windows of up to `longest` frames, which end at the longest of the last pauses that
    fit; what is longer by itself is cut there."""
    joined: list[Part] = []
    for part in parts:
        while joined and (part.clip != joined[0].clip or part.last - joined[0].first > longest):
            count = _number_until_pause(joined, part, longest)
            yield _spanning(joined[:count])
            joined = joined[count:]
        while part.last - part.first > longest:
            head = Part(part.first, part.first + longest, part.clip)
            yield _spanning([head])
            part = replace(part, first=head.last)
        joined.append(part)
    if joined:
        yield _spanning(joined)


def _spanning(parts: Sequence[Part]) -> Span:
    return Span(parts[0].first, parts[-1].last, tuple(parts))


def _number_until_pause(joined: Sequence[Part], following: Part, longest: int) -> int:
    """How many parts make a window when the next would not fit: all, or fewer where a longer pause is near its end."""
    if following.clip != joined[0].clip:
        return len(joined)
    firsts = [part.first for part in (*joined[1:], following)]
    pauses = [first - part.last for part, first in zip(joined, firsts, strict=True)]
    late = [i for i, part in enumerate(joined) if part.last - joined[0].first >= (1 - LATE) * longest]
    return 1 + max(late or [len(joined) - 1], key=lambda i: (pauses[i], i))


class BatchedReader(Reader):
    """Windows cut at pauses; all may be decoded at a time, once the language is known.

    Where voice was detected behind the last timestamp of a window, the rest of it is decoded as a window of its own: a
    model often ends a window early.
    """

    def __init__(
        self, source: FeatureSource, parts: Iterator[Part], plan: Plan, text_of: TextOf, recording: int = 0
    ) -> None:
        """parts: Where voice was detected; the rest as of `Reader`."""
        super().__init__(source, parts, plan, text_of, recording)
        read = (replace(part, last=self.source.read_until(part.last)) for part in self._parts)
        self._spans = packed((part for part in read if part.first < part.last), self.plan.window_frames)
        self._next = next(self._spans, None)
        self._in_flight: dict[int, Span] = {}  # by the window's index
        self._rests: list[Window] = []
        self._frames_read = 0
        self._margin = round(MARGIN / plan.frame_seconds)

    @property
    def done(self) -> bool:
        return self._next is None and not self._in_flight

    @property
    def frames_read(self) -> int:
        return self._frames_read

    @property
    def settled_until(self) -> int:
        outstanding = [span.first for span in self._in_flight.values()]
        return min([*outstanding, self._next.first if self._next else ALL_FRAMES])

    def _new_window(self) -> Window | None:
        if self._rests:
            return self._rests.pop(0)
        prompt = self.plan.prompt(self.decided_language)
        unknown = DETECT in prompt and not self.plan.per_window
        if self._next is None or (unknown and self._in_flight):  # it is detected in the first window with speech
            return None
        span, window = self._next, self._window(self._next.first, self._next.last, prompt, in_order=True)
        self._next = next(self._spans, None)
        self._in_flight[self.index] = span
        self.index += 1
        return window

    def _take(self, decoded: Decoded, silent: bool, final: bool) -> tuple[list[Piece], int]:
        window, begin = decoded.window, self.plan.special.timestamp_begin
        span = self._in_flight.pop(window.index)
        self._frames_read = max(self._frames_read, span.last)
        pieces, _ = cut(decoded.tokens, window.first, window.content_frames, begin)
        rest = decoded.tokens[sum(len(piece.tokens) for piece in pieces) :]
        if any(token < begin for token in rest):  # no other window holds what is not closed here
            start = window.first + (rest[0] - begin) * STRIDE if rest[0] >= begin else window.first
            pieces.append(Piece(start, span.last, rest))
        rest_first = None
        if not silent and not final and self.plan.has_timestamps:
            rest_first = self._decode_rest(window, span, pieces)
        return pieces, span.last if rest_first is None else rest_first

    def _decode_rest(self, window: Window, span: Span, pieces: list[Piece]) -> int | None:
        """Queue what was voiced behind the last timestamp, or report it where decoding it again would not end.

        Returns:
            The first frame of the window that was queued, if any.
        """
        covered = pieces[-1].end if pieces else window.first
        voiced = [replace(part, first=max(part.first, covered)) for part in span.voiced if part.last > covered]
        frames = sum(max(0, part.last - part.first - self._margin) for part in voiced)
        if frames * self.plan.frame_seconds < MIN_REST:
            return None
        if (covered - window.first) * self.plan.frame_seconds < MIN_ADVANCE:
            self.unread.append(Part(voiced[0].first, span.last))
            return None
        first = voiced[0].first
        features = window.features[:, first - window.first : span.last - window.first]
        features = pad_to(features, self.plan.window_frames)
        prompt = self.plan.prompt(self.decided_language)
        # Its noise must not depend on which window ended first: the index does.
        rest = replace(self._make_window(first, span.last, features, prompt), key=stream_key(self.plan.seed, -first))
        self._rests.append(rest)
        self._in_flight[self.index] = Span(first, span.last, tuple(voiced))
        self.index += 1
        return first
