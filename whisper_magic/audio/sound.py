"""The types passed between the stages of reading: `Span`, `Sound`, `Audio`, `Undecodable`. No files, no decoders."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from whisper_magic.audio.notes import Notes
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
        stream: Which audio stream of a file that has several, from 0; None is the default one.
    """

    start: float = 0.0
    end: float | None = None
    stream: int | None = None

    @property
    def wide(self) -> Span:
        """The span with a second or two more at either end, from one whole second to another.

        That is what is decoded, mixed and resampled before the span is cut out: filters see no edge at its ends, and
        a whole second is a whole number of samples at any rate, so that a part is, sample by sample, what the whole is.
        """
        end = None if self.end is None else math.ceil(self.end) + 1.0
        return Span(max(0.0, math.floor(self.start) - 1.0), end, self.stream)

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
    """Decoded sound, cut to `Span.wide`, before channels are picked and the rate is changed.

    Attributes:
        name: The source, for messages.
        rate: Hz.
        channels: Channels of the first block.
        blocks: Each (n, channels) float32; reading them may raise AudioError. In some files the number of channels
            changes on the way.
        channel: Label of the channel where there is only one.
        origin: Second of the original source at which this one begins.
        seconds: Expected duration; None where it is not known. Never a limit.
        notes: What is noticed in it; they grow while the blocks are read.
    """

    name: str
    rate: int
    channels: int
    blocks: Iterator[Samples]
    channel: str | int = "mix"
    origin: float = 0.0
    seconds: float | None = None
    notes: Notes = field(default_factory=Notes)


class Undecodable(Exception):
    """One decoder cannot read a file; the next one may.

    Attributes:
        reason: What the decoder reports; "" where it only does not know the format.
        whole: Whether `reason` is a whole message, about the file and not about the decoder.
    """

    def __init__(self, reason: str, whole: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.whole = reason, whole


@dataclass(frozen=True, eq=False)
class Audio:
    """Mono sound, ready for the engine.

    Attributes:
        samples: (n,) float32, nominally within -1..1.
        sample_rate: Hz.
        source: Where it comes from, as shown to people.
        channel: Channel of the source, as shown to people ("mix", "left", 1, ...).
        start: Second of the source at which it begins.
        notes: What was noticed while it was read, each one line: damage, holes, several audio streams.
    """

    samples: npt.NDArray[np.float32]
    sample_rate: int = SAMPLE_RATE
    source: str = "array"
    channel: str | int = "mix"
    start: float = 0.0
    notes: tuple[str, ...] = ()

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
        return replace(self, samples=part, start=self.start + first / self.sample_rate)
