"""`%whisper help`, and `-h` of every command."""

from __future__ import annotations

from whisper_magic.notebook.jobs.context import Context
from whisper_magic.notebook.line.requests import HelpRequest


def show(request: HelpRequest, context: Context) -> None:
    """Print a help page."""
    print(request.page)
