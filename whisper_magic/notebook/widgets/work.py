"""What a player asks of the engine: in a thread, one thing at a time, with progress and a stop.

The engine serves one call at a time; while a cell transcribes, this waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from whisper_magic.errors import Interrupted, OptionError, WhisperMagicError
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Event, Segment, Transcript

BETWEEN_NOTICES = 1 / 10  # seconds

Transcribe = Callable[[Any, TranscribeOptions, Callable[[Event], None]], Transcript]
Notice = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Task:
    """One transcription.

    Attributes:
        source: what `Engine.transcribe` takes.
        options: how.
        seconds: of sound that it reads, for its progress.
        done: called with its transcript.
    """

    source: Any
    options: TranscribeOptions
    seconds: float
    done: Callable[[Transcript], dict[str, Any]]


class Work:
    """Runs the tasks of one player.

    Attributes:
        busy: whether one runs.
    """

    def __init__(self, transcribe: Transcribe, notice: Notice) -> None:
        """Make one.

        Args:
            transcribe: of the resident engine.
            notice: sends a notice to the page.
        """
        self._transcribe, self._notice = transcribe, notice
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    @property
    def busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self, task: Task) -> None:
        """Run a task.

        Raises:
            OptionError: where one runs already.
        """
        if self.busy:
            raise OptionError("something else is being transcribed here; stop it first")
        self._stopped.clear()
        self._thread = threading.Thread(target=self._run, args=(task,), name="whisper-player", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End what runs, at its next event."""
        self._stopped.set()

    def wait(self, seconds: float) -> None:
        """Until nothing runs, or that long."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self, task: Task) -> None:
        sent = time.monotonic()  # when the last notice was
        reached, start = 0.0, task.options.start or 0.0

        def on_event(event: Event) -> None:
            nonlocal sent, reached
            if self._stopped.is_set():
                raise KeyboardInterrupt  # the engine takes it for Ctrl-C, and ends in good order
            if isinstance(event, Segment):
                reached = max(reached, event.end - start)
            if (now := time.monotonic()) - sent >= BETWEEN_NOTICES:
                sent = now
                self._notice({"notice": "progress", "fraction": round(min(1.0, reached / max(0.1, task.seconds)), 3)})

        try:
            transcript = self._transcribe(task.source, task.options, on_event)
            self._notice({"notice": "result", **task.done(transcript)})
        except (Interrupted, KeyboardInterrupt):
            self._notice({"notice": "stopped"})
        except WhisperMagicError as error:
            self._notice({"notice": "failed", "error": str(error)})
        except Exception as error:  # an internal error: the page must not wait for ever, and the log names it
            self._notice({"notice": "failed", "error": f"{type(error).__name__}: {error}"})
            raise


def span_of(transcript: Transcript, start: float, end: float) -> tuple[float, float]:
    """A stretch, grown to whole segments: text is replaced by the segment."""
    touched = [segment for segment in transcript.segments if segment.start < end and segment.end > start]
    if not touched:
        return start, end
    return min(start, touched[0].start), max(end, touched[-1].end)


def spliced(transcript: Transcript, part: Transcript, start: float, end: float) -> Transcript:
    """A transcript with the segments of a stretch replaced by those of another reading of it."""
    middle = (start + end) / 2
    outside = [segment for segment in transcript.segments if segment.end <= start or segment.start >= end]
    before = [segment for segment in outside if segment.end <= middle]
    after = [segment for segment in outside if segment.end > middle]
    inside = [_marked(segment, part, transcript) for segment in part.segments]
    return replace(transcript, segments=(*before, *inside, *after))


def _marked(segment: Segment, part: Transcript, whole: Transcript) -> Segment:
    """With its language, where that is another than the recording's."""
    language = segment.language or (part.language if part.language != whole.language else None)
    return replace(segment, language=language)
