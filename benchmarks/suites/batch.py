"""Windows at once, 1 to 32: windows per second, and what speculation gains at each.

The demo pair decodes the same real windows (whole sentences, 1 to 12 of them) at every batch, with timestamps, until
the text ends, so that slots are filled anew as they fall free. Random weights decode as many windows as the batch is
wide, to a fixed number of tokens, at a known acceptance (see `shapes`). transformers decodes a batch greedily; its
assisted generation takes one window only, and stands beside batch 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch

from benchmarks import machine
from benchmarks.corrupted import corrupt
from benchmarks.measure import Measurement, Side, take_turns
from benchmarks.ours import DEFAULT_LENGTH, Ours, Work
from benchmarks.peers.transformers import ASSISTS, Transformers, features_of
from benchmarks.report import roofline
from benchmarks.report.report import Finding, fastest, find, ratio
from benchmarks.settings import NOTHING, Found, Settings
from benchmarks.sound import demo_windows
from benchmarks.suites import shapes
from whisper_magic.engine.model.hub import demo_folder

DEMO_WINDOWS = 16
ALONE, SPECULATIVE = "ours, target only", "ours, speculative"


@dataclass(frozen=True)
class Entrants:
    """A model, loaded on both sides, and its windows. alpha: of scripted drafts; None: they guess for themselves."""

    name: str
    ours: Ours
    theirs: Transformers | None
    features: torch.Tensor
    alpha: float | None = None
    bench: shapes.Bench | None = None

    def scripts(self, batch: int) -> dict[int, tuple[int, ...]] | None:
        """What our draft proposes at this batch."""
        if self.bench is None or self.alpha is None:
            return None
        return self.bench.scripts(self.alpha, batch, batch)

    def windows(self, batch: int) -> torch.Tensor:
        """What is decoded at this batch: real windows differ, so that all of them are; random ones do not."""
        return self.features if self.alpha is None else self.features[:batch]


def run(settings: Settings) -> Found:
    """The demo pair in float32, or the shapes and dtypes asked for."""
    found = NOTHING
    for name in settings.shapes or ("demo",):
        for dtype in settings.dtypes or ("float32",):
            found += one(name, dtype, settings)
    return found


def one(name: str, dtype: str, settings: Settings) -> Found:
    """One model at every batch asked for."""
    entrants = _demo(dtype, settings) if name == "demo" else _shape(name, dtype, settings)
    torch.set_num_threads(settings.threads)
    rows: list[Measurement] = []
    for batch in settings.batches:
        case = f"{entrants.name}, batch {batch}"
        rows += take_turns(case, _sides(entrants, batch), settings.repeats or 3, told=settings.told)
    findings = [*_gains(entrants.name, settings.batches, rows), *_roofs(entrants, settings, rows)]
    entrants.ours.close()
    return Found(tuple(rows), tuple(findings), () if entrants.alpha is None else shapes.NOTES)


def _demo(dtype: str, settings: Settings) -> Entrants:
    folder = demo_folder()
    count = settings.windows or max(DEMO_WINDOWS, *settings.batches)
    ours = Ours("demo", "demo-draft", settings.device, dtype, Work())
    theirs = None
    if settings.peers:
        theirs = Transformers(folder / "target", folder / "draft", settings.device, dtype, Work())
    sounds = demo_windows(count, settings.audio)
    return Entrants(f"demo pair, {dtype}", ours, theirs, features_of(folder / "target", sounds))


def _shape(name: str, dtype: str, settings: Settings) -> Entrants:
    alpha = settings.alphas[0]
    bench = shapes.Bench(name, dtype, settings, max(settings.batches))
    label = f"{name}, {dtype}, {settings.tokens} tokens, alpha {alpha:g}"
    theirs = bench.transformers() if settings.peers else None
    return Entrants(label, bench.ours, theirs, bench.features, alpha, bench)


def _sides(entrants: Entrants, batch: int) -> list[Side]:
    features, theirs = entrants.windows(batch), entrants.theirs
    decode = partial(entrants.ours.decode, features, batch)
    sides = [
        Side(ALONE, partial(decode, 0)),
        Side(f"{SPECULATIVE}, {DEFAULT_LENGTH} tokens", partial(decode, DEFAULT_LENGTH, entrants.scripts(batch))),
    ]
    if theirs is None:
        return sides
    sides.append(Side("transformers, greedy", partial(theirs.greedy, features, batch)))
    if batch == 1 and entrants.alpha is not None:
        (text,) = theirs.texts(theirs.greedy(features, 1))
        script = corrupt(text, entrants.alpha, entrants.ours.words)
        sides += [Side(one.name, partial(theirs.assisted, features, one, script)) for one in ASSISTS]
    return sides


def _gains(name: str, batches: tuple[int, ...], rows: list[Measurement]) -> list[Finding]:
    """Of speculation at each batch, over the peers, and of batches over one window at a time."""
    gains: dict[int, float | None] = {}
    speeds: dict[int, float] = {}
    found = []
    for batch in batches:
        case = f"{name}, batch {batch}"
        alone, ours = find(rows, case, ALONE), find(rows, case, SPECULATIVE)
        assert alone is not None
        assert ours is not None
        gains[batch], speeds[batch] = ratio(alone.decode, ours.decode), ours.windows_per_second
        found.append(Finding(f"{case}: {GAIN}", gains[batch]))
        greedy = find(rows, case, "transformers, greedy")
        assisted = fastest([row for row in rows if row.case == case and "assisted" in row.side], "decode")
        for peer, row in (("transformers greedy", greedy), ("transformers assisted (the best)", assisted)):
            if row is not None:
                detail = f"wall {ratio(row.wall, ours.wall):.2f} x"
                found.append(Finding(f"{case}: {peer} / ours, decode", ratio(row.decode, ours.decode), detail=detail))
    return [*found, *_eight_to_one(name, gains, speeds)]


GAIN = "our target only / our speculative, decode"


def _eight_to_one(name: str, gains: dict[int, float | None], speeds: dict[int, float]) -> list[Finding]:
    """What the issue asks of batch 8 against batch 1."""
    if not {1, 8} <= set(speeds):
        return []
    rate, share = (1.5, 0.9) if name == "demo pair, float32" else (None, None)
    one, eight = gains[1], gains[8]
    kept = eight / one if one and eight else None
    return [
        Finding(f"{name}: windows per second at batch 8 / at batch 1", speeds[8] / speeds[1], required=rate),
        Finding(f"{name}: speculation's gain at batch 8 / at batch 1", kept, required=share),
    ]


def _roofs(entrants: Entrants, settings: Settings, rows: list[Measurement]) -> list[Finding]:
    """How far our target's pass is from the memory floor, at each batch of random weights."""
    if entrants.alpha is None:
        return []
    speed = machine.bandwidth(settings.device)
    alone = [row for row in rows if row.side == ALONE]
    return [found for row in alone if (found := roofline.finding(row, entrants.ours, speed)) is not None]
