"""The magics: each parses its line, calls the engine, and returns what it got. The other rooms do the rest."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, needs_local_scope, no_var_expand
from traitlets import Bool, Bunch, Dict, Unicode

from whisper_magic.notebook.jobs import compare as comparing
from whisper_magic.notebook.jobs import transcribe as transcribing
from whisper_magic.notebook.jobs.results import TranscriptList
from whisper_magic.notebook.jobs.session import SESSION, ModelChoice
from whisper_magic.notebook.line import completion
from whisper_magic.notebook.line.parsers import (
    COMMANDS,
    COMPARE,
    LOAD,
    TRANSCRIBE,
    WHISPER,
    LoadRequest,
    Parser,
    TranscribeRequest,
    parse_load,
    parse_transcribe,
)
from whisper_magic.notebook.line.scanner import Argument, split
from whisper_magic.notebook.live.progress import Live, Surface
from whisper_magic.notebook.live.surfaces import surface_of
from whisper_magic.notebook.views import registry as views
from whisper_magic.transcript import Transcript

if TYPE_CHECKING:
    from whisper_magic.comparison import Comparison
    from whisper_magic.engine.engine import EngineStatus

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Result = Transcript | TranscriptList
_MODEL_TRAITS = ("model", "draft", "device", "dtype", "attention")
_DEMO = (str(files("whisper_magic").joinpath("assets/demo/sample.ogg")),)
_SILENCED = re.compile(r"""^(.*get_ipython\(\)\.run_line_magic\('(?:whisper|transcribe)', (['"]).*);\s*\2\)(\s*)$""")


def _documented(parser: Parser) -> Callable[[_Function], _Function]:
    """What `?` shows is what `-h` prints."""

    def document(function: _Function) -> _Function:
        function.__doc__ = parser.format_help()
        return function

    return document


def _choice(help: str) -> Unicode[str | None, str | bytes | None]:
    return Unicode(None, allow_none=True, help=help).tag(config=True)


@magics_class
class WhisperMagics(Magics):
    """%whisper and %transcribe. The traits are the defaults of every call; what a line says wins."""

    model = Unicode(
        "openai/whisper-large-v3",
        help="The target model: a Hugging Face name, a local folder, or demo. It loads when it is first needed.",
    ).tag(config=True)
    draft = _choice("The draft model; none for the target alone; None for the one that goes with the target.")
    device = _choice("cpu, cuda or cuda:N; None for the GPU where there is one.")
    dtype = _choice("float32, float16 or bfloat16; None for float16 on a GPU and float32 elsewhere.")
    attention = _choice("flash_attention_2, sdpa or eager; None for the fastest that works here.")
    options = Dict(help="Options of every transcription, such as {'language': 'en'}.").tag(config=True)
    live = Bool(True, help="Show progress and text while a transcription runs.").tag(config=True)

    shell: InteractiveShell
    matcher: completion.Matcher

    @no_var_expand
    @needs_local_scope
    @line_magic
    @_documented(WHISPER)
    def whisper(self, line: str, local_ns: dict[str, Any] | None = None) -> Any:
        words, names = split(line), self._names(local_ns)
        command = words[0].plain if words else "help"
        if command in COMMANDS:
            return getattr(self, f"_{command}")(words[1:], names)
        return self._run(parse_transcribe(WHISPER, words, names), names)

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    @_documented(TRANSCRIBE)
    def transcribe(self, line: str, cell: str = "", local_ns: dict[str, Any] | None = None) -> _Result | None:
        names = self._names(local_ns)
        request = parse_transcribe(TRANSCRIBE, split(line), names, split(cell, one_a_line=True))
        result = self._run(request, names, TRANSCRIBE)
        return None if cell and line.rstrip().endswith(";") else result

    def choice(self) -> ModelChoice:
        """The models that the traits ask for."""
        return ModelChoice(self.model, self.draft, self.device, self.dtype, self.attention)

    def _names(self, local_ns: Mapping[str, Any] | None) -> dict[str, Any]:
        return {**self.shell.user_ns, **(local_ns or {})}

    def _run(
        self,
        request: TranscribeRequest,
        names: Mapping[str, Any],
        parser: Parser = WHISPER,
        guest: ModelChoice | None = None,
    ) -> _Result | None:
        """Transcribe with the resident engine, or with a guest."""
        if request.help:
            print(parser.format_help())
            return None
        job = transcribing.plan(request, names, self.options)
        start = job.options.start or 0.0
        with (
            Live(self._surface(request), len(job.sources), start=start) as live,
            SESSION.using(guest, live.stage) as engine,
        ):
            result, interrupted = transcribing.transcribe(engine, job, live)
        transcribing.report(result, interrupted, job.saver)
        if request.output:
            self.shell.push({request.output: result})
        return result

    def _surface(self, request: TranscribeRequest) -> Surface | None:
        return surface_of(self.shell) if self.live and not request.quiet else None

    def _load(self, words: Sequence[Argument], names: Mapping[str, Any]) -> EngineStatus | None:
        request = parse_load(words, names)
        if request.help:
            print(LOAD.format_help())
            return None
        with Live(surface_of(self.shell) if self.live else None) as live:
            return SESSION.load(self._choice_of(request), live.stage).status

    def _choice_of(self, request: LoadRequest) -> ModelChoice:
        """What a line asks for, over what is configured; another target does not get the configured draft."""
        base = self.choice() if request.target in (None, self.model) else replace(self.choice(), draft=None)
        asked = {name: value for name, value in vars(request).items() if name != "help" and value is not None}
        return replace(base, **asked)

    def _unload(self, words: Sequence[Argument], names: Mapping[str, Any]) -> None:
        _takes_nothing("unload", words)
        name = SESSION.unload()
        print(f"{name} is unloaded." if name else "No models are loaded.")

    def _status(self, words: Sequence[Argument], names: Mapping[str, Any]) -> EngineStatus | None:
        _takes_nothing("status", words)
        if SESSION.resident is None:
            wanted = SESSION.wanted or self.choice()
            print(f"No models are loaded; {wanted.target} will be when it is first needed.")
            return None
        return SESSION.resident.status

    def _demo(self, words: Sequence[Argument], names: Mapping[str, Any]) -> _Result | None:
        request = parse_transcribe(WHISPER, words, names)
        if request.sources:
            WHISPER.error(f"%whisper demo reads its own recording, got {_stray(request.sources[0], words)}")
        return self._run(replace(request, sources=_DEMO), names, guest=self._demo_models())

    def _demo_models(self) -> ModelChoice:
        return replace(self.choice(), target="demo", draft=None)

    def _compare(self, words: Sequence[Argument], names: Mapping[str, Any]) -> Comparison | None:
        request = parse_transcribe(COMPARE, words, names)
        if request.help:
            print(COMPARE.format_help())
            return None
        guest = self._demo_models() if request.sources == ("demo",) else None
        job = comparing.plan(replace(request, sources=_DEMO) if guest else request, names, self.options)
        with Live(self._surface(request)) as live, SESSION.using(guest, live.stage) as engine:
            comparison = comparing.compare(engine, job, request.repeats, live)
        if request.output:
            self.shell.push({request.output: comparison})
        return comparison

    def _help(self, words: Sequence[Argument], names: Mapping[str, Any]) -> None:
        print(WHISPER.format_help())


def _stray(source: str, words: Sequence[Argument]) -> str:
    """What stands where no source is wanted; it may be meant as the value of the option before it, which takes none."""
    written = [word.written for word in words]
    place = written.index(source) if source in written else 0
    before = written[place - 1] if place else ""
    return f"{source}; {before} takes no value" if before in WHISPER.flags else source


def _takes_nothing(command: str, words: Sequence[Argument]) -> None:
    if words:
        raise UsageError(f"%whisper {command} takes nothing after it, got {words[0].written}")


def register(shell: InteractiveShell) -> None:
    """Add everything to this shell; where it was there already, replace it. (IPython keeps what `%config` set.)"""
    _remove(shell)
    magics = WhisperMagics(shell)
    magics.observe(lambda change: _reconsider(magics, change), names=[*_MODEL_TRAITS])
    SESSION.wanted = SESSION.wanted or magics.choice()
    shell.register_magics(magics)
    magics.matcher = completion.Matcher(shell)
    shell.Completer.custom_matchers.append(magics.matcher)
    shell.input_transformers_post.append(silence_semicolon)
    views.register(shell)


def unregister(shell: InteractiveShell) -> None:
    """Take everything out of this shell again and give the engine's memory back; but `%reload_ext`, which unloads and
    loads again, finds all as it was."""
    if _is_reloading():
        return
    _remove(shell)
    SESSION.unload()
    SESSION.wanted = None


def silence_semicolon(lines: list[str]) -> list[str]:
    """`x = %whisper talk.mp3;`: move the semicolon behind the call, where IPython's own rule for it applies. (Its
    `output_can_be_silenced` would return None, and with it assign None.)"""
    return [_SILENCED.sub(r"\1\2);\3", line) for line in lines]


def _reconsider(magics: WhisperMagics, change: Bunch) -> None:
    """`%config` changed which models are wanted: they load at the next use."""
    if change.name == "model" or SESSION.wanted is None:
        SESSION.wanted = magics.choice()
    else:
        SESSION.wanted = replace(SESSION.wanted, **{change.name: change.new})


def _remove(shell: InteractiveShell) -> None:
    magics = shell.magics_manager.registry.pop(WhisperMagics.__name__, None)
    if magics is None:
        return
    for kind, table in magics.magics.items():
        for name in table:
            shell.magics_manager.magics[kind].pop(name, None)
    shell.configurables.remove(magics)
    shell.Completer.custom_matchers.remove(magics.matcher)
    shell.input_transformers_post.remove(silence_semicolon)
    views.unregister(shell)


def _is_reloading() -> bool:
    """Whether IPython's `ExtensionManager.reload_extension` called us; nothing else tells it from an unload."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "reload_extension":
            return True
        frame = frame.f_back
    return False
