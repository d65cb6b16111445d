"""A magic's line -> a request: which command, on which sources, with which options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError

from whisper_magic.comparison import REPEATS
from whisper_magic.notebook.line import values
from whisper_magic.notebook.line.parsers import (
    COMMANDS,
    COMPARE,
    EXERCISE,
    LESSON,
    LESSONS,
    LIBRARY,
    LOAD,
    RECORD,
    SEARCH,
    WHISPER,
    Parser,
)
from whisper_magic.notebook.line.scanner import Argument, ObjectArgument, Piece, expand
from whisper_magic.notebook.line.sources import Source, find_sources, label_of, refuse_variable
from whisper_magic.wording import near


@dataclass(frozen=True)
class HelpRequest:
    """Print a help page."""

    page: str


@dataclass(frozen=True)
class TranscribeRequest:
    """Transcribe these sources, or the bundled recording (`demo`).

    Attributes:
        overrides: fields of `TranscribeOptions`.
        output: the variable to assign.
        save: the file to write, with * for each source's name.
        quiet: show no progress.
        background: return at once, and go on in a thread.
        embed: put the sound into the output.
    """

    sources: tuple[Source, ...]
    overrides: dict[str, Any]
    output: str | None = None
    save: str | None = None
    quiet: bool = False
    demo: bool = False
    background: bool = False
    embed: bool = False


@dataclass(frozen=True)
class CompareRequest:
    """Compare decoding with and without speculation on one recording. Attributes as of `TranscribeRequest`."""

    sources: tuple[Source, ...]
    overrides: dict[str, Any]
    output: str | None = None
    quiet: bool = False
    demo: bool = False
    repeats: int = REPEATS


@dataclass(frozen=True)
class LessonRequest:
    """Show a lesson. Other attributes as of `TranscribeRequest`.

    Attributes:
        name: of the lesson; None lists them.
        source: the recording; None takes the bundled one.
        overrides: fields of `TranscribeOptions`.
    """

    name: str | None
    source: Source | None
    overrides: dict[str, Any]
    output: str | None = None
    quiet: bool = False
    embed: bool = False


@dataclass(frozen=True)
class ExerciseRequest:
    """Show or check an exercise. name: None lists them."""

    name: str | None


@dataclass(frozen=True)
class RecordRequest:
    """Record from the page's microphone. Attributes as of `TranscribeRequest`."""

    overrides: dict[str, Any]
    output: str | None = None
    save: str | None = None


@dataclass(frozen=True)
class LibraryRequest:
    """Transcribe what is new in these sources into a library, and show it. Other attributes as of `TranscribeRequest`.

    Attributes:
        sources: what `library.entries.entries_of` takes, each with its name.
        store: the library's file.
        reference: column that holds what is said.
    """

    sources: tuple[Source, ...]
    overrides: dict[str, Any]
    output: str | None = None
    quiet: bool = False
    store: str | None = None
    reference: str | None = None
    background: bool = False


@dataclass(frozen=True)
class SearchRequest:
    """Find what was said in a library.

    Attributes:
        text: as typed, quotes included.
        near: all words within so many words of each other.
        language: only transcripts in it.
        speaker: only recordings of theirs.
        limit: most hits.
        store: the library's file.
        output: the variable to assign.
    """

    text: str
    near: int | None = None
    language: str | None = None
    speaker: str | None = None
    limit: int = 50
    store: str | None = None
    output: str | None = None


@dataclass(frozen=True)
class LoadRequest:
    """Load models; None takes what is configured."""

    target: str | None = None
    draft: str | None = None
    device: str | None = None
    dtype: str | None = None
    attention: str | None = None


@dataclass(frozen=True)
class UnloadRequest:
    """Free the models' memory."""


@dataclass(frozen=True)
class StatusRequest:
    """Show which models are loaded."""


Request = (
    HelpRequest
    | TranscribeRequest
    | CompareRequest
    | LessonRequest
    | ExerciseRequest
    | RecordRequest
    | LibraryRequest
    | SearchRequest
    | LoadRequest
    | UnloadRequest
    | StatusRequest
)


def parse_whisper(arguments: Sequence[Argument], namespace: Mapping[str, Any]) -> Request:
    """The arguments of `%whisper`: a command and its own, or sources and options.

    Args:
        arguments: of the line.
        namespace: the variables that `{...}` and `$name` may use.

    Raises:
        UsageError: one line, for anything that makes no sense.
    """
    command = arguments[0].plain if arguments else "help"
    rest = arguments[1:]
    match command:
        case "help":
            return HelpRequest(WHISPER.format_help())
        case "load":
            return _parse_load(rest, namespace)
        case "unload":
            return _without_arguments(UnloadRequest(), "unload", rest)
        case "status":
            return _without_arguments(StatusRequest(), "status", rest)
        case "compare":
            return _parse_compare(rest, namespace)
        case "lesson":
            return _parse_lesson(rest, namespace)
        case "exercise":
            return _parse_exercise(rest, namespace)
        case "record":
            return _parse_record(rest, namespace)
        case "library":
            return _parse_library(rest, namespace)
        case "search":
            return _parse_search(rest, namespace)
        case "demo":
            return _parse_demo(rest, namespace)
    if command is not None:
        _refuse_misspelt(command, namespace)
    return parse_transcribe(WHISPER, arguments, namespace)


def _refuse_misspelt(word: str, namespace: Mapping[str, Any]) -> None:
    """The first word of a line is no command; it may be meant as one where it is no file and no variable either."""
    hint = near(word, COMMANDS)
    if hint and word.isalpha() and word not in namespace and not Path(word).exists():
        raise UsageError(f"no command and no file is called {word!r}{hint} (%whisper -h lists the commands)")


def parse_transcribe(
    parser: Parser, arguments: Sequence[Argument], namespace: Mapping[str, Any], body: Sequence[Argument] = ()
) -> TranscribeRequest | HelpRequest:
    """Sources and options.

    Args:
        parser: `WHISPER` or `TRANSCRIBE`.
        arguments: of the line.
        namespace: the variables that `{...}` and `$name` may use.
        body: of a cell; its arguments are sources.

    Raises:
        UsageError: one line, for anything that makes no sense.
    """
    given, sources = parser.parse(arguments, namespace)
    if given.pop("help", False):
        return HelpRequest(parser.format_help())
    sources += [expand(argument, namespace) for argument in body]
    own = _own(TranscribeRequest, given)
    return TranscribeRequest(tuple(find_sources(sources, namespace)), given, **own)


def _own(kind: type, given: dict[str, Any]) -> dict[str, Any]:
    """Take the fields of a request out of what was given; the rest are options of the transcription."""
    return {field.name: given.pop(field.name) for field in fields(kind) if field.name in given}


def _parse_demo(arguments: Sequence[Argument], namespace: Mapping[str, Any]) -> TranscribeRequest | HelpRequest:
    given, sources = WHISPER.parse(arguments, namespace)
    if given.pop("help", False):
        return HelpRequest(WHISPER.format_help())
    if sources:
        WHISPER.error(f"%whisper demo reads its own recording, got {_misplaced(sources[0], arguments)}")
    own = _own(TranscribeRequest, given)
    return TranscribeRequest((), given, **own, demo=True)


def _misplaced(source: str, arguments: Sequence[Argument]) -> str:
    """A source where none is wanted. It may be meant as the value of the option before it, which takes none."""
    written = [argument.written for argument in arguments]
    place = written.index(source) if source in written else 0
    before = written[place - 1] if place else ""
    return f"{source}; {before} takes no value" if before in WHISPER.flags else source


def _parse_compare(arguments: Sequence[Argument], namespace: Mapping[str, Any]) -> CompareRequest | HelpRequest:
    given, sources = COMPARE.parse(arguments, namespace)
    if given.pop("help", False):
        return HelpRequest(COMPARE.format_help())
    own = _own(CompareRequest, given)
    if sources == ["demo"]:
        return CompareRequest((), given, **own, demo=True)
    return CompareRequest(tuple(find_sources(sources, namespace)), given, **own)


def _parse_lesson(arguments: Sequence[Argument], namespace: Mapping[str, Any]) -> LessonRequest | HelpRequest:
    given, words = LESSON.parse(arguments, namespace)
    if given.pop("help", False):
        return HelpRequest(LESSON.format_help())
    name, sources = (words[0], words[1:]) if words else (None, [])
    if name is not None and (isinstance(name, ObjectArgument) or name not in LESSONS):
        shown = label_of(name) if isinstance(name, ObjectArgument) else name
        hint = near(shown, LESSONS) or f"; there are {', '.join(LESSONS)}"
        LESSON.error(f"no lesson is called {shown}{hint}")
    found = find_sources(sources, namespace) if sources and sources != ["demo"] else []
    if len(found) > 1:
        LESSON.error(f"a lesson takes one recording, got {len(found)}")
    own = _own(LessonRequest, given)
    return LessonRequest(name, found[0] if found else None, given, **own)


def _parse_exercise(arguments: Sequence[Argument], namespace: Mapping[str, Any]) -> ExerciseRequest | HelpRequest:
    given, words = EXERCISE.parse(arguments, namespace)
    if given.pop("help", False):
        return HelpRequest(EXERCISE.format_help())
    if len(words) > 1:
        EXERCISE.error(f"one exercise at a time, got {', '.join(words)}")
    return ExerciseRequest(words[0] if words else None)


def _parse_record(arguments: Sequence[Argument], namespace: Mapping[str, Any]) -> RecordRequest | HelpRequest:
    given, sources = RECORD.parse(arguments, namespace)
    if given.pop("help", False):
        return HelpRequest(RECORD.format_help())
    if sources:
        RECORD.error(f"%whisper record reads the microphone, got {_misplaced(sources[0], arguments)}")
    own = _own(RecordRequest, given)
    return RecordRequest(given, **own)


def _parse_library(arguments: Sequence[Argument], namespace: Mapping[str, Any]) -> LibraryRequest | HelpRequest:
    given, sources = LIBRARY.parse(arguments, namespace)
    if given.pop("help", False):
        return HelpRequest(LIBRARY.format_help())
    own = _own(LibraryRequest, given)
    return LibraryRequest(tuple(_whole(source, namespace) for source in sources), given, **own)


def _whole(argument: str, namespace: Mapping[str, Any]) -> Source:
    """A source of a library as it is: a folder, a table or a list is one."""
    if isinstance(argument, ObjectArgument):
        return Source(argument.value, label_of(argument))
    refuse_variable(argument, namespace)
    return Source(argument, argument)


def _parse_search(arguments: Sequence[Argument], namespace: Mapping[str, Any]) -> SearchRequest | HelpRequest:
    quoted = [_as_phrase(argument) for argument in arguments]
    given, words = SEARCH.parse(quoted, namespace)
    if given.pop("help", False):
        return HelpRequest(SEARCH.format_help())
    if not words:
        SEARCH.error('nothing to search for: write words, or "a phrase"')
    return SearchRequest(" ".join(words), **given)


def _as_phrase(argument: Argument) -> Argument:
    """What was written in quotes is a phrase, and keeps them."""
    written = argument.written
    if len(written) > 2 and written[0] == written[-1] == '"' and len(argument.pieces) == 1:
        return Argument(written, (Piece("text", written),))
    if written.startswith("-") and not written.startswith("--") and len(written) > 2 and argument.plain:
        return Argument(written, (Piece("text", f"NOT {written[1:]}"),))  # else argparse takes it for an option
    return argument


def _parse_load(arguments: Sequence[Argument], namespace: Mapping[str, Any]) -> LoadRequest | HelpRequest:
    given, targets = LOAD.parse(arguments, namespace)
    if given.pop("help", False):
        return HelpRequest(LOAD.format_help())
    if len(targets) > 1:
        LOAD.error(f"one model at a time, got {', '.join(targets)}")
    return LoadRequest(**given, **({"target": values.text(targets[0])} if targets else {}))


def _without_arguments(request: Request, command: str, arguments: Sequence[Argument]) -> Request:
    if arguments:
        raise UsageError(f"%whisper {command} takes nothing after it, got {arguments[0].written}")
    return request
