"""The player during a transcription. Of one recording: words appear in it as they are accepted. Of several: how far
they are, the text of the one that began first, and a stop button.

A page that shows it has asked for its text. Until one has, as where the kernel answers no page while a cell runs, the
progress is shown as any other.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from whisper_magic.notebook.live.progress import Frame
from whisper_magic.notebook.widgets.players import PLAYERS
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Event, Finished, Segment, Started, Transcript

if TYPE_CHECKING:
    from whisper_magic.notebook.widgets.player import Player


class _Live:
    """A player that is made with the first event.

    Attributes:
        stopping: set where the transcription is to end at its next event.
    """

    def __init__(self) -> None:
        self._player: Player | None = None
        self.stopping = threading.Event()

    @property
    def anchor(self) -> str | None:
        """Of the player; None before there is one."""
        return None if self._player is None else self._player.anchor

    def _end_where_stopped(self) -> None:
        """The engine takes the error for Ctrl-C."""
        if self.stopping.is_set():
            raise KeyboardInterrupt


class LivePlayer(_Live):
    """The player of one recording, handed to the transcript with the last event."""

    def __init__(self, source: Any, options: TranscribeOptions) -> None:
        """Make one.

        Args:
            source: what `Engine.transcribe` gets.
            options: how it is transcribed.
        """
        super().__init__()
        self._source, self._options = source, options

    def update(self, event: Event) -> None:
        """Take one event of the engine.

        Raises:
            KeyboardInterrupt: after the player's stop button was pressed.
        """
        if isinstance(event, Finished):
            if self._player is not None:
                PLAYERS.finish(self._player, event.transcript)
            return
        self._end_where_stopped()
        if isinstance(event, Started) and event.duration > 0:  # a stream's length is not known
            task, duration = self._options.task, event.duration
            begun = Transcript((), None, task, duration, event.source, self._options, complete=False)
            self._player = PLAYERS.begin(begun, self._source, self.stopping.set)
        elif isinstance(event, Segment) and self._player is not None:
            self._player.write(event)

    def draw(self, frame: Frame) -> bool:
        """Show how far it is. Whether a page shows this player."""
        player = self._player
        if player is None or not player.shown:
            return False
        if player.writing:
            player.notify(frame.state, frame.fraction, frame.tail)
        return True

    def fail(self, problem: str) -> None:
        """It will not be written any further."""
        if self._player is not None and self._player.writing:
            self._player.finish(None, problem)


class LiveRecordings(_Live):
    """The progress of several recordings; the list of transcripts takes its place."""

    def update(self, event: Event) -> None:
        """Take one event of the engine.

        Raises:
            KeyboardInterrupt: after the stop button was pressed.
        """
        if isinstance(event, Finished):
            return
        self._end_where_stopped()
        if self._player is None:
            self._player = PLAYERS.several(self.stopping.set)

    def draw(self, frame: Frame) -> bool:
        """Show how far they are. Whether a page shows that."""
        if self._player is None or not self._player.shown:
            return False
        self._player.notify(frame.state, frame.fraction, frame.settled + frame.tail)
        return True

    def fail(self, problem: str) -> None:
        """Leave it to the static output to say what went wrong."""
        self._player = None
