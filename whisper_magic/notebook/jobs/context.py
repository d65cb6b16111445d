"""What a job takes from the shell that it runs in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from whisper_magic.notebook.jobs.session import ModelChoice
from whisper_magic.notebook.live.player import LivePlayer, LiveRecordings
from whisper_magic.notebook.live.progress import LiveProgress
from whisper_magic.notebook.live.surfaces import View, surface_of
from whisper_magic.notebook.views.registry import in_notebook
from whisper_magic.notebook.widgets.players import Policy, wanted
from whisper_magic.options import TranscribeOptions


@dataclass(frozen=True)
class Context:
    """The shell, and what is configured by `%config WhisperMagics`.

    Attributes:
        shell: the shell that runs the magic.
        models: to load where the line names none.
        options: fields of `TranscribeOptions`, under those of the line.
        live: whether progress is shown at all.
        player: whether transcripts show their player by themselves.
    """

    shell: InteractiveShell
    models: ModelChoice
    options: Mapping[str, Any]
    live: bool
    player: Policy = "never"

    @property
    def demo_models(self) -> ModelChoice:
        """The bundled pair, on the configured device."""
        return replace(self.models, target="demo", draft=None)

    def live_view(self, sources: Sequence[Any], options: TranscribeOptions, *, several: bool) -> View | None:
        """The widget that shows a transcription while it runs, where a page will show one.

        Args:
            sources: what the engine gets.
            options: how they are transcribed.
            several: whether that gives a list of transcripts.
        """
        if not (self.live and in_notebook(self.shell) and wanted(self.shell, self.player, sound=True)):
            return None
        if several:
            return LiveRecordings()
        return None if hasattr(sources[0], "read") else LivePlayer(sources[0], options)

    def progress(
        self, total: int = 1, *, start: float = 0.0, quiet: bool = False, live: View | None = None
    ) -> LiveProgress:
        """Live progress on this shell's surface.

        Args:
            total: number of recordings.
            start: the second of each recording at which the work begins.
            quiet: show nothing this time.
            live: the widget that shows it.
        """
        surface = surface_of(self.shell, live) if self.live and not quiet else None
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
