"""The player: sound and words in step, in a notebook whose kernel is alive.

The model holds one trait, its anchor: the page asks for all else by messages (`messages`), so that nothing of the
recording is in the notebook's file. What is shown in the cell is the transcript's static view, which carries the
anchor; the page puts the player in its place (frontend/src/player.ts).
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from whisper_magic.audio.encode import BLOCK, CODINGS, encoded, playable
from whisper_magic.audio.excerpt import Excerpt
from whisper_magic.audio.peaks import Peaks, fill
from whisper_magic.errors import AudioError, TranscriptError, WhisperMagicError
from whisper_magic.notebook.views import transcript as view
from whisper_magic.notebook.widgets import messages
from whisper_magic.notebook.widgets.document import document, file_of
from whisper_magic.notebook.widgets.rounds import TokenText, timed_rounds
from whisper_magic.transcript import Transcript

CHUNK = 768 * 1024  # bytes of sound in a message: servers limit what passes at once
PATIENCE = 0.25  # seconds that a request for sound waits for the encoder


class Player(anywidget.AnyWidget):  # type: ignore[misc] # anywidget is untyped here
    """A transcript with its sound, for a notebook.

    Attributes:
        transcript: what is shown.
        anchor: of the static views whose place the player takes.
    """

    _esm = Path(__file__).parent / "static" / "player.js"
    anchor = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init__(self, transcript: Transcript, sound: Excerpt | None, token_text: TokenText | None = None) -> None:
        """Make one.

        Args:
            transcript: what was said.
            sound: of the whole recording; None where it cannot be read any more.
            token_text: a token as people read it; None where the target is not resident.
        """
        self.transcript, self.token_text = transcript, token_text
        self._sound = SoundSource(sound) if sound is not None else None
        self.set_trait("anchor", secrets.token_hex(8))
        super().__init__()
        self.on_msg(self._on_message)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/plain": view.text(self.transcript), "text/html": view.html(self.transcript, self.anchor)}

    def _on_message(self, _: Any, content: Any, buffers: Any) -> None:
        """Answer the page. An error goes back as its line; a fault of ours is reported in the kernel's log as any."""
        name = content.get("id") if isinstance(content, dict) else None
        try:
            value, parts = self._answer(messages.parse(content))
        except (WhisperMagicError, OSError) as error:
            self.send({"id": name if isinstance(name, str) else None, "error": str(error)})
        else:
            self.send({"id": name, "value": value}, parts)

    def _answer(self, request: messages.Request) -> tuple[dict[str, Any], list[bytes]]:
        match request:
            case messages.DocumentRequest():
                return self._document(), []
            case messages.PeaksRequest(level=level, start=start, count=count):
                return self._required_sound.peaks(level, start, count)
            case messages.SoundRequest(offset=offset):
                return self._required_sound.encoded(offset)
            case messages.FileRequest(format=format):
                return dict(file_of(self.transcript, format)), []
            case _:
                return self._trace(), []

    def _document(self) -> dict[str, Any]:
        whole = self.transcript.duration + (self.transcript.options.start or 0.0)
        reached = self.transcript.segments[-1].end if self.transcript.segments else 0.0
        if self._sound is None:
            return document(self.transcript, None, max(whole, reached))
        described, duration = self._sound.described(), self._sound.duration
        clipped = self.transcript.options.end is not None or self.transcript.options.start is not None
        return document(self.transcript, described, duration if clipped and duration else max(whole, reached))

    def _trace(self) -> dict[str, Any]:
        if self.token_text is None:
            raise TranscriptError(f"load {self.transcript.models.target} to see its tokens")
        rounds = timed_rounds(self.transcript, self.token_text)
        left = len(self.transcript.trace.rounds) - len(rounds)
        note = f"{left} rounds of attempts that were decoded again are not drawn." if left else None
        return {"rounds": rounds, "note": note}

    @property
    def _required_sound(self) -> SoundSource:
        if self._sound is None:
            raise TranscriptError("the recording is not here any more")
        return self._sound


class SoundSource:
    """A recording for the page: its file where a browser plays it, its peaks, and an encoding of it.

    Peaks and encoding are made once, each by a thread of its own, when they are first asked for.
    """

    def __init__(self, excerpt: Excerpt) -> None:
        self.excerpt = excerpt
        self._peaks: Peaks | None = None
        self._encoded: _Growing | None = None

    def described(self) -> dict[str, Any]:
        """For the page (`Sound` there)."""
        path = self._path()
        plain = self.excerpt.channel == "mix" and self.excerpt.stream is None
        mime = playable(path) if path is not None and plain else None
        return {
            "path": str(path) if path is not None else None,
            "home": str(Path.home()),
            "size": path.stat().st_size if path is not None else 0,
            "mime": mime,
        }

    @property
    def duration(self) -> float | None:
        """Seconds, as the container says; None where it does not."""
        opened = self.excerpt.opened(Peaks().rate)
        expected = opened.expected
        opened.close()
        return expected

    def peaks(self, level: int, start: int, count: int) -> tuple[dict[str, Any], list[bytes]]:
        """A part of the waveform, as far as it is read."""
        if self._peaks is None:
            self._peaks = Peaks()
            threading.Thread(target=_drained, args=(fill(self._peaks, self.excerpt),), daemon=True).start()
        window = self._peaks.window(level, start, count)
        complete = self._peaks.complete or len(window) == 2 * count
        return {"complete": complete, "count": len(window) // 2}, [window]

    def encoded(self, offset: int) -> tuple[dict[str, Any], list[bytes]]:
        """The next bytes of the encoding; perhaps none yet.

        Raises:
            AudioError: where the sound cannot be read.
        """
        if self._encoded is None:
            self._encoded = _Growing(encoded(self.excerpt))
        part, done = self._encoded.read(offset, CHUNK, PATIENCE)
        seconds = self._encoded.steps * BLOCK
        return {"mime": CODINGS["opus"].mime, "done": done, "seconds": seconds}, [part]

    def _path(self) -> Path | None:
        source = self.excerpt.source
        if not isinstance(source, str | Path) or "://" in str(source):
            return None
        path = Path(source).expanduser().resolve()
        return path if path.is_file() else None


class _Growing:
    """Bytes that a thread goes on making while others read them."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self.steps = 0  # parts by now
        self._content = bytearray()
        self._error: AudioError | None = None
        self._done = False
        self._grown = threading.Condition()
        threading.Thread(target=self._run, name="whisper-encoder", daemon=True).start()

    def read(self, offset: int, count: int, patience: float) -> tuple[bytes, bool]:
        """Bytes from `offset` on, and whether they are the last ones; waits up to `patience` seconds for some."""
        with self._grown:
            self._grown.wait_for(lambda: self._done or len(self._content) >= offset + count, patience)
            if self._error is not None:
                raise self._error
            part = bytes(self._content[offset : offset + count])
            return part, self._done and offset + len(part) >= len(self._content)

    def _run(self) -> None:
        try:
            for part in self._parts:
                with self._grown:
                    self.steps += 1
                    self._content += part
                    self._grown.notify_all()
        except AudioError as error:
            self._error = error
        with self._grown:
            self._done = True
            self._grown.notify_all()


def _drained(steps: Any) -> None:
    """Run to the end; where the sound breaks off, so do its peaks."""
    try:
        for _ in steps:
            pass
    except AudioError:
        pass
