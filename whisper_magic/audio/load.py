"""Sound in: any source -> `Audio`, mono float32 at the rate the checkpoint wants. Knows nothing of models or torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000  # Hz; the rate of `Audio` unless the checkpoint's preprocessor wants another


@dataclass(frozen=True, eq=False)
class Audio:
    """Mono sound, ready for the engine.

    samples: (n,) float32, nominally within -1..1. source: where it came from, for people. channel: which
    channel of the source, for people ("mix", "left", 1, ...). start: second of the source at which it begins.
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
        """The part from `start` to `end` (seconds of this audio), sharing memory with it."""
        first = max(0, round(start * self.sample_rate))
        last = len(self.samples) if end is None else round(end * self.sample_rate)
        part = self.samples[first : max(first, last)]
        return Audio(part, self.sample_rate, self.source, self.channel, self.start + first / self.sample_rate)
