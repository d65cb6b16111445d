"""`%whisper SOURCE...`: a request -> a transcript, or a list of them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from whisper_magic.errors import AudioError, AudioNotFound, Interrupted, OptionError, SomeFailed, WhisperMagicError
from whisper_magic.notebook.jobs.background import JOBS, Job
from whisper_magic.notebook.jobs.context import Context
from whisper_magic.notebook.jobs.save import Saver
from whisper_magic.notebook.jobs.session import SESSION, ModelChoice, import_whole
from whisper_magic.notebook.line.requests import CompareRequest, TranscribeRequest
from whisper_magic.notebook.line.sources import Source
from whisper_magic.notebook.live.progress import LiveProgress
from whisper_magic.notebook.live.surfaces import View
from whisper_magic.notebook.results import Failure, TranscriptList
from whisper_magic.notebook.widgets.players import PLAYERS
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Event, Finished, Transcript

if TYPE_CHECKING:
    from whisper_magic.engine.engine import Engine

UNNAMED = ("array", "bytes", "file object")  # what the engine calls a source that has no name
MAX_WORDS = 12  # of a file's name that was written without quotes
DEMO_RECORDING = str(files("whisper_magic").joinpath("assets/demo/sample.ogg"))


@dataclass(frozen=True)
class Planned:
    """A request whose sources are found and whose options are checked.

    Attributes:
        models: for this one alone; None uses those that are wanted.
    """

    sources: tuple[Source, ...]
    options: TranscribeOptions
    models: ModelChoice | None

    @property
    def several(self) -> bool:
        """Whether the result is a list."""
        return len(self.sources) > 1 or self.options.channel == "split" or self.sources[0].listed

    @property
    def values(self) -> list[Any]:
        """What the engine takes."""
        return [source.value for source in self.sources]

    @property
    def start(self) -> float:
        """The second of each source at which the work begins."""
        return self.options.start or 0.0


def transcribe(request: TranscribeRequest, context: Context) -> Transcript | TranscriptList | Job:
    """Transcribe, and print what was saved and what failed.

    Returns:
        The transcript of one source; of several, or of a pattern or list, a list, in which those that failed are
        missing. In the background, the job that is going to give it.

    Raises:
        UsageError: for options or files that make no sense; before any model loads.
        WhisperMagicError: where no source could be transcribed: the first one's error.
        Interrupted: after Ctrl-C, so that loops and "Run All" stop. What was transcribed until then is shown, and
            kept as the cell's output.
    """
    planned, saver = plan(request, context), Saver(request.save)
    several = planned.several
    saver.check(several=several)
    if request.embed and several:
        raise UsageError("--embed takes one recording and one channel")
    live = None if request.quiet else context.live_view(planned.values, planned.options, several=several)
    if request.background:
        return _in_background(request, context, planned, saver, live)
    observe = live.update if live is not None else _ignore
    with context.progress(len(planned.sources), start=planned.start, quiet=request.quiet, live=live) as progress:
        with reading(planned, saver, progress, observe, waiting_for=JOBS.current) as results:
            results.engine.transcribe_many(planned.values, planned.options, on_event=results.on_event)
        results.embed(request.embed)
    result = results.collected()
    results.report()
    context.assign(request.output, result)
    if results.interruption is not None:
        raise Interrupted(f"the transcripts so far are in {context.keep(result)}") from None
    return result


def _in_background(
    request: TranscribeRequest, context: Context, planned: Planned, saver: Saver, live: View | None
) -> Job:
    first, *others = (Path(source.label).name for source in planned.sources)
    job = Job(f"{first} and {len(others)} more" if others else first, context.shell, live)

    def work() -> Transcript | TranscriptList:
        with LiveProgress(job, len(planned.sources), start=planned.start, delay=0.0) as progress:
            with reading(planned, saver, progress, job.on_event) as results:
                results.engine.transcribe_many(planned.values, planned.options, on_event=results.on_event)
            results.embed(request.embed)
        results.report()
        return results.collected()

    context.assign(request.output, job)
    JOBS.add(job, work)
    return job


def _ignore(event: Event) -> None:
    """Ignore an event."""


@contextmanager
def reading(
    planned: Planned,
    saver: Saver,
    progress: LiveProgress,
    observe: Callable[[Event], None],
    waiting_for: Job | None = None,
) -> Iterator[Results]:
    """The results of an engine that transcribes inside the `with`, with what failed there.

    Args:
        planned: what to transcribe.
        saver: writes each transcript.
        progress: shows how far it is.
        observe: gets each event, and may raise KeyboardInterrupt.
        waiting_for: what the engine is busy with.
    """
    with SESSION.using(planned.models, progress.stage) as engine:
        results = Results(planned, saver, engine, progress, observe)
        busy = None if waiting_for is None else f"Waiting for {waiting_for.name}, which runs in the background"
        progress.stage(busy or f"Reading {Path(planned.sources[0].label).name}")
        try:
            yield results
        except SomeFailed as failed:
            errors = failed.errors.items()
            results.failures = [Failure(planned.sources[index].label, error) for index, error in errors]
        except KeyboardInterrupt as interruption:
            results.interruption = interruption


def plan(request: TranscribeRequest | CompareRequest, context: Context) -> Planned:
    """Check everything before a model loads.

    Raises:
        UsageError: where there are no sources, or an option's value is out of range.
        AudioNotFound: where none of the sources exists.
    """
    sources = (Source(DEMO_RECORDING, DEMO_RECORDING),) if request.demo else request.sources
    if not sources:
        raise UsageError("nothing to transcribe: name a file, a glob, a URL, or Python in braces")
    _check_any_exists(sources)
    options = options_of(request.overrides, context.options)
    return Planned(sources, options, context.demo_models if request.demo else None)


def _check_any_exists(sources: Sequence[Source]) -> None:
    """Check that a source exists: loading a large model takes minutes."""
    import_whole("whisper_magic.audio.load")  # numpy: not at %load_ext
    from whisper_magic.audio import load as audio

    missing: list[AudioNotFound] = []
    for source in sources:
        try:
            audio.find(source.value)
        except AudioNotFound as error:
            missing.append(error)
    if missing:
        _refuse_unquoted([source.label for source in sources])
    if len(missing) == len(sources):
        raise missing[0]


def _refuse_unquoted(labels: Sequence[str]) -> None:
    """Parts of a line that are a file's name once they are joined by spaces."""
    for first in range(len(labels)):
        for last in range(first + 2, min(first + MAX_WORDS, len(labels)) + 1):
            name = " ".join(labels[first:last])
            if os.path.isfile(name):  # noqa: PTH113 (Path.is_file raises for a name that is too long)
                raise UsageError(f'quote a name with spaces: "{name}"')


def options_of(overrides: Mapping[str, Any], configured: Mapping[str, Any]) -> TranscribeOptions:
    """The options of one call: the defaults, then `%config`, then the line.

    Args:
        overrides: fields of `TranscribeOptions` from the line.
        configured: fields of `TranscribeOptions` from `%config WhisperMagics.options`.

    Raises:
        UsageError: for a value out of range; the message names the option as it is written on the line.
    """
    try:
        usual = TranscribeOptions().override(**configured)
    except OptionError as error:
        raise UsageError(f"%config WhisperMagics.options: {error}") from None
    try:
        return usual.override(**overrides)
    except OptionError as error:
        name, rest = str(error).partition(" ")[::2]
        flag = f"--{name.replace('_', '-')}" if name in overrides else name
        raise UsageError(f"{flag} {rest}") from None


class Results:
    """Collects what the engine reports: shows it, keeps each transcript and saves it.

    Attributes:
        engine: that transcribes.
        failures: the sources that could not be transcribed.
        interruption: Ctrl-C, where it was stopped by it.
    """

    def __init__(
        self,
        planned: Planned,
        saver: Saver,
        engine: Engine,
        progress: LiveProgress,
        observe: Callable[[Event], None] = _ignore,
    ) -> None:
        self.planned, self.saver, self.engine, self.progress = planned, saver, engine, progress
        self.failures: list[Failure] = []
        self.interruption: KeyboardInterrupt | None = None
        self._observe = observe
        self._transcripts: dict[int, Transcript] = {}  # by their place among the results
        progress.decode = engine.decode

    def on_event(self, index: int, event: Event) -> None:
        """Take one event of the source at `index`."""
        if isinstance(event, Finished):
            self._finish(index, event)
        else:
            self._observe(event)
        self.progress.update(index, event)

    def _finish(self, index: int, event: Finished) -> None:
        source = self.planned.sources[index]
        transcript = self._annotated(_renamed(event.transcript, source))
        self._transcripts[event.place] = transcript
        PLAYERS.remember(transcript, source.value)
        self.saver.save(transcript)
        with suppress(WhisperMagicError, OSError):  # of a player whose sound is gone: the transcript is there
            self._observe(replace(event, transcript=transcript))

    def collected(self) -> Transcript | TranscriptList:
        """The result of the job; raises the error that stopped it if there is none."""
        if not self._transcripts and (self.interruption or self.failures):
            raise self.interruption or self.failures[0].error
        ordered = [self._transcripts[place] for place in sorted(self._transcripts)]
        return TranscriptList(ordered, self.failures) if self.planned.several else ordered[0]

    def embed(self, wanted: bool) -> None:
        """Put the sound into the output of each transcript, where that is wanted."""
        for transcript in self._transcripts.values() if wanted else ():
            self.progress.stage(f"Encoding the sound of {Path(transcript.source).name}")
            try:
                PLAYERS.embed(transcript)
            except AudioError as error:  # the transcript must not be lost
                self.saver.problems.append(f"not embedded: {error}")

    def report(self) -> None:
        """Print a line for what was saved, and on stderr one for each thing that went wrong."""
        if saved := self.saver.summary():
            print(saved)
        for problem in (*self.saver.problems, *self.failures):
            print(problem, file=sys.stderr)

    def _annotated(self, transcript: Transcript) -> Transcript:
        """With a note on the bundled models where they wrote it."""
        if transcript.models.target != "demo":
            return transcript
        languages = ", ".join(self.engine.status.languages) or "en"
        note = (
            f"A small teaching model wrote this; it knows only a few words of {languages}. "
            "For real speech: %whisper load auto"
        )
        return replace(transcript, notes=(*transcript.notes, note))


def _renamed(transcript: Transcript, source: Source) -> Transcript:
    """A transcript of samples without a name gets the Python expression of the line as its source."""
    named = next((kind for kind in UNNAMED if re.fullmatch(rf"{kind}( \(.*\))?", transcript.source)), None)
    return (
        transcript if named is None else replace(transcript, source=transcript.source.replace(named, source.label, 1))
    )
