"""`%whisper compare`: a request -> a comparison."""

from __future__ import annotations

from dataclasses import replace

from IPython.core.error import UsageError

from whisper_magic.comparison import Comparison
from whisper_magic.notebook.jobs.context import Context
from whisper_magic.notebook.jobs.session import SESSION
from whisper_magic.notebook.jobs.transcribe import UNNAMED, Planned, plan
from whisper_magic.notebook.line.requests import CompareRequest


def compare(request: CompareRequest, context: Context) -> Comparison:
    """Decode one recording with the target alone and speculatively.

    Raises:
        UsageError: for anything but one recording, or options that leave nothing to compare.
        WhisperMagicError: what `Engine.compare` raises.
        Interrupted: after Ctrl-C; there is no result.
    """
    planned = _plan(request, context)
    (source,) = planned.sources
    with context.progress(quiet=request.quiet) as progress, SESSION.using(planned.models, progress.stage) as engine:
        comparison = engine.compare(source.value, planned.options, repeats=request.repeats, on_stage=progress.stage)
    comparison = replace(comparison, source=source.label) if comparison.source in UNNAMED else comparison
    context.assign(request.output, comparison)
    return comparison


def _plan(request: CompareRequest, context: Context) -> Planned:
    if not request.sources and not request.demo:
        raise UsageError("nothing to compare: name a recording, or write demo for the bundled one")
    planned = plan(request, context)
    if len(planned.sources) > 1:
        raise UsageError(f"%whisper compare takes one recording at a time, got {len(planned.sources)}")
    if planned.options.channel == "split":
        raise UsageError("%whisper compare takes one channel at a time: --channel left, right, mix or an index")
    if planned.options.draft == "none":
        raise UsageError("--draft none leaves nothing to compare the target with: use model, ngram or auto")
    if request.repeats < 1:
        raise UsageError(f"--repeats must be a whole number from 1, got {request.repeats}")
    return planned
