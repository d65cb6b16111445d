"""Random weights at the real shapes: windows per second and tokens per second at an acceptance that is known.

Every side gets the same features of 30-second windows, the same 16-bit weights in the same dtype and thread count, and
writes exactly the same number of tokens, without timestamps. Compared is the decode phase: all that comes after the
encoder (cross keys and values, prompt, tokens), where encoders are timed apart; the whole wall stands beside it. The
acceptance of drafts is alpha by construction (`corrupted.py`), for ours and for transformers' assistant alike; each is
fed the transcript that its own target wrote. CTranslate2 has no draft to assist it.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

import torch

from benchmarks import machine
from benchmarks.checkpoints import RandomPair, converted, random_pair
from benchmarks.corrupted import corrupt
from benchmarks.measure import Measurement, Side, take_turns
from benchmarks.ours import DEFAULT_LENGTH, Ours, Work
from benchmarks.peers import ctranslate2 as peer_ctranslate2
from benchmarks.peers.ctranslate2 import Apart, CTranslate2
from benchmarks.peers.transformers import ASSISTS, Transformers, features_of
from benchmarks.report import roofline
from benchmarks.report.report import Finding, fastest, find, ratio
from benchmarks.settings import NOTHING, Found, Settings
from benchmarks.sound import any_recording, windows

REQUIRED = {("base", "bfloat16"): 4.0, ("small", "bfloat16"): 4.0}
TARGET, SPECULATIVE, AUTO = "ours, target only", "ours, speculative", "ours, automatic draft length"
NOTES = (
    "random weights: every draft is computed at its full cost, then its choice is replaced by what its target writes, "
    "wrong in a share 1 - alpha of the places: the acceptance is alpha by construction",
    "every side writes exactly the same number of tokens in a window, without timestamps; decode is all that comes "
    "after the encoder, cross keys and values included",
    "drafts of random weights are seldom sure: at its default threshold (0.4) transformers drafts few tokens a round",
)
MANY = 8  # windows, where one at a time is compared with all at once


class Bench:
    """One shape in one dtype: our side, and its peers', with the same windows."""

    def __init__(self, name: str, dtype: str, settings: Settings, count: int) -> None:
        self.name, self.dtype, self.settings = name, dtype, settings
        self.pair: RandomPair = random_pair(name, settings.work)
        self.work = Work(timestamps=False, tokens=settings.tokens)
        self.ours = Ours(self.pair.target, self.pair.draft, settings.device, dtype, self.work)
        self.closing = ExitStack()
        self.closing.callback(self.ours.close)
        torch.set_num_threads(settings.threads)
        sounds = windows(any_recording(settings.audio), count, self.pair.shape.frames * 320)
        self.features = features_of(self.pair.target, sounds)

    def scripts(self, alpha: float, count: int, together: int) -> dict[int, tuple[int, ...]]:
        """What our draft proposes in each of the first windows: what the target writes, `together` at once, corrupted.

        In 16 bits another batch may break a near-tie differently, and all that follows would be another text.
        """
        texts = Ours.texts(self.ours.decode(self.features[:count], together, 0))
        return {i: corrupt(text, alpha, self.ours.words, seed=i) for i, text in enumerate(texts)}

    def ctranslate2(self) -> Apart:
        model = converted(self.pair.target, self.settings.work)
        place = (self.settings.device, self.dtype, self.settings.threads)
        peer = Apart(CTranslate2, model, *place, self.work, self.ours.prompt)
        self.closing.callback(peer.close)
        return peer

    def transformers(self) -> Transformers:
        return Transformers(self.pair.target, self.pair.draft, self.settings.device, self.dtype, self.work)


def run(settings: Settings) -> Found:
    """Each shape (tiny, base, small) in each dtype (bfloat16, float32) at each alpha; many windows of base, or of the
    shapes asked for."""
    found, dtypes = NOTHING, settings.dtypes or ("bfloat16", "float32")
    for name in settings.shapes or ("tiny", "base", "small"):
        for dtype in dtypes:
            found += one_window(name, dtype, settings)
    for name in settings.shapes or ("base",):
        if "float32" in dtypes:
            found += many_windows(name, "float32", settings)
    return found


def one_window(name: str, dtype: str, settings: Settings) -> Found:
    """One window at a time: ours, transformers greedy and assisted, CTranslate2."""
    bench = Bench(name, dtype, settings, 1)
    found, notes = NOTHING, list[str]()
    for alpha in settings.alphas:
        case = f"{name}, {dtype}, 1 window, {settings.tokens} tokens, alpha {alpha:g}"
        sides = _ours(bench, alpha)
        if settings.peers:
            more, notes = _peers(bench, alpha)
            sides += more
        rows = take_turns(case, sides, settings.repeats or 5, told=settings.told)
        found += Found(tuple(rows), tuple(_findings(name, dtype, case, rows)), (*NOTES, *notes))
        roof = roofline.finding(rows[0], bench.ours, machine.bandwidth(settings.device))
        found += Found((), () if roof is None else (roof,))
    bench.closing.close()
    return found


def _ours(bench: Bench, alpha: float) -> list[Side]:
    decode = partial(bench.ours.decode, bench.features, 1)
    scripts = bench.scripts(alpha, 1, 1)
    return [
        Side(TARGET, partial(decode, 0)),
        Side(f"{SPECULATIVE}, {DEFAULT_LENGTH} tokens", partial(decode, DEFAULT_LENGTH, scripts)),
        Side(AUTO, partial(decode, "auto", scripts)),
    ]


def _peers(bench: Bench, alpha: float) -> tuple[list[Side], list[str]]:
    theirs = bench.transformers()
    (text,) = theirs.texts(theirs.greedy(bench.features, 1))
    script = corrupt(text, alpha, bench.ours.words)
    sides = [Side("transformers, greedy", partial(theirs.greedy, bench.features, 1))]
    sides += [Side(one.name, partial(theirs.assisted, bench.features, one, script)) for one in ASSISTS]
    reason = peer_ctranslate2.missing(bench.settings.device, bench.dtype)
    if reason:
        return sides, [reason]
    return [*sides, Side("CTranslate2, beam 1", partial(bench.ctranslate2().run, "decode", bench.features, 1))], []


def _findings(name: str, dtype: str, case: str, rows: list[Measurement]) -> list[Finding]:
    alone, ours = find(rows, case, TARGET), find(rows, case, SPECULATIVE)
    assert alone is not None
    assert ours is not None
    required = REQUIRED.get((name, dtype)) if "alpha 0.8" in case else None
    assisted = fastest([row for row in rows if row.side.startswith("transformers, assisted")], "decode")
    greedy, other = find(rows, case, "transformers, greedy"), find(rows, case, "CTranslate2")
    found = [Finding(f"{case}: our target only / our speculative, decode", ratio(alone.decode, ours.decode))]
    for peer, row, least in (
        ("transformers greedy", greedy, required),
        ("transformers assisted (the best)", assisted, required),
        ("CTranslate2", other, None),
    ):
        if row is not None:
            value = ratio(row.decode, ours.decode)
            detail = f"wall {ratio(row.wall, ours.wall):.2f} x" + (f"; {row.side}" if row is assisted else "")
            found.append(Finding(f"{case}: {peer} / ours, decode", value, required=least, detail=detail))
    return found


def many_windows(name: str, dtype: str, settings: Settings) -> Found:
    """CTranslate2 and ours on the same windows, each one at a time and all at once; the better of each counts."""
    reason = peer_ctranslate2.missing(settings.device, dtype)
    if reason or not settings.peers:
        return Found((), (), (reason,) if reason else ())
    bench = Bench(name, dtype, settings, MANY)
    alpha = settings.alphas[0]
    case = f"{name}, {dtype}, {MANY} windows, {settings.tokens} tokens, alpha {alpha:g}"
    other, scripts = bench.ctranslate2(), bench.scripts(alpha, MANY, 1)
    sides = [Side(TARGET, partial(bench.ours.decode, bench.features, MANY, 0))]
    for label, together in (("one at a time", 1), (f"{MANY} at once", MANY)):
        ours = partial(bench.ours.decode, bench.features, together, DEFAULT_LENGTH, scripts)
        sides.append(Side(f"{SPECULATIVE}, {label}", ours))
        sides.append(Side(f"CTranslate2, beam 1, {label}", partial(other.run, "decode", bench.features, together)))
    rows = take_turns(case, sides, settings.repeats or 5, told=settings.told)
    bench.closing.close()
    best = fastest([row for row in rows if row.side.startswith(SPECULATIVE)], "decode")
    their = fastest([row for row in rows if row.side.startswith("CTranslate2")], "decode")
    assert best is not None
    assert their is not None
    detail = f"{their.side} against {best.side}; wall {ratio(their.wall, best.wall):.2f} x"
    value = ratio(their.decode, best.decode)
    return Found(tuple(rows), (Finding(f"{case}: CTranslate2 / ours, decode", value, required=1.0, detail=detail),))
