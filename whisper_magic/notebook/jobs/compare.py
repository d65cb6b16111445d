"""A request and an engine -> a comparison: what `%whisper compare` does once it is parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from whisper_magic.notebook.jobs import transcribe as transcribing
from whisper_magic.notebook.jobs.transcribe import Job
from whisper_magic.notebook.line.parsers import TranscribeRequest
from whisper_magic.notebook.live.progress import Live

if TYPE_CHECKING:
    from whisper_magic.comparison import Comparison
    from whisper_magic.engine.engine import Engine


def plan(request: TranscribeRequest, names: Mapping[str, Any], configured: Mapping[str, Any]) -> Job:
    """Find the recording and check everything else before any model loads.

    Raises:
        UsageError: for whatever makes no sense.
        AudioNotFound: where the recording is not there.
    """
    if not request.sources:
        raise UsageError("nothing to compare on: name a recording, or write demo for the bundled one")
    job = transcribing.plan(request, names, configured)
    if len(job.sources) > 1:
        raise UsageError(f"%whisper compare takes one recording at a time, got {len(job.sources)}")
    if job.options.channel == "split":
        raise UsageError("%whisper compare takes one channel at a time: --channel left, right, mix or an index")
    if job.options.draft == "none":
        raise UsageError("--draft none leaves nothing to compare the target with: take model, ngram or auto")
    if request.repeats is not None and request.repeats < 1:
        raise UsageError(f"--repeats must be a whole number from 1, got {request.repeats}")
    return job


def compare(engine: Engine, job: Job, repeats: int | None, live: Live) -> Comparison:
    """Raises what `Engine.compare` raises; after Ctrl-C there is no result."""
    (source,) = job.sources
    often = {} if repeats is None else {"repeats": repeats}
    made = engine.compare(source.value, job.options, on_stage=live.stage, **often)
    return replace(made, source=source.label) if made.source in ("array", "bytes") else made
