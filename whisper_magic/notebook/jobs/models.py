"""`%whisper load`, `unload` and `status`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from whisper_magic.notebook.jobs.context import Context
from whisper_magic.notebook.jobs.session import SESSION, ModelChoice, described
from whisper_magic.notebook.line.requests import LoadRequest, StatusRequest, UnloadRequest

if TYPE_CHECKING:
    from whisper_magic.engine.engine import EngineStatus


def load(request: LoadRequest, context: Context) -> EngineStatus:
    """Load models now.

    Raises:
        CheckpointError: where a model cannot be found, read, or paired with the other.
        OptionError: for a device, dtype or attention that does not exist here.
    """
    with context.progress() as progress:
        return SESSION.load(_choice(request, context.models), progress.stage).status


def _choice(request: LoadRequest, configured: ModelChoice) -> ModelChoice:
    """The line's choice over the configured one; another target does not get the configured draft."""
    same = request.target in (None, configured.target)
    base = configured if same else replace(configured, draft=None)
    return replace(base, **{name: value for name, value in vars(request).items() if value is not None})


def unload(request: UnloadRequest, context: Context) -> None:
    """Free the models' memory, and print which were freed."""
    name = SESSION.unload()
    print(f"{name} is unloaded." if name else "No models are loaded.")


def status(request: StatusRequest, context: Context) -> EngineStatus | None:
    """What is loaded; or print what will be, and return None."""
    if SESSION.resident is not None:
        return SESSION.resident.status
    wanted = SESSION.wanted or context.models
    print(f"No models are loaded; {described(wanted)} will be when it is first needed.")
    return None
