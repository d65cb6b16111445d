"""The languages of a recording's windows: which is the recording's, and whether it changes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from whisper_magic.engine.decode.speculator import Decoded

MIN_PROBABILITY = 0.8  # of another language, from which on it is noted
MIN_SECONDS = 5.0  # of voice in its window


@dataclass(frozen=True)
class Change:
    """A window in another language than the one that it was decoded in."""

    seconds: float
    language: str
    probability: float


class LanguageLog:
    """What is known of the windows' languages.

    The target predicts the language after start-of-transcript of every window, whatever language its prompt names, so
    that watching it costs nothing.
    """

    def __init__(self, codes: dict[int, str]) -> None:
        """codes: Languages by their tokens."""
        self._codes = codes
        self._frames: Counter[str] = Counter()  # in each detected language
        self._changes: list[Change] = []

    def add(self, decoded: Decoded, seconds: float, voiced_seconds: float | None) -> None:
        """Take a window with text, which begins `seconds` into the source."""
        if decoded.language is not None:
            self._frames[self._codes[decoded.language]] += decoded.window.content_frames
            return
        after_start = decoded.after_start
        known = after_start.language in self._codes and after_start.language not in decoded.window.prompt
        if known and after_start.language_probability >= MIN_PROBABILITY and (voiced_seconds or 0.0) >= MIN_SECONDS:
            self._changes.append(Change(seconds, self._codes[after_start.language], after_start.language_probability))

    @property
    def most_common(self) -> str | None:
        """The language that was detected in most of the recording."""
        return self._frames.most_common(1)[0][0] if self._frames else None

    def note(self, language: str | None) -> str:
        """One line on windows in another language than the one they were decoded in; "" without any."""
        if not self._changes:
            return ""
        changes = sorted(self._changes, key=lambda change: change.seconds)  # batched windows end in any order
        places = [f"{change.language} at {change.seconds:.0f} s ({change.probability:.2f})" for change in changes]
        listed = ", ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")
        return (
            f"the language changes: windows decoded as {language} sound like {listed}; language='per-window' "
            "(--language per-window) detects it in each window"
        )
