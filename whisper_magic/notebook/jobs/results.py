"""What a magic returns for several recordings: a tuple of transcripts, and what went wrong with the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from whisper_magic.errors import WhisperMagicError
from whisper_magic.transcript import Transcript


@dataclass(frozen=True)
class Failure:
    """A source that could not be transcribed."""

    source: str
    error: WhisperMagicError

    def __str__(self) -> str:
        """One line; it names the source, unless the error's own message does."""
        message = f"{type(self.error).__name__}: {self.error}"
        return message if self.source in message else f"{self.source}: {message}"


class TranscriptList(tuple[Transcript, ...]):
    """Transcripts in the order of their sources. `failures` are the sources that are missing here."""

    failures: tuple[Failure, ...]

    def __new__(cls, transcripts: Iterable[Transcript] = (), failures: Iterable[Failure] = ()) -> TranscriptList:
        made = super().__new__(cls, transcripts)
        made.failures = tuple(failures)
        return made

    @property
    def text(self) -> str:
        """What was said in all of them, one recording a line."""
        return "\n".join(transcript.text for transcript in self)
