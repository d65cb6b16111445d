"""The parser of each command, from which `-h`, `?`, Tab completion, checks and error messages are derived.

`commands.py` says which command has which parser. The options of a transcription are fields of `TranscribeOptions`,
which holds their defaults.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, NoReturn, get_args

from IPython.core.error import UsageError

from whisper_magic.comparison import REPEATS
from whisper_magic.formats import ENDINGS
from whisper_magic.notebook.line import values
from whisper_magic.notebook.line.scanner import Argument, Piece, expand
from whisper_magic.options import CHANNELS, PER_WINDOW, Attention, DraftKind, Dtype, Mode, Task, TranscribeOptions
from whisper_magic.wording import near

DTYPES = get_args(Dtype)
ATTENTIONS = tuple(name for name in get_args(Attention) if name != "eager")  # eager: for tests, in Python

TARGETS = (
    "auto",
    "demo",
    *(f"openai/whisper-{size}" for size in ("tiny", "base", "small", "medium", "large-v3", "large-v3-turbo")),
)
DRAFTS = ("none", "base-draft", "distil-whisper/distil-large-v3", "distil-whisper/distil-large-v2")
LESSONS = {
    "race": "the target alone and speculative decoding of one recording, side by side",
    "stepper": "round by round: what was drafted, what the target made of it",
    "lab": "draft length, acceptance and cost against speed: formula and measurement",
    "bench": "two distributions and the rules that decide what is written",
}

# Fields of TranscribeOptions that only Python code and %config set.
NOT_ON_THE_LINE = frozenset(
    {
        "acceptance",
        "compression_ratio_threshold",
        "logprob_threshold",
        "max_initial_timestamp",
        "no_speech_threshold",
    }
)

_CHOOSE_MODELS = ("--model", "--target", "--device", "--dtype", "--attention")  # what people look for on other lines

Group = argparse._ArgumentGroup  # argparse's groups have no public name

_DEFAULTS = {field.name: field.default for field in fields(TranscribeOptions)}


class Parser(argparse.ArgumentParser):
    """argparse for a magic: errors are one line, and `-h` never exits the kernel.

    Attributes:
        suggestions: what Tab offers for options that take other values too, by the option's name.
    """

    def __init__(self, prog: str, usage: str, description: str, epilog: str | None = None) -> None:
        super().__init__(
            prog,
            f"{prog} {usage}".rstrip().replace("%", "%%"),  # argparse formats it
            description,
            epilog,
            formatter_class=_formatter,
            add_help=False,
            allow_abbrev=False,
            argument_default=argparse.SUPPRESS,
        )
        self.suggestions: dict[str, Sequence[str]] = {}
        self._negative_number_matcher = re.compile(r"-\d")  # "-1,220" is a value too, not an unknown option
        self.color = False  # from Python 3.14 on, help would hold escape codes
        self.add_argument("-h", "--help", action="store_true", help="this page")

    def error(self, message: str) -> NoReturn:
        """Raise a UsageError of one line that names the help page."""
        raise UsageError(f"{message.removeprefix('argument ')} ({self.prog} -h lists the options)")

    def parse(self, arguments: Sequence[Argument], namespace: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The options given, and the other arguments in order. One that is given as {None} keeps its default. After
        `--` everything is an argument.

        Raises:
            UsageError: for an option that does not exist or a value that makes no sense.
        """
        expanded = [expand(argument, namespace) for argument in arguments]
        cut = expanded.index("--") if "--" in expanded else len(expanded)
        given, rest = self.parse_known_args(expanded[:cut])
        for word in rest:
            if word.startswith("-") and len(word) > 1:
                flag = word.partition("=")[0]
                if flag in _CHOOSE_MODELS:
                    self.error(f"{flag} is no option here; models are chosen before, by %whisper load TARGET [options]")
                self.error(f"no option is called {flag}{near(flag, self.flags)}")
        return {name: value for name, value in vars(given).items() if value is not None}, [*rest, *expanded[cut + 1 :]]

    @property
    def flags(self) -> tuple[str, ...]:
        """Every spelling of every option."""
        return tuple(flag for action in self._actions for flag in action.option_strings)

    def option(self, flag: str) -> argparse.Action | None:
        """The option with this spelling that takes a value."""
        return next((a for a in self._actions if flag in a.option_strings and a.nargs != 0), None)

    def values(self, option: argparse.Action) -> tuple[str, ...]:
        """The values that Tab offers for an option: its choices, or the suggestions."""
        return tuple(map(str, option.choices or self.suggestions.get(option.dest, ())))


class _SearchParser(Parser):
    """Words in double quotes are phrases, and a word after a dash is one that must not occur."""

    def parse(self, arguments: Sequence[Argument], namespace: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """As `Parser.parse`."""
        return super().parse([_as_phrase(argument) for argument in arguments], namespace)


def _as_phrase(argument: Argument) -> Argument:
    written = argument.written
    if len(written) > 2 and written[0] == written[-1] == '"' and len(argument.pieces) == 1:
        return Argument(written, (Piece("text", written),))
    if written.startswith("-") and not written.startswith("--") and len(written) > 2 and argument.plain:
        return Argument(written, (Piece("text", f"NOT {written[1:]}"),))  # else argparse takes it for an option
    return argument


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=30, width=96)


def _described(name: str, text: str) -> str:
    default = _DEFAULTS[name]
    return text if default in (None, False) else f"{text} (default: {default})"


def transcribe_parser(prog: str, usage: str, description: str, epilog: str | None = None) -> Parser:
    parser = Parser(prog, usage, description, epilog)
    _add_options(parser)
    output = _add_output(parser)
    _add_quiet(output)
    _add_save(output)
    sound = "put the sound into the output (Opus, up to 45 minutes), for pages without a kernel"
    output.add_argument("--embed", action="store_true", help=sound)
    returning = "return at once: the result is a job, to show, await or stop"
    output.add_argument("--background", action="store_true", help=returning)
    return parser


def compare_parser() -> Parser:
    about = """\
Decode one recording with the target alone and speculatively, in turns: are the tokens the same, and which is faster?
Write demo for the bundled recording and models."""
    parser = Parser("%whisper compare", "SOURCE [options]", about)
    _add_options(parser)
    output = _add_output(parser)
    _add_quiet(output)
    repeats = f"timed runs of each (default: {REPEATS})"
    output.add_argument("--repeats", type=values.whole, metavar="N", help=repeats)
    return parser


def lesson_parser() -> Parser:
    names = "\n".join(f"  {name:<8} {what}" for name, what in LESSONS.items())
    about = f"""\
Show a lesson on speculative decoding, made of a recording of yours; without one, of the bundled recording.

{names}"""
    parser = Parser("%whisper lesson", "[NAME] [SOURCE] [options]", about)
    parser.suggestions["language"] = (PER_WINDOW,)
    add = parser.add_argument_group("what to read").add_argument
    add("--start", type=values.seconds, metavar="TIME", help="begin here: seconds or h:mm:ss")
    add("--end", type=values.seconds, metavar="TIME", help="end here (default: 30 s after the start)")
    add("-l", "--language", type=values.text, metavar="LANG", help="language spoken (default: detected)")
    lengths = "tokens proposed a round, 1 to 7 (default: 5)"
    add("--draft-length", type=values.draft_length, metavar="N", help=lengths)
    output = _add_output(parser)
    _add_quiet(output)
    output.add_argument(
        "--embed", action="store_true", help="put the sound into the output, for pages without a kernel"
    )
    return parser


def exercise_parser() -> Parser:
    about = """\
Write a rule of speculative decoding in a cell; 1,000 scripted rounds say which contract it breaks. Without a name: list
the exercises. With one: check the function of that name, or put its beginning into the next cell."""
    return Parser("%whisper exercise", "[NAME]", about)


def record_parser() -> Parser:
    about = "Record from the page's microphone, and transcribe while you speak."
    parser = Parser("%whisper record", "[options]", about)
    _add_text_options(parser)
    _add_decoding_options(parser)
    _add_save(_add_output(parser))
    return parser


def library_parser() -> Parser:
    about = """\
Transcribe what is new in folders, globs, manifests, tables or datasets, keep it, and explore it. A killed or stopped
run loses nothing and goes on where it was. Without sources: open the library."""
    parser = Parser("%whisper library", "[SOURCE...] [options]", about)
    _add_text_options(parser)
    _add_decoding_options(parser)
    output = _add_output(parser)
    _add_quiet(output)
    _add_store(output)
    column = "column of a table or manifest that holds what is said, for word error rates"
    output.add_argument("--reference", type=values.text, metavar="COLUMN", help=column)
    returning = "return at once: the explorer fills as it goes"
    output.add_argument("--background", action="store_true", help=returning)
    return parser


def search_parser() -> Parser:
    about = """\
Find what was said in the library: words; "a phrase"; begin*; '*part*'; a -without; a OR b."""
    parser = _SearchParser("%whisper search", "WORDS... [options]", about)
    add = parser.add_argument_group("where to look").add_argument
    add("-l", "--language", type=values.text, metavar="LANG", help="only transcripts in this language")
    add("--speaker", type=values.text, metavar="NAME", help="only recordings of this speaker")
    add("--near", type=values.whole, metavar="N", help="all words within N words of each other")
    add("--limit", type=values.whole, metavar="N", help="most hits (default: 50)")
    _add_store(_add_output(parser))
    return parser


def _add_store(group: Group) -> None:
    where = "the library's file (default: the one in use, else whisper.db beside the recordings)"
    group.add_argument("--store", type=values.text, metavar="PATH", help=where)


def bare_parser(command: str, about: str) -> Parser:
    """The parser of a command without arguments."""
    return Parser(f"%whisper {command}", "", about)


def load_parser() -> Parser:
    about = "Load models into this kernel: a Hugging Face name, a local folder, or demo."
    parser = Parser("%whisper load", "[TARGET] [options]", about)
    parser.suggestions |= {"draft": DRAFTS, "device": ("cpu", "cuda")}
    add, text = parser.add_argument, values.text
    drafts = "draft model, or none (default: the one that goes with TARGET, if any)"
    add("--draft", type=text, metavar="DRAFT", help=drafts)
    add("--device", type=text, metavar="DEVICE", help="cpu, cuda or cuda:N (default: the GPU if any)")
    add("--dtype", type=text, choices=DTYPES, help="(default: float16 on a GPU, else float32)")
    add("--attention", type=text, choices=ATTENTIONS, help="(default: the fastest that works here)")
    return parser


def _add_options(parser: Parser) -> None:
    """The fields of TranscribeOptions."""
    _add_text_options(parser)
    _add_decoding_options(parser)
    _add_part_options(parser)


def _add_text_options(parser: Parser) -> None:
    add, on_off = parser.add_argument_group("what to write").add_argument, argparse.BooleanOptionalAction
    parser.suggestions["language"] = (PER_WINDOW,)
    spoken = "language spoken, such as en or pt-BR; per-window detects it in each (default: auto, detected once)"
    add("-l", "--language", type=values.text, metavar="LANG", help=spoken)
    add("--task", type=values.text, choices=get_args(Task), help=_described("task", "translate writes English"))
    add("--timestamps", action=on_off, help="predict the times of segments (default: yes)")
    add("--words", action="store_true", help="find the time of each word")
    add("--prompt", type=values.text, metavar="TEXT", help="text that comes before: names, spelling, style")
    hotwords = 'words to expect in every window, such as "Ada, Lovelace"'
    add("--hotwords", type=values.text, metavar="TEXT", help=hotwords)
    add("--condition-on-previous", action=on_off, help="feed each window the text before it (default: no)")
    never = "token ids never to write, with commas; -1 for all that are no speech (default: the checkpoint's)"
    add("--suppress-tokens", type=values.token_ids, metavar="IDS", help=never)
    most = "tokens of a window, prompt included (default: the checkpoint's)"
    add("--max-tokens", type=values.whole, metavar="N", help=most)


def _add_decoding_options(parser: Parser) -> None:
    add, on_off = parser.add_argument_group("how to decode").add_argument, argparse.BooleanOptionalAction
    fallback = "0, or temperatures to fall back to, such as 0,0.4,0.8 (default: Whisper's)"
    add("--temperature", type=values.temperature, metavar="T", help=fallback)
    seed = _described("seed", "of sampling, above temperature 0")
    add("--seed", type=values.whole, metavar="N", help=seed)
    drafts = _described("draft", "what proposes tokens; changes no text")
    add("--draft", type=values.text, choices=get_args(DraftKind), help=drafts)
    length = _described("draft_length", "tokens proposed a round: 1 to 7, or auto")
    add("--draft-length", type=values.draft_length, metavar="N", help=length)
    probabilities = "record both models' probabilities of each token, for the player and t.trace"
    add("--trace", action="store_true", help=probabilities)
    order = "batched cuts at pauses and decodes several windows of one recording at once"
    add("--mode", type=values.text, choices=("auto", *get_args(Mode)), help=_described("mode", order))
    add("--vad", action=on_off, help="read only where a voice is detected (default: no)")
    batch = _described("batch_size", "windows decoded together")
    add("--batch-size", type=values.whole, metavar="N", help=batch)


def _add_part_options(parser: Parser) -> None:
    add = parser.add_argument_group("what to read").add_argument
    parser.suggestions["channel"] = CHANNELS
    add("--start", type=values.seconds, metavar="TIME", help="begin here: seconds or h:mm:ss")
    add("--end", type=values.seconds, metavar="TIME", help="end here: seconds or h:mm:ss")
    add("--clips", type=values.clips, metavar="FROM-TO,...", help="only these parts, such as 10-20,1:05-1:30")
    channels = "mix, left, right, an index, or split: a transcript per channel"
    add("--channel", type=values.channel, metavar="CHANNEL", help=_described("channel", channels))
    numbers = "which audio stream of a file, from 0 (default: the file's own)"
    add("--stream", type=values.whole, metavar="N", help=numbers)


def _add_save(group: Group) -> None:
    saving = f"write {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}; * is each source's name"
    group.add_argument("--save", type=values.text, metavar="PATH", help=saving)


def _add_output(parser: Parser) -> Group:
    group = parser.add_argument_group("what becomes of it")
    group.add_argument(
        "-o", "--output", type=values.variable, metavar="NAME", help="assign the result to this variable"
    )
    return group


def _add_quiet(group: Group) -> None:
    group.add_argument("-q", "--quiet", action="store_true", help="show no progress while it runs")
