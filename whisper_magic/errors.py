"""The error tree. Every error that a user can cause is one of these. Its message is one line:
what failed, what was received, what to do.

    WhisperMagicError
    ├── OptionError          an option's name or value
    ├── AudioError           a source of audio
    │   ├── AudioNotFound        no such file, a folder, an unreachable URL
    │   ├── AudioUnreadable      not audio, damaged, or without an audio stream
    │   └── AudioInvalid         invalid samples, shape, rate or range
    ├── CheckpointError      a model that cannot be found, loaded or paired
    ├── EngineClosed         a call to an engine after close()
    ├── EngineBusy           a call to an engine inside its own stream()
    ├── PackageMissing       an optional package that is not installed; the message has the pip command
    ├── SomeFailed           some of many recordings failed; carries the transcripts of the others
    ├── LibraryError         a library's file, a query, a manifest or an export that cannot be read or written
    └── TranscriptError      a saved transcript that cannot be read, or a format that is not known
    KeyboardInterrupt
    └── Interrupted          Ctrl-C; carries the partial transcript. Not under the root, so that a loop's
                             `except WhisperMagicError` does not swallow it

IPython calls an exception's `_render_traceback_` before it prints a traceback; these return their one line. The
module does not import IPython.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class WhisperMagicError(Exception):
    """Root of the tree: every error that a user can cause."""

    def _render_traceback_(self) -> list[str]:
        """The line that IPython shows instead of a traceback (IPython.core.interactiveshell)."""
        return [f"{type(self).__name__}: {self}"]


class OptionError(WhisperMagicError, ValueError):
    """An unknown option, or an invalid value."""


class AudioError(WhisperMagicError):
    """A source of audio that cannot be used."""


class AudioNotFound(AudioError, FileNotFoundError):
    """The source does not exist: no such file, a folder, an unreachable URL."""

    def __str__(self) -> str:  # FileNotFoundError would format errno and file name
        return str(self.args[0]) if self.args else ""


class AudioUnreadable(AudioError):
    """The source exists, but no audio could be decoded from it."""


class AudioInvalid(AudioError, ValueError):
    """The samples, their shape, their rate or the requested part are invalid."""


class CheckpointError(WhisperMagicError):
    """A checkpoint that cannot be found or read, or a draft that does not fit its target."""


class EngineClosed(WhisperMagicError, RuntimeError):
    """The engine was closed, and its memory is freed."""


class EngineBusy(WhisperMagicError, RuntimeError):
    """A call from inside another call of the same engine, which serves one at a time."""


class PackageMissing(WhisperMagicError, ImportError):
    """A required optional package is not installed; the message has the pip command."""


class TranscriptError(WhisperMagicError, ValueError):
    """A transcript file or format that cannot be read or written, or a transcript without the requested data."""


class LibraryError(WhisperMagicError, ValueError):
    """A library that cannot be opened, read or written, an invalid query or manifest, or a failed export."""


class SomeFailed(WhisperMagicError):
    """Some of many recordings failed; the others were finished.

    Attributes:
        transcripts: one `Transcript` per recording in the order of the sources, None if it failed.
        errors: the errors, by the index of the source.
    """

    def __init__(self, transcripts: Sequence[Any], errors: Mapping[int, WhisperMagicError]) -> None:
        self.transcripts, self.errors = tuple(transcripts), dict(errors)
        done = sum(transcript is not None for transcript in self.transcripts)
        first = next(iter(self.errors.values()))
        others = f"; the other {done} are in .transcripts" if done else ""
        super().__init__(f"{len(self.errors)} of {len(self.errors) + done} recordings failed, first: {first}{others}")


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a transcription.

    Attributes:
        transcripts: one per recording: a `Transcript` if it was started, with `complete` False if it was not finished;
            None if it was not started or had failed.
    """

    def __init__(self, message: str, transcripts: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.transcripts = tuple(transcripts)

    @property
    def transcript(self) -> Any:
        """The last `Transcript` that was started, or None."""
        return next((transcript for transcript in reversed(self.transcripts) if transcript is not None), None)

    def _render_traceback_(self) -> list[str]:
        """As of `WhisperMagicError`."""
        return [f"Interrupted: {self}"]
