"""What a magic returns for several recordings: a tuple of transcripts, and what went wrong with the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from whisper_magic.errors import WhisperMagicError
from whisper_magic.transcript import Transcript


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
        made = super().__new__(cls, transcripts)
        made.failures = tuple(failures)
        return made

    @property
    def text(self) -> str:
        """The words of all of them, one recording a line."""
        return "\n".join(transcript.text for transcript in self)
