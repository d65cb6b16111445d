"""Which view a shell shows of our objects: IPython's formatters, told by name, so that a transcript knows nothing of
notebooks. In a terminal text is coloured; a notebook's text never is."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from IPython.core.formatters import BaseFormatter
from IPython.core.interactiveshell import InteractiveShell
from IPython.lib.pretty import RepresentationPrinter

from whisper_magic.notebook.views import facts as figures
from whisper_magic.notebook.views import html as render_html
from whisper_magic.notebook.views import text as render_text
from whisper_magic.notebook.views.text import PLAIN, Style


class View(NamedTuple):
    """How one type is shown: in full, in HTML, and on one line inside something else."""

    text: Callable[[Any, Style], str]
    html: Callable[[Any], str]
    line: Callable[[Any], str]


def _status_text(status: Any, style: Style) -> str:
    title, facts = figures.status(status)
    return render_text.render_facts(title, facts, style)


def _view_in(module: str) -> View:
    """The view that a module holds; it is imported when it is first shown, not at %load_ext."""

    def late(name: str) -> Callable[..., str]:
        return lambda *shown: str(getattr(importlib.import_module(module), name)(*shown))

    return View(late("render"), late("render_html"), late("render_line"))


VIEWS = {
    "whisper_magic.transcript.Transcript": View(render_text.render, render_html.render, render_text.render_line),
    "whisper_magic.notebook.jobs.results.TranscriptList": View(
        render_text.render_list, render_html.render_list, lambda made: f"<TranscriptList: {render_text.summary(made)}>"
    ),
    "whisper_magic.comparison.Comparison": _view_in("whisper_magic.notebook.views.comparison"),
    "whisper_magic.scoring.WordErrors": _view_in("whisper_magic.notebook.views.word_errors"),
    "whisper_magic.engine.engine.EngineStatus": View(
        _status_text, lambda status: render_html.render_facts(*figures.status(status)), repr
    ),
}


def register(shell: InteractiveShell) -> None:
    """Show our objects in this shell."""
    plain, html = _formatters(shell)
    for name, view in VIEWS.items():
        plain.for_type(name, partial(_pretty, shell, view))
        html.for_type(name, view.html)


def unregister(shell: InteractiveShell) -> None:
    """Leave the shell's formatters as they were."""
    for formatter in _formatters(shell):
        for name in VIEWS:
            formatter.pop(name, None)


def in_notebook(shell: InteractiveShell) -> bool:
    """Whether this shell is a kernel's: its output goes to a page, not to a terminal."""
    return getattr(shell, "kernel", None) is not None


def style_of(shell: InteractiveShell) -> Style:
    """The width and colours of where this shell's text goes."""
    if in_notebook(shell) or not sys.stdout.isatty():
        return PLAIN
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(min(max(shutil.get_terminal_size().columns, 40), 110), colour)


def _formatters(shell: InteractiveShell) -> tuple[BaseFormatter, BaseFormatter]:
    display = shell.display_formatter
    assert display is not None, "a shell has its formatters from the start"
    return display.formatters["text/plain"], display.formatters["text/html"]


def _pretty(shell: InteractiveShell, view: View, shown: Any, printer: RepresentationPrinter, cycle: bool) -> None:
    nested = len(printer.stack) > 1  # inside a list or a dict: one line
    printer.text(view.line(shown) if nested else view.text(shown, style_of(shell)))
