"""A request and an engine -> a transcript, or a list of them: what `%whisper SOURCE...` does once it is parsed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from whisper_magic.errors import OptionError, WhisperMagicError
from whisper_magic.notebook.arguments import TranscribeRequest
from whisper_magic.notebook.live import Live
from whisper_magic.notebook.results import Failure, TranscriptList
from whisper_magic.notebook.saving import Saver
from whisper_magic.notebook.sources import Source, find_sources
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Transcript

if TYPE_CHECKING:
    from whisper_magic.engine.engine import Engine


@dataclass(frozen=True)
class Job:
    """A request whose sources are found and whose options are checked: nothing but the work can fail now."""

    sources: tuple[Source, ...]
    options: TranscribeOptions
    saver: Saver


def plan(request: TranscribeRequest, names: Mapping[str, Any], configured: Mapping[str, Any]) -> Job:
    """Find the sources and check everything else before any model loads.

    Raises:
        UsageError: for whatever makes no sense.
    """
    sources = tuple(find_sources(request.sources, names))
    if not sources:
        raise UsageError("nothing to transcribe: name a file, a glob, a URL, or Python in braces")
    options, saver = options_of(request, configured), Saver(request.save)
    saver.check(several=len(sources) > 1 or options.channel == "split")
    return Job(sources, options, saver)


def options_of(request: TranscribeRequest, configured: Mapping[str, Any]) -> TranscribeOptions:
    """The options of this call: the defaults, then what is configured, then what the line says.

    Raises:
        UsageError: for a value out of range; the message names the option as it is written on the line.
    """
    try:
        usual = TranscribeOptions().override(**configured)
    except OptionError as error:
        raise UsageError(f"%config WhisperMagics.options: {error}") from None
    try:
        return usual.override(**request.overrides)
    except OptionError as error:
        name, rest = str(error).partition(" ")[::2]
        flag = f"--{name.replace('_', '-')}" if name in request.overrides else name
        raise UsageError(f"{flag} {rest}") from None


def transcribe(engine: Engine, job: Job, live: Live) -> tuple[Transcript | TranscriptList, KeyboardInterrupt | None]:
    """One source gives its transcript; several give a list, in which the sources that failed are missing. After
    Ctrl-C: what there is so far, and the interruption.

    Raises:
        WhisperMagicError: where no source at all could be transcribed: the first one's error.
        KeyboardInterrupt: after Ctrl-C where there is nothing yet.
    """
    live.decode = engine.decode
    made: list[Transcript] = []
    failures: list[Failure] = []
    interrupted: KeyboardInterrupt | None = None
    for source in job.sources:
        live.next_source(source.label)
        try:
            for transcript in _one(engine, source, job.options, live):
                made.append(_named(transcript, source))
                job.saver.save(made[-1])
        except WhisperMagicError as error:
            failures.append(Failure(source.label, error))
        except KeyboardInterrupt as stopped:
            partial = getattr(stopped, "transcript", None)  # of `Interrupted`
            made += [] if partial is None else [_named(partial, source)]
            interrupted = stopped
            break
    if not made and (interrupted or failures):
        raise interrupted or failures[0].error
    several = len(job.sources) > 1 or job.options.channel == "split"
    return (TranscriptList(made, failures) if several else made[0]), interrupted


def _one(engine: Engine, source: Source, options: TranscribeOptions, live: Live) -> list[Transcript]:
    if options.channel == "split":
        return engine.transcribe_many([source.value], options, on_event=live)
    return [engine.transcribe(source.value, options, on_event=live)]


def _named(transcript: Transcript, source: Source) -> Transcript:
    """With the Python that it was asked for with, where the engine saw nothing but samples."""
    return replace(transcript, source=source.label) if transcript.source in ("array", "bytes") else transcript


def report(result: Transcript | TranscriptList, interrupted: KeyboardInterrupt | None, saver: Saver) -> None:
    """Say in one line each what was saved and what went wrong on the way, where people look for it."""
    if saved := saver.summary():
        print(saved)
    for problem in saver.problems:
        print(problem, file=sys.stderr)
    for failure in result.failures if isinstance(result, TranscriptList) else ():
        print(failure, file=sys.stderr)
    if interrupted is not None:
        print("Interrupted: this is what was transcribed until then.", file=sys.stderr)
