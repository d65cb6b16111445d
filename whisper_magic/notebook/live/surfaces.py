"""Where live progress shows: one line of a terminal, rewritten; or one output of a notebook's cell, updated.

Both are empty at the end. A notebook cannot take back a single output. Where the magic owns the cell's output, all of
it is cleared; elsewhere that would take other outputs away, and an empty one stays.
"""

from __future__ import annotations

import shutil
import sys
import threading
from typing import Protocol, TextIO

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import DisplayHandle, clear_output

from whisper_magic.notebook.line import cell
from whisper_magic.notebook.live.progress import Frame, Surface
from whisper_magic.notebook.views import html
from whisper_magic.notebook.views.html import escaped
from whisper_magic.notebook.views.registry import in_notebook, style_of
from whisper_magic.notebook.views.text import Style, display_width, printable, shorten
from whisper_magic.transcript import Event


def surface_of(shell: InteractiveShell, live: View | None = None) -> Surface | None:
    """Where this shell can show progress; None where its output goes to a pipe or a file.

    Args:
        shell: the shell.
        live: the player of what is transcribed, for a page.
    """
    if in_notebook(shell):
        return NotebookSurface(cell.owns_output(shell), live)
    return TerminalSurface(sys.stderr, style_of(shell)) if sys.stderr.isatty() else None


class TerminalSurface:
    """One line of a terminal."""

    def __init__(self, stream: TextIO, style: Style) -> None:
        self.stream, self.style = stream, style

    def draw(self, frame: Frame) -> None:
        """Rewrite the line, cut to the terminal's width."""
        width = shutil.get_terminal_size().columns - 1
        state = shorten(printable(frame.line), width)
        remaining = width - display_width(state) - 3
        line = state
        if remaining >= 12 and (frame.settled or frame.tail):
            settled, tail = _fit(printable(frame.settled), printable(frame.tail), remaining)
            line = f"{state} · {settled}{self.style.paint(tail, 'dim')}"
        self._write(f"\r{line}\x1b[K")

    def clear(self) -> None:
        """Empty the line."""
        self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()


def _fit(settled: str, tail: str, width: int) -> tuple[str, str]:
    """The end of the text in `width` columns, with its settled part and its tail apart."""
    cut = 0
    while display_width(settled[cut:]) + display_width(tail) > width and cut < len(settled):
        cut += 1
    while cut == len(settled) and display_width(tail) > width:
        tail = tail[1:]
    return settled[cut:].lstrip(), tail if settled[cut:] else tail.lstrip()


class View(Protocol):
    """A widget that shows a job in place of its static output.

    Attributes:
        stopping: set where the job is to end at its next event.
    """

    stopping: threading.Event

    @property
    def anchor(self) -> str | None:
        """Of the static output; None while there is no widget."""

    def update(self, event: Event) -> None:
        """Take an event of the engine; KeyboardInterrupt stops the job."""

    def draw(self, frame: Frame) -> bool:
        """Show how far it is; False where no page shows the widget."""

    def fail(self, problem: str) -> None:
        """Show what went wrong."""


class NotebookSurface:
    """One output of a notebook's cell."""

    def __init__(self, owns_output: bool, live: View | None = None) -> None:
        """Make one.

        Args:
            owns_output: whether nothing else shows anything in this cell.
            live: shows what a frame does, once a page has it.
        """
        self.owns_output, self.live = owns_output, live
        self._handle: DisplayHandle | None = None
        self._anchored = False  # whether what is shown has the widget's anchor

    def draw(self, frame: Frame) -> None:
        """Show the output, or update it."""
        if self._anchored and self.live is not None and self.live.draw(frame):
            return
        bundle = bundle_of(frame, self.live)
        self._anchored = self.live is not None and self.live.anchor is not None
        if self._handle is None:
            self._handle = DisplayHandle()
            self._handle.display(bundle, raw=True)
        else:
            self._handle.update(bundle, raw=True)

    def clear(self) -> None:
        """Clear the cell's output where nothing else wrote to it; else empty this output alone."""
        if self._handle is not None and self.owns_output:
            clear_output()
        elif self._handle is not None:
            self._handle.update({}, raw=True)


def bundle_of(frame: Frame, live: View | None = None) -> dict[str, str]:
    """A frame as an output; the player takes its place where a page shows that."""
    return {"text/html": _html(frame, live.anchor if live is not None else None), "text/plain": printable(frame.line)}


def _html(frame: Frame, anchor: str | None = None) -> str:
    done = "" if frame.fraction is None else f' value="{frame.fraction:.3f}"'
    text = f"{escaped(frame.settled)}<span class='wm-soft'>{escaped(frame.tail)}</span>"
    bar = f'<progress max="1"{done}></progress> <span class="wm-soft">{escaped(frame.line)}</span>'
    content = f'<div class="wm-progress"><div>{bar}</div><div class="wm-speech" dir="auto">{text}</div></div>'
    return html.frame(content, "Transcription in progress", anchor=anchor)
