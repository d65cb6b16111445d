"""A request and an engine -> a transcript, or a list of them: what `%whisper SOURCE...` does once it is parsed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from whisper_magic.errors import AudioNotFound, OptionError, SomeFailed
from whisper_magic.notebook.jobs.results import Failure, TranscriptList
from whisper_magic.notebook.jobs.save import Saver
from whisper_magic.notebook.line.parsers import TranscribeRequest
from whisper_magic.notebook.line.sources import Source, find_sources
from whisper_magic.notebook.live.progress import Live
from whisper_magic.notebook.views import facts as figures
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Event, Finished, Transcript

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
        AudioNotFound: where not one of the sources is there.
    """
    sources = tuple(find_sources(request.sources, names))
    if not sources:
        raise UsageError("nothing to transcribe: name a file, a glob, a URL, or Python in braces")
    _check_any_is_there(sources)
    options, saver = options_of(request, configured), Saver(request.save)
    saver.check(several=len(sources) > 1 or options.channel == "split")
    return Job(sources, options, saver)


def _check_any_is_there(sources: Sequence[Source]) -> None:
    """Loading a large model only to say that a name is misspelt would take minutes."""
    from whisper_magic.audio import load as audio  # numpy: not at %load_ext

    missing: list[AudioNotFound] = []
    for source in sources:
        try:
            audio.find(source.value)
        except AudioNotFound as error:
            missing.append(error)
    if len(missing) == len(sources):
        raise missing[0]


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
    made: dict[int, Transcript] = {}  # by their place among the results

    def hear(index: int, event: Event) -> None:
        live(index, event)
        if isinstance(event, Finished):
            made[event.place] = _told(_named(event.transcript, job.sources[index]), engine)
            job.saver.save(made[event.place])

    failures: list[Failure] = []
    interrupted: KeyboardInterrupt | None = None
    live.stage(f"Reading {Path(job.sources[0].label).name}")
    try:
        engine.transcribe_many([source.value for source in job.sources], job.options, on_event=hear)
    except SomeFailed as failed:
        failures = [Failure(job.sources[index].label, error) for index, error in failed.errors.items()]
    except KeyboardInterrupt as stopped:
        interrupted = stopped
    if not made and (interrupted or failures):
        raise interrupted or failures[0].error
    ordered = [made[place] for place in sorted(made)]
    several = len(job.sources) > 1 or job.options.channel == "split"
    return (TranscriptList(ordered, failures) if several else ordered[0]), interrupted


def _named(transcript: Transcript, source: Source) -> Transcript:
    """With the Python that it was asked for with, where the engine saw nothing but samples."""
    kind, _, channel = transcript.source.partition(" ")
    if kind not in ("array", "bytes"):
        return transcript
    return replace(transcript, source=f"{source.label} {channel}".strip())


def _told(transcript: Transcript, engine: Engine) -> Transcript:
    """With what is to be known of the models, where they are the bundled ones."""
    if transcript.models.target != "demo":
        return transcript
    return replace(transcript, notes=(*transcript.notes, figures.teaching(engine.status.languages)))


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
