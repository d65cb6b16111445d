"""`%whisper` and `%transcribe`: each parses its line, runs the command's job, and returns its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, needs_local_scope, no_var_expand
from traitlets import Bool, Bunch, CaselessStrEnum, Dict, Unicode

from whisper_magic.notebook.jobs.context import Context
from whisper_magic.notebook.jobs.session import SESSION, ModelChoice
from whisper_magic.notebook.line.cell import is_silenced, without_semicolon
from whisper_magic.notebook.line.commands import TRANSCRIBE, WHISPER, parse_whisper
from whisper_magic.notebook.line.completion import Matcher
from whisper_magic.notebook.line.parsers import ATTENTIONS, DTYPES, Parser
from whisper_magic.notebook.line.scanner import split
from whisper_magic.notebook.widgets.players import POLICIES

MODEL_TRAITS = ("model", "draft", "device", "dtype", "attention")

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _documented(parser: Parser) -> Callable[[_Function], _Function]:
    """`?` shows what `-h` prints."""

    def document(function: _Function) -> _Function:
        function.__doc__ = parser.format_help()
        return function

    return document


def _choice(help: str) -> Unicode[str | None, str | bytes | None]:
    return Unicode(None, allow_none=True, help=help).tag(config=True)


@magics_class
class WhisperMagics(Magics):
    """`%whisper` and `%transcribe`. The traits are the defaults of every call; the line wins over them."""

    model = Unicode(
        "auto",
        help="The target model: a Hugging Face name, a local folder, demo, or auto: openai/whisper-large-v3 on a GPU, "
        "openai/whisper-base on a CPU, with their drafts. It loads when it is first needed.",
    ).tag(config=True)
    draft = _choice("The draft model; none for the target alone; None for the one that goes with the target.")
    device = _choice("cpu, cuda or cuda:N; None for the GPU where there is one.")
    dtype = _choice(f"{', '.join(DTYPES)}; None for float16 on a GPU and float32 elsewhere.")
    attention = _choice(f"{' or '.join(ATTENTIONS)}; None for the fastest that works here.")
    options = Dict(help="Options of every transcription, such as {'language': 'en'}.").tag(config=True)
    live = Bool(True, help="Show progress and text while a transcription runs.").tag(config=True)
    player = CaselessStrEnum(
        POLICIES,
        "auto",
        help="Whether a transcript shows its player: auto, where a page ran the cell and the recording is still there; "
        "always; never.",
    ).tag(config=True)

    shell: InteractiveShell
    matcher: Matcher

    @no_var_expand
    @needs_local_scope
    @line_magic
    @_documented(WHISPER.parser)
    def whisper(self, line: str, local_ns: dict[str, Any] | None = None) -> Any:
        call = parse_whisper(split(without_semicolon(line)), self._names(local_ns))
        result = call.job(call.request, self._context())
        return None if is_silenced(self.shell, line) else result

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    @_documented(TRANSCRIBE.parser)
    def transcribe(self, line: str, cell: str = "", local_ns: dict[str, Any] | None = None) -> Any:
        arguments, body = split(without_semicolon(line)), split(cell, one_a_line=True)
        call = TRANSCRIBE.call(arguments, self._names(local_ns), body)
        result = call.job(call.request, self._context())
        return None if is_silenced(self.shell, line) else result

    def choice(self) -> ModelChoice:
        """The configured models."""
        return ModelChoice(self.model, self.draft, self.device, self.dtype, self.attention)

    def on_model_change(self, change: Bunch) -> None:
        """`%config` changed which models are wanted: they load at the next use."""
        if change.name == "model" or SESSION.wanted is None:
            SESSION.wanted = self.choice()
        else:
            SESSION.wanted = replace(SESSION.wanted, **{change.name: change.new})

    def _names(self, local_ns: Mapping[str, Any] | None) -> dict[str, Any]:
        """The variables that the line may use."""
        return {**self.shell.user_ns, **(local_ns or {})}

    def _context(self) -> Context:
        return Context(self.shell, self.choice(), self.options, self.live, self.player)
