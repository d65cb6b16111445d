"""Transcripts as text: for a terminal, wrapped to its width and in colour where it is one; and for the plain side of
a notebook's output, without colour. Whatever is in a file name or a transcript, no control character gets through."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from whisper_magic.notebook.jobs.results import TranscriptList
from whisper_magic.notebook.views import facts as figures
from whisper_magic.transcript import Segment, Transcript

_EIGHTHS = " ▏▎▍▌▋▊▉"
_BAR = 24  # columns for 100 %
_ANSI = {"bold": "1", "dim": "2", "blue": "34", "yellow": "33"}


@dataclass(frozen=True)
class Style:
    """How wide, and whether in colour."""

    width: int = 88
    colour: bool = False

    def paint(self, text: str, *names: str) -> str:
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_ANSI[name] for name in names)}m{text}\x1b[0m"


PLAIN = Style()


def render(transcript: Transcript, style: Style = PLAIN) -> str:
    """The whole transcript: header, segments, timing, models."""
    lines = [_header(transcript, style)]
    if partial := figures.interruption(transcript):
        lines.append(style.paint(partial, "yellow"))
    lines += ["", *_body(transcript, style), ""]
    if transcript.timing.total:
        lines += [*_bars(transcript, style), ""]
    if found := figures.figures(transcript):
        lines.append(" · ".join(f"{value} {what}" for value, what in found))
    lines.append(style.paint(printable(figures.models(transcript.models)), "dim"))
    lines += map(printable, transcript.notes)
    return "\n".join(lines)


def render_list(transcripts: TranscriptList, style: Style = PLAIN) -> str:
    """A line for each recording: its name, its length, its speed, how it begins."""
    names = [printable(figures.name(transcript.source)) for transcript in transcripts]
    widest = min(max(map(display_width, names), default=0), style.width // 3)
    lines = [_list_line(name, transcript, widest, style) for name, transcript in zip(names, transcripts, strict=True)]
    return "\n".join([*lines, style.paint(summary(transcripts), "dim")])


def render_line(transcript: Transcript) -> str:
    """One line, for a transcript inside something else."""
    text = shorten(printable(transcript.text), 40) or "no speech"
    return f"<Transcript {printable(figures.name(transcript.source))}, {figures.length(transcript.duration)}: {text}>"


def render_facts(title: str, facts: tuple[tuple[str, str], ...], style: Style = PLAIN) -> str:
    """A title, and a line for each name and value."""
    lines = [style.paint(printable(title), "bold")]
    for name, value in facts:
        first, *rest = wrap(printable(value), style.width - 12) or [""]
        lines += [style.paint(f"  {name:<10}", "dim") + first, *(" " * 12 + line for line in rest)]
    return "\n".join(lines)


def summary(transcripts: TranscriptList) -> str:
    """'3 recordings, 12:40, 14.2× real time', and how many failed."""
    audio = sum(transcript.timing.audio or transcript.duration for transcript in transcripts)
    wall = sum(transcript.timing.total for transcript in transcripts)
    count = f"{len(transcripts)} recording{'' if len(transcripts) == 1 else 's'}"
    speed = f"{audio / wall:.3g}× real time" if wall else ""
    failed = f"{len(transcripts.failures)} failed" if transcripts.failures else ""
    return ", ".join(part for part in (count, figures.length(audio), speed, failed) if part)


def printable(text: str) -> str:
    """`text` on one line without control characters: none may reach a terminal."""
    return "".join(
        " " if char.isspace() else "�" if unicodedata.category(char) in ("Cc", "Cs") else char for char in text
    )


def _header(transcript: Transcript, style: Style) -> str:
    rest = "".join(f" · {printable(fact)}" for fact in figures.heading(transcript))
    return style.paint(printable(figures.name(transcript.source)), "bold") + style.paint(rest, "dim")


def _body(transcript: Transcript, style: Style) -> Iterator[str]:
    hours = figures.needs_hours(transcript)
    if not transcript.text:
        yield style.paint("no speech", "dim")
    for segment in transcript.segments if transcript.text else ():
        yield from _segment(segment, hours, style, figures.other_language(segment, transcript))
    for line in wrap(printable(figures.left_out(transcript)), style.width):
        yield style.paint(line, "yellow")


def _segment(segment: Segment, hours: bool, style: Style, language: str | None) -> Iterator[str]:
    times = f"[{figures.clock(segment.start, hours)} → {figures.clock(segment.end, hours)}]  "
    mark = f"{printable(language)}: " if language else ""
    first, *rest = wrap(mark + printable(segment.text.strip()), style.width - len(times)) or [""]
    lines = [style.paint(mark, "dim") + first.removeprefix(mark), *rest]
    yield style.paint(times, "dim") + lines[0]
    for line in lines[1:]:
        yield " " * len(times) + line
    if segment.flags:
        yield " " * len(times) + style.paint("⚑ " + printable(", ".join(segment.flags)), "yellow")


def _bars(transcript: Transcript, style: Style) -> Iterator[str]:
    for phase in figures.phases(transcript.timing):
        eighths = round(phase.share * _BAR * 8)
        bar = "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
        label = f"{phase.name:<8} {figures.took(phase.seconds):>8} {phase.share:>4.0%}  "
        yield style.paint(label, "dim") + style.paint(bar or "▏", "blue")


def _list_line(name: str, transcript: Transcript, widest: int, style: Style) -> str:
    shown = shorten(name, widest)
    factor = figures.speed(transcript)
    facts = f"  {figures.length(transcript.duration):>7}  {factor + '×' if factor else '':>6}  "
    mark = "" if transcript.complete else "(partial) "
    room = max(10, style.width - widest - len(facts) - len(mark))
    opening = shorten(printable(transcript.text), room) or style.paint("no speech", "dim")
    pad = " " * (widest - display_width(shown))
    return style.paint(shown, "bold") + pad + style.paint(facts, "dim") + style.paint(mark, "yellow") + opening


def display_width(text: str) -> int:
    """Terminal columns: East Asian wide characters take two, combining marks none."""
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def shorten(text: str, width: int) -> str:
    """At most `width` columns, ending in … where something was cut."""
    if display_width(text) <= width:
        return text
    kept, room = "", width - 1
    for char in text:
        room -= _columns(char)
        if room < 0:
            break
        kept += char
    return kept.rstrip() + "…"


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns, broken at spaces; a longer word (or a script without spaces) is cut."""
    width = max(width, 10)
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if display_width(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        *full, line = _cut(word, width)
        lines += full
    return [*lines, line] if line else lines


def _cut(word: str, width: int) -> list[str]:
    parts, used = [""], 0
    for char in word:
        if used + _columns(char) > width:
            parts.append("")
            used = 0
        parts[-1] += char
        used += _columns(char)
    return parts
