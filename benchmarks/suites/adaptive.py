"""`draft_length="auto"` against every fixed one: tokens per second in the decode phase.

On the demo pair's real windows, and on random weights at several acceptances, one window at a time.
"""

from __future__ import annotations

from functools import partial

import torch

from benchmarks.measure import Measurement, Side, take_turns
from benchmarks.ours import Ours, Work
from benchmarks.peers.transformers import features_of
from benchmarks.report.report import Finding, find
from benchmarks.settings import NOTHING, Found, Settings
from benchmarks.sound import demo_windows
from benchmarks.suites import shapes
from whisper_magic.engine.model.hub import demo_folder
from whisper_magic.engine.runtime.slots import BLOCK

DEMO_WINDOWS = 4
ALPHAS = (0.5, 0.8, 0.95)
AUTO = "ours, automatic"


def fixed(length: int) -> str:
    """What the side of a fixed draft length is called."""
    return f"ours, {length} tokens" if length else "ours, target only"


def run(settings: Settings) -> Found:
    """The demo pair, and the shapes (base) in the dtypes (bfloat16) asked for."""
    names = settings.shapes or ("demo", "base")
    found = _demo(settings) if "demo" in names else NOTHING
    for name in names:
        for dtype in settings.dtypes or ("bfloat16",):
            found += NOTHING if name == "demo" else _shape(name, dtype, settings)
    return found


def _demo(settings: Settings) -> Found:
    ours = Ours("demo", "demo-draft", settings.device, "float32", Work())
    torch.set_num_threads(settings.threads)
    sounds = demo_windows(settings.windows or DEMO_WINDOWS, settings.audio)
    features = features_of(demo_folder() / "target", sounds)
    found = _one("demo pair, float32", ours, features, None, settings)
    ours.close()
    return found


def _shape(name: str, dtype: str, settings: Settings) -> Found:
    bench = shapes.Bench(name, dtype, settings, settings.windows or 1)
    found = NOTHING
    for alpha in settings.alphas if len(settings.alphas) > 1 else ALPHAS:
        case = f"{name}, {dtype}, {settings.tokens} tokens, alpha {alpha:g}"
        found += _one(case, bench.ours, bench.features, bench.scripts(alpha, len(bench.features), 1), settings)
    bench.closing.close()
    return found + Found((), (), shapes.NOTES[:2])


def _one(
    case: str, ours: Ours, features: torch.Tensor, scripts: dict[int, tuple[int, ...]] | None, settings: Settings
) -> Found:
    decode = partial(ours.decode, features, 1)
    sides = [Side(fixed(length), partial(decode, length, scripts)) for length in range(BLOCK)]
    sides.append(Side(AUTO, partial(decode, "auto", scripts)))
    rows = take_turns(case, sides, settings.repeats or 3, told=settings.told)
    return Found(tuple(rows), (_finding(case, rows),))


def _finding(case: str, rows: list[Measurement]) -> Finding:
    auto = find(rows, case, AUTO)
    best = max((row for row in rows if row.side != AUTO), key=lambda row: row.tokens_per_second or 0.0)
    assert auto is not None
    speed, fastest = auto.tokens_per_second, best.tokens_per_second
    value = speed / fastest if speed and fastest else None
    return Finding(f"{case}: tokens per second, automatic / best fixed", value, detail=f"best: {best.side}")
