"""The steps of the suite 'gpu' that measure time and memory."""

from __future__ import annotations

import importlib.util
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import machine
from benchmarks.corrupted import corrupt
from benchmarks.labels import TARGET_ONLY, speculative
from benchmarks.measure import Measurement, Side, TimedRun, take_turns
from benchmarks.peers.transformers import ASSISTS, Transformers
from benchmarks.probe import profiled
from benchmarks.report import roofline
from benchmarks.report.report import Finding, SuiteResult, ratio
from benchmarks.settings import DRAFT_LENGTH

if TYPE_CHECKING:
    from benchmarks.suites.gpu import Bench

GOALS = {1: 400.0, 16: 2500.0}  # times real time, large-v3 on one H200, acceptance 0.8
OVER_ASSISTED = 10.0  # transformers' assisted generation / ours
TOP_KERNELS = 20


def batches(bench: Bench) -> SuiteResult:
    """Every number of slots, the target alone and with replayed drafts; transformers beside it."""
    result = SuiteResult()
    peer = bench.transformers() if bench.settings.peers else None
    for batch in bench.scale.batches:
        rows = take_turns(f"batch {batch}", _sides(bench, batch), bench.scale.repeats, log=bench.settings.log)
        result += SuiteResult(tuple(rows), tuple(_findings(bench, batch, rows)))
        if peer is not None:
            result += _beside(bench, batch, peer, rows)
    return result


def _sides(bench: Bench, batch: int) -> list[Side]:
    sides = [Side(TARGET_ONLY, partial(bench.decode, batch, 0))]
    for rate in bench.scale.rates:
        name = f"{speculative(DRAFT_LENGTH)}, acceptance {rate:g}"
        sides.append(Side(name, partial(bench.decode, batch, DRAFT_LENGTH, rate)))
    return sides


def _findings(bench: Bench, batch: int, rows: list[Measurement]) -> list[Finding]:
    seconds = bench.pair.shape.frames * 0.02  # of sound in a window
    on_gpu = bench.device.startswith("cuda")
    findings = []
    for row in rows:
        goal = GOALS.get(batch) if on_gpu and row.side.endswith("acceptance 0.8") else None
        findings.append(
            Finding(f"{row.case}, {row.side}: times real time", seconds * row.windows_per_second, "x", goal)
        )
    resident = Finding(f"batch {batch}: weights and caches", bench.probe.resident_bytes / 1e9, "GB")
    return [*findings, resident]


def _beside(bench: Bench, batch: int, peer: Transformers, rows: list[Measurement]) -> SuiteResult:
    """transformers on as many windows as it takes at once. It writes as many tokens in all of them, and is compared by
    seconds a token. Assisted generation takes one window."""
    features, case = bench.features[:batch], f"transformers, batch {batch}"
    sides = [Side("transformers, greedy", partial(peer.greedy, features, batch))]
    if batch == 1:
        (text,) = peer.greedy(features, 1).window_tokens
        script = corrupt(text, 0.8, bench.probe.text_tokens)
        sides += [Side(assist.name, partial(peer.assisted, features, assist, script)) for assist in ASSISTS]
    theirs = take_turns(case, sides, bench.scale.repeats, log=bench.settings.log)
    ours = next(row for row in rows if row.side.endswith("acceptance 0.8"))
    on_gpu = bench.device.startswith("cuda")
    findings = []
    for row in theirs:
        value = _seconds_a_token(row) / _seconds_a_token(ours)
        goal = OVER_ASSISTED if on_gpu and "assisted" in row.side else None
        findings.append(Finding(f"batch {batch}: {row.side} / ours at 0.8, wall a token", value, "x", goal))
    return SuiteResult(tuple(theirs), tuple(findings))


def _seconds_a_token(row: Measurement) -> float:
    return row.wall.median / max(1, row.tokens)


def host(bench: Bench) -> SuiteResult:
    """What the host does in a round, where the device takes no time: what is left when kernels are hidden."""
    findings = []
    for batch in bench.scale.batches:
        seconds = bench.probe.host_seconds(bench.features[:batch], DRAFT_LENGTH)
        findings.append(Finding(f"host, {batch} slots: microseconds a round", seconds * 1e6, "us"))
    return SuiteResult(findings=tuple(findings))


def graphs(bench: Bench) -> SuiteResult:
    """The same rounds with captured graphs, and each kernel launched by itself."""

    def without() -> TimedRun:
        with bench.probe.without_graphs():
            return bench.decode(1, DRAFT_LENGTH)

    sides = [
        Side("ours, graphs", partial(bench.decode, 1, DRAFT_LENGTH)),
        Side("ours, no graphs", without),
    ]
    rows = take_turns("graphs, 1 slot", sides, bench.scale.repeats, log=bench.settings.log)
    gain = ratio(rows[1].decode, rows[0].decode)
    floor = _floor(bench)
    return SuiteResult(tuple(rows), (Finding("no graphs / graphs, decode, 1 slot", gain), *floor))


def fused(bench: Bench) -> SuiteResult:
    """The same rounds with fused kernels, and with torch's own operators; each warmed up and captured first."""

    def plain() -> TimedRun:
        with bench.probe.without_fused_kernels():
            for _ in range(2):
                bench.decode(1, DRAFT_LENGTH)
            return bench.decode(1, DRAFT_LENGTH)

    def with_fused() -> TimedRun:
        for _ in range(2):  # what is captured was forgotten
            bench.decode(1, DRAFT_LENGTH)
        return bench.decode(1, DRAFT_LENGTH)

    sides = [Side("ours, fused kernels", with_fused), Side("ours, torch's operators", plain)]
    rows = take_turns("fused kernels, 1 slot", sides, bench.scale.repeats, log=bench.settings.log)
    return SuiteResult(tuple(rows), (Finding("torch / fused, decode, 1 slot", ratio(rows[1].decode, rows[0].decode)),))


def _floor(bench: Bench) -> list[Finding]:
    """The target's pass against its memory floor, where every window has a slot from the beginning."""
    speed, findings = machine.bandwidth(bench.device), []
    for batch in bench.scale.batches:
        alone = partial(bench.probe.decode, bench.features[:batch], batch, 0)
        rows = take_turns(f"pass, {batch} slots", [Side(TARGET_ONLY, alone)], 1, log=bench.settings.log)
        findings.append(roofline.finding(rows[0], bench.probe.bytes_per_pass(batch), speed))
    return [finding for finding in findings if finding is not None]


def flash(bench: Bench) -> SuiteResult:
    """The encoder with FlashAttention-2, where it imports, and with torch's own."""
    if importlib.util.find_spec("flash_attn") is None and not bench.settings.rehearse:
        return SuiteResult(notes=("flash-attn is not installed: torch's own attention was used throughout",))
    probes = {name: bench.load(bench.scale.dtype, attention=name) for name in ("sdpa", "flash_attention_2")}
    windows = bench.windows(4)
    sides = [Side(name, partial(probe.decode, windows, 4, 0)) for name, probe in probes.items()]
    rows = take_turns("attention of the encoder, 4 slots", sides, bench.scale.repeats, log=bench.settings.log)
    notes = [f"{name}: {note}" for name, probe in probes.items() for note in probe.notes]
    for probe in probes.values():
        probe.close()
    first, second = rows
    gain = ratio(first.wall, second.wall)
    return SuiteResult(tuple(rows), (Finding("sdpa / flash-attn, wall, 4 slots", gain),), tuple(notes))


def profile(bench: Bench) -> SuiteResult:
    """Some ten rounds of one slot: kernels a round, and those that take most of the device's time."""
    bench.decode(1, DRAFT_LENGTH)  # warmed up and captured
    kernels = profiled(partial(bench.decode, 1, DRAFT_LENGTH), bench.device)
    notes = [
        f"profile: {kernel.name[:90]}: {kernel.calls} calls, {kernel.seconds * 1e6:.0f} us"
        for kernel in kernels[:TOP_KERNELS]
    ]
    calls, seconds = sum(kernel.calls for kernel in kernels), sum(kernel.seconds for kernel in kernels)
    findings = (
        Finding("profile: kernels, one slot, two windows", calls, "kernels"),
        Finding("profile: seconds of kernels", seconds * 1e3, "ms"),
    )
    return SuiteResult(findings=findings, notes=tuple(notes))
