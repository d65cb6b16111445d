"""Where live progress shows: one line of a terminal, rewritten; or one output of a notebook's cell, updated.

Both are empty again at the end. A notebook cannot take back a single output: where nothing else in the cell shows
anything, the cell's output is cleared; elsewhere that would take away what came before, and the output is emptied.
"""

from __future__ import annotations

import ast
import shutil
import sys
from typing import TextIO

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import DisplayHandle, clear_output

from whisper_magic.notebook.live.progress import Frame, Surface
from whisper_magic.notebook.views import html as render_html
from whisper_magic.notebook.views.html import escaped
from whisper_magic.notebook.views.registry import in_notebook, style_of
from whisper_magic.notebook.views.text import Style, display_width, printable, shorten

_MAGICS = ("whisper", "transcribe")


def surface_of(shell: InteractiveShell) -> Surface | None:
    """Where this shell can show progress; None where its output goes to a pipe or a file."""
    if in_notebook(shell):
        return NotebookSurface(alone=_is_alone(shell))
    return TerminalSurface(sys.stderr, style_of(shell)) if sys.stderr.isatty() else None


class TerminalSurface:
    """One line, rewritten in place."""

    def __init__(self, stream: TextIO, style: Style) -> None:
        self.stream, self.style = stream, style

    def draw(self, frame: Frame) -> None:
        width = shutil.get_terminal_size().columns - 1
        state = shorten(printable(frame.state), width)
        room = width - display_width(state) - 3
        line = state
        if room >= 12 and (frame.settled or frame.tail):
            settled, tail = _fit(printable(frame.settled), printable(frame.tail), room)
            line = f"{state} · {settled}{self.style.paint(tail, 'dim')}"
        self._write(f"\r{line}\x1b[K")

    def clear(self) -> None:
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


class NotebookSurface:
    """One output, updated in place."""

    def __init__(self, alone: bool) -> None:
        self.alone = alone
        self._handle: DisplayHandle | None = None

    def draw(self, frame: Frame) -> None:
        bundle = {"text/html": _html(frame), "text/plain": printable(frame.state)}
        if self._handle is None:
            self._handle = DisplayHandle()
            self._handle.display(bundle, raw=True)
        else:
            self._handle.update(bundle, raw=True)

    def clear(self) -> None:
        if self._handle is not None and self.alone:
            clear_output()
        elif self._handle is not None:
            self._handle.update({}, raw=True)


def _html(frame: Frame) -> str:
    done = "" if frame.fraction is None else f' value="{frame.fraction:.3f}"'
    said = f"{escaped(frame.settled)}<span class='wm-soft'>{escaped(frame.tail)}</span>"
    bar = f'<progress max="1"{done}></progress> <span class="wm-soft">{escaped(frame.state)}</span>'
    content = f'<div>{bar}</div><div class="wm-said" dir="auto">{said}</div>'
    return render_html.frame(content, "Transcription in progress")


def _is_alone(shell: InteractiveShell) -> bool:
    """Whether nothing but our magic can show anything in the running cell: it is the last statement (or a variable is
    assigned from it), and before it there are imports and `%load_ext` at most."""
    history = shell.history_manager.input_hist_parsed if shell.history_manager else [""]
    try:
        *before, last = ast.parse(history[-1]).body
    except (SyntaxError, ValueError, IndexError):
        return False
    silent = all(isinstance(one, ast.Import | ast.ImportFrom) or _magic_of(one) == "load_ext" for one in before)
    return silent and _magic_of(last) in _MAGICS


def _magic_of(statement: ast.stmt) -> str | None:
    """The name of the magic that a statement of a transformed cell calls; None where it calls none."""
    if not isinstance(statement, ast.Expr | ast.Assign):
        return None
    call = statement.value
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
        return None
    name = call.args[0]
    called = call.func.attr in ("run_line_magic", "run_cell_magic") and isinstance(name, ast.Constant)
    return str(name.value) if called and isinstance(name, ast.Constant) else None
