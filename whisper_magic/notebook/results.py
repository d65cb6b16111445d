"""What a magic returns for several recordings: a tuple of transcripts, and what went wrong with the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, SupportsIndex, overload

from whisper_magic.errors import WhisperMagicError
from whisper_magic.transcript import Transcript, table

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Failure:
    """A source that could not be transcribed.

    Attributes:
        source: its path, URL or expression, as on the line.
        error: why.
    """

    source: str
    error: WhisperMagicError

    def __str__(self) -> str:
        """One line; it names the source, unless the error's message does."""
        message = f"{type(self.error).__name__}: {self.error}"
        return message if self.source in message else f"{self.source}: {message}"


class TranscriptList(tuple[Transcript, ...]):
    """The transcripts of several recordings, in the order of their sources: a tuple with two more attributes.

    Attributes:
        failures: the sources that could not be transcribed, each with its error; they have no transcript here.
    """

    failures: tuple[Failure, ...]

    def __new__(cls, transcripts: Iterable[Transcript] = (), failures: Iterable[Failure] = ()) -> TranscriptList:
        """Make a list.

        Args:
            transcripts: one per recording or, of split channels, per channel.
            failures: what could not be transcribed.
        """
        transcript_list = super().__new__(cls, transcripts)
        transcript_list.failures = tuple(failures)
        return transcript_list

    @overload
    def __getitem__(self, key: SupportsIndex) -> Transcript: ...
    @overload
    def __getitem__(self, key: slice) -> TranscriptList: ...
    def __getitem__(self, key: SupportsIndex | slice) -> Transcript | TranscriptList:
        """A transcript; of a slice a list, with the same failures."""
        item = super().__getitem__(key)
        return item if isinstance(item, Transcript) else TranscriptList(item, self.failures)

    def to_pandas(self, *, words: bool = False) -> pandas.DataFrame:
        """The tables of all of them, one below the other, with the recording's `source` as first column.

        Args:
            words: one row per word instead of one per segment.

        Raises:
            PackageMissing: without pandas (the `pandas` extra).
        """
        return table(self, words=words)

    @property
    def text(self) -> str:
        """The words of all of them, one recording a line."""
        return "\n".join(transcript.text for transcript in self)
