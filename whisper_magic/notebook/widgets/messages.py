"""What a page may ask of the kernel, checked field by field: a hostile page can send anything.

The other side is frontend/src/shared/protocol.ts. A request is a dict with `kind`, `id` and the fields of its dataclass
here; an answer carries the same `id`, and `value` or, in one line, `error`. `page` sees to it that there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from whisper_magic.errors import WhisperMagicError

MAX_PEAKS = 200_000  # pairs asked for at once: 400 kB
MAX_SECONDS = 7 * 24 * 3600
MAX_TEXT = 20_000  # characters of a segment, or of a note
MAX_LENGTHS = {"text": MAX_TEXT, "filters": 20_000}  # characters, by the name of a field
MAX_OTHER_LENGTH = 64  # characters of other fields
MAX_CHUNK = 4 << 20  # bytes of a microphone's sound; a browser sends some kilobytes at a time


class BadRequest(WhisperMagicError):
    """A message that is none of those below. People never see it, unless a page was tampered with."""


@dataclass(frozen=True)
class Request:
    """Any request.

    Attributes:
        id: the page's name for it, sent back with the answer.
    """

    kind: ClassVar[str]
    id: str


@dataclass(frozen=True)
class Answer:
    """What a request gets.

    Attributes:
        value: for JSON, as frontend/src/shared/protocol.ts has it.
        buffers: binary parts.
    """

    value: Any = field(default_factory=dict)
    buffers: Sequence[bytes] = ()


@dataclass(frozen=True)
class DocumentRequest(Request):
    """The text, and what is known of the sound."""

    kind: ClassVar[str] = "document"


@dataclass(frozen=True)
class PeaksRequest(Request):
    """Peaks `start` to `start + count` of a level."""

    kind: ClassVar[str] = "peaks"
    level: int
    start: int
    count: int


@dataclass(frozen=True)
class MelRequest(Request):
    """The log-mel spectrogram of a stretch."""

    kind: ClassVar[str] = "mel"
    start: float
    end: float


@dataclass(frozen=True)
class SoundRequest(Request):
    """The encoded sound from a byte on."""

    kind: ClassVar[str] = "sound"
    offset: int


@dataclass(frozen=True)
class TraceRequest(Request):
    """The rounds, in step with the sound."""

    kind: ClassVar[str] = "trace"


@dataclass(frozen=True)
class FileRequest(Request):
    """The transcript in a format."""

    kind: ClassVar[str] = "file"
    format: str


@dataclass(frozen=True)
class WordsRequest(Request):
    """Find when each word is said."""

    kind: ClassVar[str] = "words"


@dataclass(frozen=True)
class AgainRequest(Request):
    """Transcribe a stretch again; `language` may be "auto"."""

    kind: ClassVar[str] = "again"
    start: float
    end: float
    language: str
    task: str


@dataclass(frozen=True)
class KeepRequest(Request):
    """Put what `again` gave in the place of what was there."""

    kind: ClassVar[str] = "keep"


@dataclass(frozen=True)
class UndoRequest(Request):
    """Take the last change back."""

    kind: ClassVar[str] = "undo"


@dataclass(frozen=True)
class EditRequest(Request):
    """Write another text in the place of a segment's."""

    kind: ClassVar[str] = "edit"
    segment: int
    text: str


@dataclass(frozen=True)
class ClipRequest(Request):
    """The sound of a stretch, as a file."""

    kind: ClassVar[str] = "clip"
    start: float
    end: float


@dataclass(frozen=True)
class StopRequest(Request):
    """Stop what runs."""

    kind: ClassVar[str] = "stop"


@dataclass(frozen=True)
class ChunkRequest(Request):
    """The next bytes that the microphone records; they come as the message's first buffer."""

    kind: ClassVar[str] = "chunk"
    piece: bytes


@dataclass(frozen=True)
class EndRequest(Request):
    """Nothing more is recorded."""

    kind: ClassVar[str] = "end"


@dataclass(frozen=True)
class FirstRequest(Request):
    """The first rows of a library, and what is known of it."""

    kind: ClassVar[str] = "first"


@dataclass(frozen=True)
class ViewRequest(Request):
    """Filter and sort; the rows of what passes are asked for by the answer's token.

    Attributes:
        text: a search.
        filters: JSON: `{"facets": {name: [value]}, "ranges": {name: [least, most]}, "named": name}`.
        sort: a column.
        descending: whether the largest comes first.
        run: id of the models and options; 0 for each recording's newest transcript.
    """

    kind: ClassVar[str] = "view"
    text: str
    filters: str
    sort: str
    descending: bool
    run: int


@dataclass(frozen=True)
class RowsRequest(Request):
    """Rows `start` to `start + count` of a view."""

    kind: ClassVar[str] = "rows"
    token: int
    start: int
    count: int


@dataclass(frozen=True)
class RowSoundRequest(Request):
    """How the page gets the sound of a recording."""

    kind: ClassVar[str] = "rowsound"
    recording: int


@dataclass(frozen=True)
class RowChunkRequest(Request):
    """The encoded sound of a recording from a byte on."""

    kind: ClassVar[str] = "rowchunk"
    recording: int
    offset: int


@dataclass(frozen=True)
class OpenRequest(Request):
    """The player of a transcript."""

    kind: ClassVar[str] = "open"
    transcript: int


@dataclass(frozen=True)
class TagRequest(Request):
    """Add and remove a tag; "" is none."""

    kind: ClassVar[str] = "tag"
    recordings: tuple[int, ...]
    add: str
    remove: str


@dataclass(frozen=True)
class NoteRequest(Request):
    """Write a note."""

    kind: ClassVar[str] = "note"
    recording: int
    text: str


@dataclass(frozen=True)
class AcceptRequest(Request):
    """Mark recordings as checked, or as not."""

    kind: ClassVar[str] = "accept"
    recordings: tuple[int, ...]
    accepted: bool


@dataclass(frozen=True)
class SelectRequest(Request):
    """Select recordings: every one of a view by its token, where `recordings` is empty and `all` is true."""

    kind: ClassVar[str] = "select"
    recordings: tuple[int, ...]
    token: int
    all: bool


@dataclass(frozen=True)
class DifferencesRequest(Request):
    """Where two runs differ."""

    kind: ClassVar[str] = "differences"
    first: int
    second: int


@dataclass(frozen=True)
class FailuresRequest(Request):
    """What could not be read."""

    kind: ClassVar[str] = "failures"


EXPLORER: tuple[type[Request], ...] = (
    FirstRequest,
    ViewRequest,
    RowsRequest,
    RowSoundRequest,
    RowChunkRequest,
    OpenRequest,
    TagRequest,
    NoteRequest,
    AcceptRequest,
    SelectRequest,
    DifferencesRequest,
    FailuresRequest,
    StopRequest,
)
LESSON: tuple[type[Request], ...] = (SoundRequest,)
RECORDER: tuple[type[Request], ...] = (ChunkRequest, EndRequest)
PLAYER: tuple[type[Request], ...] = (
    DocumentRequest,
    PeaksRequest,
    MelRequest,
    SoundRequest,
    TraceRequest,
    FileRequest,
    WordsRequest,
    AgainRequest,
    KeepRequest,
    UndoRequest,
    EditRequest,
    ClipRequest,
    StopRequest,
)


def id_of(content: Any) -> str | None:
    """The id of a message, whatever else is wrong with it; None where it has none that can be sent back."""
    name = content.get("id") if isinstance(content, dict) else None
    return name if isinstance(name, str) and len(name) <= MAX_OTHER_LENGTH and _is_unicode(name) else None


def parse(content: Any, allowed: tuple[type[Request], ...] = PLAYER, buffers: Sequence[Any] = ()) -> Request:
    """Check a message.

    Args:
        content: as it came.
        allowed: what the widget is asked for.
        buffers: that came with it.

    Raises:
        BadRequest: where it is not one of the requests above, with whole numbers that are in range.
    """
    if not isinstance(content, dict):
        raise BadRequest(f"a request is a dict, got a {type(content).__name__}")
    given, kind = dict(content), content.get("kind")
    if id_of(content) is None:
        raise BadRequest("a request has an id, a short text")
    request = next((request_type for request_type in allowed if request_type.kind == kind), None)
    if request is None:
        raise BadRequest(f"no request is called {str(kind)[:40]!r}")
    wanted = {field.name: str(field.type) for field in fields(request)}
    del given["kind"]
    if given.keys() != {name for name, type_ in wanted.items() if type_ != "bytes"}:
        raise BadRequest(f"a request {kind!r} has the fields {', '.join(wanted)}")
    given.update({name: buffers[0] if buffers else b"" for name, type_ in wanted.items() if type_ == "bytes"})
    return request(**{name: _checked(name, value, wanted[name]) for name, value in given.items()})


def _checked(name: str, value: Any, type_: str) -> Any:
    match type_:
        case "int":
            if not _is_number(value, 2**53) or value != int(value):
                raise BadRequest(f"{name} is a whole number from 0, got {str(value)[:40]!r}")
            return min(int(value), MAX_PEAKS) if name == "count" else int(value)
        case "float":
            if not _is_number(value, MAX_SECONDS):
                raise BadRequest(f"{name} is a time in seconds, got {str(value)[:40]!r}")
            return float(value)
        case "bool":
            if not isinstance(value, bool):
                raise BadRequest(f"{name} is true or false, got {str(value)[:40]!r}")
            return value
        case "bytes":
            if not 0 < len(value) <= MAX_CHUNK:
                raise BadRequest(f"a chunk has 1 to {MAX_CHUNK} bytes, got {len(value)}")
            return bytes(value)
        case "tuple[int, ...]":
            if not isinstance(value, list) or len(value) > MAX_PEAKS:
                raise BadRequest(f"{name} is a list of whole numbers, got a {type(value).__name__}")
            return tuple(_checked(name, number, "int") for number in value)
        case _:
            if not isinstance(value, str) or len(value) > MAX_LENGTHS.get(name, MAX_OTHER_LENGTH):
                raise BadRequest(f"{name} is a short text, got a {type(value).__name__}")
            if not _is_unicode(value):
                raise BadRequest(f"{name} is a text, got one that holds half a character")
            return value


def _is_number(value: Any, beyond: int) -> bool:
    """Whether a value is a number from 0 to below `beyond`; NaN is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < beyond


def _is_unicode(text: str) -> bool:
    """Whether UTF-8 can hold a text: JSON can also spell half of a surrogate pair."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
