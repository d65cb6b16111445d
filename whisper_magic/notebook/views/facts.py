"""The figures that every view of a transcript shows, in words: times, phases, rates. Text and HTML share them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whisper_magic.transcript import Models, Segment, Timing, Transcript

if TYPE_CHECKING:
    from whisper_magic.engine.engine import EngineStatus

PHASES = ("read", "features", "encode", "prefill", "draft", "verify", "align", "other")
WORTH_SHOWING = 0.005  # of the total; what is shorter would be an invisible sliver


@dataclass(frozen=True)
class Phase:
    """One phase of the work: its seconds, and its share of the total (0 to 1)."""

    name: str
    seconds: float
    share: float


def phases(timing: Timing) -> tuple[Phase, ...]:
    """The phases that took a visible part of the time, in the order of the work."""
    total = max(timing.total, sum(getattr(timing, name) for name in PHASES))
    every = (Phase(name, getattr(timing, name), getattr(timing, name) / total) for name in PHASES if total > 0)
    return tuple(phase for phase in every if phase.share >= WORTH_SHOWING)


def clock(seconds: float, hours: bool = False) -> str:
    """Exact position: mm:ss.cc, or h:mm:ss.cc from an hour on (and where `hours` asks for it)."""
    hundredths = round(max(0.0, seconds) * 100)
    minutes, hundredths = divmod(hundredths, 6000)
    tail = f"{hundredths // 100:02d}.{hundredths % 100:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{tail}" if hours or minutes >= 60 else f"{minutes:02d}:{tail}"


def length(seconds: float, of: float | None = None) -> str:
    """How long something is, as a player shows it: m:ss or h:mm:ss; tenths of a second where it, or the whole that it
    is a part `of`, is below ten."""
    if (seconds if of is None else of) < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def took(seconds: float) -> str:
    """Wall time, to three digits."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 99.95 else f"{seconds:.0f} s"


def speed(transcript: Transcript) -> str | None:
    """The real-time factor to three digits; None where it was not measured, or not to the end."""
    timing = transcript.timing
    if not timing.total or not timing.audio or not transcript.complete:
        return None
    return (
        f"{timing.rtfx:.0f}"
        if timing.rtfx >= 99.95
        else f"{timing.rtfx:.3g}"
        if timing.rtfx >= 1
        else f"{timing.rtfx:.2f}"
    )


def figures(transcript: Transcript) -> tuple[tuple[str, str], ...]:
    """(value, what it is) for the real-time factor, acceptance rate and tokens a round, where they exist."""
    rate, tokens = transcript.trace.acceptance_rate, transcript.trace.tokens_per_round
    factor = speed(transcript)
    found = []
    if factor is not None:
        found.append((f"{factor}×", f"real time ({took(transcript.timing.total)})"))
    if rate is not None:
        found.append((f"{rate:.0%}", "of drafted tokens accepted"))
    if tokens is not None:
        found.append((f"{tokens:.2f}", "tokens a round"))
    return tuple(found)


def models(models: Models) -> str:
    """The models, and what they ran on."""
    names = models.target if models.draft is None else f"{models.target} + {models.draft}"
    return f"{names} · {models.device} · {models.dtype} · {models.attention}"


def language(transcript: Transcript) -> str | None:
    """'en', with the probability where it was detected; and what it was translated to."""
    if transcript.language is None:
        return None
    sure = transcript.language_probability
    detected = transcript.language if sure is None else f"{transcript.language} {sure:.0%}"
    return f"{detected} → en" if transcript.task == "translate" else detected


def heading(transcript: Transcript) -> tuple[str, ...]:
    """What stands beside a transcript's name: its length, its language, and the mode where it is not the usual one."""
    batched = "batched" if transcript.mode == "batched" else None
    return tuple(fact for fact in (length(transcript.duration), language(transcript), batched) if fact)


def other_language(segment: Segment, transcript: Transcript) -> str | None:
    """A segment's language where it is not the transcript's."""
    return segment.language if segment.language != transcript.language else None


def interruption(transcript: Transcript) -> str | None:
    """Where Ctrl-C cut the transcript short, if it did."""
    if transcript.complete:
        return None
    reached = transcript.segments[-1].end - (transcript.options.start or 0.0) if transcript.segments else 0.0
    return f"partial: interrupted after {length(reached, transcript.duration)} of {length(transcript.duration)}"


def teaching(languages: Sequence[str]) -> str:
    """What is to be known of the demo models, in a line."""
    return (
        f"A small teaching model wrote this; it knows only a few words of {', '.join(languages) or 'en'}. "
        "For real speech: %whisper load openai/whisper-large-v3"
    )


def name(source: str) -> str:
    """A source's name for a heading: of a long absolute path, the end."""
    parts = source.split("/")
    return f"…/{'/'.join(parts[-2:])}" if source.startswith("/") and len(parts) > 4 else source


def needs_hours(transcript: Transcript) -> bool:
    """Whether times are written with hours, so that they line up."""
    return bool(transcript.segments) and transcript.segments[-1].end >= 3600


def status(status: EngineStatus) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A title and (name, value) for each fact about a loaded engine."""
    languages = ", ".join(status.languages[:12]) + (
        f" and {len(status.languages) - 12} more" if status.languages[12:] else ""
    )
    facts = [
        ("draft", status.draft or "none: the target alone"),
        ("device", f"{status.device}, {status.dtype}, {status.attention} attention"),
        (
            "memory",
            f"{status.memory_bytes / 1e6:,.0f} MB"
            if status.memory_bytes < 1e9
            else f"{status.memory_bytes / 1e9:.2f} GB",
        ),
        ("languages", languages),
        ("loaded in", took(status.load_seconds)),
        *(("note", note) for note in status.notes),
    ]
    return status.target, tuple((name, value) for name, value in facts if value)


def left_out(transcript: Transcript) -> str:
    """What was taken for silence, in a line; '' where nothing was."""
    if not transcript.skipped:
        return ""
    hours = needs_hours(transcript)
    parts = [f"{clock(segment.start, hours)} “{segment.text.strip()[:60]}”" for segment in transcript.skipped[:3]]
    more = f" and {len(transcript.skipped) - 3} more" if len(transcript.skipped) > 3 else ""
    return f"left out as {transcript.skipped[0].flags[0]}: {', '.join(parts)}{more}"
