"""How many seconds of a window its text covers, while it is written: for progress."""

from __future__ import annotations

from collections.abc import Sequence

from whisper_magic.engine.runtime.slots import Window
from whisper_magic.engine.windows.plan import STRIDE, Plan

TOKEN_SECONDS = (
    0.25  # of a token of text: behind rather than ahead, as read English has 2.6 to 3.3 a second (whisper-base)
)


class Coverage:
    """The windows of one recording that are being decoded.

    A timestamp says how far the text is; behind the last one, or without any, its tokens are counted.
    """

    def __init__(self, plan: Plan) -> None:
        """plan: Of the recording."""
        self._plan = plan
        self._seconds: dict[tuple[int, int], float] = {}  # by the window's index and the number of its attempt

    def add(self, window: Window, tokens: Sequence[int]) -> float:
        """Add what a round wrote. Returns the seconds of the window that are covered by now."""
        attempt = window.index, window.fallback_index
        covered, special = self._seconds.get(attempt, 0.0), self._plan.special
        for token in tokens:
            if token >= special.timestamp_begin:
                covered = (token - special.timestamp_begin) * STRIDE * self._plan.frame_seconds
            elif token < special.eot:
                covered += TOKEN_SECONDS
        covered = min(covered, window.content_frames * self._plan.frame_seconds)
        self._seconds[attempt] = covered
        return round(covered, 3)

    def forget(self, window: Window) -> None:
        """Forget an attempt at a window, which has ended."""
        self._seconds.pop((window.index, window.fallback_index), None)
