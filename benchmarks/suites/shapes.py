"""Random weights at real shapes: decode speed at a known acceptance rate, beside transformers and CTranslate2.

Every side gets the same features of 30 s windows, the same 16-bit weights in the same dtype and thread count, and
writes exactly the same number of tokens, without timestamps. The decode phase is compared: everything after the encoder
(cross-attention keys and values, prompt, tokens), where encoders can be timed apart; wall time is listed beside it.
Drafts are scripted to a known acceptance rate (`corrupted.py`), whisper_magic's and transformers' alike, each with the
text that its own target wrote. CTranslate2 has no draft.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

import torch

from benchmarks import machine
from benchmarks.checkpoints import RandomPair, convert_to_ctranslate2, random_pair
from benchmarks.corrupted import corrupt
from benchmarks.labels import AUTO, SPECULATIVE, TARGET_ONLY, speculative
from benchmarks.measure import Measurement, Side, take_turns
from benchmarks.peers import ctranslate2 as peer_ctranslate2
from benchmarks.peers.ctranslate2 import CTranslate2, SubprocessPeer
from benchmarks.peers.transformers import ASSISTS, Transformers, features_of
from benchmarks.probe import Probe
from benchmarks.report import roofline
from benchmarks.report.report import Finding, SuiteResult, fastest, find, ratio
from benchmarks.settings import DRAFT_LENGTH, Settings, Workload
from benchmarks.sound import cut_windows, recording_or_noise

REQUIRED = {("base", "bfloat16"): 4.0, ("small", "bfloat16"): 4.0}
NOTES = (
    "random weights: every draft runs at its full cost, then its proposals are replaced by the target's own text with "
    "a share 1 - acceptance of the tokens wrong, so that the acceptance rate is known",
    "every side writes the same number of tokens per window, without timestamps; decode is everything after the "
    "encoder, cross-attention keys and values included",
    "drafts with random weights are rarely confident: at its default threshold (0.4) transformers drafts few tokens "
    "per round",
)
MANY = 8  # windows, where one at a time is compared with all at once


class LoadedShape:
    """One shape in one dtype, loaded, with the windows that every side decodes."""

    def __init__(self, name: str, dtype: str, settings: Settings, count: int) -> None:
        """Load the shape `name` and cut `count` windows."""
        self.name, self.dtype, self.settings = name, dtype, settings
        self.pair: RandomPair = random_pair(name, settings.work)
        self.workload = Workload(timestamps=False, tokens=settings.tokens)
        self.probe = Probe(self.pair.target, self.pair.draft, settings.device, dtype, self.workload)
        self.closing = ExitStack()
        self.closing.callback(self.probe.close)
        torch.set_num_threads(settings.threads)
        sounds = cut_windows(recording_or_noise(settings.audio), count, self.pair.shape.frames * 320)
        self.features = features_of(self.pair.target, sounds)

    def scripts(self, acceptance_rate: float, count: int, batch: int) -> dict[int, tuple[int, ...]]:
        """What our draft proposes in the first `count` windows: the target's text at this batch size, corrupted.

        In 16 bits another batch size may break a near-tie differently, and the rest would be another text.
        """
        run = self.probe.decode(self.features[:count], batch, 0)
        text_tokens = self.probe.text_tokens
        return {i: corrupt(text, acceptance_rate, text_tokens, seed=i) for i, text in enumerate(run.window_tokens)}

    def ctranslate2(self) -> SubprocessPeer:
        """CTranslate2 with the same weights; closed with this object."""
        folder = convert_to_ctranslate2(self.pair.target, self.settings.work)
        place = (self.settings.device, self.dtype, self.settings.threads)
        peer = SubprocessPeer(CTranslate2, folder, *place, self.workload, self.probe.prompt)
        self.closing.callback(peer.close)
        return peer

    def transformers(self) -> Transformers:
        """transformers with the same weights."""
        return Transformers(self.pair.target, self.pair.draft, self.settings.device, self.dtype, self.workload)

    def close(self) -> None:
        """Free our models and end peers' processes."""
        self.closing.close()


def run(settings: Settings) -> SuiteResult:
    """Measure each shape (tiny, base, small) in each dtype (bfloat16, float32) at each acceptance rate, then many
    windows of base, or of the requested shapes."""
    result, dtypes = SuiteResult(), settings.dtypes or ("bfloat16", "float32")
    for name in settings.shapes or ("tiny", "base", "small"):
        for dtype in dtypes:
            result += one_window(name, dtype, settings)
    for name in settings.shapes or ("base",):
        if "float32" in dtypes:
            result += many_windows(name, "float32", settings)
    return result


def one_window(name: str, dtype: str, settings: Settings) -> SuiteResult:
    """Compare ours, transformers (greedy and assisted) and CTranslate2 on one window at a time."""
    loaded = LoadedShape(name, dtype, settings, 1)
    result, notes = SuiteResult(), list[str]()
    for rate in settings.acceptance_rates:
        case = f"{name}, {dtype}, 1 window, {settings.tokens} tokens, acceptance {rate:g}"
        sides = _ours(loaded, rate)
        if settings.peers:
            peers, notes = _peers(loaded, rate)
            sides += peers
        rows = take_turns(case, sides, settings.repeats or 5, log=settings.log)
        result += SuiteResult(tuple(rows), tuple(_findings(name, dtype, case, rows)), (*NOTES, *notes))
        moved = loaded.probe.bytes_per_pass(rows[0].windows)
        floor = roofline.finding(rows[0], moved, machine.bandwidth(settings.device))
        result += SuiteResult(findings=() if floor is None else (floor,))
    loaded.close()
    return result


def _ours(loaded: LoadedShape, acceptance_rate: float) -> list[Side]:
    decode = partial(loaded.probe.decode, loaded.features, 1)
    scripts = loaded.scripts(acceptance_rate, 1, 1)
    return [
        Side(TARGET_ONLY, partial(decode, 0)),
        Side(speculative(DRAFT_LENGTH), partial(decode, DRAFT_LENGTH, scripts)),
        Side(AUTO, partial(decode, "auto", scripts)),
    ]


def _peers(loaded: LoadedShape, acceptance_rate: float) -> tuple[list[Side], list[str]]:
    theirs = loaded.transformers()
    (text,) = theirs.greedy(loaded.features, 1).window_tokens
    script = corrupt(text, acceptance_rate, loaded.probe.text_tokens)
    sides = [Side("transformers, greedy", partial(theirs.greedy, loaded.features, 1))]
    sides += [Side(assist.name, partial(theirs.assisted, loaded.features, assist, script)) for assist in ASSISTS]
    reason = peer_ctranslate2.why_unavailable(loaded.settings.device, loaded.dtype)
    if reason:
        return sides, [reason]
    return [*sides, Side("CTranslate2, beam 1", partial(loaded.ctranslate2().run, "decode", loaded.features, 1))], []


def _findings(name: str, dtype: str, case: str, rows: list[Measurement]) -> list[Finding]:
    alone, ours = find(rows, case, TARGET_ONLY), find(rows, case, SPECULATIVE)
    assert alone is not None
    assert ours is not None
    required = REQUIRED.get((name, dtype)) if case.endswith("acceptance 0.8") else None
    assisted = fastest([row for row in rows if row.side.startswith("transformers, assisted")], "decode")
    greedy, other = find(rows, case, "transformers, greedy"), find(rows, case, "CTranslate2")
    findings = [Finding(f"{case}: our target only / our speculative, decode", ratio(alone.decode, ours.decode))]
    for peer, row, least in (
        ("transformers greedy", greedy, required),
        ("transformers assisted (the best)", assisted, required),
        ("CTranslate2", other, None),
    ):
        if row is not None:
            value = ratio(row.decode, ours.decode)
            detail = f"wall {ratio(row.wall, ours.wall):.2f} x" + (f"; {row.side}" if row is assisted else "")
            findings.append(Finding(f"{case}: {peer} / ours, decode", value, required=least, detail=detail))
    return findings


def many_windows(name: str, dtype: str, settings: Settings) -> SuiteResult:
    """Compare CTranslate2 and ours on the same windows, one at a time and all at once; the better of each counts."""
    reason = peer_ctranslate2.why_unavailable(settings.device, dtype)
    if reason or not settings.peers:
        return SuiteResult(notes=(reason,) if reason else ())
    loaded = LoadedShape(name, dtype, settings, MANY)
    rate = settings.acceptance_rates[0]
    case = f"{name}, {dtype}, {MANY} windows, {settings.tokens} tokens, acceptance {rate:g}"
    other, scripts = loaded.ctranslate2(), loaded.scripts(rate, MANY, 1)
    sides = [Side(TARGET_ONLY, partial(loaded.probe.decode, loaded.features, MANY, 0))]
    for label, batch in (("one at a time", 1), (f"{MANY} at once", MANY)):
        ours = partial(loaded.probe.decode, loaded.features, batch, DRAFT_LENGTH, scripts)
        sides.append(Side(f"{SPECULATIVE}, {label}", ours))
        sides.append(Side(f"CTranslate2, beam 1, {label}", partial(other.run, "decode", loaded.features, batch)))
    rows = take_turns(case, sides, settings.repeats or 5, log=settings.log)
    loaded.close()
    best = fastest([row for row in rows if row.side.startswith(SPECULATIVE)], "decode")
    their = fastest([row for row in rows if row.side.startswith("CTranslate2")], "decode")
    assert best is not None
    assert their is not None
    detail = f"{their.side} against {best.side}; wall {ratio(their.wall, best.wall):.2f} x"
    value = ratio(their.decode, best.decode)
    finding = Finding(f"{case}: CTranslate2 / ours, decode", value, required=1.0, detail=detail)
    return SuiteResult(tuple(rows), (finding,))
