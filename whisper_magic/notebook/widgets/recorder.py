"""The recorder: a button in the page, whose microphone's sound comes to the kernel while one speaks.

As of the player, what is in the cell is static HTML with an anchor; the page puts the recorder there
(frontend/src/recorder/recorder.ts).
"""

from __future__ import annotations

import threading
from pathlib import Path

from whisper_magic.audio.capture import Capture
from whisper_magic.notebook.widgets import messages
from whisper_magic.notebook.widgets.document import segments_of
from whisper_magic.notebook.widgets.messages import Answer
from whisper_magic.notebook.widgets.page import PageWidget, answers
from whisper_magic.transcript import Segment, Transcript


class Recorder(PageWidget):
    """Takes the sound of a page's microphone.

    Attributes:
        capture: the sound, as far as it has come.
    """

    requests = messages.RECORDER
    _esm = Path(__file__).parent / "static" / "recorder.js"

    def __init__(self) -> None:
        self.capture = Capture()
        self._sent = 0  # segments that went out with notices
        self._order = threading.Lock()  # no segment goes out twice
        super().__init__()

    def notify(self, state: str, settled: tuple[Segment, ...] = (), tail: str = "") -> None:
        """Show what was said so far.

        Args:
            state: what is done now, in words.
            settled: the segments that will not change until the end.
            tail: text that may still change.
        """
        with self._order:
            transcript = Transcript(settled, None, "transcribe", 0.0, self.capture.name)
            segments = segments_of(transcript, self._sent)
            notice = {"notice": "live", "state": state, "fraction": None, "tail": tail}
            self.send({**notice, "first": self._sent, "segments": segments})
            self._sent += len(segments)

    def fail(self, problem: str) -> None:
        """Say in a line what went wrong."""
        self.send({"notice": "failed", "error": problem})

    @answers(messages.ChunkRequest)
    def _take(self, request: messages.ChunkRequest) -> Answer:
        if self.capture.ended:
            raise messages.BadRequest("the recording has ended")
        self.capture.add(request.piece)
        return Answer()

    @answers(messages.EndRequest)
    def _end(self, request: messages.EndRequest) -> Answer:
        self.capture.end()
        return Answer()
