"""Sample rates: blocks at one rate -> blocks at another, with soxr."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from whisper_magic.audio.samples import Samples
from whisper_magic.errors import AudioInvalid


def resampled(blocks: Iterator[Samples], rate: int, wanted: int, channels: int) -> Iterator[Samples]:
    """Change the rate of blocks as they are read.

    Args:
        blocks: (n, channels) each.
        rate: Hz of the blocks.
        wanted: Hz of the result.
        channels: Channels of every block.

    Yields:
        (m, channels) blocks, some of them empty.

    Raises:
        AudioInvalid: soxr is needed and not installed.
    """
    if rate == wanted:
        yield from blocks
        return
    resampler = _resampler(rate, wanted, channels)
    for block in blocks:
        yield resampler.resample_chunk(np.ascontiguousarray(block))
    yield resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True)


class Joiner:
    """Sound whose rate changes on the way, brought to one rate."""

    def __init__(self, rate: int) -> None:
        """rate: Hz of what comes out."""
        self.rate = rate
        self._form: tuple[int, int] | None = None  # rate and channels of what comes in, where its rate is another
        self._resampler: Any = None

    def feed(self, block: Samples, rate: int) -> list[Samples]:
        """Bring a block to the common rate.

        Args:
            block: (n, channels).
            rate: Hz of the block.

        Returns:
            The output so far: blocks, which may differ in channels.
        """
        form = None if rate == self.rate else (rate, block.shape[1])
        out = [] if form == self._form else self.finish()
        if form is None:
            return [*out, block]
        if self._resampler is None:
            self._form, self._resampler = form, _resampler(rate, self.rate, block.shape[1])
        return [*out, self._resampler.resample_chunk(np.ascontiguousarray(block))]

    def finish(self) -> list[Samples]:
        """Return the buffered samples, at the end of the audio or before a change of its rate."""
        if self._form is None:
            return []
        rest: Samples = self._resampler.resample_chunk(np.zeros((0, self._form[1]), np.float32), last=True)
        self._form = self._resampler = None
        return [rest]


def _resampler(rate: int, wanted: int, channels: int) -> Any:
    try:
        import soxr
    except ImportError as error:
        raise AudioInvalid(f"resampling from {rate} to {wanted} Hz needs soxr: pip install soxr") from error
    return soxr.ResampleStream(rate, wanted, channels, dtype="float32")
