"""A comparison as text, as HTML and on one line: whether the tokens are equal, the speed-up, and the time per phase."""

from __future__ import annotations

from dataclasses import replace

from whisper_magic.comparison import Comparison, Runs
from whisper_magic.notebook.views import facts, tables
from whisper_magic.notebook.views.html import escaped, frame, heading
from whisper_magic.notebook.views.phases import PHASES, WORTH_SHOWING, label, legend, phases, slices
from whisper_magic.notebook.views.tables import Table
from whisper_magic.notebook.views.text import PLAIN, Style, printable, wrap
from whisper_magic.transcript import Timing
from whisper_magic.wording import counted

_LONGEST_CONTEXT = 160  # characters of text before a difference
_NAMES = ("target alone", "speculative")


def text(comparison: Comparison, style: Style = PLAIN) -> str:
    """Heading, both sentences, the first difference if there is one, the times, and the models."""
    title, rest = facts.name(comparison.source), f" · {facts.length(comparison.duration)} · {_versus(comparison)}"
    lines = [style.paint(printable(title), "bold") + style.paint(printable(rest), "dim"), ""]
    lines += wrap(printable(exactness(comparison)), style.width)
    lines += [*wrap(printable(verdict(comparison)), style.width), ""]
    if found := difference(comparison):
        lines += [tables.as_text(found, style), *wrap(printable(_before(comparison)), style.width), ""]
    lines += [tables.as_text(times(comparison), style), ""]
    lines.append(style.paint(printable(facts.models(comparison.models)), "dim"))
    return "\n".join([*lines, *map(printable, comparison.notes)])


def html(comparison: Comparison) -> str:
    """The same as HTML, with the times as two bars on one scale and as a table."""
    head = heading(facts.name(comparison.source), (facts.length(comparison.duration), _versus(comparison)))
    tone = "" if comparison.identical else ' class="wm-warn"'
    same = f"<div{tone}>{'✓' if comparison.identical else '⚑'} {escaped(exactness(comparison))}</div>"
    sentences = f'<div class="wm-verdict">{same}<div><b>{escaped(verdict(comparison))}</b></div></div>'
    differing = difference(comparison)
    apart = f'{tables.as_html(differing)}<div class="wm-soft">{escaped(_before(comparison))}</div>' if differing else ""
    table = tables.as_html(times(comparison))
    notes = "".join(f"<div>{escaped(note)}</div>" for note in (facts.models(comparison.models), *comparison.notes))
    content = f'{head}{sentences}{apart}{_lanes(comparison)}{table}<div class="wm-foot">{notes}</div>'
    return frame(content, f"Comparison on {facts.name(comparison.source)}", "tables.css")


def line(comparison: Comparison) -> str:
    """One line, for a comparison inside a container."""
    same = "identical" if comparison.identical else "not identical"
    return f"<Comparison {printable(facts.name(comparison.source))}: {same}, {comparison.speed_up:.2f} times as fast>"


def exactness(comparison: Comparison) -> str:
    """A sentence that says whether the tokens are equal."""
    divergence = comparison.divergence
    if divergence is None and not comparison.tokens:
        return "Identical: both texts are empty."
    unsteady = " But the tokens of the target alone differ between runs." if comparison.unsteady else ""
    if divergence is None:
        every = f"all {comparison.tokens:,} tokens" if comparison.tokens != 1 else "the only token"
        own = f"{'are' if comparison.tokens != 1 else 'is'} the target's own"
        return f"Identical: {every} in {counted(comparison.windows, 'window')} {own}.{unsteady}"
    place = f"token {divergence.position + 1} of window {divergence.window + 1}"
    near = "a near-tie" if divergence.near_tie else "not a near-tie"
    gap = "" if divergence.gap is None else f", {divergence.gap:.3g} apart: {near} in {comparison.models.dtype}"
    sampled = divergence.temperature > 0 and comparison.options.acceptance == "rejection"
    rule = " Rejection sampling preserves the distribution of samples, not the samples." if sampled else ""
    equal = f"{counted(divergence.agreed, 'token')} agree{'s' if divergence.agreed == 1 else ''}"
    return f"Not identical: {equal}, then {place} differs{gap}.{rule}{unsteady}"


def verdict(comparison: Comparison) -> str:
    """A sentence on the speed-up."""
    factor, least, most = comparison.speed_up, min(comparison.speed_ups), max(comparison.speed_ups)
    pairs = counted(len(comparison.speed_ups), "pair")
    spread = f"{least:.2f} to {most:.2f} in {pairs} of runs" if len(comparison.speed_ups) > 1 else "one pair of runs"
    if comparison.speculative.trace.acceptance_rate is None:
        return f"No tokens were drafted, so that there is no gain: {factor:.2f} times the speed ({spread})."
    if least > 1:
        return f"Speculation is {factor:.2f} times as fast here ({spread})."
    if most >= 1:
        return f"Speculation makes no clear difference here: {factor:.2f} times the speed ({spread})."
    return f"Speculation is slower here: {factor:.2f} times the speed ({spread}); {_loss(comparison)}."


def _loss(comparison: Comparison) -> str:
    """Why speculation is slower: the cost of drafting and the saving in passes."""
    drafting = f"drafting takes {comparison.speculative.seconds('draft'):.2g} s"
    saved = _pass_seconds(comparison.target_only) - _pass_seconds(comparison.speculative)
    if saved > 0:
        return f"{drafting} and saves {saved:.2g} s of the target's passes"
    return f"{drafting}, and the target's passes take {-saved:.2g} s more"


def _pass_seconds(runs: Runs) -> float:
    """Seconds of the target's passes."""
    return runs.seconds("prefill") + runs.seconds("verify")


def times(comparison: Comparison) -> Table:
    """Median seconds per phase, and the figures of speculation."""
    both = (comparison.target_only, comparison.speculative)
    timings = [_timing(runs) for runs in both]
    least = WORTH_SHOWING * max(runs.seconds() for runs in both)
    shown = [name for name in PHASES if max(getattr(timing, name) for timing in timings) >= least]
    rows = [("total", *(facts.took(runs.seconds()) for runs in both))]
    count = len(comparison.target_only.timings)
    if count > 1:
        rows.append(("shortest to longest", *(_spread(runs) for runs in both)))
    rows += [(label(name), *(_seconds(timing, name) for timing in timings)) for name in shown]
    rows.append(("target passes", *(f"{len(runs.trace.rounds):,}" for runs in both)))
    rows.append(("tokens per pass", *(f"{runs.trace.tokens_per_round or 0:.2f}" for runs in both)))
    rows.append(("drafted tokens accepted", *(_accepted(runs) for runs in both)))
    caption = f"Median of {count} runs each, interleaved" if count > 1 else "One run each, after a warm-up run"
    return Table(caption, ("", *_NAMES), tuple(rows))


def difference(comparison: Comparison) -> Table | None:
    """Both tokens at the first position that differs; None if there is none."""
    divergence = comparison.divergence
    if divergence is None:
        return None
    rows = []
    for name, candidate in zip(_NAMES, (divergence.target_only, divergence.speculative), strict=True):
        token = "nothing" if candidate is None else f"“{candidate.text}”"
        logit = "" if candidate is None or candidate.logit is None else f"{candidate.logit:.4f}"
        rows.append((name, token, logit))
    place = f"window {divergence.window + 1}, token {divergence.position + 1}"
    sampled = f", at temperature {divergence.temperature:g}" if divergence.temperature else ""
    return Table(f"The first difference: {place}{sampled}", ("", "token", "the target's logit"), tuple(rows))


def _before(comparison: Comparison) -> str:
    assert comparison.divergence is not None
    before = comparison.divergence.before.strip()
    kept = before if len(before) <= _LONGEST_CONTEXT else f"…{before[-_LONGEST_CONTEXT:]}"
    return f"The window's text before it: “{kept}”" if kept else "It is the window's first token."


def _versus(comparison: Comparison) -> str:
    length = comparison.options.draft_length
    drafts = "drafts of automatic length" if length == "auto" else f"drafts of {length} tokens"
    model = comparison.options.draft == "model"
    return f"the target alone against {drafts} {f'by {comparison.models.draft}' if model else 'from n-grams'}"


def _timing(runs: Runs) -> Timing:
    """The median. If nothing was drafted, the bookkeeping of rounds counts as other, not as drafting."""
    timing = runs.median
    return timing if runs.trace.acceptance_rate is not None else replace(timing, draft=0.0)


def _seconds(timing: Timing, phase: str) -> str:
    seconds = getattr(timing, phase)
    return facts.took(seconds) if seconds else "–"


def _spread(runs: Runs) -> str:
    least, most = runs.spread
    return f"{facts.took(least)} to {facts.took(most)}"


def _accepted(runs: Runs) -> str:
    rate = runs.trace.acceptance_rate
    return "–" if rate is None else f"{rate:.0%}"


def _lanes(comparison: Comparison) -> str:
    """Two bars on one scale, which screen readers skip: the table has the same in numbers."""
    medians = [_timing(runs) for runs in (comparison.target_only, comparison.speculative)]
    longest = max(timing.total for timing in medians) or 1.0
    lanes, seen = "", set()
    for name, timing in zip(_NAMES, medians, strict=True):
        parts = phases(timing)
        seen |= {phase.name for phase in parts}
        bar = f'<div><div class="wm-bar">{slices(parts, timing.total / longest)}</div></div>'
        lanes += f'<div class="wm-lane"><span>{name}</span>{bar}</div>'
    colours = legend({name: label(name) for name in PHASES if name in seen})
    return f'<div class="wm-lanes" aria-hidden="true">{lanes}<div class="wm-foot wm-row">{colours}</div></div>'
