"""What a job takes from the shell that it runs in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from whisper_magic.notebook.jobs.session import ModelChoice
from whisper_magic.notebook.live.progress import LiveProgress
from whisper_magic.notebook.live.surfaces import surface_of


@dataclass(frozen=True)
class Context:
    """The shell, and what is configured by `%config WhisperMagics`.

    Attributes:
        shell: the shell that runs the magic.
        models: to load where the line names none.
        options: fields of `TranscribeOptions`, under those of the line.
        live: whether progress is shown at all.
    """

    shell: InteractiveShell
    models: ModelChoice
    options: Mapping[str, Any]
    live: bool

    @property
    def demo_models(self) -> ModelChoice:
        """The bundled pair, on the configured device."""
        return replace(self.models, target="demo", draft=None)

    def progress(self, total: int = 1, *, start: float = 0.0, quiet: bool = False) -> LiveProgress:
        """Live progress on this shell's surface.

        Args:
            total: number of recordings.
            start: the second of each recording at which the work begins.
            quiet: show nothing this time.
        """
        surface = surface_of(self.shell) if self.live and not quiet else None
        return LiveProgress(surface, total, start=start)

    def keep(self, result: object) -> str:
        """Show a result, and keep it as the running cell's output although the cell goes on to fail.

        Returns:
            The variable that holds it.
        """
        display(result)
        hook = self.shell.displayhook
        hook.update_user_ns(result)
        return f"_{hook.prompt_count}" if hook.do_full_cache else "_"

    def assign(self, name: str | None, value: object) -> None:
        """Set the variable that `--output` names, if it names one."""
        if name is not None:
            self.shell.push({name: value})
