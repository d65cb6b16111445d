"""Several transcripts as text, as HTML and on one line: a line per recording, and the totals."""

from __future__ import annotations

from whisper_magic.notebook.results import TranscriptList
from whisper_magic.notebook.views import facts
from whisper_magic.notebook.views import transcript as transcript_view
from whisper_magic.notebook.views.html import escaped, frame
from whisper_magic.notebook.views.text import PLAIN, Style, display_width, printable, shorten, shorten_middle
from whisper_magic.transcript import Transcript


def text(transcripts: TranscriptList, style: Style = PLAIN) -> str:
    """Name, length, speed and first words of each recording; then the totals."""
    names = [printable(facts.name(transcript.source)) for transcript in transcripts]
    widest = min(max(map(display_width, names), default=0), style.width // 3)
    rows = [_text_row(name, transcript, widest, style) for name, transcript in zip(names, transcripts, strict=True)]
    return "\n".join([*rows, style.paint(summary(transcripts), "dim")])


def html(transcripts: TranscriptList) -> str:
    """The same as HTML; each line expands to the whole transcript."""
    rows = "".join(map(_html_row, transcripts))
    return frame(f'{rows}<div class="wm-foot">{escaped(summary(transcripts))}</div>', summary(transcripts))


def line(transcripts: TranscriptList) -> str:
    """One line, for a list inside a container."""
    return f"<TranscriptList: {summary(transcripts)}>"


def summary(transcripts: TranscriptList) -> str:
    """'3 recordings, 12:40, 14.2× real time', and the number of failures."""
    audio = sum(transcript.timing.audio or transcript.duration for transcript in transcripts)
    wall = sum(transcript.timing.total for transcript in transcripts)
    count = f"{len(transcripts)} recording{'' if len(transcripts) == 1 else 's'}"
    speed = f"{audio / wall:.3g}× real time" if wall else ""
    failed = f"{len(transcripts.failures)} failed" if transcripts.failures else ""
    return ", ".join(part for part in (count, facts.length(audio), speed, failed) if part)


def _text_row(name: str, transcript: Transcript, widest: int, style: Style) -> str:
    shown = shorten_middle(name, widest)
    figures = f"  {facts.length(transcript.duration):>7}  {transcript_view.speed(transcript) or '':>6}  "
    figures += f"{transcript.language or '':<3}"
    flags = transcript_view.flagged(transcript)
    mark = ("" if transcript.complete else "(partial) ") + (f"({flags}) " if flags else "")
    remaining = max(10, style.width - widest - len(figures) - len(mark))
    opening = shorten(printable(transcript.text), remaining) or style.paint("no speech", "dim")
    pad = " " * (widest - display_width(shown))
    return style.paint(shown, "bold") + pad + style.paint(figures, "dim") + style.paint(mark, "yellow") + opening


def _html_row(transcript: Transcript) -> str:
    name = escaped(facts.name(transcript.source))
    flags = transcript_view.flagged(transcript)
    marks = [
        f'<span class="wm-lang" title="language">{escaped(transcript.language)}</span>' if transcript.language else "",
        "" if transcript.complete else '<span class="wm-warn">partial</span>',
        f'<span class="wm-warn">⚑ {flags}</span>' if flags else "",
    ]
    opening = " ".join([*filter(None, marks), escaped(transcript.text[:160]) or "no speech"])
    return (
        f'<details><summary><span class="wm-source" dir="auto" title="{name}">{name}</span> '
        f'<span class="wm-number">{facts.length(transcript.duration)}</span> '
        f'<span class="wm-number">{transcript_view.speed(transcript) or ""}</span> '
        f'<span class="wm-speech" dir="auto">{opening}</span></summary>'
        f"{transcript_view.html_body(transcript)}</details>"
    )
