"""Transcripts as files: one writer per format, and every list of formats is made of them.

A format is a function with `@_writer` above it: `Transcript.save`, `--save`, a library's exports, the player's "Save
as", help, documentation and error messages take it from there. Its document gives segments with times and text (`Cue`).
This module imports none of the classes that it writes.
"""

from __future__ import annotations

import html
import io
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from whisper_magic import documents, speakers
from whisper_magic.errors import PackageMissing, TranscriptError
from whisper_magic.wording import near, one_line, shown


class Cue(Protocol):
    """Text with its times in seconds, as subtitles need them: a `Segment`."""

    @property
    def start(self) -> float: ...

    @property
    def end(self) -> float: ...

    @property
    def text(self) -> str: ...

    @property
    def words(self) -> Sequence[speakers.SpokenWord]: ...


class Document(documents.DataClass, Protocol):
    """A dataclass with segments: a `Transcript`."""

    @property
    def segments(self) -> Sequence[Cue]: ...


@dataclass(frozen=True)
class Package:
    """What a writer imports beyond the standard library.

    Attributes:
        module: as it is imported.
        name: as it is installed.
        extra: of whisper_magic, that installs it.
    """

    module: str
    name: str
    extra: str


@dataclass(frozen=True)
class Writer:
    """A format that transcripts are saved in.

    Attributes:
        name: also the ending of its files.
        summary: what it holds.
        write: a transcript -> the content of a text file, or of a binary one.
        package: that it needs; None for none.
    """

    name: str
    summary: str
    write: Callable[[Document], str | bytes]
    package: Package | None = None

    def check(self) -> None:
        """Check that it can be written here.

        Raises:
            PackageMissing: where its package is not installed.
        """
        if (package := self.package) is None:
            return
        try:
            import_module(package.module)
        except ImportError as error:
            install = f"pip install 'whisper-magic[{package.extra}]'"
            raise PackageMissing(f".{self.name} files need {package.name}: {install}") from error

    def content(self, document: Document) -> bytes:
        """The content of a file.

        Raises:
            PackageMissing: where its package is not installed.
        """
        self.check()
        written = self.write(document)
        # A lone surrogate (of a file name that is not UTF-8) becomes its escape, which in JSON means the same again.
        return written if isinstance(written, bytes) else written.encode("utf-8", "backslashreplace")


WRITERS: dict[str, Writer] = {}


def _writer(
    name: str, summary: str, package: Package | None = None
) -> Callable[[Callable[[Document], str | bytes]], Callable[[Document], str | bytes]]:
    """Make a function the writer of a format."""

    def register(write: Callable[[Document], str | bytes]) -> Callable[[Document], str | bytes]:
        WRITERS[name] = Writer(name, summary, write, package)
        return write

    return register


def content(document: Document, fmt: str) -> bytes:
    """The content of a file.

    Args:
        document: the transcript.
        fmt: one of `FORMATS`.

    Raises:
        TranscriptError: for any other format.
        PackageMissing: for a format whose package is not installed.
    """
    if fmt not in WRITERS:
        advice = near(fmt, WRITERS) or f"; the formats are: {', '.join(WRITERS)}"
        raise TranscriptError(f"no transcript format is called {fmt!r}{advice}")
    return WRITERS[fmt].content(document)


def save(document: Document, path: str | os.PathLike[str]) -> Path:
    """Write a transcript; the file appears whole or not at all.

    Args:
        document: the transcript.
        path: its ending, one of `ENDINGS`, chooses the format.

    Returns:
        The path with `~` expanded.

    Raises:
        TranscriptError: for an ending that is no format, a missing folder, or a file that cannot be written.
        PackageMissing: for a format whose package is not installed.
    """
    target = Path(path).expanduser()
    name, fmt = shown(str(path)), target.suffix.lower().removeprefix(".")
    if fmt not in WRITERS:
        raise TranscriptError(f"cannot tell the format of {name!r}: use one of the extensions {', '.join(ENDINGS)}")
    if not target.parent.is_dir():
        raise TranscriptError(f"cannot write {name}: there is no folder {shown(str(target.parent))}; make it first")
    written = WRITERS[fmt].content(document)
    try:
        write_whole(target, written)
    except OSError as error:
        raise TranscriptError(f"cannot write {name}: {one_line(error.strerror)}") from error
    return target


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, which appears whole or not at all; through a link, not over it.

    Raises:
        OSError: where it cannot be written.
    """
    whole = path.resolve()
    partial = whole.with_name(f".{secrets.token_hex(6)}.tmp")
    try:
        partial.write_bytes(content)
        partial.replace(whole)
    finally:
        partial.unlink(missing_ok=True)


def stem_of(source: str, otherwise: str = "recording") -> str:
    """A name for a file that is made of a source: its own without the ending, with nothing that file systems refuse.

    Args:
        source: a path, an address or a label.
        otherwise: the name of what has none.
    """
    stem = Path(source.partition("?")[0]).stem if "://" in source else Path(source).stem
    return re.sub(r"[^\w.-]+", "_", stem).strip("_.") or otherwise


# The writers, in the order in which they are listed


def _lines(document: Document) -> Iterator[tuple[Cue, str]]:
    """The segments that hold text, each with its text on one line."""
    for segment in document.segments:
        if line := _line(segment.text):
            yield segment, line


def _named(document: Document) -> Iterator[tuple[Cue, str]]:
    """As `_lines`; where another speaker is known to speak, "Name: " begins a line."""
    for segment, utterances in zip(document.segments, speakers.lines(document.segments), strict=True):
        if _line(segment.text):
            yield segment, "\n".join(_name(utterance) + _line(utterance.text) for utterance in utterances)


def _name(utterance: speakers.Utterance) -> str:
    return "" if utterance.speaker is None else f"{_line(utterance.speaker)}: "


def _line(text: str) -> str:
    return " ".join(text.strip().splitlines())


def _clock(seconds: float, point: str) -> str:
    """hh:mm:ss and milliseconds. Rounded before it is split, so that 59.9996 s is a minute."""
    milliseconds = round(max(0.0, seconds) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


@_writer("txt", "the text, a line per segment")
def _txt(document: Document) -> str:
    return "".join(f"{line}\n" for _, line in _named(document))


@_writer("srt", "subtitles (SubRip)")
def _srt(document: Document) -> str:
    return "".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{line.replace('-->', '->')}\n\n"
        for number, (cue, line) in enumerate(_named(document), start=1)
    )


@_writer("vtt", "subtitles (WebVTT), with the times of words inside where they are known")
def _vtt(document: Document) -> str:
    return "WEBVTT\n\n" + "".join(
        f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_vtt_line(cue, line)}\n\n"
        for cue, line in _lines(document)
    )


def _vtt_line(cue: Cue, line: str) -> str:
    """The text, with the time of each word and the voice of each speaker where they are known (WebVTT, 3.4)."""
    words = cue.words
    if "".join(word.text for word in words).split() != line.split():
        return _voiced(speakers.utterances(cue)[0].speaker, _vtt_text(line))
    latest, parts = _clock(cue.start, "."), []
    for index, word in enumerate(words):
        when = _clock(word.start, ".")
        timed = index > 0 and latest < when < _clock(cue.end, ".")
        parts.append((f"<{when}>" if timed else "") + _vtt_text(word.text if index else word.text.lstrip()))
        latest = max(latest, when)
    return "".join(_voiced(words[of[0]].speaker, "".join(parts[of[0] : of[-1] + 1])) for of in speakers.voices(words))


def _voiced(speaker: str | None, text: str) -> str:
    return text if speaker is None else f"<v {_vtt_text(speaker.strip())}>{text}</v>"


def _vtt_text(line: str) -> str:
    return html.escape(" ".join(line.replace("-->", "->").splitlines()), quote=False)


@_writer("tsv", "a table of start, end and text, in milliseconds")
def _tsv(document: Document) -> str:
    """As openai/whisper `utils.py` writes it: times are whole milliseconds."""
    return "start\tend\ttext\n" + "".join(
        f"{round(1000 * cue.start)}\t{round(1000 * cue.end)}\t{line.replace(chr(9), ' ')}\n"
        for cue, line in _lines(document)
    )


@_writer("json", "everything; `Transcript.load` reads it back")
def _json(document: Document) -> str:
    return documents.dumps(document)


@_writer("docx", "a Word document, a paragraph per segment", Package("docx", "python-docx", extra="docx"))
def _docx(document: Document) -> bytes:
    """A heading, and a paragraph for each segment with its time."""
    import docx

    file = docx.Document()
    name = _xml(Path(str(getattr(document, "source", ""))).name or "Transcript")
    file.core_properties.title = name[:255]
    file.add_heading(name, level=1)
    for cue, line in _named(document):
        paragraph = file.add_paragraph()
        time = paragraph.add_run(_clock(cue.start, ".").rpartition(".")[0] + "\t")
        time.font.color.rgb = docx.shared.RGBColor(0x70, 0x70, 0x70)
        paragraph.add_run(_xml(line))
    content = io.BytesIO()
    file.save(content)
    return content.getvalue()


def _xml(line: str) -> str:
    """Without the characters that XML cannot hold."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", line)


FORMATS = tuple(WRITERS)
ENDINGS = tuple(f".{name}" for name in FORMATS)
