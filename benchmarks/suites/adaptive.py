"""`draft_length="auto"` against every fixed draft length: tokens per second in the decode phase.

On real windows with the demo pair, and on random weights at several acceptance rates, one window at a time.
"""

from __future__ import annotations

from functools import partial

import torch

from benchmarks.labels import AUTO, speculative
from benchmarks.measure import Measurement, Side, take_turns
from benchmarks.peers.transformers import features_of
from benchmarks.probe import Probe, Scripts
from benchmarks.report.report import Finding, SuiteResult, find
from benchmarks.settings import DEMO_FOLDER, Settings, Workload
from benchmarks.sound import demo_windows
from benchmarks.suites import shapes
from whisper_magic.options import MAX_DRAFT_LENGTH

DEMO_WINDOWS = 4
ACCEPTANCE_RATES = (0.5, 0.8, 0.95)


def run(settings: Settings) -> SuiteResult:
    """Measure the demo pair, and the shapes (base) in the dtypes (bfloat16), or as requested."""
    names = settings.shapes or ("demo", "base")
    result = _demo(settings) if "demo" in names else SuiteResult()
    for name in names:
        for dtype in settings.dtypes or ("bfloat16",):
            result += SuiteResult() if name == "demo" else _shape(name, dtype, settings)
    return result


def _demo(settings: Settings) -> SuiteResult:
    probe = Probe("demo", "demo-draft", settings.device, "float32", Workload())
    torch.set_num_threads(settings.threads)
    sounds = demo_windows(settings.windows or DEMO_WINDOWS, settings.audio)
    features = features_of(DEMO_FOLDER / "target", sounds)
    result = _one("demo pair, float32", probe, features, None, settings)
    probe.close()
    return result


def _shape(name: str, dtype: str, settings: Settings) -> SuiteResult:
    loaded = shapes.LoadedShape(name, dtype, settings, settings.windows or 1)
    result, rates = SuiteResult(), settings.acceptance_rates
    for rate in rates if len(rates) > 1 else ACCEPTANCE_RATES:
        case = f"{name}, {dtype}, {settings.tokens} tokens, acceptance {rate:g}"
        scripts = loaded.scripts(rate, len(loaded.features), 1)
        result += _one(case, loaded.probe, loaded.features, scripts, settings)
    loaded.close()
    return result + SuiteResult(notes=shapes.NOTES[:2])


def _one(case: str, probe: Probe, features: torch.Tensor, scripts: Scripts | None, settings: Settings) -> SuiteResult:
    decode = partial(probe.decode, features, 1)
    sides = [Side(speculative(length), partial(decode, length, scripts)) for length in range(MAX_DRAFT_LENGTH + 1)]
    sides.append(Side(AUTO, partial(decode, "auto", scripts)))
    rows = take_turns(case, sides, settings.repeats or 3, log=settings.log)
    return SuiteResult(tuple(rows), (_finding(case, rows),))


def _finding(case: str, rows: list[Measurement]) -> Finding:
    auto = find(rows, case, AUTO)
    best = max((row for row in rows if row.side != AUTO), key=lambda row: row.tokens_per_second or 0.0)
    assert auto is not None
    speed, fastest = auto.tokens_per_second, best.tokens_per_second
    value = speed / fastest if speed and fastest else None
    return Finding(f"{case}: tokens per second, automatic / best fixed", value, detail=f"best: {best.side}")
