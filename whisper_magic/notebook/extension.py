"""`%load_ext`, `%unload_ext` and `%reload_ext`: what is added to a shell and taken out of it again.

IPython reloads an extension by unloading and loading it, and passes no sign of which it is doing. The models therefore
outlive an unload until its cell ends: an extension that is registered again by then keeps them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from IPython.core.interactiveshell import InteractiveShell

from whisper_magic.errors import WhisperMagicError
from whisper_magic.notebook.jobs.background import JOBS
from whisper_magic.notebook.jobs.session import SESSION
from whisper_magic.notebook.line import completion
from whisper_magic.notebook.magics import MODEL_TRAITS, WhisperMagics
from whisper_magic.notebook.views import registry as views
from whisper_magic.notebook.widgets import explorers, players
from whisper_magic.transcript import Transcript

if TYPE_CHECKING:
    from whisper_magic.engine.engine import Engine


def load(shell: InteractiveShell) -> None:
    """Add the magics, their completion and the views to a shell, or replace those that are there.

    IPython keeps what `%config` set.
    """
    _remove(shell)
    magics = WhisperMagics(shell)
    magics.observe(magics.on_model_change, names=[*MODEL_TRAITS])
    SESSION.register(magics.choice())
    shell.register_magics(magics)
    magics.matcher = completion.Matcher(shell, SESSION.languages)
    shell.Completer.custom_matchers.append(magics.matcher)
    views.register(shell)
    players.register(shell, lambda: magics.player)
    explorers.register(shell, lambda: magics.player)
    players.PLAYERS.engine_of = _engine_of


def unload(shell: InteractiveShell) -> None:
    """Take everything out of a shell and free the models: when the running cell ends, or now where none runs."""
    _remove(shell)
    SESSION.unregister()
    if not shell.display_trap.is_active:  # no cell runs
        _free()
        return

    def at_cell_end() -> None:
        shell.events.unregister("post_execute", at_cell_end)
        try:
            _free()
        except WhisperMagicError as error:  # an engine that is in use; IPython would print a callback's arguments
            print(f"{type(error).__name__}: {error}", file=sys.stderr)

    shell.events.register("post_execute", at_cell_end)


def _free() -> None:
    """Stop the jobs and free the models, unless the extension was loaded again."""
    if not SESSION.registered:
        JOBS.stop()
    SESSION.free_if_unregistered()


def _engine_of(transcript: Transcript) -> Engine | None:
    """The resident engine, where its target wrote a transcript."""
    engine = SESSION.resident
    return engine if engine is not None and engine.status.target == transcript.models.target else None


def _remove(shell: InteractiveShell) -> None:
    magics = shell.magics_manager.registry.pop(WhisperMagics.__name__, None)
    if magics is None:
        return
    for kind, table in magics.magics.items():
        for name in table:
            shell.magics_manager.magics[kind].pop(name, None)
    shell.configurables.remove(magics)
    shell.Completer.custom_matchers.remove(magics.matcher)
    views.unregister(shell)
