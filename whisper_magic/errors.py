"""The error tree. Every error that a user can cause is one of these, with a message of one line:
what failed, what was seen, what to do.

    WhisperMagicError
    ├── OptionError          an option's name or value
    ├── AudioError           a source of sound
    │   ├── AudioNotFound        no such file, a folder, an unreachable URL
    │   ├── AudioUnreadable      not audio, damaged, or holding no audio stream
    │   └── AudioInvalid         samples, shape, rate or range that make no sense
    ├── CheckpointError      a model that cannot be found, loaded or paired
    ├── EngineClosed         work asked of an engine after close()
    ├── EngineBusy           work asked of an engine inside its own stream()
    ├── PackageMissing       an optional package that is not installed; the message has the pip command
    ├── SomeFailed           some of many recordings failed; carries the transcripts of the others
    └── TranscriptError      a saved transcript that cannot be read, or a format that is not known
    KeyboardInterrupt
    └── Interrupted          Ctrl-C; carries the partial transcript. Not under the root, so that a loop's
                             `except WhisperMagicError` does not swallow it

This module knows nothing of IPython, but IPython asks any exception for `_render_traceback_` when it
shows one: ours answer with their one line, so that a mistake never prints a stack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class WhisperMagicError(Exception):
    """Root of the tree; catch this to catch all of them."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: one line (IPython.core.interactiveshell)."""
        return [f"{type(self).__name__}: {self}"]


class OptionError(WhisperMagicError, ValueError):
    """An option that does not exist, or a value that it cannot take."""


class AudioError(WhisperMagicError):
    """A source of sound that cannot be used."""


class AudioNotFound(AudioError, FileNotFoundError):
    """The source is not there: no such file, a folder, an unreachable URL."""

    def __str__(self) -> str:  # FileNotFoundError would format errno and file name
        return str(self.args[0]) if self.args else ""


class AudioUnreadable(AudioError):
    """The source is there, but no sound could be decoded from it."""


class AudioInvalid(AudioError, ValueError):
    """The samples, their shape, their rate or the part asked for make no sense."""


class CheckpointError(WhisperMagicError):
    """A checkpoint that cannot be found, read, or paired with the other one."""


class EngineClosed(WhisperMagicError, RuntimeError):
    """The engine was closed; its memory is gone."""


class EngineBusy(WhisperMagicError, RuntimeError):
    """The engine serves one call at a time, and this thread is in the middle of one."""


class PackageMissing(WhisperMagicError, ImportError):
    """What was asked for needs an optional package that is not installed."""


class TranscriptError(WhisperMagicError, ValueError):
    """A transcript file or format that cannot be read or written."""


class SomeFailed(WhisperMagicError):
    """Some of many recordings failed, and the others were finished.

    transcripts: one per recording, None where it failed. errors: what went wrong, by the source's index.
    """

    def __init__(self, transcripts: Sequence[Any], errors: Mapping[int, WhisperMagicError]) -> None:
        self.transcripts, self.errors = tuple(transcripts), dict(errors)
        done = sum(transcript is not None for transcript in self.transcripts)
        first = next(iter(self.errors.values()))
        others = f"; the other {done} are in .transcripts" if done else ""
        super().__init__(f"{len(self.errors)} of {len(self.errors) + done} recordings failed, first: {first}{others}")


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a transcription.

    transcripts: one per recording that was begun, those that were not finished with `complete` False; None for those
    that were not begun or had failed. transcript: the last one begun, or None.
    """

    def __init__(self, message: str, transcripts: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.transcripts = tuple(transcripts)

    @property
    def transcript(self) -> Any:
        return next((found for found in reversed(self.transcripts) if found is not None), None)

    def _render_traceback_(self) -> list[str]:
        return [f"Interrupted: {self}"]
