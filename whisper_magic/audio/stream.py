"""`AudioStream`: mono audio decoded on demand, so that memory use does not grow with its length."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np

from whisper_magic.audio.notes import Notes
from whisper_magic.audio.samples import Samples
from whisper_magic.audio.sound import Audio
from whisper_magic.errors import AudioError


class AudioStream:
    """Mono sound that is read on demand. Made by `load.stream`; close it, or read it to its end.

    Attributes:
        source: Where it comes from, as shown to people.
        channel: Channel of the source, as shown to people.
        start: Second of the source at which it begins.
        sample_rate: Hz.
        expected: Expected duration in seconds; None where it is not known. Never a limit.
    """

    def __init__(
        self,
        pieces: Iterator[Samples],
        audio: Audio,
        expected: float | None,
        stack: ExitStack,
        notes: Notes | None = None,
    ) -> None:
        """Wrap an iterator of samples.

        Args:
            pieces: (n, 1) each, at the rate of `audio`.
            audio: Holds no samples; gives source, channel, start and rate.
            expected: Expected duration in seconds.
            stack: Closes what `pieces` reads from.
            notes: What is noticed; they grow while the pieces are read.
        """
        self.source, self.channel, self.start = audio.source, audio.channel, audio.start
        self.sample_rate, self.expected = audio.sample_rate, expected
        self._pieces, self._stack, self._notes = pieces, stack, notes or Notes(audio.notes)
        self._closed = False
        self._failure: AudioError | None = None
        self._rest: Samples = np.zeros(0, np.float32)

    @classmethod
    def of(cls, audio: Audio) -> AudioStream:
        """Wrap sound that is in memory already."""
        return cls(iter([audio.samples[:, None]]), audio, audio.duration, ExitStack())

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes so far, one line each: damage, gaps, several audio streams."""
        return self._notes.lines()

    @property
    def ended(self) -> bool:
        """Whether everything was read."""
        return self._closed and not len(self._rest) and self._failure is None

    def fetch(self, count: int | None = None) -> None:
        """Decode and resample ahead of time what `read(count)` will return. Errors are raised by `read`."""
        parts, have = [self._rest], len(self._rest)
        while not self._closed and (count is None or have <= count):  # one more, to know whether it ends there
            try:
                piece = next(self._pieces, None)
            except AudioError as error:
                self._failure, piece = error, None
            if piece is None:
                self.close()
            else:
                parts.append(piece[:, 0])
                have += len(piece)
        self._rest = np.concatenate(parts)

    def read(self, count: int | None = None) -> Samples:
        """Read the next samples.

        Args:
            count: How many samples; None for all that are left.

        Returns:
            (n,) samples, fewer than `count` only where the sound ends.

        Raises:
            AudioError: The source cannot be read further; with a `count`, after what could be read was returned.
        """
        self.fetch(count)
        whole = self._rest
        cut = len(whole) if count is None else min(count, len(whole))
        if self._failure is not None and (count is None or not cut):
            raise self._failure
        self._rest = whole[cut:]
        return np.ascontiguousarray(whole[:cut])

    def close(self) -> None:
        """Close the source; samples that were not read are lost."""
        self._closed = True
        self._stack.close()
