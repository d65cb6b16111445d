"""The one parser of each command: `-h`, `?`, Tab completion, checks and error messages are all made of it.

The options of a transcription are fields of `TranscribeOptions`, which states their defaults.
"""

from __future__ import annotations

import argparse
import keyword
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NoReturn, get_args

from IPython.core.error import UsageError

from whisper_magic.notebook.line.scanner import Argument, Held, expand
from whisper_magic.options import Acceptance, DraftKind, Mode, Task, TranscribeOptions
from whisper_magic.wording import near

COMMANDS = {
    "load": "load the models now, or load others",
    "unload": "give the models' memory back",
    "status": "which models are loaded, and on what",
    "compare": "the target alone against speculation: is the text the same, and which is faster?",
    "demo": "load the bundled demo models and transcribe the bundled recording",
    "help": "this page",
}

DEVICES = ("cpu", "cuda")
DTYPES = ("float32", "float16", "bfloat16")
ATTENTIONS = ("flash_attention_2", "sdpa", "eager")

# Fields of TranscribeOptions that only Python code and %config set: what is rarely touched.
NOT_ON_THE_LINE = frozenset(
    {
        "max_initial_timestamp",
        "compression_ratio_threshold",
        "logprob_threshold",
        "no_speech_threshold",
    }
)

Group = argparse._ArgumentGroup  # argparse's groups have no public name

_DEFAULTS = {field.name: field.default for field in fields(TranscribeOptions)}

_ABOUT = """\
Transcribe speech with the models that live in this kernel.

A source is a path, a glob, a URL, or Python in braces: {array}, {(array, rate)}, {list_of_paths}. Quote names with
spaces; write ./load for a file that is named like a command."""

_EXAMPLES = """\
examples:
  %whisper talk.mp3                          show the transcript
  talk = %whisper talk.mp3 --language en     keep it in a variable (a final ; shows nothing)
  %whisper *.mp3 --save subtitles/*.srt      many recordings, each saved
  %whisper {samples, rate} --draft none      an array; the target model alone
  %whisper load openai/whisper-small         other models
  %whisper compare talk.mp3 --repeats 5      what speculation brings on your own recording

The models used when none are named: %config WhisperMagics"""


@dataclass(frozen=True)
class TranscribeRequest:
    """What a `%whisper` or `%transcribe` line asks for; `sources` are still globs, paths and `Held` objects."""

    sources: tuple[str, ...]
    overrides: dict[str, Any]
    output: str | None = None
    save: str | None = None
    quiet: bool = False
    help: bool = False
    repeats: int | None = None  # of a comparison


@dataclass(frozen=True)
class LoadRequest:
    """What a `%whisper load` line asks for; None: as configured."""

    target: str | None = None
    draft: str | None = None
    device: str | None = None
    dtype: str | None = None
    attention: str | None = None
    help: bool = False


class Parser(argparse.ArgumentParser):
    """argparse for a magic: errors are one line, and `-h` never exits the kernel."""

    def __init__(self, prog: str, usage: str, description: str, epilog: str | None = None) -> None:
        super().__init__(
            prog,
            f"{prog} {usage}".replace("%", "%%"),  # argparse formats it
            description,
            epilog,
            formatter_class=_formatter,
            add_help=False,
            allow_abbrev=False,
            argument_default=argparse.SUPPRESS,
        )
        self._negative_number_matcher = re.compile(r"-\d")  # "-1,220" is a value too, not an unknown option
        self.color = False  # from Python 3.14 on, help would hold escape codes
        self.add_argument("-h", "--help", action="store_true", help="this page")

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message.removeprefix('argument ')} ({self.prog} -h lists the options)")

    def parse(self, arguments: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
        """The options given, and the other arguments in order. After `--` everything is an argument.

        Raises:
            UsageError: for an option that does not exist or a value that makes no sense.
        """
        cut = arguments.index("--") if "--" in arguments else len(arguments)
        namespace, rest = self.parse_known_args(arguments[:cut])
        for word in rest:
            if word.startswith("-") and len(word) > 1:
                flag = word.partition("=")[0]
                self.error(f"no option is called {flag}{near(flag, self.flags)}")
        return vars(namespace), [*rest, *arguments[cut + 1 :]]

    @property
    def flags(self) -> tuple[str, ...]:
        """Every spelling of every option."""
        return tuple(flag for action in self._actions for flag in action.option_strings)

    def choices_after(self, flag: str) -> tuple[str, ...] | None:
        """The values that `flag` offers; None where it takes no value."""
        action = next((action for action in self._actions if flag in action.option_strings), None)
        if action is None or action.nargs == 0:
            return None
        return tuple(str(choice) for choice in action.choices or ())


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=30, width=96)


def _described(name: str, text: str) -> str:
    default = _DEFAULTS[name]
    return text if default in (None, False) else f"{text} (default: {default})"


def _value(kind: Callable[[str], Any], what: str) -> Callable[[str], Any]:
    """An argparse type that opens `Held` objects and says in words what it wanted."""

    def convert(text: str) -> Any:
        value = text.value if isinstance(text, Held) else text
        try:
            return kind(value)
        except (TypeError, ValueError):
            raise argparse.ArgumentTypeError(f"{what}, got {value!r}") from None

    return convert


def _seconds_of(value: Any) -> float:
    """Seconds, or h:mm:ss as a player shows them."""
    if not isinstance(value, str):
        return float(value)
    seconds = 0.0
    for part in value.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def _temperature_of(value: Any) -> float | tuple[float, ...]:
    """One temperature, or several with commas."""
    if not isinstance(value, str):
        return tuple(value) if isinstance(value, list | tuple) else float(value)
    rungs = tuple(float(rung) for rung in value.split(","))
    return rungs if len(rungs) > 1 else rungs[0]


def _ids_of(value: Any) -> int | tuple[int, ...]:
    """One token id, or several with commas."""
    if not isinstance(value, str):
        return value if isinstance(value, int) else tuple(int(one) for one in value)
    return tuple(int(one) for one in value.split(","))


def _clips_of(value: Any) -> tuple[tuple[float, float], ...]:
    """from-to, several with commas; each as `_seconds_of` takes it."""
    parts = [part.split("-") for part in value.split(",")] if isinstance(value, str) else value
    return tuple((_seconds_of(first), _seconds_of(last)) for first, last in parts)


def _length_of(value: Any) -> int | str:
    return "auto" if value == "auto" else int(value)


def _channel_of(value: Any) -> str | int:
    return int(value) if str(value).isdigit() else str(value)


def _name_of(value: Any) -> str:
    if not str(value).isidentifier() or keyword.iskeyword(str(value)):
        raise ValueError
    return str(value)


_text = _value(str, "this takes text")
_whole = _value(int, "this takes a whole number")
_seconds = _value(_seconds_of, "this takes seconds or h:mm:ss")
_temperature = _value(_temperature_of, "this takes a number, or several with commas")
_ids = _value(_ids_of, "this takes token ids with commas, or -1")
_clips = _value(_clips_of, "this takes from-to in seconds or h:mm:ss, several with commas")
_length = _value(_length_of, "this takes a whole number or auto")
_channel = _value(_channel_of, "this takes a channel")
_name = _value(_name_of, "this takes a variable's name")


def _transcribe_parser(prog: str, usage: str, description: str, epilog: str | None = None) -> Parser:
    parser = Parser(prog, usage, description, epilog)
    _add_options(parser)
    output = _add_output(parser)
    saving = "write .txt, .srt, .vtt, .tsv or .json; * is each source's name"
    output.add_argument("--save", type=_text, metavar="PATH", help=saving)
    return parser


def _compare_parser() -> Parser:
    about = """\
Decode one recording with the target alone and speculatively, in turns: are the tokens the same, and which is faster?
Write demo for the bundled recording and models."""
    parser = Parser("%whisper compare", "SOURCE [options]", about)
    _add_options(parser)
    output = _add_output(parser)
    repeats = "timed runs of each (default: 3)"  # whisper_magic.comparison.REPEATS, which %load_ext does without
    output.add_argument("--repeats", type=_whole, metavar="N", help=repeats)
    return parser


def _add_options(parser: Parser) -> None:
    """The fields of TranscribeOptions."""
    _add_text_options(parser)
    _add_decoding_options(parser)
    _add_part_options(parser)


def _add_text_options(parser: Parser) -> None:
    add, on_off = parser.add_argument_group("what to write").add_argument, argparse.BooleanOptionalAction
    spoken = "language spoken, such as en; per-window detects it anew in each (default: detected once)"
    add("-l", "--language", type=_text, metavar="LANG", help=spoken)
    add("--task", type=_text, choices=get_args(Task), help=_described("task", "translate writes English"))
    add("--timestamps", action=on_off, help="predict the times of segments (default: yes)")
    add("--words", action="store_true", help="find the time of each word")
    add("--prompt", type=_text, metavar="TEXT", help="text that comes before: names, spelling, style")
    add("--hotwords", type=_text, metavar="TEXT", help='words to expect in every window, such as "Ada, Lovelace"')
    add("--condition-on-previous", action=on_off, help="feed each window the text before it (default: no)")
    never = "token ids never to write, with commas; -1 for all that are no speech (default: the checkpoint's)"
    add("--suppress-tokens", type=_ids, metavar="IDS", help=never)
    add("--max-tokens", type=_whole, metavar="N", help="tokens a window may hold (default: the checkpoint's)")


def _add_decoding_options(parser: Parser) -> None:
    add, on_off = parser.add_argument_group("how to decode").add_argument, argparse.BooleanOptionalAction
    add("--temperature", type=_temperature, metavar="T", help="0, or a ladder such as 0,0.4,0.8 (default: Whisper's)")
    add("--seed", type=_whole, metavar="N", help=_described("seed", "of sampling, above temperature 0"))
    rule = "how samples are verified; rejection accepts more, but the text then depends on the draft"
    add("--acceptance", type=_text, choices=get_args(Acceptance), help=_described("acceptance", rule))
    add("--draft", type=_text, choices=get_args(DraftKind), help=_described("draft", "who proposes; changes no text"))
    add("--draft-length", type=_length, metavar="N", help=_described("draft_length", "tokens a round, or auto"))
    order = "batched cuts at pauses and decodes several windows of one recording at once"
    add("--mode", type=_text, choices=("auto", *get_args(Mode)), help=_described("mode", order))
    add("--vad", action=on_off, help="read only where a voice is detected (default: no)")
    add("--batch-size", type=_whole, metavar="N", help=_described("batch_size", "windows decoded together"))


def _add_part_options(parser: Parser) -> None:
    add = parser.add_argument_group("what to read").add_argument
    add("--start", type=_seconds, metavar="TIME", help="begin here: seconds or h:mm:ss")
    add("--end", type=_seconds, metavar="TIME", help="end here: seconds or h:mm:ss")
    add("--clips", type=_clips, metavar="FROM-TO,...", help="only these parts, such as 10-20,1:05-1:30")
    channels = "mix, left, right, an index, or split: a transcript per channel"
    add("--channel", type=_channel, metavar="CHANNEL", help=_described("channel", channels))
    add("--stream", type=_whole, metavar="N", help="which audio stream of a file, from 0 (default: the file's own)")


def _add_output(parser: Parser) -> Group:
    group = parser.add_argument_group("what becomes of it")
    group.add_argument("-o", "--output", type=_name, metavar="NAME", help="assign the result to this variable")
    group.add_argument("-q", "--quiet", action="store_true", help="show no progress while it runs")
    return group


def _load_parser() -> Parser:
    about = "Load models into this kernel: a Hugging Face name, a local folder, or demo."
    parser = Parser("%whisper load", "[TARGET] [options]", about)
    drafts = "draft model, or none (default: the one that goes with TARGET, if any)"
    parser.add_argument("--draft", type=_text, metavar="DRAFT", help=drafts)
    parser.add_argument("--device", type=_text, metavar="DEVICE", help="cpu, cuda or cuda:N (default: the GPU if any)")
    parser.add_argument("--dtype", type=_text, choices=DTYPES, help="(default: float16 on a GPU, else float32)")
    parser.add_argument("--attention", type=_text, choices=ATTENTIONS, help="(default: the fastest that works here)")
    return parser


def _commands_page() -> str:
    lines = (f"  %whisper {name:<8} {what}" for name, what in COMMANDS.items())
    return "\n".join(["commands:", *lines, "", _EXAMPLES])


WHISPER = _transcribe_parser(
    "%whisper", "SOURCE... [options]\n       %whisper COMMAND [options]", _ABOUT, _commands_page()
)
TRANSCRIBE = _transcribe_parser(
    "%transcribe",
    "SOURCE... [options]\n       %%transcribe [options]   with sources below, one a line; # starts a comment",
    _ABOUT,
)
LOAD = _load_parser()
COMPARE = _compare_parser()


def parse_transcribe(
    parser: Parser, arguments: Sequence[Argument], namespace: Mapping[str, Any], body: Sequence[Argument] = ()
) -> TranscribeRequest:
    """`arguments` of the line and `body` of the cell -> what to do.

    Raises:
        UsageError: one line, for anything that makes no sense.
    """
    given, sources = parser.parse([expand(argument, namespace) for argument in arguments])
    sources += [expand(argument, namespace) for argument in body]
    own = {name: given.pop(name) for name in ("output", "save", "quiet", "help", "repeats") if name in given}
    return TranscribeRequest(tuple(sources), given, **own)


def parse_load(arguments: Sequence[Argument], namespace: Mapping[str, Any]) -> LoadRequest:
    """The arguments of `%whisper load` -> what to load."""
    given, targets = LOAD.parse([expand(argument, namespace) for argument in arguments])
    if len(targets) > 1:
        LOAD.error(f"one model at a time, got {', '.join(targets)}")
    names = [str(target.value) if isinstance(target, Held) else target for target in targets]
    return LoadRequest(target=names[0] if names else None, **given)
