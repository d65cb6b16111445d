"""A lesson: static HTML that holds its data and its script, so that it lives in exported pages as well.

The widget adds one thing, where a kernel lives: the sound, which the page pulls as the player does. What a lesson shows
is drawn by frontend/src/lesson/lesson.ts.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from whisper_magic.audio.excerpt import Excerpt
from whisper_magic.notebook.views import lesson as view
from whisper_magic.notebook.widgets import messages
from whisper_magic.notebook.widgets.messages import Answer
from whisper_magic.notebook.widgets.page import PageWidget, answers
from whisper_magic.notebook.widgets.sound import SoundSource

SCRIPT = Path(__file__).parent / "static" / "lesson.js"


class Lesson(PageWidget):
    """A lesson, for a notebook.

    Attributes:
        content: what it shows.
        made_from: what was measured or decoded for it (`lessons.measure`); None where nothing was.
    """

    requests = messages.LESSON
    _esm = SCRIPT

    def __init__(self, content: view.Content, made_from: Any = None, excerpt: Excerpt | None = None) -> None:
        """Make one.

        Args:
            content: what it shows.
            made_from: what its figures come from.
            excerpt: the recording, whose sound the page may ask for.
        """
        self.content, self.made_from, self._excerpt = content, made_from, excerpt
        super().__init__()

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

    @answers(messages.SoundRequest)
    def _encoded(self, request: messages.SoundRequest) -> Answer:
        if self._sound is None:
            raise messages.BadRequest("this lesson has no sound")
        return self._sound.encoded(request.offset)
