"""The content of each lesson, from what was decoded and measured (frontend/src/lesson/protocol.ts)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from whisper_magic.audio.load import Audio
from whisper_magic.engine.runtime.pass_cost import PassCost
from whisper_magic.lessons.measure import LengthStudy, Replay, decode_seconds
from whisper_magic.lessons.rules import total_variation
from whisper_magic.lessons.theory import MACHINES
from whisper_magic.notebook.views import facts
from whisper_magic.notebook.views.lesson import Content
from whisper_magic.notebook.views.tables import Table
from whisper_magic.notebook.widgets.rounds import TokenText, timed_rounds
from whisper_magic.transcript import Round, Trace, Transcript

MAX_PEAKS = 600
FEW_ROUNDS = 12  # in a table


@dataclass(frozen=True)
class PageSound:
    """The sound of a lesson, for the page.

    Attributes:
        audio: what was transcribed.
        start: the second of the recording at which it begins.
        info: how the page gets it from the server or the kernel (`Sound` there); None where it cannot.
        url: a data: URI of it, where it was embedded.
    """

    audio: Audio
    start: float = 0.0
    info: dict[str, Any] | None = None
    url: str | None = None

    @property
    def data(self) -> dict[str, Any]:
        """For the page (`LessonSound` there)."""
        samples = np.abs(self.audio.samples)
        cut = np.array_split(samples, min(MAX_PEAKS, max(1, len(samples))))
        peaks = np.array([part.max(initial=0.0) for part in cut])
        loudest = float(peaks.max(initial=0.0)) or 1.0
        return {
            "duration": round(self.audio.duration, 3),
            "start": self.start,
            "peaks": [round(float(peak / loudest), 3) for peak in peaks],
            "info": self.info,
            "url": self.url,
        }


def race(replay: Replay, sound: PageSound, token_text: TokenText) -> Content:
    """The target alone and speculative decoding, side by side."""
    alone, drafted = replay.alone, replay.drafted
    lanes = [("The target alone", alone), ("Speculative decoding", drafted)]
    ratio = decode_seconds(alone) / decode_seconds(drafted)
    same = "the same text" if replay.same else "the texts differ"
    rows = tuple(
        (name, f"{1000 * decode_seconds(one):,.0f} ms", f"{len(one.trace.rounds):,}", f"{_per_round(one.trace):.2f}")
        for name, one in lanes
    )
    return Content(
        "race",
        f"The race: {facts.name(drafted.source)}",
        f"{ratio:.2f} times as fast as the target alone, {same}",
        Table("Decoding, measured", ("", "time", "passes of the target", "tokens a pass"), rows),
        {
            "sound": sound.data,
            "encode_ms": 0,  # the lanes are those of decoding
            "text": drafted.text,
            "same": replay.same,
            "lanes": [
                {
                    "name": name,
                    "total_ms": round(1000 * decode_seconds(one), 2),
                    "rounds": timed_rounds(one, token_text, one),
                }
                for name, one in lanes
            ],
            "notes": [
                f"Measured here: each pass of {facts.models(drafted.models)}, median run of each. The encoder "
                f"({1000 * drafted.timing.encode:,.0f} ms) works once for both and is left out. The replay is "
                "as slow as you choose."
            ],
        },
    )


def stepper(replay: Replay, sound: PageSound, token_text: TokenText) -> Content:
    """Round by round."""
    drafted = replay.drafted
    rounds = timed_rounds(drafted, token_text, drafted)
    return Content(
        "stepper",
        f"Round by round: {facts.name(drafted.source)}",
        f"{len(rounds)} rounds, {_per_round(drafted.trace):.2f} tokens a round",
        Table(
            f"The first {min(FEW_ROUNDS, len(rounds))} rounds",
            ("round", "proposed", "accepted", "written"),
            tuple(_row(number, one) for number, one in enumerate(rounds[:FEW_ROUNDS], 1)),
            numbers=False,
        ),
        {
            "sound": sound.data,
            "rounds": rounds,
            "notes": [
                f"Measured: the rounds, as {facts.models(drafted.models)} decoded them. Computed afterwards: p and q, "
                "by one more pass of each model over the text. A place in the waveform is estimated from its segment."
            ],
        },
    )


def lab(study: LengthStudy, costs: Sequence[PassCost], source: str, models: str) -> Content:
    """Draft length, acceptance and cost against speed."""
    target, draft = costs
    best = max(study.lengths, key=lambda length: length.speedup)
    rows = tuple(
        (
            str(length.length),
            f"{length.tokens_per_round:.2f} ± {length.standard_error:.2f}",
            f"{length.predicted_tokens:.2f}",
            f"{length.speedup:.2f}",
            f"{length.predicted_speedup:.2f}",
        )
        for length in study.lengths
    )
    head = ("draft length", "tokens a round, measured", "computed", "times as fast, measured", "computed")
    return Content(
        "lab",
        f"The slider lab: {facts.name(source)}",
        f"fastest at draft length {best.length}: {best.speedup:.2f} times as fast as the target alone",
        Table("Formula and measurement", head, rows),
        {
            "measured": {
                "acceptance": _mean_acceptance(study),
                "cost_ratio": study.draft_cost,
                "by_length": [
                    {name: getattr(figures, name) for name in ("length", "tokens_per_round", "speedup", "acceptance")}
                    | {"pass_cost": cost}
                    for figures, cost in zip(study.lengths, study.verify_costs, strict=True)
                ],
                "by_position": list(study.by_position),
            },
            "machines": [asdict(machine) | {"here": False} for machine in MACHINES],
            "model": {"name": models, **_pass_costs("target", target), **_pass_costs("draft", draft)},
            "notes": [
                f"Measured here: the rings, {models}, medians of runs in turns; the encoder is left out. Computed: the "
                "curves. Machines are their makers' peak figures; what counts here is the ratio of two passes."
            ],
        },
    )


def _pass_costs(role: str, cost: PassCost) -> dict[str, float]:
    """Bytes and floating-point operations of a model's pass, for the page."""
    costs = {"bytes": cost.weight_bytes, "row_bytes": cost.row_bytes, "flops": cost.token_flops}
    return {f"{role}_{name}": value for name, value in costs.items()}


def bench(replay: Replay, token_text: TokenText) -> Content:
    """Two distributions and the rules, beginning with the place of the recording where the models differ most."""
    context, tokens, p, q = _most_different(replay.drafted, token_text)
    kept = 1 - total_variation(np.array(p), np.array(q))
    rows = tuple((one, f"{a:.3f}", f"{b:.3f}") for one, a, b in zip(tokens, p, q, strict=True))
    return Content(
        "bench",
        "The accept/reject bench",
        f"rejection keeps {kept:.0%} of the drafted tokens here",
        Table(f"After “…{context}”", ("token", "p, the target’s", "q, the draft’s"), rows),
        {
            "context": context,
            "tokens": tokens,
            "p": p,
            "q": q,
            "notes": [
                "Measured: p and q of “from the recording”, the target's likeliest tokens and all others as one. "
                "Computed in this page: the draws and the test."
            ],
        },
    )


def _per_round(trace: Trace) -> float:
    return trace.tokens_per_round or 0.0


def _row(number: int, one: dict[str, Any]) -> tuple[str, str, str, str]:
    proposed = "".join(token["text"] for token in one["tokens"] if token["verdict"] != "t")
    written = "".join(token["text"] for token in one["tokens"] if token["verdict"] != "r")
    return str(number), proposed, f"{one['accepted']} of {one['proposed']}", written


def _mean_acceptance(study: LengthStudy) -> float:
    """One acceptance that stands for those of all places: the mean, each place as often as it is judged."""
    chance, weights = 1.0, []
    for acceptance in study.by_position:
        weights.append(chance)
        chance *= acceptance
    return sum(a * w for a, w in zip(study.by_position, weights, strict=True)) / (sum(weights) or 1.0)


def _most_different(transcript: Transcript, token_text: TokenText) -> tuple[str, list[str], list[float], list[float]]:
    """The context, tokens, p and q of the place where the target's and the draft's distributions differ most."""
    best: tuple[float, Round | None, int] = (-1.0, None, 0)
    for round_ in transcript.trace.rounds:
        for place, (others, by_draft) in enumerate(
            zip(round_.alternatives, round_.alternative_draft_probs, strict=False)
        ):
            shown = [token_text(other.token) for other in others]
            p = [other.probability for other in others]
            if max(p, default=1.0) > 0.9 or any(text.startswith("<|") for text in shown):
                continue  # a certain place, or a timestamp, teaches little
            far = sum(abs(a - b) for a, b in zip(p, by_draft, strict=True))
            if far > best[0]:
                best = (far, round_, place)
    _, chosen, place = best
    if chosen is None:
        return "", ["a", "b", "c"], [0.6, 0.3, 0.1], [0.3, 0.3, 0.4]
    others, by_draft = chosen.alternatives[place], chosen.alternative_draft_probs[place]
    p, q = [other.probability for other in others], list(by_draft)
    tokens = [token_text(other.token) for other in others]
    rest = (max(0.0, 1 - sum(p)), max(0.0, 1 - sum(q)))
    return _context(transcript, chosen, place, token_text), [*tokens, "(others)"], [*p, rest[0]], [*q, rest[1]]


def _context(transcript: Transcript, until: Round, place: int, token_text: TokenText) -> str:
    """The words before a place of a round."""
    written: list[int] = []
    for round_ in transcript.trace.rounds:
        if round_ is until:
            written += round_.tokens[:place]
            break
        written += round_.tokens
    shown = [text for text in map(token_text, written) if not text.startswith("<|")]
    return "".join(shown[-8:]).strip()
