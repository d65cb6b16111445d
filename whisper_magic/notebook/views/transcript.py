"""A transcript as text, as HTML and on one line: segments, time per phase, figures and models."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from whisper_magic.notebook.views import embedded, facts, phases
from whisper_magic.notebook.views.embedded import Embedded
from whisper_magic.notebook.views.html import escaped, frame, heading, side_by_side
from whisper_magic.notebook.views.text import PLAIN, Style, printable, shorten, wrap
from whisper_magic.speakers import Utterance, lines
from whisper_magic.transcript import Segment, Transcript
from whisper_magic.wording import counted


def text(transcript: Transcript, style: Style = PLAIN) -> str:
    """Heading, segments, timing, figures, models, notes."""
    rest = "".join(f" · {printable(detail)}" for detail in details(transcript))
    lines = [style.paint(printable(facts.name(transcript.source)), "bold") + style.paint(rest, "dim")]
    if partial := interruption(transcript):
        lines.append(style.paint(partial, "yellow"))
    lines += ["", *_text_body(transcript, style), ""]
    if transcript.timing.total:
        lines += [*phases.bars(transcript.timing, style), ""]
    if found := figures(transcript):
        lines.append(" · ".join(f"{value} {what}" for value, what in found))
    lines.append(style.paint(printable(facts.models(transcript.models)), "dim"))
    return "\n".join([*lines, *map(printable, transcript.notes)])


def html(transcript: Transcript, anchor: str | None = None, sound: Embedded | None = None) -> str:
    """The same as HTML.

    Args:
        transcript: the transcript to show.
        anchor: id of the player that replaces heading and text on a page with a kernel.
        sound: audio to embed, for pages without a kernel.
    """
    head = heading(facts.name(transcript.source), details(transcript), interruption(transcript))
    numbers = side_by_side(
        f"<span><b>{escaped(value)}</b> {escaped(what)}</span>" for value, what in figures(transcript)
    )
    lines = (facts.models(transcript.models), *transcript.notes, *((sound.note,) if sound is not None else ()))
    below = "".join(f"<div>{escaped(line)}</div>" for line in lines)
    foot = f'{phases.html_bar(transcript.timing)}<div class="wm-row">{numbers}</div>{below}'
    player = embedded.html(sound) if sound is not None else ""
    seeking = embedded.script() if sound is not None else ""
    content = f'{head}{player}{html_body(transcript, sound)}<div class="wm-foot">{foot}</div>{seeking}'
    return frame(content, f"Transcript of {facts.name(transcript.source)}", anchor=anchor)


def line(transcript: Transcript) -> str:
    """One line, for a transcript inside a container."""
    words = shorten(printable(transcript.text), 40) or "no speech"
    return f"<Transcript {printable(facts.name(transcript.source))}, {facts.length(transcript.duration)}: {words}>"


def speed(transcript: Transcript) -> str | None:
    """The real-time factor; None if it was not measured, or if the transcript is not complete."""
    return facts.speed(transcript.timing) if transcript.complete else None


def html_body(transcript: Transcript, sound: Embedded | None = None) -> str:
    """The segments, as HTML; with `sound`, each has its start time in the audio."""
    silence = _skipped(transcript)
    note = f'<div class="wm-warn">⚑ {escaped(silence)}</div>' if silence else ""
    if not transcript.text:
        return f'<div class="wm-body wm-soft">no speech{note}</div>'
    hours = _needs_hours(transcript)
    begin = None if sound is None else sound.start
    inner = "".join(_html_segment(*row, hours, transcript, begin) for row in rows(transcript))
    inner = f'<div role="list">{inner}</div>{note}'
    return f'<div class="wm-body" role="group" aria-label="Transcript" tabindex="0">{inner}</div>'


def rows(transcript: Transcript) -> Iterator[tuple[Segment, list[Utterance], str]]:
    """Each segment, with its text split at changes of speaker, and its flags on one line."""
    segments = transcript.segments
    return zip(segments, lines(segments), shown_flags(segments), strict=True)


def _html_segment(
    segment: Segment, said: list[Utterance], found: str, hours: bool, transcript: Transcript, begin: float | None
) -> str:
    times = f"{facts.clock(segment.start, hours)} → {facts.clock(segment.end, hours)}"
    flags = f' <span class="wm-warn">⚑ {escaped(found)}</span>' if found else ""
    other = _other_language(segment, transcript)
    mark = f'<span class="wm-lang" title="language">{escaped(other)}</span> ' if other else ""
    written = "en" if transcript.task == "translate" else other or transcript.language
    language = f' lang="{escaped(written)}"' if written else ""
    words = f'{mark}<span dir="auto"{language}>{_html_words(segment, said, hours)}</span>{flags}'
    at = "" if begin is None else f' data-start="{max(0.0, segment.start - begin):.2f}"'
    shown = f'<time>{times}</time> <span class="wm-speech">{words}</span>'
    return f'<div class="wm-segment" role="listitem"{at}>{shown}</div>'


def _html_words(segment: Segment, said: list[Utterance], hours: bool) -> str:
    """The text; with word timestamps, each word shows its times on hover."""
    if "".join(word.text for word in segment.words).split() != segment.text.split():
        return _html_name(said[0]) + escaped(segment.text.strip())
    spans = [
        f'<span title="{facts.clock(word.start, hours)} → {facts.clock(word.end, hours)}, {word.probability:.0%}">'
        f"{escaped(word.text)}</span>"
        for word in segment.words
    ]
    ends = [utterance.first for utterance in said[1:]] + [len(spans)]
    parts = [
        _html_name(utterance) + "".join(spans[utterance.first : end]) for utterance, end in zip(said, ends, strict=True)
    ]
    return parts[0] if len(parts) == 1 else "".join(f"<div>{part}</div>" for part in parts)


def _html_name(said: Utterance) -> str:
    """The speaker's name, if it is to be shown; the text beside it has its own direction."""
    return "" if said.speaker is None else f"<b><bdi>{escaped(said.speaker.strip())}</bdi>:</b> "


def _text_body(transcript: Transcript, style: Style) -> Iterator[str]:
    hours = _needs_hours(transcript)
    if not transcript.text:
        yield style.paint("no speech", "dim")
    for segment, said, flags in rows(transcript):
        if transcript.text:
            yield from _text_segment(segment, said, flags, hours, style, _other_language(segment, transcript))
    for part in wrap(printable(_skipped(transcript)), style.width):
        yield style.paint(part, "yellow")


def _text_segment(
    segment: Segment, said: list[Utterance], flags: str, hours: bool, style: Style, language: str | None
) -> Iterator[str]:
    times = f"[{facts.clock(segment.start, hours)} → {facts.clock(segment.end, hours)}]  "
    begins = style.paint(times, "dim")
    mark = f"{printable(language)}: " if language else ""
    for utterance in said:
        name = "" if utterance.speaker is None else f"{printable(utterance.speaker.strip())}: "
        first, *rest = wrap(mark + name + printable(utterance.text.strip()), style.width - len(times)) or [""]
        for line in (style.paint(mark, "dim") + first.removeprefix(mark), *rest):
            yield begins + line
            begins = " " * len(times)
        mark = ""
    if flags:
        yield " " * len(times) + style.paint("⚑ " + printable(flags), "yellow")


def details(transcript: Transcript) -> tuple[str, ...]:
    """The details beside the name: length, language, and the mode if it is not the default."""
    batched = "batched" if transcript.mode == "batched" else None
    every = (facts.length(transcript.duration), _language(transcript), batched)
    return tuple(detail for detail in every if detail)


def flagged(transcript: Transcript) -> str:
    """'2 flags', the number that is shown, or '' without flags."""
    count = sum(map(bool, shown_flags(transcript.segments))) + len(_merged(transcript.skipped))
    return counted(count, "flag") if count else ""


def shown_flags(segments: Sequence[Segment]) -> list[str]:
    """The flags of each segment, on one line. A flag of consecutive segments, as in one window, is shown once."""
    return [", ".join(_new_flags(segments, i)) for i in range(len(segments))]


def _new_flags(segments: Sequence[Segment], first: int) -> Iterator[str]:
    for flag in segments[first].flags:
        if first and flag in segments[first - 1].flags:
            continue
        others = sum(1 for _ in itertools.takewhile(lambda other: flag in other.flags, segments[first + 1 :]))  # noqa: B023 (used at once)
        after = f" (and the next {counted(others, 'segment')})" if others > 1 else " (and the next segment)"
        yield f"{flag}{after if others else ''}"


def _language(transcript: Transcript) -> str | None:
    """'en', with the probability if it was detected, and the language of a translation."""
    if transcript.language is None:
        return None
    probability = transcript.language_probability
    detected = transcript.language if probability is None else f"{transcript.language} {probability:.0%}"
    return f"{detected} → en" if transcript.task == "translate" else detected


def _other_language(segment: Segment, transcript: Transcript) -> str | None:
    """A segment's language if it differs from the transcript's."""
    return segment.language if segment.language != transcript.language else None


def interruption(transcript: Transcript) -> str | None:
    """How far the transcript goes, if it was interrupted."""
    if transcript.complete:
        return None
    reached = transcript.segments[-1].end - (transcript.options.start or 0.0) if transcript.segments else 0.0
    done = facts.length(reached, transcript.duration)
    return f"partial: interrupted after {done} of {facts.length(transcript.duration)}"


def figures(transcript: Transcript) -> tuple[tuple[str, str], ...]:
    """(value, label) of the real-time factor, acceptance rate and tokens per round, if they are known."""
    rate, tokens, factor = transcript.trace.acceptance_rate, transcript.trace.tokens_per_round, speed(transcript)
    values = []
    if factor is not None:
        values.append((factor, f"real time ({facts.took(transcript.timing.total)})"))
    if rate is not None:
        values.append((f"{rate:.0%}", "of drafted tokens accepted"))
    if tokens is not None:
        values.append((f"{tokens:.2f}", "tokens per round"))
    return tuple(values)


def _skipped(transcript: Transcript) -> str:
    """The skipped parts, on one line; '' if there are none."""
    if not transcript.skipped:
        return ""
    hours = _needs_hours(transcript)
    skipped = _merged(transcript.skipped)
    parts = [_skipped_part(segment, hours) for segment in skipped[:3]]
    more = f" and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    return f"skipped: {'; '.join(parts)}{more}"


def _merged(skipped: Sequence[Segment]) -> list[Segment]:
    """The segments of a silent window, which share its flag, merged into one."""
    merged: list[Segment] = []
    for segment in skipped:
        before = merged[-1] if merged else None
        written = before is not None and bool(before.text and segment.text) and before.end <= segment.start
        if before is not None and written and before.flags == segment.flags:
            merged[-1] = replace(before, text=before.text + segment.text, end=segment.end)
        else:
            merged.append(segment)
    return merged


def _skipped_part(segment: Segment, hours: bool) -> str:
    """Time and text of a skipped segment, and the reason."""
    start, text = facts.clock(segment.start, hours), segment.text.strip()[:60]
    when = f"{start} “{text}”" if text else f"{start} → {facts.clock(segment.end, hours)}"
    return f"{when}, {', '.join(segment.flags)}"


def _needs_hours(transcript: Transcript) -> bool:
    """Whether times are written with hours, so that they are aligned."""
    return bool(transcript.segments) and transcript.segments[-1].end >= 3600
