"""The time per phase of a transcription as bars, in text and in HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from whisper_magic.notebook.views import facts
from whisper_magic.notebook.views.html import escaped, side_by_side
from whisper_magic.notebook.views.text import Style
from whisper_magic.transcript import Timing

PHASES = ("read", "features", "encode", "prefill", "draft", "verify", "align", "other")  # fields of Timing
WORTH_SHOWING = 0.005  # of the total; what is shorter would be invisible

_LABELS = {"read": "read audio"}
_EIGHTHS = " ▏▎▍▌▋▊▉"
_BAR = 24  # columns for 100 %

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


@dataclass(frozen=True)
class Phase:
    """One phase of the work.

    Attributes:
        name: its field of `Timing`.
        seconds: wall time.
        share: of the total, 0 to 1.
    """

    name: str
    seconds: float
    share: float


def label(phase: str) -> str:
    """A phase's name for people."""
    return _LABELS.get(phase, phase)


def phases(timing: Timing) -> tuple[Phase, ...]:
    """The phases that took a visible part of the time, in the order of the work."""
    total = max(timing.total, sum(getattr(timing, name) for name in PHASES))
    every = (Phase(name, getattr(timing, name), getattr(timing, name) / total) for name in PHASES if total > 0)
    return tuple(phase for phase in every if phase.share >= WORTH_SHOWING)


def bars(timing: Timing, style: Style) -> Iterator[str]:
    """A line of text for each phase: name, seconds, share, bar."""
    for phase in phases(timing):
        eighths = round(phase.share * _BAR * 8)
        bar = "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
        figures = f"{label(phase.name):<10} {facts.took(phase.seconds):>8} {phase.share:>4.0%}  "
        yield style.paint(figures, "dim") + style.paint(bar or "▏", "blue")


def html_bar(timing: Timing) -> str:
    """One bar with a part for each phase, and a legend; '' if nothing was measured."""
    shown = phases(timing)
    if not shown:
        return ""
    words = {phase.name: f"{label(phase.name)} {facts.took(phase.seconds)}" for phase in shown}
    spoken = f"Time spent: {', '.join(words.values())}"
    bar = f'<div class="wm-bar" role="img" aria-label="{escaped(spoken)}">{slices(shown)}</div>'
    return f'{bar}<div class="wm-row">{legend(words)}</div>'


def slices(phases: Iterable[Phase], of: float = 1.0) -> str:
    """The coloured parts of a bar, as HTML.

    Args:
        phases: in the order of the bar.
        of: the share of the bar that they fill together, 0 to 1.
    """
    parts = [(100 * phase.share * of, _COLOURS[phase.name]) for phase in phases]
    return "".join(f'<span style="width:{width:.2f}%;background-color:{colour}"></span>' for width, colour in parts)


def legend(words: Mapping[str, str]) -> str:
    """The legend of the colours, as HTML.

    Args:
        words: phase -> the label beside its colour.
    """
    return side_by_side(
        f'<span><i style="background-color:{_COLOURS[name]}"></i>{escaped(word)}</span>' for name, word in words.items()
    )
