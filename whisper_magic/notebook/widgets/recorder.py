"""The recorder: a button in the page, whose microphone's sound comes to the kernel while one speaks.

As of the player, what is in the cell is static HTML with an anchor; the page puts the recorder there
(frontend/src/recorder/recorder.ts).
"""

from __future__ import annotations

import secrets
import threading
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from whisper_magic.audio.capture import Capture
from whisper_magic.errors import WhisperMagicError
from whisper_magic.notebook.widgets import messages
from whisper_magic.notebook.widgets.document import segments_of
from whisper_magic.transcript import Segment, Transcript

LARGEST_CHUNK = 4 << 20  # bytes; a browser sends some kilobytes at a time


class Recorder(anywidget.AnyWidget):  # type: ignore[misc] # anywidget is untyped here
    """Takes the sound of a page's microphone.

    Attributes:
        capture: the sound, as far as it has come.
        anchor: of the static view whose place the recorder takes.
    """

    _esm = Path(__file__).parent / "static" / "recorder.js"
    anchor = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init__(self) -> None:
        self.capture = Capture()
        self._sent = 0
        self._lock = threading.Lock()
        self.set_trait("anchor", secrets.token_hex(8))
        super().__init__()
        messages.answer_while_cells_run(self)
        self.on_msg(self._on_message)

    def notify(self, state: str, settled: tuple[Segment, ...] = (), tail: str = "") -> None:
        """Show what was said so far.

        Args:
            state: what is done now, in words.
            settled: the segments that will not change until the end.
            tail: text that may still change.
        """
        with self._lock:
            transcript = Transcript(settled, None, "transcribe", 0.0, self.capture.name)
            segments = segments_of(transcript, self._sent)
            notice = {"notice": "live", "state": state, "fraction": None, "tail": tail}
            self.send({**notice, "first": self._sent, "segments": segments})
            self._sent += len(segments)

    def fail(self, problem: str) -> None:
        """Say in a line what went wrong."""
        self.send({"notice": "failed", "error": problem})

    def _on_message(self, _: Any, content: Any, buffers: Any) -> None:
        name = content.get("id") if isinstance(content, dict) else None
        try:
            self._take(messages.parse(content, messages.RECORDER), buffers)
        except WhisperMagicError as error:
            self.send({"id": name if isinstance(name, str) else None, "error": str(error)})
        else:
            self.send({"id": name, "value": {}})

    def _take(self, request: messages.Request, buffers: Any) -> None:
        if isinstance(request, messages.EndRequest):
            self.capture.end()
            return
        piece = bytes(buffers[0]) if buffers else b""
        if not 0 < len(piece) <= LARGEST_CHUNK:
            raise messages.BadRequest(f"a chunk has 1 to {LARGEST_CHUNK} bytes, got {len(piece)}")
        if self.capture.ended:
            raise messages.BadRequest("the recording has ended")
        self.capture.add(piece)
