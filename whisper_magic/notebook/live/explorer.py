"""The explorer of a library while a run in the background fills it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from whisper_magic.notebook.live.progress import Frame
from whisper_magic.transcript import Event, Finished

if TYPE_CHECKING:
    from whisper_magic.notebook.widgets.explorer import Explorer


class LiveExplorer:
    """The explorer as the view of a job (`live.surfaces.View`).

    Attributes:
        stopping: set where the job is to end at its next event.
    """

    def __init__(self, explorer: Explorer) -> None:
        self._explorer = explorer
        self.stopping = threading.Event()

    @property
    def anchor(self) -> str | None:
        """Of the explorer."""
        return self._explorer.anchor

    def update(self, event: Event) -> None:
        """Take one event of the engine.

        Raises:
            KeyboardInterrupt: after the job was stopped: the engine takes it for Ctrl-C.
        """
        if self.stopping.is_set() and not isinstance(event, Finished):
            raise KeyboardInterrupt

    def draw(self, frame: Frame) -> bool:
        """Show how far it is. Whether a page shows this explorer."""
        self._explorer.notify(frame.state, frame.fraction, running=True)
        return self._explorer.shown

    def fail(self, problem: str) -> None:
        """Show what went wrong, in one line."""
        self.end(problem)

    def end(self, state: str) -> None:
        """End it. state: how it ended; "" where nothing went wrong."""
        self._explorer.notify(state, None, running=False)
