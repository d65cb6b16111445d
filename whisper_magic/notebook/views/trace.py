"""A trace as text, as HTML and on one line: drafters, acceptance and tokens per round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from whisper_magic.notebook.views import tables
from whisper_magic.notebook.views.html import escaped, frame, heading
from whisper_magic.notebook.views.tables import Table
from whisper_magic.notebook.views.text import PLAIN, Style
from whisper_magic.transcript import Round, Trace
from whisper_magic.wording import counted

_BAR = 24  # columns of text for the longest bar
_HEIGHT = 60  # pixels of the highest column


@dataclass(frozen=True)
class Chart:
    """A column chart.

    Attributes:
        caption: title of the chart.
        names: of the columns.
        shares: their heights, 0 to 1.
        labels: their values, as text.
    """

    caption: str
    names: tuple[str, ...]
    shares: tuple[float, ...]
    labels: tuple[str, ...]


def text(trace: Trace, style: Style = PLAIN) -> str:
    """Heading, both charts as bars, and a table by drafter."""
    lines = [style.paint("Trace", "bold") + style.paint("".join(f" · {detail}" for detail in details(trace)), "dim")]
    if not trace.rounds:
        return lines[0]
    for chart in charts(trace):
        lines += ["", style.paint(chart.caption, "dim"), *_bars(chart, style)]
    return "\n".join([*lines, "", tables.as_text(by_drafter(trace), style)])


def html(trace: Trace) -> str:
    """The same as HTML, with the charts as columns."""
    head = heading("Trace", details(trace))
    if not trace.rounds:
        return frame(f'{head}<div class="wm-body wm-soft">no rounds were recorded</div>', "Trace")
    columns = "".join(map(_columns, charts(trace)))
    more = "trace.to_pandas() has a row for each round; Tokens in the player shows them in the text."
    body = f'<div class="wm-charts">{columns}</div>{tables.as_html(by_drafter(trace))}'
    return frame(f'{head}{body}<div class="wm-foot">{escaped(more)}</div>', "Trace of speculation", "tables.css")


def line(trace: Trace) -> str:
    """One line, for a trace inside a container."""
    return f"<Trace: {', '.join(details(trace))}>"


def details(trace: Trace) -> tuple[str, ...]:
    """Totals."""
    tokens = sum(len(round_.tokens) for round_ in trace.rounds)
    parts = [f"{counted(tokens, 'token')} in {counted(len(trace.rounds), 'round')}"]
    if trace.tokens_per_round is not None:
        parts.append(f"{trace.tokens_per_round:.2f} tokens per round")
    if trace.acceptance_rate is not None:
        proposed = sum(len(round_.proposed) for round_ in trace.rounds)
        parts.append(f"{trace.acceptance_rate:.0%} of {counted(proposed, 'drafted token')} accepted")
    return tuple(parts)


def charts(trace: Trace) -> tuple[Chart, ...]:
    """Rounds by number of tokens; if tokens were proposed, also the acceptance at each position."""
    won = Counter(len(round_.tokens) for round_ in trace.rounds)
    most = max(won.values())
    counts = range(min(1, *won), max(won) + 1)
    first = Chart(
        "Rounds by number of tokens written",
        tuple(map(str, counts)),
        tuple(won[count] / most for count in counts),
        tuple(f"{won[count]:,}" for count in counts),
    )
    longest = max(len(round_.proposed) for round_ in trace.rounds)
    if not longest:
        return (first,)
    shares = tuple(_accepted_at(place, trace.rounds) for place in range(longest))
    names = tuple(str(place + 1) for place in range(longest))
    return first, Chart("Accepted, by position in the draft", names, shares, tuple(f"{share:.0%}" for share in shares))


def _accepted_at(place: int, rounds: Sequence[Round]) -> float:
    """The share of rounds that accepted the token at this position, among those that proposed one."""
    proposed = [round_ for round_ in rounds if len(round_.proposed) > place]
    return sum(round_.accepted > place for round_ in proposed) / len(proposed)


def by_drafter(trace: Trace) -> Table:
    """Rounds, tokens and time of each drafter."""
    groups: dict[str, list[Round]] = {}
    # Stable: in the order in which they drafted.
    for round_ in sorted(trace.rounds, key=lambda round_: round_.drafter is None):
        groups.setdefault(who(round_), []).append(round_)
    head = ("drafter", "rounds", "proposed", "accepted", "tokens per round", "draft", "verify")
    rows = tuple((label, *_figures(rounds)) for label, rounds in groups.items())
    return Table("By drafter; times are means per round", head, rows)


def who(drafted: Round) -> str:
    """Who proposed in a round, for people; the drafter's name where the trace was saved without labels."""
    return "nothing proposed" if drafted.drafter is None else drafted.drafter_label or drafted.drafter


def _figures(rounds: Sequence[Round]) -> tuple[str, ...]:
    proposed, accepted = sum(len(round_.proposed) for round_ in rounds), sum(round_.accepted for round_ in rounds)
    share = f"{accepted / proposed:.0%}" if proposed else "–"
    tokens = sum(len(round_.tokens) for round_ in rounds) / len(rounds)
    draft, verify = (
        f"{1000 * sum(seconds) / len(rounds):.1f} ms"
        for seconds in ((round_.draft_seconds for round_ in rounds), (round_.verify_seconds for round_ in rounds))
    )
    return f"{len(rounds):,}", f"{proposed:,}" if proposed else "–", share, f"{tokens:.2f}", draft, verify


def _bars(chart: Chart, style: Style) -> list[str]:
    widest = max(map(len, chart.labels))
    return [
        f"  {name:>2} {label:>{widest}}  " + style.paint("█" * round(share * _BAR) or "▏", "blue")
        for name, share, label in zip(chart.names, chart.shares, chart.labels, strict=True)
    ]


def _columns(chart: Chart) -> str:
    spoken = "; ".join(f"{name}: {label}" for name, label in zip(chart.names, chart.labels, strict=True))
    columns = "".join(
        f'<span><span class="wm-soft">{escaped(label)}</span>'
        f'<i style="height:{max(1, round(share * _HEIGHT))}px"></i><b>{escaped(name)}</b></span>'
        for name, share, label in zip(chart.names, chart.shares, chart.labels, strict=True)
    )
    caption = f'<div class="wm-soft">{escaped(chart.caption)}</div>'
    label = escaped(f"{chart.caption}. {spoken}")
    return f'<div><div class="wm-columns" role="img" aria-label="{label}">{columns}</div>{caption}</div>'
