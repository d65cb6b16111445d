"""Batches of 1 to 32 windows: windows per second, and the speed-up of speculation at each size.

The demo pair decodes the same real windows (whole sentences, 1 to 12 of them) at every batch size, with timestamps,
until end-of-text, so that slots are refilled as they become free. Random weights decode as many windows as the batch is
wide, to a fixed number of tokens, at a known acceptance rate (see `shapes`). transformers decodes a batch greedily; its
assisted generation takes one window only, and is listed beside batch 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch

from benchmarks import machine
from benchmarks.corrupted import corrupt
from benchmarks.labels import SPECULATIVE, TARGET_ONLY, speculative
from benchmarks.measure import Measurement, Side, take_turns
from benchmarks.peers.transformers import ASSISTS, Transformers, features_of
from benchmarks.probe import Probe, Scripts
from benchmarks.report import roofline
from benchmarks.report.report import Finding, SuiteResult, fastest, find, ratio
from benchmarks.settings import DEMO_FOLDER, DRAFT_LENGTH, Settings, Workload
from benchmarks.sound import demo_windows
from benchmarks.suites import shapes

DEMO_WINDOWS = 16
SPEED_UP = "our target only / our speculative, decode"


@dataclass(frozen=True)
class LoadedPair:
    """A pair, loaded by both implementations, and its windows.

    Attributes:
        features: (windows, n_mels, frames).
        loaded: The shape behind a pair of random weights; None for the demo pair.
        acceptance_rate: Of scripted drafts; None where drafts propose for themselves.
    """

    name: str
    probe: Probe
    peer: Transformers | None
    features: torch.Tensor
    loaded: shapes.LoadedShape | None = None
    acceptance_rate: float | None = None

    def scripts(self, batch: int) -> Scripts | None:
        """What our draft proposes at this batch size; None where it proposes for itself."""
        if self.loaded is None or self.acceptance_rate is None:
            return None
        return self.loaded.scripts(self.acceptance_rate, batch, batch)

    def windows(self, batch: int) -> torch.Tensor:
        """What is decoded at this batch size: all real windows, since they differ; `batch` random ones."""
        return self.features if self.loaded is None else self.features[:batch]


def run(settings: Settings) -> SuiteResult:
    """Measure the demo pair in float32, or the requested shapes and dtypes."""
    result = SuiteResult()
    for name in settings.shapes or ("demo",):
        for dtype in settings.dtypes or ("float32",):
            result += one(name, dtype, settings)
    return result


def one(name: str, dtype: str, settings: Settings) -> SuiteResult:
    """Measure one pair at every requested batch size."""
    pair = _demo(dtype, settings) if name == "demo" else _shape(name, dtype, settings)
    torch.set_num_threads(settings.threads)
    rows: list[Measurement] = []
    for batch in settings.batches:
        case = f"{pair.name}, batch {batch}"
        rows += take_turns(case, _sides(pair, batch), settings.repeats or 3, log=settings.log)
    findings = [*_speed_ups(pair.name, settings.batches, rows), *_floors(pair, settings, rows)]
    pair.probe.close()
    return SuiteResult(tuple(rows), tuple(findings), () if pair.loaded is None else shapes.NOTES)


def _demo(dtype: str, settings: Settings) -> LoadedPair:
    count = settings.windows or max(DEMO_WINDOWS, *settings.batches)
    probe = Probe("demo", "demo-draft", settings.device, dtype, Workload())
    peer = None
    if settings.peers:
        peer = Transformers(DEMO_FOLDER / "target", DEMO_FOLDER / "draft", settings.device, dtype, Workload())
    sounds = demo_windows(count, settings.audio)
    return LoadedPair(f"demo pair, {dtype}", probe, peer, features_of(DEMO_FOLDER / "target", sounds))


def _shape(name: str, dtype: str, settings: Settings) -> LoadedPair:
    rate = settings.acceptance_rates[0]
    loaded = shapes.LoadedShape(name, dtype, settings, max(settings.batches))
    label = f"{name}, {dtype}, {settings.tokens} tokens, acceptance {rate:g}"
    peer = loaded.transformers() if settings.peers else None
    return LoadedPair(label, loaded.probe, peer, loaded.features, loaded, rate)


def _sides(pair: LoadedPair, batch: int) -> list[Side]:
    features, peer = pair.windows(batch), pair.peer
    decode = partial(pair.probe.decode, features, batch)
    sides = [
        Side(TARGET_ONLY, partial(decode, 0)),
        Side(speculative(DRAFT_LENGTH), partial(decode, DRAFT_LENGTH, pair.scripts(batch))),
    ]
    if peer is None:
        return sides
    sides.append(Side("transformers, greedy", partial(peer.greedy, features, batch)))
    if batch == 1 and pair.acceptance_rate is not None:
        (text,) = peer.greedy(features, 1).window_tokens
        script = corrupt(text, pair.acceptance_rate, pair.probe.text_tokens)
        sides += [Side(assist.name, partial(peer.assisted, features, assist, script)) for assist in ASSISTS]
    return sides


def _speed_ups(name: str, batches: tuple[int, ...], rows: list[Measurement]) -> list[Finding]:
    """Of speculation at each batch size, over the peers, and of batches over one window at a time."""
    gains: dict[int, float | None] = {}
    speeds: dict[int, float] = {}
    findings = []
    for batch in batches:
        case = f"{name}, batch {batch}"
        alone, ours = find(rows, case, TARGET_ONLY), find(rows, case, SPECULATIVE)
        assert alone is not None
        assert ours is not None
        gains[batch], speeds[batch] = ratio(alone.decode, ours.decode), ours.windows_per_second
        findings.append(Finding(f"{case}: {SPEED_UP}", gains[batch]))
        greedy = find(rows, case, "transformers, greedy")
        assisted = fastest([row for row in rows if row.case == case and "assisted" in row.side], "decode")
        for peer, row in (("transformers greedy", greedy), ("transformers assisted (the best)", assisted)):
            if row is not None:
                detail = f"wall {ratio(row.wall, ours.wall):.2f} x"
                findings.append(
                    Finding(f"{case}: {peer} / ours, decode", ratio(row.decode, ours.decode), detail=detail)
                )
    return [*findings, *_eight_to_one(name, gains, speeds)]


def _eight_to_one(name: str, gains: dict[int, float | None], speeds: dict[int, float]) -> list[Finding]:
    """Batch 8 against batch 1; the demo pair in float32 has goals."""
    if not {1, 8} <= set(speeds):
        return []
    rate, share = (1.5, 0.9) if name == "demo pair, float32" else (None, None)
    one, eight = gains[1], gains[8]
    kept = eight / one if one and eight else None
    return [
        Finding(f"{name}: windows per second at batch 8 / at batch 1", speeds[8] / speeds[1], required=rate),
        Finding(f"{name}: speed-up of speculation at batch 8 / at batch 1", kept, required=share),
    ]


def _floors(pair: LoadedPair, settings: Settings, rows: list[Measurement]) -> list[Finding]:
    """The target pass against its memory floor, at each batch size of random weights."""
    if pair.loaded is None:
        return []
    speed = machine.bandwidth(settings.device)
    alone = [row for row in rows if row.side == TARGET_ONLY]
    floors = [roofline.finding(row, pair.probe.bytes_per_pass(row.windows), speed) for row in alone]
    return [floor for floor in floors if floor is not None]
