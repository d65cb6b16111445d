"""The commands of `%whisper`, a row each. Help, Tab, near misses, parsing and dispatch are derived from this table.

A row names its job as "module:function", imported when the command first runs: `%load_ext` imports neither numpy nor
anywidget nor torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from whisper_magic.notebook.line import parsers, requests
from whisper_magic.notebook.line.parsers import Parser
from whisper_magic.notebook.line.requests import HelpRequest, ParsedLine, Request
from whisper_magic.notebook.line.scanner import Argument, expand
from whisper_magic.wording import near

if TYPE_CHECKING:
    from whisper_magic.notebook.jobs.context import Context

Job = Callable[[Any, "Context"], Any]  # a request, and the shell that it runs in -> the magic's result

_JOBS = "whisper_magic.notebook.jobs"


@dataclass(frozen=True)
class Command:
    """A command of `%whisper`.

    Attributes:
        name: the word that calls it.
        summary: its line in `%whisper -h`.
        make_parser: of what follows the name.
        make_request: of a parsed line.
        job_name: "module:function", the module in `notebook/jobs`.
        suggestions: what Tab offers for its first word, besides files.
    """

    name: str
    summary: str
    make_parser: Callable[[], Parser]
    make_request: Callable[[ParsedLine], Request]
    job_name: str
    suggestions: Callable[[], Iterable[str]] = tuple

    @cached_property
    def parser(self) -> Parser:
        """Its parser, made when it is first used."""
        return self.make_parser()

    @cached_property
    def job(self) -> Job:
        """The function that carries out its requests, imported when it is first used."""
        module, _, function = self.job_name.partition(":")
        job: Job = getattr(import_module(f"{_JOBS}.{module}"), function)
        return job

    def call(self, arguments: Sequence[Argument], namespace: Mapping[str, Any], body: Sequence[Argument] = ()) -> Call:
        """Parse what follows the command's name.

        Args:
            arguments: of the line.
            namespace: the variables that `{...}` and `$name` may use.
            body: of a cell; its arguments follow those of the line.

        Raises:
            UsageError: one line, for anything that makes no sense.
        """
        options, words = self.parser.parse(arguments, namespace)
        if options.pop("help", False):
            return Call(COMMANDS["help"], HelpRequest(self.parser.format_help()))
        words += [expand(argument, namespace) for argument in body]
        return Call(self, self.make_request(ParsedLine(self.parser, arguments, namespace, options, words)))


@dataclass(frozen=True)
class Call:
    """A command with its request: `call.job(call.request, context)` gives the magic's result."""

    command: Command
    request: Request

    @property
    def job(self) -> Job:
        """The function that carries the request out."""
        return self.command.job


def parse_whisper(arguments: Sequence[Argument], namespace: Mapping[str, Any]) -> Call:
    """The arguments of `%whisper`: a command and its own, or sources and options. Errors as of `Command.call`."""
    word = arguments[0].plain if arguments else "help"
    if word is not None and word in COMMANDS:
        return COMMANDS[word].call(arguments[1:], namespace)
    if word is not None:
        _refuse_misspelt(word, namespace)
    return WHISPER.call(arguments, namespace)


def _refuse_misspelt(word: str, namespace: Mapping[str, Any]) -> None:
    """The first word of a line is no command; it may be meant as one where it is no file and no variable either."""
    hint = near(word, COMMANDS)
    if hint and word.isalpha() and word not in namespace and not Path(word).exists():
        raise UsageError(f"no command and no file is called {word!r}{hint} (%whisper -h lists the commands)")


_ABOUT = """\
Transcribe speech with the models that are loaded in this kernel.

A source is a path, a glob, a URL, or Python in braces: {array}, {(array, rate)}, {list_of_paths}. Quote names with
spaces; write ./load for a file that is named like a command."""

_EXAMPLES = """\
examples:
  %whisper talk.mp3                          show the transcript
  talk = %whisper talk.mp3 --language en     keep it in a variable (a final ; shows nothing)
  %whisper *.mp3 --save subtitles/*.srt      many recordings, each saved
  %whisper {samples, rate} --draft none      an array; the target model alone
  job = %whisper talk.mp3 --background       the kernel stays free; await job gives the transcript
  %whisper load openai/whisper-small         other models
  %whisper library recordings/               all of a folder, kept in recordings/whisper.db
  %whisper search "two hundred"              where it was said in them
  %whisper compare talk.mp3 --repeats 5      what speculation brings on your own recording

The models used when none are named: %config WhisperMagics"""


@cache
def _whisper_parser() -> Parser:
    usage = "SOURCE... [options]\n       %whisper COMMAND [options]"
    summaries = (f"  %whisper {command.name:<8} {command.summary}" for command in COMMANDS.values())
    return parsers.transcribe_parser("%whisper", usage, _ABOUT, "\n".join(["commands:", *summaries, "", _EXAMPLES]))


def _transcribe_parser() -> Parser:
    usage = "SOURCE... [options]\n       %%transcribe [options]   with sources below, one a line; # starts a comment"
    return parsers.transcribe_parser("%transcribe", usage, _ABOUT)


def _exercises() -> Iterable[str]:
    from whisper_magic.lessons.exercises import EXERCISES  # numpy: not at %load_ext

    return EXERCISES


_ROWS = (
    Command(
        "load",
        "load the models now, or load others",
        parsers.load_parser,
        requests.load_request,
        "models:load",
        lambda: parsers.TARGETS,
    ),
    Command(
        "unload",
        "free the models' memory",
        partial(parsers.bare_parser, "unload", "Free the models' memory."),
        requests.unload_request,
        "models:unload",
    ),
    Command(
        "status",
        "which models are loaded, and on what",
        partial(parsers.bare_parser, "status", "Show which models are loaded, and on what."),
        requests.status_request,
        "models:status",
    ),
    Command(
        "record",
        "transcribe what the page's microphone records, while you speak",
        parsers.record_parser,
        requests.record_request,
        "record:record",
    ),
    Command(
        "library",
        "transcribe folders and datasets into a library, and explore it",
        parsers.library_parser,
        requests.library_request,
        "library:library",
    ),
    Command(
        "search",
        "find what was said in the library, and play it",
        parsers.search_parser,
        requests.search_request,
        "library:search",
    ),
    Command(
        "lesson",
        "how speculative decoding works, on a recording of yours",
        parsers.lesson_parser,
        requests.lesson_request,
        "lesson:lesson",
        lambda: parsers.LESSONS,
    ),
    Command(
        "exercise",
        "write its rules yourself, and have them checked",
        parsers.exercise_parser,
        requests.exercise_request,
        "lesson:exercise",
        _exercises,
    ),
    Command(
        "compare",
        "the target alone against speculation: is the text the same, and which is faster?",
        parsers.compare_parser,
        requests.compare_request,
        "compare:compare",
        lambda: ("demo",),
    ),
    Command(
        "demo",
        "load the bundled demo models and transcribe the bundled recording",
        _whisper_parser,
        requests.demo_request,
        "transcribe:transcribe",
    ),
    Command("help", "this page", _whisper_parser, requests.help_request, "help:show"),
)
COMMANDS: Mapping[str, Command] = {command.name: command for command in _ROWS}

# The magics themselves, where no command is named.
WHISPER = Command("", "", _whisper_parser, requests.transcribe_request, "transcribe:transcribe", lambda: COMMANDS)
TRANSCRIBE = Command("", "", _transcribe_parser, requests.transcribe_request, "transcribe:transcribe")
