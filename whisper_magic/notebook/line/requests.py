"""What a line asks for: a request per command, and how it is made of the parsed line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from IPython.core.error import UsageError

from whisper_magic.comparison import REPEATS
from whisper_magic.notebook.line import values
from whisper_magic.notebook.line.parsers import LESSONS, Parser
from whisper_magic.notebook.line.scanner import Argument, ObjectArgument
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
        reference: column that holds reference texts.
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


@dataclass(frozen=True)
class ParsedLine:
    """What a command's parser made of a line.

    Attributes:
        parser: of the command, whose `error` refuses the line.
        arguments: as they were written.
        namespace: the variables that `{...}` and `$name` may use.
        options: their values by name. A request takes its own fields out of them; the rest are fields of
            `TranscribeOptions`.
        words: the other arguments, expanded.
    """

    parser: Parser
    arguments: Sequence[Argument]
    namespace: Mapping[str, Any]
    options: dict[str, Any]
    words: list[str]

    def take(self, kind: type) -> dict[str, Any]:
        """Take the fields of a request out of the options."""
        return {field.name: self.options.pop(field.name) for field in fields(kind) if field.name in self.options}

    def misplaced(self, word: str) -> str:
        """A word where none is wanted. It may be meant as the value of the option before it, which takes none."""
        written = [argument.written for argument in self.arguments]
        place = written.index(word) if word in written else 0
        before = written[place - 1] if place else ""
        return f"{word}; {before} takes no value" if before in self.parser.flags else word


# One function per command: each raises UsageError, one line, for a line that makes no sense.


def help_request(line: ParsedLine) -> HelpRequest:
    """`%whisper help`."""
    return HelpRequest(line.parser.format_help())


def transcribe_request(line: ParsedLine) -> TranscribeRequest:
    """`%whisper SOURCE...` and `%transcribe`."""
    own = line.take(TranscribeRequest)
    return TranscribeRequest(tuple(find_sources(line.words, line.namespace)), line.options, **own)


def demo_request(line: ParsedLine) -> TranscribeRequest:
    """`%whisper demo`."""
    if line.words:
        line.parser.error(f"%whisper demo reads its own recording, got {line.misplaced(line.words[0])}")
    own = line.take(TranscribeRequest)
    return TranscribeRequest((), line.options, **own, demo=True)


def compare_request(line: ParsedLine) -> CompareRequest:
    """`%whisper compare SOURCE`."""
    own = line.take(CompareRequest)
    if line.words == ["demo"]:
        return CompareRequest((), line.options, **own, demo=True)
    return CompareRequest(tuple(find_sources(line.words, line.namespace)), line.options, **own)


def lesson_request(line: ParsedLine) -> LessonRequest:
    """`%whisper lesson [NAME] [SOURCE]`."""
    name, words = (line.words[0], line.words[1:]) if line.words else (None, [])
    if name is not None and (isinstance(name, ObjectArgument) or name not in LESSONS):
        shown = label_of(name) if isinstance(name, ObjectArgument) else name
        hint = near(shown, LESSONS) or f"; there are {', '.join(LESSONS)}"
        line.parser.error(f"no lesson is called {shown}{hint}")
    sources = find_sources(words, line.namespace) if words and words != ["demo"] else []
    if len(sources) > 1:
        line.parser.error(f"a lesson takes one recording, got {len(sources)}")
    own = line.take(LessonRequest)
    return LessonRequest(name, sources[0] if sources else None, line.options, **own)


def exercise_request(line: ParsedLine) -> ExerciseRequest:
    """`%whisper exercise [NAME]`."""
    if len(line.words) > 1:
        line.parser.error(f"one exercise at a time, got {', '.join(line.words)}")
    return ExerciseRequest(line.words[0] if line.words else None)


def record_request(line: ParsedLine) -> RecordRequest:
    """`%whisper record`."""
    if line.words:
        line.parser.error(f"%whisper record reads the microphone, got {line.misplaced(line.words[0])}")
    own = line.take(RecordRequest)
    return RecordRequest(line.options, **own)


def library_request(line: ParsedLine) -> LibraryRequest:
    """`%whisper library [SOURCE...]`: a folder, a table or a list is one source."""
    own = line.take(LibraryRequest)
    return LibraryRequest(tuple(_whole(word, line.namespace) for word in line.words), line.options, **own)


def _whole(argument: str, namespace: Mapping[str, Any]) -> Source:
    if isinstance(argument, ObjectArgument):
        return Source(argument.value, label_of(argument))
    refuse_variable(argument, namespace)
    return Source(argument, argument)


def search_request(line: ParsedLine) -> SearchRequest:
    """`%whisper search WORDS...`."""
    if not line.words:
        line.parser.error('nothing to search for: write words, or "a phrase"')
    return SearchRequest(" ".join(line.words), **line.options)


def load_request(line: ParsedLine) -> LoadRequest:
    """`%whisper load [TARGET]`."""
    if len(line.words) > 1:
        line.parser.error(f"one model at a time, got {', '.join(line.words)}")
    return LoadRequest(**line.options, **({"target": values.text(line.words[0])} if line.words else {}))


def unload_request(line: ParsedLine) -> UnloadRequest:
    """`%whisper unload`."""
    _refuse_words(line)
    return UnloadRequest()


def status_request(line: ParsedLine) -> StatusRequest:
    """`%whisper status`."""
    _refuse_words(line)
    return StatusRequest()


def _refuse_words(line: ParsedLine) -> None:
    if line.words:
        raise UsageError(f"{line.parser.prog} takes nothing after it, got {line.arguments[0].written}")
