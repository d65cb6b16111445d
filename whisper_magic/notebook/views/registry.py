"""Registers the view of each type with a shell.

IPython's formatters look up types by name, so that a transcript does not depend on notebooks. Text is coloured in a
terminal, never in a notebook.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from functools import partial
from types import ModuleType
from typing import Any

from IPython.core.formatters import BaseFormatter
from IPython.core.interactiveshell import InteractiveShell
from IPython.lib.pretty import RepresentationPrinter

from whisper_magic.notebook.views.text import PLAIN, Style

# Type -> the module of its view, which holds `text`, `html` and `line`; imported when it is first shown.
VIEWS = {
    "whisper_magic.transcript.Transcript": "transcript",
    "whisper_magic.transcript.Trace": "trace",
    "whisper_magic.notebook.results.TranscriptList": "transcript_list",
    "whisper_magic.engine.engine.EngineStatus": "status",
    "whisper_magic.library.library.Library": "library",
    "whisper_magic.library.search.Hits": "hits",
    "whisper_magic.comparison.Comparison": "comparison",
    "whisper_magic.scoring.WordErrors": "word_errors",
}


def register(shell: InteractiveShell) -> None:
    """Register the views with this shell."""
    plain, html = _formatters(shell)
    for name, module in VIEWS.items():
        plain.for_type(name, partial(_pretty, shell, module))
        html.for_type(name, partial(_html, module))


def unregister(shell: InteractiveShell) -> None:
    """Remove the views from the shell's formatters."""
    for formatter in _formatters(shell):
        for name in VIEWS:
            formatter.pop(name, None)


def in_notebook(shell: InteractiveShell) -> bool:
    """Whether this shell belongs to a kernel, whose output goes to a page and not to a terminal."""
    return getattr(shell, "kernel", None) is not None


def style_of(shell: InteractiveShell) -> Style:
    """Width and colours for this shell's text output."""
    if in_notebook(shell) or not sys.stdout.isatty():
        return PLAIN
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(min(max(shutil.get_terminal_size().columns, 40), 110), colour)


def _formatters(shell: InteractiveShell) -> tuple[BaseFormatter, BaseFormatter]:
    display = shell.display_formatter
    assert display is not None, "a shell has its formatters from the start"
    return display.formatters["text/plain"], display.formatters["text/html"]


def _view(module: str) -> ModuleType:
    return importlib.import_module(f"whisper_magic.notebook.views.{module}")


def _html(module: str, shown: Any) -> str:
    return str(_view(module).html(shown))


def _pretty(shell: InteractiveShell, module: str, shown: Any, printer: RepresentationPrinter, cycle: bool) -> None:
    view = _view(module)
    nested = len(printer.stack) > 1  # inside a list or a dict: one line
    printer.text(view.line(shown) if nested else view.text(shown, style_of(shell)))
