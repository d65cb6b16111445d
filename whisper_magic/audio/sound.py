"""The data that passes between the stages of reading: `Span`, `Sound`, `Audio`. No files, no decoders, no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from whisper_magic.audio.samples import Samples
from whisper_magic.errors import AudioInvalid
from whisper_magic.wording import shown

SAMPLE_RATE = 16_000  # Hz; the rate of `Audio` unless the checkpoint's preprocessor wants another


@dataclass(frozen=True)
class Span:
    """The part of a source to use.

    Attributes:
        start: Seconds.
        end: Seconds; None is the end of the source.
    """

    start: float = 0.0
    end: float | None = None

    def frames(self, rate: int) -> tuple[int, int | None]:
        """Returns the first sample frame, and the one after the last."""
        return round(self.start * rate), None if self.end is None else round(self.end * rate)

    def of(self, duration: float | None) -> float | None:
        """Returns the seconds of a source of `duration` that lie in the span; None where neither is known."""
        ends = [end for end in (self.end, duration) if end is not None]
        return max(0.0, min(ends) - self.start) if ends else None

    def check(self, name: str, duration: float) -> None:
        """Check that the span begins before the end.

        Args:
            name: The source, for the message.
            duration: Seconds of the source.

        Raises:
            AudioInvalid: The span begins at or after `duration`.
        """
        if self.start and self.start >= duration:
            raise AudioInvalid(f"{shown(name)} lasts {duration:.2f} s: start={self.start:g} is beyond its end")


@dataclass(frozen=True)
class Sound:
    """Decoded sound, cut to a span, before channels are picked or the rate is changed.

    Attributes:
        name: The source, for messages.
        rate: Hz.
        channels: Channels of the first block.
        blocks: Each (n, channels) float32; reading them may raise AudioError.
        channel: Label of the channel where there is only one.
        origin: Second of the original source at which this one begins.
        seconds: Expected duration; None where it is not known. Never a limit.
    """

    name: str
    rate: int
    channels: int
    blocks: Iterator[Samples]
    channel: str | int = "mix"
    origin: float = 0.0
    seconds: float | None = None


@dataclass(frozen=True, eq=False)
class Audio:
    """Mono sound, ready for the engine.

    Attributes:
        samples: (n,) float32, nominally within -1..1.
        sample_rate: Hz.
        source: Where it comes from, as shown to people.
        channel: Channel of the source, as shown to people ("mix", "left", 1, ...).
        start: Second of the source at which it begins.
    """

    samples: npt.NDArray[np.float32]
    sample_rate: int = SAMPLE_RATE
    source: str = "array"
    channel: str | int = "mix"
    start: float = 0.0

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate

    def clip(self, start: float = 0.0, end: float | None = None) -> Audio:
        """Cut out a part, sharing memory with the whole.

        Args:
            start: Seconds of this audio.
            end: Seconds of this audio; None is its end.

        Returns:
            The part; empty where `end` lies before `start`.
        """
        first = max(0, round(start * self.sample_rate))
        last = len(self.samples) if end is None else round(end * self.sample_rate)
        part = self.samples[first : max(first, last)]
        return Audio(part, self.sample_rate, self.source, self.channel, self.start + first / self.sample_rate)
