"""Transcripts as HTML for a notebook: self-contained, escaped, without scripts, nothing fetched. The structure reads
well where the style is taken away (untrusted notebooks, GitHub), and the bars keep their colours there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from importlib.resources import files

from whisper_magic.notebook.jobs.results import TranscriptList
from whisper_magic.notebook.views import facts as figures
from whisper_magic.notebook.views.text import printable, summary
from whisper_magic.transcript import Segment, Transcript

# Mid-tones that stand out on white and on black; draft and verify, which speculation is about, are the warm ones.
_COLOURS = {
    "read": "#90a4ae",
    "features": "#4db6ac",
    "encode": "#1e88e5",
    "prefill": "#7e9fdc",
    "draft": "#f37726",
    "verify": "#f6b26b",
    "align": "#8e6cc0",
    "other": "#b0b0b0",
}


def render(transcript: Transcript) -> str:
    """The whole transcript: header, segments, timing, figures, models."""
    content = _header(transcript) + _body(transcript) + _footer(transcript)
    return frame(content, f"Transcript of {transcript.source}")


def render_list(transcripts: TranscriptList) -> str:
    """A line for each recording, which opens to what was said in it."""
    rows = "".join(map(_row, transcripts))
    return frame(f'{rows}<div class="wm-foot">{escaped(summary(transcripts))}</div>', summary(transcripts))


def render_facts(title: str, facts: tuple[tuple[str, str], ...]) -> str:
    """A title and a list of names and values."""
    pairs = "".join(
        f'<div class="wm-fact"><span class="wm-soft">{escaped(name)}</span> <span>{escaped(value)}</span></div>'
        for name, value in facts
    )
    return frame(f'<div class="wm-source">{escaped(title)}</div>{pairs}', title)


def frame(content: str, label: str, *sheets: str) -> str:
    """The outermost element, with the style that belongs to it. `content` is HTML, `label` text; sheets: of static/,
    what is needed besides the usual one."""
    style = f"<style>{''.join(_style(sheet) for sheet in ('transcript.css', *sheets))}</style>"
    return f'<div class="whisper-magic" role="group" aria-label="{escaped(label)}">{style}{content}</div>'


@cache
def _style(sheet: str) -> str:
    text = files("whisper_magic.notebook.views").joinpath(f"static/{sheet}").read_text("utf-8")
    return text.partition("*/")[2].strip()


def escaped(text: str) -> str:
    """Text as HTML, on one line, without control characters."""
    return escape(printable(text), quote=True)


def _joined(parts: Iterable[str]) -> str:
    """Side by side: the style sets them apart, and where there is none the dots do."""
    return '<span class="wm-or"> · </span>'.join(parts)


def _header(transcript: Transcript) -> str:
    parts = [_source(transcript)]
    parts += [f'<span class="wm-soft">{escaped(fact)}</span>' for fact in figures.heading(transcript)]
    if partial := figures.interruption(transcript):
        parts.append(f'<span class="wm-warn">{escaped(partial)}</span>')
    return f'<div class="wm-head">{_joined(parts)}</div>'


def _source(transcript: Transcript) -> str:
    shown = escaped(figures.name(transcript.source))
    return f'<span class="wm-source" dir="auto" title="{shown}">{shown}</span>'


def _body(transcript: Transcript) -> str:
    silence = figures.left_out(transcript)
    note = f'<div class="wm-warn">⚑ {escaped(silence)}</div>' if silence else ""
    if not transcript.text:
        return f'<div class="wm-body wm-soft">no speech{note}</div>'
    hours = figures.needs_hours(transcript)
    rows = "".join(_segment(segment, hours, transcript) for segment in transcript.segments)
    inner = f'<div role="list">{rows}</div>{note}'
    return f'<div class="wm-body" role="region" aria-label="What was said" tabindex="0">{inner}</div>'


def _segment(segment: Segment, hours: bool, transcript: Transcript) -> str:
    times = f"{figures.clock(segment.start, hours)} → {figures.clock(segment.end, hours)}"
    flags = f' <span class="wm-warn">⚑ {escaped(", ".join(segment.flags))}</span>' if segment.flags else ""
    other = figures.other_language(segment, transcript)
    mark = f'<span class="wm-lang" title="language">{escaped(other)}</span> ' if other else ""
    written = "en" if transcript.task == "translate" else other or transcript.language
    language = f' lang="{escaped(written)}"' if written else ""
    said = f'{mark}<span dir="auto"{language}>{escaped(segment.text.strip())}</span>{flags}'
    return f'<div class="wm-segment" role="listitem"><time>{times}</time> <span class="wm-said">{said}</span></div>'


def _footer(transcript: Transcript) -> str:
    numbers = [f"<span><b>{escaped(value)}</b> {escaped(what)}</span>" for value, what in figures.figures(transcript)]
    names = f"<div>{escaped(figures.models(transcript.models))}</div>"
    note = "".join(f"<div>{escaped(line)}</div>" for line in transcript.notes)
    return f'<div class="wm-foot">{_bar(transcript)}<div class="wm-row">{_joined(numbers)}</div>{names}{note}</div>'


def _bar(transcript: Transcript) -> str:
    shown = figures.phases(transcript.timing)
    if not shown:
        return ""
    words = {phase.name: f"{phase.name} {figures.took(phase.seconds)}" for phase in shown}
    bar = f'<div class="wm-bar" role="img" aria-label="Time spent: {", ".join(words.values())}">{slices(shown)}</div>'
    return f'{bar}<div class="wm-row">{keys(words)}</div>'


def slices(phases: Iterable[figures.Phase], of: float = 1.0) -> str:
    """The coloured parts of a bar. of: how much of it the phases together fill, 0 to 1."""
    parts = [(100 * phase.share * of, _COLOURS[phase.name]) for phase in phases]
    return "".join(f'<span style="width:{width:.2f}%;background-color:{colour}"></span>' for width, colour in parts)


def keys(words: Mapping[str, str]) -> str:
    """What the colours mean: phase -> what to write beside its colour."""
    return _joined(
        f'<span><i style="background-color:{_COLOURS[name]}"></i>{escaped(word)}</span>' for name, word in words.items()
    )


def _row(transcript: Transcript) -> str:
    factor = figures.speed(transcript)
    partial = "" if transcript.complete else '<span class="wm-warn">partial</span> '
    return (
        f"<details><summary>{_source(transcript)} "
        f'<span class="wm-number">{figures.length(transcript.duration)}</span> '
        f'<span class="wm-number">{factor + "×" if factor else ""}</span> {partial}'
        f'<span class="wm-said" dir="auto">{escaped(transcript.text[:160]) or "no speech"}</span></summary>'
        f"{_body(transcript)}</details>"
    )
