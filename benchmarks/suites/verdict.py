"""The figures that have a goal: required, measured, met.

Runs the parts of the other suites that measure them, with three repeats: some twenty minutes on two quiet cores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

from benchmarks.report.report import SuiteResult
from benchmarks.settings import Settings
from benchmarks.suites import batch, demo, length, shapes, startup
from whisper_magic.errors import WhisperMagicError

Part = tuple[str, Callable[[Settings], SuiteResult]]
PARTS: tuple[Part, ...] = (
    ("demo", lambda s: demo.run(replace(s, dtypes=("float32",)))),
    ("shapes, base", lambda s: shapes.one_window("base", "bfloat16", s)),
    ("shapes, small", lambda s: shapes.one_window("small", "bfloat16", s)),
    ("shapes, CTranslate2", lambda s: shapes.many_windows("base", "float32", s)),
    ("batch", lambda s: batch.one("demo", "float32", replace(s, batches=(1, 8), windows=s.windows or 8, peers=False))),
    ("length", lambda s: length.first_segments(s, (length.SHORT, length.LONG))),
    ("startup", lambda s: startup.run(s)),
)


def run(settings: Settings) -> SuiteResult:
    """Measure every part; a note names each that cannot be measured here."""
    result = SuiteResult()
    for name, part in PARTS:
        began = perf_counter()
        try:
            result += part(replace(settings, repeats=settings.repeats or 3, acceptance_rates=(0.8,)))
        except WhisperMagicError as error:
            result += SuiteResult(notes=(f"{name}: not measured: {error}",))
        settings.log(f"{name}: {perf_counter() - began:.0f} s in all")
    return result
