"""A lesson: static HTML that holds its data and its script, so that it lives in exported pages as well.

The widget adds one thing, where a kernel lives: the sound, which the page pulls as the player does. What a lesson shows
is drawn by frontend/src/lesson/lesson.ts.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from whisper_magic.audio.excerpt import Excerpt
from whisper_magic.errors import WhisperMagicError
from whisper_magic.notebook.views import lesson as view
from whisper_magic.notebook.views.tables import Table
from whisper_magic.notebook.widgets import messages
from whisper_magic.notebook.widgets.sound import SoundSource

SCRIPT = Path(__file__).parent / "static" / "lesson.js"


@dataclass(frozen=True)
class Content:
    """What a lesson shows.

    Attributes:
        kind: "race", "stepper", "lab" or "bench".
        title: of the whole.
        summary: its result, in a line.
        table: its figures, for text and for pages without scripts.
        data: for the page (frontend/src/lesson/protocol.ts).
    """

    kind: str
    title: str
    summary: str
    table: Table
    data: dict[str, Any]


class Lesson(anywidget.AnyWidget):  # type: ignore[misc] # anywidget is untyped here
    """A lesson, for a notebook.

    Attributes:
        content: what it shows.
        made_from: what was measured or decoded for it (`lessons.measure`); None where nothing was.
        anchor: of its static view.
    """

    _esm = SCRIPT
    anchor = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init__(self, content: Content, made_from: Any = None, excerpt: Excerpt | None = None) -> None:
        """Make one.

        Args:
            content: what it shows.
            made_from: what its figures come from.
            excerpt: the recording, whose sound the page may ask for.
        """
        self.content, self.made_from, self._excerpt = content, made_from, excerpt
        self.set_trait("anchor", secrets.token_hex(8))
        super().__init__()
        messages.answer_while_cells_run(self)
        self.on_msg(self._on_message)

    def __repr__(self) -> str:
        return view.text(self.content)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {
            "text/plain": view.text(self.content),
            "text/html": view.html(self.content, SCRIPT.read_text("utf-8"), self.anchor),
        }

    @cached_property
    def _sound(self) -> SoundSource | None:
        return None if self._excerpt is None else SoundSource(self._excerpt)

    def _on_message(self, _: Any, content: Any, buffers: Any) -> None:
        name = content.get("id") if isinstance(content, dict) else None
        try:
            request = messages.parse(content, messages.LESSON)
            assert isinstance(request, messages.SoundRequest)
            if self._sound is None:
                raise messages.BadRequest("this lesson has no sound")
            value, parts = self._sound.encoded(request.offset)
        except (WhisperMagicError, OSError) as error:
            self.send({"id": name if isinstance(name, str) else None, "error": str(error)})
        else:
            self.send({"id": name, "value": value}, parts)
