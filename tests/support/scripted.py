"""`%load_ext tests.support.scripted`: whisper_magic in a kernel, with the scripted engine for every pair of models."""

from __future__ import annotations

from IPython.core.interactiveshell import InteractiveShell

from tests.support import fake_engine
from whisper_magic.audio import load
from whisper_magic.notebook.jobs.session import SESSION


def load_ipython_extension(shell: InteractiveShell) -> None:
    SESSION.loader, SESSION.checker = fake_engine.load, lambda choice: None
    load.find = lambda source: None  # type: ignore[assignment]  # the scripted engine reads no files
    shell.run_line_magic("load_ext", "whisper_magic")
