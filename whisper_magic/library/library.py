"""Library: many recordings, their transcripts, and what people add to them.

    library = Library("whisper.db")
    library.transcribe(engine, "recordings/")
    library.search("two hundred")
    library.to_pandas("segments")

The file can be opened by several processes at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whisper_magic.data_frame import data_frame
from whisper_magic.errors import LibraryError
from whisper_magic.library import export, job, parquet, summary, tables
from whisper_magic.library.database import restored, storable
from whisper_magic.library.entries import Entry, entries_of
from whisper_magic.library.records import ModelConfig
from whisper_magic.library.search import Hits, SearchFilters, search
from whisper_magic.library.store import Store
from whisper_magic.library.summary import Growth, Summary, Totals, Unreadable
from whisper_magic.library.weights import model_config
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Transcript

if TYPE_CHECKING:
    import pandas

    from whisper_magic.engine.engine import Engine

NAME = "whisper.db"


class Library:
    """Recordings and their transcripts in one SQLite file.

    Attributes:
        store: The file.
        selection: Ids of the recordings that are selected in the explorer.
        job: Of the notebook that transcribes into it in the background; `await library.job`.
    """

    def __init__(self, path: str | os.PathLike[str] = NAME, *, create: bool = True) -> None:
        """Open a library.

        Args:
            path: Of its file.
            create: Whether to make one where there is none.

        Raises:
            LibraryError: Where it cannot be opened, or is another file.
        """
        self.store = Store(path, create=create)
        self.selection: tuple[int, ...] = ()
        self.job: Any = None
        self._sources: dict[int, Any] = {}  # of recordings that are in no file, by id

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self.store.path

    def __len__(self) -> int:
        """Number of recordings."""
        return self.totals().recordings

    def __repr__(self) -> str:
        totals = self.totals()
        return f"<Library {self.path}: {totals.recordings:,} recordings, {totals.seconds / 3600:.1f} h>"

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # -- transcribing ------------------------------------------------------------------------------------------------

    def transcribe(
        self,
        engine: Engine,
        sources: Any = None,
        options: TranscribeOptions | None = None,
        *,
        reference: str | None = None,
        on_event: job.OnEvent | None = None,
        on_stage: job.OnStage | None = None,
        **overrides: Any,
    ) -> job.LibraryReport:
        """Add recordings, and transcribe those that these models and options have not transcribed.

        Args:
            engine: Transcribes.
            sources: A folder, glob, manifest, table, dataset, or a collection of what `audio.load.load` takes; None
                for what is in the library already.
            options: How to transcribe.
            reference: Column of a table that holds reference texts.
            on_event: As of `Engine.transcribe_many`.
            on_stage: Called with what is done while nothing is transcribed.
            **overrides: Fields of TranscribeOptions.

        Raises:
            LibraryError: Where there is nothing to read, or the file cannot be written.
            OptionError: For an option that makes no sense here.
            Interrupted: On Ctrl-C; what was finished is kept.
        """
        chosen = job.usable((options or TranscribeOptions()).override(**overrides))
        status = engine.status
        config = model_config(self.store, status.target, status.draft, status.dtype, chosen)
        plan = self.plan(config, sources, reference=reference, on_stage=on_stage)
        return self.transcribe_plan(plan, config, engine, chosen, on_event=on_event)

    def plan(
        self,
        config: ModelConfig,
        sources: Any = None,
        *,
        reference: str | None = None,
        on_stage: job.OnStage | None = None,
    ) -> job.LibraryPlan:
        """What `transcribe` would do. Arguments as of that, and the models and options as of `weights.model_config`."""
        entries = list(self._entries() if sources is None else entries_of(sources, reference=reference))
        plan = job.make_plan(self.store, entries, self.store.run_id(config), on_stage)
        if not self.store.read_only:
            job.describe(self.store, entries)
        return plan

    def transcribe_plan(
        self,
        plan: job.LibraryPlan,
        config: ModelConfig,
        engine: Engine,
        options: TranscribeOptions,
        *,
        on_event: job.OnEvent | None = None,
    ) -> job.LibraryReport:
        """Transcribe what was planned. Arguments as of `plan` and `transcribe`."""
        number = self.store.add_run(config)
        return job.LibraryJob(self.store, plan, number, engine, options, on_event, self._remember).run()

    def _remember(self, number: int, transcript: Transcript, source: Any) -> None:
        if not isinstance(source, str | os.PathLike):
            self._sources[self.recording_of(number)] = source

    def _entries(self) -> Iterable[Entry]:
        rows = self.store.query('SELECT id, name, start, "end", reference, speaker FROM recording ORDER BY id')
        for number, name, *rest in rows:
            if number in self._sources or self.store.paths(number):  # else its file holds something else now
                source = self.source(number)
                yield Entry(source, source if isinstance(source, str) else restored(name), *rest)

    # -- reading -----------------------------------------------------------------------------------------------------

    def search(
        self,
        text: str,
        *,
        near: int | None = None,
        language: str | None = None,
        speaker: str | None = None,
        run: int | None = None,
        limit: int = 1000,
    ) -> pandas.DataFrame:
        """Find where something was said.

        Args:
            text: Words; "a phrase"; begin*; *part*; a -without; a OR b.
            near: All words within this many words of each other.
            language: Code; only transcripts in this language.
            speaker: Only recordings of this speaker.
            run: Id of the models and options (`runs`); None for each recording's newest transcript.
            limit: Most hits.

        Returns:
            A row per hit, best first: recording, transcript, name, start, end, before, match, after.

        Raises:
            LibraryError: For a search that says only what is not wanted.
            PackageMissing: Without pandas (the `pandas` extra).
        """
        where: dict[str, Any] = {"language": language, "speaker": speaker, "run": run}
        return self.hits(text, near=near, limit=limit, **where).to_pandas()

    def hits(
        self,
        text: str,
        *,
        near: int | None = None,
        language: str | None = None,
        speaker: str | None = None,
        run: int | None = None,
        limit: int = 1000,
    ) -> Hits:
        """The hits of `search`, as objects."""
        hits = search(self.store, text, SearchFilters(language, speaker, run), near=near, limit=limit)
        hits.library = self
        return hits

    def recording_of(self, transcript: int) -> int:
        """The id of the recording that a transcript is of.

        Raises:
            LibraryError: Where there is no such transcript.
        """
        rows = self.store.query("SELECT recording FROM transcript WHERE id = ?", (transcript,))
        if not rows:
            raise LibraryError(f"there is no transcript {transcript} in {self.path}")
        return int(rows[0][0])

    def transcript(self, recording: int | str | os.PathLike[str], run: int | None = None) -> Transcript:
        """The transcript of a recording, with its corrections.

        Args:
            recording: Its id, or one of its paths.
            run: Id of the models and options; None for the newest.

        Raises:
            LibraryError: Where there is none.
        """
        number = self._id_of(os.fsdecode(recording)) if isinstance(recording, str | os.PathLike) else int(recording)
        rows = self.store.query(
            "SELECT id FROM transcript WHERE recording = ? AND run = ifnull(?, run) ORDER BY id DESC LIMIT 1",
            (number, run),
        )
        if not rows:
            raise LibraryError(f"{recording} is not transcribed in {self.path}")
        return self.store.transcript(rows[0][0])

    def source(self, recording: int) -> Any:
        """Where a recording can be read: a path that exists, what was added in this process, or its name."""
        recording = int(recording)
        if recording in self._sources:
            return self._sources[recording]
        paths = self.store.paths(recording)
        if not paths:
            raise LibraryError(
                f"there is no recording {recording} in {self.path}, or its file now contains other audio"
            )
        return next((path for path in paths if os.path.exists(path)), paths[0])  # noqa: PTH110 (labels are no paths)

    def _id_of(self, name: str) -> int:
        names = dict.fromkeys((name, os.path.abspath(os.path.expanduser(name))))  # noqa: PTH100, PTH111
        for stored in map(storable, names):
            rows = self.store.query(  # what a file holds now comes before what it held, and the whole before parts
                """SELECT recording.id FROM recording LEFT JOIN source ON source.name = ?1
                   WHERE recording.content = source.content OR recording.name = ?1
                   ORDER BY ifnull(recording.content = source.content, 0) DESC,
                            start IS NOT NULL OR "end" IS NOT NULL, recording.id DESC LIMIT 1""",
                (stored,),
            )
            if rows:
                return int(rows[0][0])
        raise LibraryError(f"there is no recording {name} in {self.path}")

    def to_pandas(self, kind: tables.Kind = "recordings", *, run: int | None = None) -> pandas.DataFrame:
        """A table of the library.

        Args:
            kind: "recordings", "segments" or "words": what a row is.
            run: Id of the models and options (`runs`); None for each recording's newest transcript.

        Raises:
            LibraryError: For another kind.
            PackageMissing: Without pandas (the `pandas` extra).
        """
        rows = list(tables.rows(self.store, kind, None if run is None else int(run)))
        return data_frame(tables.COLUMNS[kind], rows)

    @property
    def runs(self) -> pandas.DataFrame:
        """The models and options with which something was transcribed, a row each, with the word error rate overall."""
        return tables.frame(tables.RunFigures, tables.runs(self.store))

    def compare(self, first: int, second: int) -> pandas.DataFrame:
        """Where two runs differ, most first, with the stretches that do.

        Args:
            first: Id of a run (`runs`).
            second: Id of another.

        Raises:
            LibraryError: Where a run does not exist.
            PackageMissing: Without pandas, or jiwer (the `score` extra).
        """
        return tables.frame(tables.Difference, self.differences(first, second))

    def differences(self, first: int, second: int) -> list[tables.Difference]:
        """The rows of `compare`, as objects."""
        return tables.differences(self.store, int(first), int(second))

    @property
    def selected(self) -> pandas.DataFrame:
        """The recordings that are selected in the explorer, a row each."""
        return data_frame(tables.RECORDINGS, tables.rows(self.store, "recordings", None, self.selection))

    @property
    def failures(self) -> pandas.DataFrame:
        """The sources that could not be read, and why, a row each."""
        return tables.frame(Unreadable, self.unreadable())

    def unreadable(self, limit: int | None = None) -> list[Unreadable]:
        """The rows of `failures`, as objects; at most `limit`."""
        return summary.unreadable(self.store, limit)

    def totals(self) -> Totals:
        """How much it holds."""
        return summary.totals(self.store)

    def summary(self) -> Summary:
        """Totals, the word error rate, and the number of sources that could not be read."""
        return summary.summary(self.store)

    def growth(self) -> Growth:
        """What changes while the library grows, read quickly."""
        return summary.growth(self.store)

    # -- what people add ---------------------------------------------------------------------------------------------

    def tag(self, recordings: int | Iterable[int], *add: str, remove: Iterable[str] = ()) -> None:
        """Add tags to recordings, and remove others.

        Args:
            recordings: Ids.
            *add: Tags.
            remove: Tags.
        """
        self.store.tag(self._several(recordings), add, remove)

    def note(self, recording: int, text: str) -> None:
        """Write a note on a recording; "" removes it."""
        (number,) = self._several(recording)
        self.store.set_note(number, text)

    def accept(self, recordings: int | Iterable[int], accepted: bool = True) -> None:
        """Mark recordings as checked by a person, or as not."""
        self.store.accept(self._several(recordings), accepted)

    def _several(self, recordings: int | Iterable[int]) -> Sequence[int]:
        """Ids of recordings; LibraryError for one that does not exist."""
        ids = list(map(int, recordings)) if isinstance(recordings, Iterable) else [int(recordings)]
        there = {row[0] for row in self.store.query("SELECT id FROM recording WHERE id BETWEEN ? AND ?", _span(ids))}
        for number in ids:
            if number not in there:
                raise LibraryError(f"there is no recording {number} in {self.path}")
        return ids

    def correct(self, transcript: int, edited: Transcript) -> None:
        """Keep a corrected transcript; what was written stays.

        Args:
            transcript: Id.
            edited: With its corrections.
        """
        transcript = int(transcript)
        rows = self.store.query(
            """SELECT reference FROM recording JOIN transcript ON transcript.recording = recording.id
               WHERE transcript.id = ?""",
            (transcript,),
        )
        if not rows:
            raise LibraryError(f"there is no transcript {transcript} in {self.path}")
        self.store.edit(transcript, edited, job.counts(edited, rows[0][0]))

    # -- out and in --------------------------------------------------------------------------------------------------

    def save(
        self, path: str | os.PathLike[str], format: str | None = None, *, only: Iterable[int] | None = None
    ) -> Path:
        """Export the library, or some of it.

        Args:
            path: Of the file, or of the folder.
            format: "parquet", "csv", "nemo", "lhotse", "audiofolder", or one in which transcripts are saved, such as
                "srt", which makes a folder of files; None goes by the ending of the name.
            only: Ids of the recordings; None for all.

        Raises:
            LibraryError: For another format, or a file that cannot be written.
            PackageMissing: For Parquet without pyarrow, or Word without python-docx.
        """
        return export.save(self.store, path, format, only, self.source)

    def clips(
        self,
        text: str,
        folder: str | os.PathLike[str],
        *,
        around: float = 0.25,
        near: int | None = None,
        limit: int = 1000,
    ) -> list[Path]:
        """Save the audio of every hit of a search.

        Args:
            text: As of `search`.
            folder: Is made where there is none.
            around: Seconds kept before and after a hit.
            near: As of `search`.
            limit: Most clips.

        Returns:
            The files, FLAC.
        """
        return export.clips(self.hits(text, near=near, limit=limit), folder, around, self.source)

    def import_parquet(self, *paths: str | os.PathLike[str]) -> int:
        """Add transcripts from Parquet files: those of `save`, or of a cluster.

        Args:
            *paths: Files, or folders of files.

        Returns:
            How many were new.
        """
        return parquet.load(self.store, paths)


def _span(ids: Sequence[int]) -> tuple[int, int]:
    return min(ids, default=0), max(ids, default=0)
