"""Transcribing on a Ray cluster: an engine per GPU, transcripts as Parquet files in a shared folder.

    transcribe_on_ray("/mnt/recordings", "/mnt/transcripts", actors=Actors("large-v3"))
    Library("whisper.db").import_parquet("/mnt/transcripts")

The folder is all that a job remembers. Recordings are read in batches. Of each batch the folder gets `NAME.parquet`
with the transcripts, and then `NAME.jsonl`, which says of each recording that it is done, or why not: a batch without
the latter was never finished. Both appear whole or not at all. Actors and drivers may be killed at any time; what is
done is not done again.

Ray Data's own checkpoints (`ray.data.checkpoint.CheckpointConfig`) are not used: older releases lack them, they load
and filter with tasks and an actor that need cores beside the engines' (on two cores a resumed job stood still), and a
Parquet file that Ray writes does not appear whole.
"""

from __future__ import annotations

import json
import os
import pickle
import secrets
import socket
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from whisper_magic.errors import LibraryError, OptionError, PackageMissing, WhisperMagicError
from whisper_magic.formats import write_whole
from whisper_magic.library.entries import Entry, entries_of
from whisper_magic.library.export import lines
from whisper_magic.library.job import LibraryReport, usable
from whisper_magic.library.library import NAME, Library
from whisper_magic.library.records import RecordingKey
from whisper_magic.library.store import Store
from whisper_magic.library.weights import model_config, text_affecting_options
from whisper_magic.options import TranscribeOptions
from whisper_magic.wording import one_line, shown

BATCH = 64  # recordings that an actor reads together, and loses when it is killed
TRIES = 2  # of a batch whose process dies; then each of its recordings alone has as many
BLOCKS = 10_000  # most tasks that Ray is given: more weigh on its scheduler
JOB = "job.json"

Id = tuple[str, float | None, float | None]  # name, start, end


@dataclass(frozen=True)
class Actors:
    """What each actor loads, and how many there are.

    Attributes:
        target: As of `Engine.load`; "auto" depends on whether actors have GPUs.
        draft: Likewise.
        dtype: Likewise.
        gpus: Of each actor; 0 reads on a core. None takes 1 where the cluster has GPUs, else 0.
        count: How many. None takes as many as the cluster has room for now.
    """

    target: str = "auto"
    draft: str | None = None
    dtype: str | None = None
    gpus: float | None = None
    count: int | None = None


@dataclass(frozen=True)
class Outcome:
    """The outcome of one recording.

    Attributes:
        name: Its path or address.
        start: As of its entry.
        end: Likewise.
        seconds: Transcribed.
        error: Why it could not be transcribed; None where it was.
    """

    name: str
    start: float | None
    end: float | None
    seconds: float = 0.0
    error: str | None = None

    @property
    def id(self) -> Id:
        """Of the recording."""
        return self.name, self.start, self.end


@dataclass(frozen=True)
class Job:
    """What the actors are given.

    Attributes:
        folder: Shared by all machines.
        actors: With gpus and count.
        options: As `run.usable` gives them.
    """

    folder: Path
    actors: Actors
    options: TranscribeOptions

    @property
    def device(self) -> str:
        """As of `Engine.load`: the same for each actor, so that "auto" is the same model everywhere."""
        return "cuda" if self.actors.gpus else "cpu"


def transcribe_on_ray(
    sources: Any,
    folder: str | os.PathLike[str],
    options: TranscribeOptions | None = None,
    *,
    actors: Actors | None = None,
    batch: int = BATCH,
) -> LibraryReport:
    """Transcribe recordings on a Ray cluster, or on a local Ray where there is none.

    A second call goes on where the first was stopped, and tries again what could not be read. A recording is known by
    its name and part: a file that has changed since is not noticed.

    Args:
        sources: As of `Library.transcribe`, but each recording is a path or address that every machine can open.
        folder: For the transcripts, on a file system that all machines share; `Library.import_parquet` reads it.
        options: How to transcribe.
        actors: What each actor loads, and how many there are.
        batch: Recordings that an actor reads together; what is lost when it is killed.

    Raises:
        LibraryError: For sources or a folder that cannot be used, or one that holds other models' transcripts.
        OptionError: For an option that makes no sense here.
        PackageMissing: Without Ray (the `ray` extra).
    """
    if batch < 1:
        raise OptionError(f"batch is a number of recordings, 1 or more, got {batch}")
    began = time.perf_counter()
    entries = {_id(entry): entry for entry in map(_reachable, entries_of(sources))}
    ray, where = _ray(), Path(folder).expanduser().absolute()
    job = Job(where, _placed(ray, actors or Actors()), usable(options or TranscribeOptions()))
    _settle(job)
    before = outcomes(job.folder)
    todo = [entry for key, entry in entries.items() if key not in before or before[key].error is not None]
    if todo:
        _go(ray, job, todo, batch)
    after = outcomes(job.folder)
    new = [after[key] for entry in todo if (key := _id(entry)) in after]
    return LibraryReport(
        written=sum(outcome.error is None for outcome in new),
        known=len(entries) - len(todo),
        failures=[outcome.error for outcome in new if outcome.error is not None],
        audio_seconds=sum(outcome.seconds for outcome in new),
        wall_seconds=time.perf_counter() - began,
    )


def outcomes(folder: Path) -> dict[Id, Outcome]:
    """The outcome of each recording so far; a success replaces earlier failures."""
    latest: dict[Id, Outcome] = {}
    for path in folder.glob("*.jsonl"):
        for line in path.read_text("utf-8").splitlines():
            outcome = Outcome(**json.loads(line))
            if outcome.error is None or outcome.id not in latest:
                latest[outcome.id] = outcome
    return latest


# The driver


def _ray() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise PackageMissing("a cluster needs Ray: pip install 'whisper-magic[ray]'") from error
    if not ray.is_initialized():
        ray.init()
    return ray


def _placed(ray: Any, actors: Actors) -> Actors:
    """The actors, placed on what this cluster offers."""
    there = ray.cluster_resources()
    gpus = float(there.get("GPU", 0) > 0) if actors.gpus is None else actors.gpus
    room = int(there.get("GPU", 0) / gpus if gpus else there.get("CPU", 0))
    if actors.count is None and room == 0:
        raise OptionError(
            f"each actor needs {gpus:g} GPUs, the cluster has {there.get('GPU', 0):g} now: pass gpus=0, or count= for "
            "a cluster with autoscaling"
        )
    return replace(actors, gpus=gpus, count=room if actors.count is None else actors.count)


def _reachable(entry: Entry) -> Entry:
    if entry.file is None and not isinstance(entry.source, str | os.PathLike):
        raise LibraryError(
            f"{shown(entry.name)} is not in a file: on a cluster each recording is a path or URL that every machine "
            "can open"
        )
    return entry


def _settle(job: Job) -> None:
    """Record in the folder which models and options write into it; refuse others."""
    actors, path = job.actors, job.folder / JOB
    text = json.dumps(
        {
            "target": actors.target,
            "device": job.device,
            "dtype": actors.dtype,
            "options": text_affecting_options(job.options, actors.draft),
        }
    )
    try:
        job.folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_whole(path, text.encode())
        settled = path.read_text("utf-8")
    except OSError as error:
        raise LibraryError(
            f"cannot write into {shown(str(job.folder))}: {one_line(error.strerror or error)}"
        ) from error
    if settled != text:
        raise LibraryError(
            f"{shown(str(job.folder))} holds transcripts of {settled}, not of {text}: choose another folder"
        )


def _go(ray: Any, job: Job, todo: Sequence[Entry], batch: int) -> None:
    call = secrets.token_hex(4)
    cuts = range(0, len(todo), batch)
    rows = [{"batch": pickle.dumps((f"{call}-{cut // batch}", todo[cut : cut + batch]))} for cut in cuts]
    blocks = ray.data.from_items(rows, override_num_blocks=min(len(rows), BLOCKS))
    done = blocks.map_batches(
        Worker,
        fn_constructor_args=(job,),
        batch_size=1,
        batch_format="numpy",
        compute=ray.data.ActorPoolStrategy(
            size=min(job.actors.count or 1, len(rows)),
            max_tasks_in_flight_per_actor=1,  # none waits behind a long one
        ),
        num_cpus=1,
        num_gpus=job.actors.gpus,
    )
    try:
        for _ in done.iter_batches(batch_size=None):
            pass
    except ray.exceptions.RayError as error:
        raise LibraryError(f"the job stopped, what it wrote is kept: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """whisper_magic's own error inside one of Ray's; else the last line of Ray's message."""
    every = [line.strip() for line in str(error).splitlines() if line.strip()]
    ours = [line.partition(": ")[2] for line in every if line.startswith("whisper_magic.errors.")]
    return one_line((ours or every or [type(error).__name__])[-1])


# An actor


class Worker:
    """An engine in an actor. Ray creates it, gives it batches, and creates it again if its process dies."""

    def __init__(self, job: Job) -> None:
        """Load the engine.

        Args:
            job: What to do.

        Raises:
            LibraryError: Where the folder is not shared with this machine.
            CheckpointError, OptionError: As of `Engine.load`.
        """
        from whisper_magic.engine.engine import Engine

        if not (job.folder / JOB).is_file():
            raise LibraryError(f"{shown(str(job.folder))} is not shared with {socket.gethostname()}: mount it there")
        actors = job.actors
        self._job = job
        self._engine = Engine.load(actors.target, actors.draft, device=job.device, dtype=actors.dtype)
        status = self._engine.status
        with TemporaryDirectory() as scratch, Library(Path(scratch) / NAME) as library:
            self._config = model_config(library.store, status.target, status.draft, status.dtype, job.options)

    def __call__(self, rows: Mapping[str, Any]) -> dict[str, list[str]]:
        """Transcribe batches.

        Args:
            rows: Of Ray Data: in "batch" the name and entries of each.

        Returns:
            Their names.
        """
        batches = [pickle.loads(packed) for packed in rows["batch"]]
        for name, entries in batches:
            self._finish(name, entries)
        return {"batch": [name for name, _ in batches]}

    def _finish(self, name: str, entries: Sequence[Entry]) -> None:
        """Transcribe a batch, unless it is done: Ray repeats the whole block of an actor that died."""
        path, tries = self._job.folder / f"{name}.jsonl", self._job.folder / f"{name}.tries"
        if path.exists():
            return
        before = tries.read_text("utf-8").splitlines() if tries.exists() else []
        if len(before) < TRIES:
            with tries.open("a", encoding="utf-8") as file:
                file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
            became = self._transcribe(name, entries)
        elif len(entries) > 1:
            for place, entry in enumerate(entries):
                self._finish(f"{name}-{place}", [entry])
            became = []
        else:
            reason = f"given up: the process that read it died {TRIES} times, last {before[-1]}"
            became = [Outcome(*_id(entry), error=entry.failure(reason)) for entry in entries]
        write_whole(path, lines(map(asdict, became)).encode("utf-8", "backslashreplace"))
        tries.unlink(missing_ok=True)

    def _transcribe(self, name: str, entries: Sequence[Entry]) -> list[Outcome]:
        """Transcribe into a temporary library, and save that as Parquet.

        What is no error of a recording ends the process: a GPU in disorder fails whatever comes next, and Ray starts
        another process.
        """
        try:
            with TemporaryDirectory() as scratch, Library(Path(scratch) / NAME) as library:
                plan = library.plan(self._config, entries)
                report = library.transcribe_plan(plan, self._config, self._engine, self._job.options)
                if report.written:
                    library.save(self._job.folder / f"{name}.parquet")
                return list(_outcomes(library.store, library.store.run_id(self._config), entries))
        except WhisperMagicError:
            raise
        except Exception:
            traceback.print_exc()
            os._exit(1)


def _outcomes(store: Store, run: int | None, entries: Iterable[Entry]) -> Iterator[Outcome]:
    """The outcomes of these entries in a library."""
    every = list(entries)
    sources = store.sources(entry.name for entry in every)
    ids = store.recordings(source.content for source in sources.values() if source.content is not None)
    seconds = dict(store.query("SELECT recording, audio_seconds FROM transcript WHERE run = ?", (run,)))
    counted = set[int]()
    for entry in every:
        source = sources.get(entry.name)
        content = source.content if source is not None else None
        number = ids.get(RecordingKey(content, entry.start, entry.end)) if content is not None else None
        if number is not None and number in seconds:
            yield Outcome(*_id(entry), seconds=0.0 if number in counted else seconds[number])
            counted.add(number)
        else:
            reason = source.error if source is not None else None
            yield Outcome(*_id(entry), error=entry.failure(reason or "could not be transcribed"))


def _id(entry: Entry) -> Id:
    return entry.name, entry.start, entry.end
