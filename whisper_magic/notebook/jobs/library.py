"""`%whisper library` and `%whisper search`: many recordings, kept in a file, transcribed where they are new."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from glob import has_magic
from pathlib import Path

from IPython.core.error import UsageError

from whisper_magic.audio.load import find
from whisper_magic.engine.model import hub
from whisper_magic.errors import Interrupted, OptionError, WhisperMagicError
from whisper_magic.library import library as libraries
from whisper_magic.library.entries import Entry, entries_of
from whisper_magic.library.job import LibraryPlan, LibraryReport, usable
from whisper_magic.library.library import Library
from whisper_magic.library.records import ModelConfig
from whisper_magic.library.search import Hits
from whisper_magic.library.weights import model_config
from whisper_magic.notebook.jobs.background import JOBS, Job
from whisper_magic.notebook.jobs.context import Context
from whisper_magic.notebook.jobs.session import SESSION, ModelChoice
from whisper_magic.notebook.jobs.transcribe import options_of
from whisper_magic.notebook.line.requests import LibraryRequest, SearchRequest
from whisper_magic.notebook.live.explorer import LiveExplorer
from whisper_magic.notebook.live.progress import LiveProgress
from whisper_magic.notebook.views.facts import length
from whisper_magic.notebook.widgets.explorers import EXPLORERS
from whisper_magic.options import TranscribeOptions
from whisper_magic.wording import counted

MAX_SHOWN = 5  # failures that are printed


class Libraries:
    """The libraries that are open in this kernel.

    Attributes:
        current: the one that was used last.
    """

    def __init__(self) -> None:
        self.current: Library | None = None
        self._open: dict[Path, Library] = {}

    def open(self, path: Path, *, create: bool) -> Library:
        """A library, which becomes the current one. Arguments and errors as of `Library`."""
        where = path.expanduser().resolve()
        if where not in self._open or not where.exists():
            self._open[where] = Library(where, create=create)
        self.current = self._open[where]
        return self.current


LIBRARIES = Libraries()


def library(request: LibraryRequest, context: Context) -> Library:
    """Transcribe what is new, print what was done, and return the library; in the background, at once.

    Raises:
        UsageError: for options that make no sense, or where there is no library to open.
        LibraryError: where there is nothing to read, or the file cannot be written.
        Interrupted: after Ctrl-C; what was finished is kept.
    """
    try:
        options = usable(options_of(request.overrides, context.options))
    except OptionError as error:
        raise UsageError(str(error)) from None
    if not request.sources:
        opened = _existing(request.store, "show")
        context.assign(request.output, opened)
        return opened
    entries = _entries(request)  # what makes no sense is refused before a file is made
    opened = LIBRARIES.open(_place(request) if request.store is None else Path(request.store), create=True)
    context.assign(request.output, opened)
    call = _LibraryCall(opened, request, context, options, entries)
    if request.background:
        call.run_in_background()
    else:
        call.run()
    return opened


def search(request: SearchRequest, context: Context) -> Hits:
    """Find what was said in the library.

    Raises:
        UsageError: where no library is open.
        LibraryError: for a search that says only what is not wanted.
    """
    opened = _existing(request.store, "search")
    hits = opened.hits(
        request.text, near=request.near, language=request.language, speaker=request.speaker, limit=request.limit
    )
    context.assign(request.output, hits)
    return hits


def _entries(request: LibraryRequest) -> list[Entry]:
    """The recordings of all sources.

    Raises:
        AudioNotFound: where a file that is named does not exist.
        LibraryError: where a folder, pattern, table or manifest makes no sense.
    """
    entries: list[Entry] = []
    for source in request.sources:
        if isinstance(source.value, str) and not has_magic(source.value):
            find(source.value)
        entries += entries_of(source.value, reference=request.reference, label=source.label)
    return entries


def _existing(store: str | None, what: str) -> Library:
    if store is not None:
        return LIBRARIES.open(Path(store), create=False)
    if LIBRARIES.current is not None:
        return LIBRARIES.current
    if Path(libraries.NAME).is_file():
        return LIBRARIES.open(Path(libraries.NAME), create=False)
    raise UsageError(
        f"there is no library to {what} here: %whisper library FOLDER makes one, --store PATH opens an existing one"
    )


def _place(request: LibraryRequest) -> Path:
    """Beside the recordings, where the first source is a folder, a pattern or a file; else in the current folder."""
    first = request.sources[0].value
    if not isinstance(first, str | os.PathLike) or "://" in os.fsdecode(first):
        return Path(libraries.NAME)
    path = Path(os.path.expanduser(first))  # noqa: PTH111 (Path.expanduser raises for a user who does not exist)
    while has_magic(str(path)):
        path = path.parent
    return (path if path.is_dir() else path.parent) / libraries.NAME


class _LibraryCall:
    """One call of `%whisper library`, from its sources to its report."""

    def __init__(
        self,
        opened: Library,
        request: LibraryRequest,
        context: Context,
        options: TranscribeOptions,
        entries: list[Entry],
    ) -> None:
        self.library, self.request, self.context, self.options = opened, request, context, options
        self.entries = entries

    def run(self) -> None:
        """Transcribe while the cell runs."""
        with self.context.progress(quiet=self.request.quiet) as progress:
            plan, report = self._transcribe(progress)
        self._print(plan, report)

    def run_in_background(self) -> None:
        """Transcribe in a thread; the library's explorer shows the progress."""
        explorer = EXPLORERS.of(self.library)
        live = LiveExplorer(explorer)
        name = Path(self.request.sources[0].label).name or self.request.sources[0].label
        job = Job(name, self.context.shell, live)
        self.library.job = job
        explorer.jobs.append(job)

        def work() -> Library:
            state = ""
            try:
                with LiveProgress(job, delay=0.0) as progress:
                    self._print(*self._transcribe(progress, job))
            except Interrupted as stop:  # what was finished is kept: the job has a result
                state = str(stop)
            except WhisperMagicError as error:
                state = f"{type(error).__name__}: {error}"
                raise
            finally:
                live.end(state)
            return self.library

        JOBS.add(job, work)

    def _transcribe(self, progress: LiveProgress, job: Job | None = None) -> tuple[LibraryPlan, LibraryReport | None]:
        with _models(self.library, self.options, progress) as config:
            plan = self.library.plan(config, self.entries, on_stage=progress.stage)
        if not plan.items:
            return plan, None
        progress.expect(len(plan.items), plan.seconds)
        with SESSION.using(None, progress.stage) as engine:
            status = engine.status
            config = model_config(self.library.store, status.target, status.draft, status.dtype, self.options)
            progress.decode = engine.decode
            first = counted(len(plan.items), "recording")
            progress.stage(f"Reading {first}, {length(plan.seconds)}")

            def on_event(index: int, event: object) -> None:
                if job is not None:
                    job.on_event(event)  # type: ignore[arg-type] # an event of the engine
                progress.update(index, event)  # type: ignore[arg-type]

            try:
                report = self.library.transcribe_plan(plan, config, engine, self.options, on_event=on_event)
            except KeyboardInterrupt:
                done = len(self.library)
                raise Interrupted(
                    f"stopped; {counted(done, 'recording')} in {self.library.path}, the next run continues"
                ) from None
        return plan, report

    def _print(self, plan: LibraryPlan, report: LibraryReport | None) -> None:
        print(summary(plan, report))
        failures = report.failures if report is not None else plan.failures
        for line in failures[:MAX_SHOWN]:
            print(line, file=sys.stderr)
        if len(failures) > MAX_SHOWN:
            print(f"and {len(failures) - MAX_SHOWN} more: library.failures lists them", file=sys.stderr)


def summary(plan: LibraryPlan, report: LibraryReport | None) -> str:
    """'12 recordings transcribed in 1:02, 14.2× real time; 488 known; 3 failed'."""
    parts = []
    if report is not None and report.written:
        figures = f"{counted(report.written, 'recording')} transcribed in {length(report.wall_seconds)}"
        slots = "" if report.occupancy is None else f", {report.occupancy:.0%} of the slots in use"
        parts.append(f"{figures}, {report.rtfx:.3g}× real time{slots}")
    elif report is None or not report.failures:
        parts.append("nothing new")
    known = plan.done + (report.known if report is not None else 0)
    if known:
        parts.append(f"{known:,} known")
    if report is not None and report.elsewhere:
        parts.append(f"{report.elsewhere:,} being transcribed by another process")
    failures = report.failures if report is not None else plan.failures
    if failures:
        parts.append(f"{len(failures):,} failed")
    return "; ".join(parts)


@contextmanager
def _models(opened: Library, options: TranscribeOptions, progress: LiveProgress) -> Iterator[ModelConfig]:
    """The models that would transcribe, without loading them where their names decide which they are."""
    if (expected := _expected()) is not None:
        target, draft, dtype = expected
        progress.stage(f"Checking the weights of {target}")
        yield model_config(opened.store, target, draft, dtype, options)
        return
    with SESSION.using(None, progress.stage) as engine:
        status = engine.status
        yield model_config(opened.store, status.target, status.draft, status.dtype, options)


def _expected() -> tuple[str, str | None, str] | None:
    """Target, draft and dtype of the wanted models; None where they must be loaded to know."""
    if (engine := SESSION.resident_wanted) is not None:
        status = engine.status
        return status.target, status.draft, status.dtype
    choice = SESSION.wanted or ModelChoice("auto")
    if (chosen := hub.automatic(choice.device)) is None or chosen is not hub.AUTOMATIC["cpu"]:
        return None
    target = chosen.target if choice.target == hub.AUTO else choice.target
    return target, hub.draft_name(target, choice.draft), choice.dtype or "float32"
