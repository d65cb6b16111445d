"""Word errors as text, as HTML and on one line: the rate, and the differing words in context with their times."""

from __future__ import annotations

from collections.abc import Iterator

from whisper_magic.notebook.views import facts, tables
from whisper_magic.notebook.views.html import escaped, frame, heading
from whisper_magic.notebook.views.tables import Table
from whisper_magic.notebook.views.text import PLAIN, Style, printable, wrap
from whisper_magic.scoring import Stretch, WordErrors, percent

_CONTEXT = 8  # right words shown on either side of a wrong one
_MOST = 50  # differences in the table


def text(errors: WordErrors, style: Style = PLAIN) -> str:
    """The rate, the words in context (marked [-missing-] {+extra+}, as wdiff does), and a table of the differences."""
    lines = wrap(printable(str(errors)), style.width)
    if errors.differences:
        words = " ".join(_marked(stretch) for stretch in in_context(errors))
        legend = "[-only in the reference-]  {+only in the transcript+}"
        lines += ["", *wrap(printable(words), style.width), "", style.paint(legend, "dim")]
        lines += ["", tables.as_text(differences(errors), style)]
    return "\n".join(lines)


def html(errors: WordErrors) -> str:
    """The same as HTML, with missing words struck through and extra words underlined."""
    details = (
        f"{errors.errors:,} of {errors.words:,} {errors.unit}s",
        f"{errors.substitutions:,} substituted",
        f"{errors.deletions:,} missing",
        f"{errors.insertions:,} extra",
    )
    head = heading(f"{errors.unit.capitalize()} error rate {percent(errors.rate)}", details)
    body = _body(errors) if errors.differences else '<div class="wm-body wm-soft">no differences</div>'
    foot = f'<div class="wm-foot">{escaped(f"Both texts are normalized by {errors.normalizer}.")}</div>'
    return frame(f"{head}{body}{foot}", str(errors), "tables.css")


def line(errors: WordErrors) -> str:
    """One line, for a score inside a container."""
    return f"<WordErrors {percent(errors.rate)}: {errors.errors} of {errors.words} {errors.unit}s>"


def in_context(errors: WordErrors) -> Iterator[Stretch]:
    """The stretches; equal ones are cut to the words next to an error, with … for omitted words."""
    last = len(errors.stretches) - 1
    for place, stretch in enumerate(errors.stretches):
        words = stretch.written
        if stretch.kind != "equal":
            yield stretch
            continue
        head = () if place == 0 else words[:_CONTEXT]
        tail = () if place == last else words[-_CONTEXT:]
        if len(words) > len(head) + len(tail):
            words = (*head, "…", *tail)
        yield Stretch("equal", words, words)


def differences(errors: WordErrors) -> Table:
    """Time, reference and transcript of each difference."""
    stretches = errors.differences
    hours = any((stretch.end or 0) >= 3600 for stretch in stretches)
    rows = tuple(
        (_when(stretch, hours), " ".join(stretch.reference) or "–", " ".join(stretch.written) or "–")
        for stretch in stretches[:_MOST]
    )
    more = f", the first {_MOST} of {len(stretches):,}" if len(stretches) > _MOST else ""
    return Table(f"Differences{more}", ("time", "in the reference", "in the transcript"), rows, numbers=False)


def _when(stretch: Stretch, hours: bool) -> str:
    if stretch.start is None or stretch.end is None:
        return "–"
    return f"{facts.clock(stretch.start, hours)} → {facts.clock(stretch.end, hours)}"


def _marked(stretch: Stretch) -> str:
    if stretch.kind == "equal":
        return " ".join(stretch.written)
    missing = f"[-{' '.join(stretch.reference)}-]" if stretch.reference else ""
    extra = f"{{+{' '.join(stretch.written)}+}}" if stretch.written else ""
    return f"{missing} {extra}".strip()


def _body(errors: WordErrors) -> str:
    words = " ".join(_marked_html(stretch) for stretch in in_context(errors))
    legend = "<del>only in the reference</del> · <ins>only in the transcript</ins>"
    marked = f'<div class="wm-speech" dir="auto">{words}</div>'
    table = tables.as_html(differences(errors))
    return (
        '<div class="wm-body" role="group" aria-label="Differences" tabindex="0">'
        f'{marked}<div class="wm-foot" aria-hidden="true">{legend}</div>{table}</div>'
    )


def _marked_html(stretch: Stretch) -> str:
    written = escaped(" ".join(stretch.written))
    if stretch.kind == "equal":
        return written
    when = "" if stretch.start is None else f' title="{_when(stretch, (stretch.end or 0) >= 3600)}"'
    missing = f"<del{when}>{escaped(' '.join(stretch.reference))}</del>" if stretch.reference else ""
    extra = f"<ins{when}>{written}</ins>" if stretch.written else ""
    return f"{missing} {extra}".strip()
