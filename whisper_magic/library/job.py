"""Transcribing what a library lacks: which recordings, in which order, and each kept as soon as it is written.

A plan looks at names, sizes and times, and opens what is new; a job transcribes it. What another process transcribes at
the same time is left to it.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from whisper_magic.audio.identity import identity
from whisper_magic.audio.load import find, load, stream
from whisper_magic.errors import (
    AudioError,
    AudioNotFound,
    AudioUnreadable,
    OptionError,
    PackageMissing,
    SomeFailed,
    WhisperMagicError,
)
from whisper_magic.library.entries import Entry
from whisper_magic.library.records import RecordingInfo, RecordingKey, SourceInfo
from whisper_magic.library.store import Store
from whisper_magic.options import TranscribeOptions
from whisper_magic.scoring import ErrorCounts, error_counts
from whisper_magic.transcript import Event, Finished, Round, Transcript
from whisper_magic.wording import one_line

if TYPE_CHECKING:
    from whisper_magic.engine.engine import Engine

TOGETHER = 256  # recordings in a row that are sorted by their length: short ones are there soon
RENEW = 20.0  # seconds between two signs of life

OnEvent = Callable[[int, Event], None]
OnStage = Callable[[str], None]


@dataclass(frozen=True)
class Item:
    """A recording to transcribe.

    Attributes:
        entry: Where it is.
        source: Its file, as it is now; the content is None where it was not read yet.
    """

    entry: Entry
    source: SourceInfo

    @property
    def seconds(self) -> float | None:
        """Its length, where its container says so."""
        start, end = self.entry.start or 0.0, self.entry.end
        end = self.source.duration if end is None else end
        return None if end is None else max(0.0, end - start)


@dataclass(frozen=True)
class LibraryPlan:
    """What a job will do.

    Attributes:
        items: What is transcribed, in this order.
        done: Recordings that are there already.
        failures: Lines of what cannot be read.
    """

    items: tuple[Item, ...]
    done: int = 0
    failures: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Length of the items whose length is known."""
        return sum(item.seconds or 0.0 for item in self.items)


@dataclass
class LibraryReport:
    """What was done by `Library.transcribe`.

    Attributes:
        written: Recordings transcribed.
        known: Recordings that turned out to be there already, under another name.
        elsewhere: Recordings that another process transcribes.
        failures: A line for each that could not be transcribed.
        occupancy: Share of the slots that were in use while recordings were waiting, 0 to 1; None where none waited.
        audio_seconds: Transcribed.
        wall_seconds: From the first recording to the last.
    """

    written: int = 0
    known: int = 0
    elsewhere: int = 0
    failures: list[str] = field(default_factory=list)
    occupancy: float | None = None
    audio_seconds: float = 0.0
    wall_seconds: float = 0.0

    @property
    def rtfx(self) -> float:
        """Seconds transcribed in a second."""
        return self.audio_seconds / self.wall_seconds if self.wall_seconds else 0.0


def usable(options: TranscribeOptions) -> TranscribeOptions:
    """Options for a library: each recording is read alike, whatever else is read with it.

    Raises:
        OptionError: For one transcript per channel.
    """
    if options.channel == "split":
        raise OptionError("channel='split' gives several transcripts, a library keeps one: choose 'left' or 'right'")
    return options.override(mode="sequential") if options.mode == "auto" else options


def make_plan(store: Store, entries: Iterable[Entry], run: int | None, on_stage: OnStage | None = None) -> LibraryPlan:
    """Find out which of these entries a run has not transcribed.

    Args:
        store: Of the library.
        entries: What it is to hold.
        run: The id of the models and options; None of a run that has written nothing.
        on_stage: Called with what is done now.

    Returns:
        The plan. Files that cannot be opened are noted in the store.
    """
    every, looks = list(entries), list[SourceInfo]()
    before = store.sources(entry.name for entry in every)
    for place, entry in enumerate(every):
        if on_stage is not None and place % 50 == 0:
            on_stage(f"Checking {place:,} of {len(every):,} recordings")
        looks.append(_look(entry, before.get(entry.name)))
    ids = store.recordings(now.content for now in looks if now.content is not None)
    finished, items, failures, done = store.done(run), list[Item](), list[str](), 0
    for entry, now in zip(every, looks, strict=True):
        number = ids.get(RecordingKey(now.content, entry.start, entry.end)) if now.content is not None else None
        if number is not None and number in finished:
            done += 1
        elif now.error is not None:
            if now != before.get(entry.name) and not store.read_only:
                store.note_source(now)
            failures.append(entry.failure(now.error))
        else:
            items.append(Item(entry, now))
    return LibraryPlan(tuple(_ordered(items)), done, tuple(failures))


def _look(entry: Entry, before: SourceInfo | None) -> SourceInfo:
    """A source as it is now; its file is opened only where it has changed since."""
    size, modified = None, None
    if (path := entry.path) is not None:
        try:
            status = path.stat()
            size, modified = status.st_size, status.st_mtime_ns
        except (OSError, ValueError):
            pass  # opening it gives the reason
    if before is not None and size is not None and (before.size, before.modified) == (size, modified):
        return before
    # What was at an address, or in a file that has gone, stays what it was; what has no path is its samples.
    content = before.content if before is not None and _lies_somewhere(entry) and size is None else None
    if content is not None and path is None:
        return replace(before or SourceInfo(entry.name), error=None)
    try:
        duration = _duration(entry.source)
        if not _lies_somewhere(entry):
            content = identity(entry.source)
    except AudioError as error:
        return SourceInfo(entry.name, content, size, modified, None, one_line(error))
    return SourceInfo(entry.name, content, size, modified, duration)


def _lies_somewhere(entry: Entry) -> bool:
    """Whether a recording's name is the place where it can be read."""
    return entry.file is not None or isinstance(entry.source, str | os.PathLike)


def _duration(source: Any) -> float | None:
    """Seconds, as the container says."""
    find(source)
    opened = stream(source)
    opened.close()
    return opened.expected


def _ordered(items: list[Item]) -> Iterator[Item]:
    for first in range(0, len(items), TOGETHER):
        some = items[first : first + TOGETHER]
        yield from sorted(some, key=lambda item: math.inf if item.seconds is None else item.seconds)


class LibraryJob:
    """Transcribes a plan, once."""

    def __init__(
        self,
        store: Store,
        plan: LibraryPlan,
        run: int,
        engine: Engine,
        options: TranscribeOptions,
        on_event: OnEvent | None = None,
        on_saved: Callable[[int, Transcript, Any], None] | None = None,
    ) -> None:
        """Make one.

        Args:
            store: Where transcripts are kept.
            plan: What to transcribe.
            run: The id of the models and options.
            engine: Transcribes.
            options: How, as `usable` gives them.
            on_event: Called with each event, and the place of its recording among those begun.
            on_saved: Called with the id of a transcript, the transcript and its source, once it is kept.
        """
        self.store, self.plan, self.engine, self.options = store, plan, engine, options
        self.report = LibraryReport(failures=list(plan.failures))
        self._run = run
        self._on_event, self._on_saved = on_event or (lambda index, event: None), on_saved
        self._begun: list[tuple[int, Item]] = []  # recordings, by the index of their source
        self._incomplete: dict[int, Transcript] = {}  # damaged, or interrupted: the next event decides
        self._slots = _Occupancy(min(options.batch_size, len(plan.items)))
        self._renewed = time.monotonic()

    def run(self) -> LibraryReport:
        """Transcribe every item of the plan.

        Raises:
            Interrupted: On Ctrl-C; what was finished is kept.
            LibraryError: Where the store cannot be written any more.
        """
        began, sources = time.perf_counter(), _Sources(self._sources(), len(self.plan.items))
        try:
            self.engine.transcribe_many(sources, self.options, on_event=self._take)
            self._keep_damaged()
        except SomeFailed as failed:
            self._keep_damaged()
            for index, error in failed.errors.items():
                self._fail(self._begun[index][1], error)
        finally:
            self.report.occupancy = self._slots.share
            self.report.wall_seconds = time.perf_counter() - began
            with suppress(WhisperMagicError):  # what stopped the run is what to report
                self.store.drop_claims()
        return self.report

    # -- sources -----------------------------------------------------------------------------------------------------

    def _sources(self) -> Iterator[Any]:
        """The sources for the engine: recordings that are neither transcribed nor claimed by another process."""
        for item in self.plan.items:
            try:
                source = self._begin(item)
            except AudioError as error:
                self._fail(item, error)
                continue
            if source is not None:
                yield source
        self._slots.waiting = False

    def _begin(self, item: Item) -> Any:
        """Claim a recording and return its source; None where it is done, or claimed by another process."""
        entry = item.entry
        content = item.source.content or identity(entry.source)
        info = RecordingInfo(entry.name, item.seconds, entry.reference, entry.speaker, entry.metadata)
        key = RecordingKey(content, entry.start, entry.end)
        recording = self.store.add_recording(key, info, replace(item.source, content=content, error=None))
        if not self.store.claim(recording, self._run):
            if self.store.claimed_elsewhere(recording, self._run):
                self.report.elsewhere += 1
                return None
            self.report.known += 1
            if entry.reference is not None:
                self.store.score(recording, partial(counts, reference=entry.reference))
            return None
        whole = entry.start is None and entry.end is None
        source = entry.source if whole else load(entry.source, start=entry.start, end=entry.end)
        self._begun.append((recording, item))
        return source

    def _fail(self, item: Item, error: WhisperMagicError) -> None:
        line = one_line(error)
        self.report.failures.append(item.entry.failure(line))
        whole = item.entry.start is None and item.entry.end is None  # else other parts of the file may be sound
        if whole and isinstance(error, AudioNotFound | AudioUnreadable):  # else other options may read it
            self.store.note_source(replace(item.source, error=line))

    # -- events ------------------------------------------------------------------------------------------------------

    def _take(self, index: int, event: Event) -> None:
        if isinstance(event, Finished):
            transcript = event.transcript
            if transcript.complete:
                self._keep(index, transcript)
            else:
                self._incomplete[index] = transcript
        else:
            self._keep_damaged()
            if isinstance(event, Round):
                self._slots.add(event)
            if time.monotonic() - self._renewed > RENEW:
                self._renewed = time.monotonic()
                self.store.renew_claims()
        self._on_event(index, event)

    def _keep_damaged(self) -> None:
        """Keep transcripts that are incomplete because their recording is damaged, not because of an interruption."""
        while self._incomplete:
            self._keep(*self._incomplete.popitem())

    def _keep(self, index: int, transcript: Transcript) -> None:
        recording, item = self._begun[index]
        named = replace(transcript, source=item.entry.name)
        number = self.store.save(recording, self._run, named, counts(named, self.store.reference(recording)))
        if number is None:
            self.report.known += 1
            return
        self.report.written += 1
        self.report.audio_seconds += transcript.timing.audio
        if self._on_saved is not None:
            self._on_saved(number, named, item.entry.source)


def describe(store: Store, entries: Iterable[Entry]) -> None:
    """Keep what is new in entries about recordings that are there: a reference, a speaker."""
    every = [entry for entry in entries if entry.reference is not None or entry.speaker is not None]
    sources = store.sources(entry.name for entry in every)
    ids = store.recordings(source.content for source in sources.values() if source.content is not None)
    kept = dict(store.query("SELECT id, json_array(reference, speaker) FROM recording"))
    for entry in every:
        source = sources.get(entry.name)
        if source is None or source.content is None:
            continue
        key = RecordingKey(source.content, entry.start, entry.end)
        number = ids.get(key)
        reference, speaker = json.loads(kept[number]) if number is not None else (entry.reference, entry.speaker)
        new = entry.reference not in (None, reference)
        if number is None or not (new or entry.speaker not in (None, speaker)):
            continue
        store.add_recording(key, RecordingInfo(entry.name, None, entry.reference, entry.speaker))
        if new:
            store.score(number, partial(counts, reference=entry.reference))


class _Sources:
    """An iterator whose length is known, for the engine to read ahead."""

    def __init__(self, sources: Iterator[Any], count: int) -> None:
        self._sources, self._count = sources, count

    def __iter__(self) -> Iterator[Any]:
        return self._sources

    def __len__(self) -> int:
        return self._count


class _Occupancy:
    """The share of the slots that decode, while recordings are waiting for one."""

    def __init__(self, slots: int) -> None:
        self.waiting = True
        self._slots, self._rounds, self._passes = slots, 0, 0.0

    def add(self, round: Round) -> None:
        """Count a round."""
        if self.waiting:
            self._rounds += 1
            self._passes += 1 / round.batch

    @property
    def share(self) -> float | None:
        """0 to 1; None where nothing waited."""
        return self._rounds / self._passes / self._slots if self._passes else None


def counts(transcript: Transcript, reference: str | None) -> ErrorCounts | None:
    """The errors of a transcript; None without a reference, and without jiwer."""
    if reference is None:
        return None
    language = "en" if transcript.task == "translate" else transcript.language
    try:
        return error_counts(transcript.text, reference, language=language, target=transcript.models.target)
    except PackageMissing:
        return None
