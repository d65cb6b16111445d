"""The waveform of a recording at several resolutions, for a player that pulls what it shows. No models, no torch.

A peak is the smallest and the largest sample of a stretch, as int8 with full scale at 127. Level 0 has at least 100
peaks a second; each further level is four times coarser, up to one of at most `FEW` peaks. Peaks are counted in whole
samples, so that they never drift from the sound: a stretch is `rate // 100` samples, and lasts that number divided by
the rate: exactly 10 ms wherever the rate is a multiple of 100 Hz.

A level is made of the one below it, and rounding keeps the order of samples: every level is what the samples
themselves would give, however they were cut into blocks. Ten hours take 7.2 MB at level 0 and 9.6 MB in all.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from whisper_magic.audio.excerpt import Excerpt
from whisper_magic.audio.samples import Samples
from whisper_magic.audio.sound import SAMPLE_RATE

PER_SECOND = 100  # peaks a second of level 0, at least
COARSER = 4  # peaks of one level that make one of the next
FEW = 1_000  # peaks; a level that has no more is the last one
FULL_SCALE = 127
BLOCK = 1 << 16  # samples read at a time: 4 s, read in some 10 ms

Pairs = npt.NDArray[np.int8]  # (n, 2): smallest and largest sample of each stretch


@dataclass(frozen=True)
class Level:
    """One resolution.

    Attributes:
        samples_per_peak: Samples.
        seconds_per_peak: Seconds; the last peak of a complete recording may stand for less.
        count: Peaks so far.
    """

    samples_per_peak: int
    seconds_per_peak: float
    count: int


class WaveformPeaks:
    """The waveform, which one thread fills while others read it.

    Attributes:
        rate: Hz of the samples.
        samples_per_peak: Samples of a peak of level 0.
    """

    def __init__(self, rate: int = SAMPLE_RATE) -> None:
        """Begin.

        Args:
            rate: Hz of the samples to come; at least 100.
        """
        assert rate >= PER_SECOND
        self.rate, self.samples_per_peak = rate, rate // PER_SECOND
        self._levels = [bytearray()]  # interleaved pairs; a level is as long as the one below it allows
        self._rest: Samples = np.zeros(0, np.float32)  # samples that do not fill a peak yet
        self._length = 0  # samples
        self._complete = False
        self._lock = threading.Lock()

    @classmethod
    def of(cls, samples: Samples, rate: int) -> WaveformPeaks:
        """The waveform of sound that is in memory. samples: (n,) float32; rate: Hz."""
        peaks = cls(rate)
        for begin in range(0, len(samples), BLOCK):
            peaks.add(samples[begin : begin + BLOCK])
        peaks.finish()
        return peaks

    @property
    def duration(self) -> float:
        """Seconds added so far."""
        return self._length / self.rate

    @property
    def complete(self) -> bool:
        """Whether all peaks are there."""
        return self._complete

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels so far, from the finest on. While the recording is read, counts grow and coarser levels
        are added; existing levels keep their numbers."""
        with self._lock:
            counts = [len(level) // 2 for level in self._levels]
        spans = [self.samples_per_peak * COARSER**number for number in range(len(counts))]
        return tuple(Level(span, span / self.rate, count) for span, count in zip(spans, counts, strict=True))

    def add(self, samples: Samples) -> None:
        """Add the peaks of more samples.

        Args:
            samples: (n,) float32. What lies beyond full scale is drawn as full scale, and NaN as silence.
        """
        with self._lock:
            assert not self._complete
            self._length += len(samples)
            whole = np.concatenate([self._rest, samples])
            cut = len(whole) - len(whole) % self.samples_per_peak
            self._rest = whole[cut:].copy()  # not a view, which would keep the whole block
            self._extend(_quantized(whole[:cut].reshape(-1, self.samples_per_peak)))

    def finish(self) -> None:
        """Finish: the samples left over at the end become a last, shorter peak of every level."""
        with self._lock:
            if not self._complete:
                self._complete = True
                self._extend(_quantized(self._rest.reshape(1, -1) if len(self._rest) else np.zeros((0, 1), np.float32)))

    def window(self, level: int, start: int, count: int) -> bytes:
        """A part of a level.

        Args:
            level: 0 is the finest one.
            start: Its first peak.
            count: WaveformPeaks.

        Returns:
            Smallest and largest sample of each peak in turn, int8; fewer than asked for, or none, where there are no
            more by now.
        """
        first, last = max(0, start), max(0, start + count)
        with self._lock:
            there = 0 <= level < len(self._levels)
            return bytes(self._levels[level][2 * first : 2 * last]) if there else b""

    def _extend(self, pairs: Pairs) -> None:
        """Add peaks to level 0, and to the others what follows from it."""
        self._levels[0] += pairs.tobytes()
        number = 0
        while number + 1 < len(self._levels) or len(self._levels[number]) > 2 * FEW:
            number += 1
            if number == len(self._levels):
                self._levels.append(bytearray())
            below, level = self._levels[number - 1], self._levels[number]
            level += _coarser(below[COARSER * len(level) :], self._complete)


def fill(peaks: WaveformPeaks, excerpt: Excerpt) -> Iterator[float]:
    """Read a source block by block into `peaks`, of which other threads can read meanwhile.

    The source is opened when the first value is asked for, and closed with the generator: a thread stops by leaving its
    loop.

        for _ in fill(peaks, excerpt):
            if stopped.is_set():
                break

    Args:
        peaks: Empty, at the rate that the sound is to be resampled to.
        excerpt: What to read.

    Yields:
        Seconds read so far, some four more each time.

    Raises:
        AudioError: The source cannot be opened or read further; `peaks` keeps what was read, and is not complete.
    """
    with closing(excerpt.opened(peaks.rate)) as sound:
        while not sound.ended:
            peaks.add(sound.read(BLOCK))
            if sound.ended:
                peaks.finish()
            yield peaks.duration


def _quantized(stretches: Samples) -> Pairs:
    """(n, samples) -> smallest and largest of each."""
    pairs = np.stack([stretches.min(axis=1), stretches.max(axis=1)], axis=1)
    if not np.isfinite(pairs).all():  # a NaN makes both of its stretch's NaN
        return _quantized(np.nan_to_num(stretches, nan=0.0, posinf=1.0, neginf=-1.0))
    quantized: Pairs = np.rint(np.clip(pairs, -1.0, 1.0) * FULL_SCALE).astype(np.int8)
    return quantized


def _coarser(pairs: bytearray, last: bool) -> bytes:
    """Peaks of the next level from those of this one; `last`: from fewer than four too, where it ends there."""
    below = np.frombuffer(pairs, np.int8).reshape(-1, 2)
    missing = -len(below) % COARSER
    if not last:
        below = below[: len(below) // COARSER * COARSER]
    elif missing:
        below = np.concatenate([below, np.repeat(below[-1:], missing, axis=0)])
    groups = below.reshape(-1, COARSER, 2)
    return np.stack([groups[:, :, 0].min(axis=1), groups[:, :, 1].max(axis=1)], axis=1).tobytes()
