"""A comparison as text and as HTML: are the tokens the same, how long does each way take, and where the time goes."""

from __future__ import annotations

from dataclasses import replace

from whisper_magic.comparison import Comparison, Runs
from whisper_magic.notebook.views import facts as figures
from whisper_magic.notebook.views import tables
from whisper_magic.notebook.views.html import escaped, frame, keys, slices
from whisper_magic.notebook.views.tables import Table
from whisper_magic.notebook.views.text import PLAIN, Style, printable, wrap
from whisper_magic.transcript import Timing

_LONGEST_CONTEXT = 160  # characters of text before a difference
_NAMES = ("target alone", "speculative")


def render(comparison: Comparison, style: Style = PLAIN) -> str:
    """Title, both sentences, the first difference where there is one, the times, models."""
    title, rest = figures.name(comparison.source), f" · {figures.length(comparison.duration)} · {_versus(comparison)}"
    lines = [style.paint(printable(title), "bold") + style.paint(printable(rest), "dim"), ""]
    lines += wrap(printable(comparison.exactness), style.width)
    lines += [*wrap(printable(comparison.verdict), style.width), ""]
    if found := difference(comparison):
        lines += [tables.as_text(found, style), *wrap(printable(_before(comparison)), style.width), ""]
    lines += [tables.as_text(times(comparison), style), ""]
    lines.append(style.paint(printable(figures.models(comparison.models)), "dim"))
    return "\n".join([*lines, *map(printable, comparison.notes)])


def render_html(comparison: Comparison) -> str:
    """The same; the time as two bars on one scale, and as a table."""
    facts = (figures.length(comparison.duration), _versus(comparison))
    soft = "".join(f'<span class="wm-or"> · </span><span class="wm-soft">{escaped(fact)}</span>' for fact in facts)
    name = escaped(figures.name(comparison.source))
    head = f'<div class="wm-head"><span class="wm-source" dir="auto">{name}</span>{soft}</div>'
    tone = "" if comparison.identical else ' class="wm-warn"'
    exactness = f"<div{tone}>{'✓' if comparison.identical else '⚑'} {escaped(comparison.exactness)}</div>"
    verdict = f'<div class="wm-verdict">{exactness}<div><b>{escaped(comparison.verdict)}</b></div></div>'
    found = difference(comparison)
    apart = f'{tables.as_html(found)}<div class="wm-soft">{escaped(_before(comparison))}</div>' if found else ""
    table = tables.as_html(times(comparison))
    notes = "".join(f"<div>{escaped(note)}</div>" for note in (figures.models(comparison.models), *comparison.notes))
    content = f'{head}{verdict}{apart}{_lanes(comparison)}{table}<div class="wm-foot">{notes}</div>'
    return frame(content, f"Comparison on {comparison.source}", "tables.css")


def render_line(comparison: Comparison) -> str:
    """One line, for a comparison inside something else."""
    same = "identical" if comparison.identical else "not identical"
    return f"<Comparison {printable(figures.name(comparison.source))}: {same}, {comparison.speed_up:.2f} times as fast>"


def times(comparison: Comparison) -> Table:
    """Median seconds a phase, and what speculation is made of."""
    alone, speculative = comparison.alone, comparison.speculative
    longest = max(alone.seconds(), speculative.seconds())
    both = (alone, speculative)
    phases = [_phases(runs) for runs in both]
    least = figures.WORTH_SHOWING * longest
    shown = [name for name in figures.PHASES if max(getattr(timing, name) for timing in phases) >= least]
    rows = [("total", *(figures.took(runs.seconds()) for runs in both))]
    if len(alone.timings) > 1:
        rows.append(("shortest to longest", *(_spread(runs) for runs in both)))
    rows += [(name, *(_seconds(timing, name) for timing in phases)) for name in shown]
    rows.append(("target passes", *(f"{len(runs.trace.rounds):,}" for runs in both)))
    rows.append(("tokens a pass", *(f"{runs.trace.tokens_per_round or 0:.2f}" for runs in both)))
    rows.append(("drafted tokens accepted", *(_accepted(runs) for runs in both)))
    count = len(alone.timings)
    caption = f"Median of {count} runs each, in turns" if count > 1 else "One run each, after one to warm up"
    return Table(caption, ("", *_NAMES), tuple(rows))


def difference(comparison: Comparison) -> Table | None:
    """Both tokens at the first place where they differ; None where they nowhere do."""
    found = comparison.divergence
    if found is None:
        return None
    rows = []
    for name, candidate in zip(_NAMES, (found.alone, found.speculative), strict=True):
        token = "nothing" if candidate is None else f"“{candidate.text}”"
        logit = "" if candidate is None or candidate.logit is None else f"{candidate.logit:.4f}"
        rows.append((name, token, logit))
    place = f"window {found.window + 1}, token {found.position + 1}"
    heat = f", at temperature {found.temperature:g}" if found.temperature else ""
    return Table(f"The first difference: {place}{heat}", ("", "token", "the target's logit"), tuple(rows))


def _before(comparison: Comparison) -> str:
    assert comparison.divergence is not None
    text = comparison.divergence.before.strip()
    kept = text if len(text) <= _LONGEST_CONTEXT else f"…{text[-_LONGEST_CONTEXT:]}"
    return f"The window's text before it: “{kept}”" if kept else "It is the window's first token."


def _versus(comparison: Comparison) -> str:
    length = comparison.options.draft_length
    size = "drafts of whatever length is fastest" if length == "auto" else f"drafts of {length} tokens"
    return f"the target alone against {size} by {comparison.draft}"


def _phases(runs: Runs) -> Timing:
    """The median, in which the book-keeping of rounds without a draft is not called drafting but other."""
    timing = runs.median
    return timing if runs.trace.acceptance_rate is not None else replace(timing, draft=0.0)


def _seconds(timing: Timing, phase: str) -> str:
    seconds = getattr(timing, phase)
    return figures.took(seconds) if seconds else "–"


def _spread(runs: Runs) -> str:
    least, most = runs.spread
    return f"{figures.took(least)} to {figures.took(most)}"


def _accepted(runs: Runs) -> str:
    rate = runs.trace.acceptance_rate
    return "–" if rate is None else f"{rate:.0%}"


def _lanes(comparison: Comparison) -> str:
    """Two bars on one scale. The table says the same in numbers: listeners are spared them."""
    medians = [_phases(runs) for runs in (comparison.alone, comparison.speculative)]
    longest = max(timing.total for timing in medians) or 1.0
    lanes, seen = "", set()
    for name, timing in zip(_NAMES, medians, strict=True):
        phases = figures.phases(timing)
        seen |= {phase.name for phase in phases}
        bar = f'<div><div class="wm-bar">{slices(phases, timing.total / longest)}</div></div>'
        lanes += f'<div class="wm-lane"><span>{name}</span>{bar}</div>'
    colours = keys({name: name for name in figures.PHASES if name in seen})
    return f'<div class="wm-lanes" aria-hidden="true">{lanes}<div class="wm-foot wm-row">{colours}</div></div>'
