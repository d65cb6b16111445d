"""`Excerpt`: the part of a source that is played and drawn, as a value that can be opened repeatedly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from whisper_magic.audio.load import stream
from whisper_magic.audio.stream import AudioStream


@dataclass(frozen=True)
class Excerpt:
    """One channel of a part of a source. The fields are arguments of `load.stream`.

    Attributes:
        source: What `load` takes. A file object that cannot seek can be opened once only.
        rate: Hz of an array; files carry theirs.
        channel: "mix", "left", "right" or an index.
        start: Seconds of the source; None is its beginning.
        end: Seconds of the source; None is its end.
        stream: Which audio stream of a file that has several, from 0; None for the default one.
    """

    source: Any
    rate: float | None = None
    channel: str | int = "mix"
    start: float | None = None
    end: float | None = None
    stream: int | None = None

    def opened(self, sample_rate: int) -> AudioStream:
        """Open it.

        Args:
            sample_rate: Hz of the result.

        Returns:
            Mono sound; close it, or read it to its end.

        Raises:
            AudioError: As `load.stream`.
        """
        return stream(
            self.source,
            self.rate,
            sample_rate=sample_rate,
            channel=self.channel,
            start=self.start,
            end=self.end,
            stream=self.stream,
        )
