"""A job on Ray: a local one with two actors, of which one dies in the middle; and what an actor does, without Ray."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from whisper_magic.audio.load import load
from whisper_magic.engine.engine import Engine
from whisper_magic.engine.model.hub import demo_folder
from whisper_magic.errors import LibraryError, OptionError
from whisper_magic.library.entries import Entry, entries_of
from whisper_magic.library.job import usable
from whisper_magic.library.library import Library
from whisper_magic.library.ray import TRIES, Actors, Job, Worker, outcomes, transcribe_on_ray
from whisper_magic.options import TranscribeOptions

pytest.importorskip(
    "ray.data", reason="NO RAY: past one machine is not tested; pip install 'whisper-magic[ray]'", exc_type=ImportError
)

# Ray Data sets its own deprecated settings.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("ray"),  # one cluster
    pytest.mark.filterwarnings(r"ignore:`\w+` is deprecated:DeprecationWarning:ray\.data\.context"),
]

COUNT = 6
DEMO = Actors("demo", gpus=0, count=2)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of recordings, no two alike, and a file that is none."""
    folder, samples = tmp_path_factory.mktemp("recordings"), load(demo_folder() / "sample.ogg").samples
    for place in range(COUNT):
        soundfile.write(folder / f"talk{place}.wav", samples[place * 60_000 :][: 40_000 + 4_000 * place], 16_000)
    (folder / "bad.wav").write_bytes(b"This is no sound.")
    return folder


class Killer(threading.Thread):
    """Kills the process of an actor that has just begun a batch."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.killed: list[Path] = []  # the batches, which were not done then
        self._folder = folder

    def run(self) -> None:
        until = time.monotonic() + 60
        while not self.killed and time.monotonic() < until:
            for begun in self._folder.glob("*.tries"):
                if found := re.match(r"process (\d+) on ", begun.read_text()):
                    self._kill(int(found[1]), begun.with_suffix(".jsonl"))
                    break
            time.sleep(0.005)

    def _kill(self, process: int, batch: Path) -> None:
        os.kill(process, signal.SIGKILL)
        time.sleep(0.1)  # it may have been writing
        if not batch.exists():
            self.killed.append(batch)


@pytest.fixture(scope="module")
def local_ray() -> Iterator[Any]:
    """Ray on this machine, with two cores."""
    settings = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        import ray
        import ray.data

        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=100 << 20,
            log_to_driver=False,
        )
        ray.data.DataContext.get_current().enable_progress_bars = False
        yield ray
        ray.shutdown()


def test_a_killed_actor_loses_and_repeats_nothing(local_ray: Any, recordings: Path, tmp_path: Path) -> None:
    folder = tmp_path / "transcripts"
    killer = Killer(folder)
    killer.start()
    report = transcribe_on_ray(recordings, folder, actors=DEMO, batch=2)
    assert killer.killed
    assert killer.killed[0].exists()  # another process has done what that one began
    assert (report.written, report.known, len(report.failures)) == (COUNT, 0, 1)
    assert "bad.wav" in report.failures[0]
    written = sorted(folder.iterdir())

    good = sorted(path for path in recordings.glob("*.wav") if path.stem != "bad")
    again = transcribe_on_ray(good, folder, actors=DEMO)
    assert (again.written, again.known, again.failures) == (0, COUNT, [])
    assert sorted(folder.iterdir()) == written

    with Library(tmp_path / "home.db") as library:
        assert library.import_parquet(folder) == COUNT
        assert library.import_parquet(folder) == 0
        names = library.store.query("SELECT name FROM recording JOIN transcript ON recording = recording.id")
        assert sorted(name for (name,) in names) == [str(path) for path in good]
        engine = Engine.load("demo", device="cpu")
        assert library.transcript(good[0]).text == engine.transcribe(good[0]).text
        assert library.transcribe(engine, recordings).written == 0  # the library knows them for its own


# An actor, without Ray


@pytest.fixture(scope="module")
def make_worker(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Makes an actor, and the folder that it writes into."""

    def make() -> tuple[Worker, Path]:
        folder = tmp_path_factory.mktemp("transcripts")
        (folder / "job.json").write_text("{}")
        return Worker(Job(folder, DEMO, usable(TranscribeOptions()))), folder

    return make


def read(worker: Worker, name: str, entries: list[Entry]) -> None:
    assert worker({"batch": np.array([pickle.dumps((name, entries))], object)}) == {"batch": [name]}


def test_a_batch_that_is_done_is_not_read_again(make_worker: Any, recordings: Path) -> None:
    worker, folder = make_worker()
    entries = list(entries_of([recordings / "talk0.wav", recordings / "bad.wav"]))
    read(worker, "a", entries)
    assert [one.error is None for one in outcomes(folder).values()] == [True, False]
    worker._engine.close()
    read(worker, "a", entries)  # as Ray does after a death
    assert sorted(path.name for path in folder.iterdir()) == ["a.jsonl", "a.parquet", "job.json"]


def test_what_kills_its_process_is_found_and_given_up(make_worker: Any, recordings: Path) -> None:
    worker, folder = make_worker()
    entries = list(entries_of([recordings / "talk0.wav", recordings / "talk1.wav"]))
    for name in ("a", "a-1"):  # the batch, and its second recording alone
        (folder / f"{name}.tries").write_text("process 1 on node\n" * TRIES)
    read(worker, "a", entries)
    first, second = (outcomes(folder)[entry.name, None, None] for entry in entries)
    assert first.error is None
    assert first.seconds > 1
    assert second.error == f"{entries[1].name}: given up: the process that read it died 2 times, last process 1 on node"
    assert not list(folder.glob("*.tries"))


def test_copies_and_parts_are_done_too(make_worker: Any, recordings: Path, tmp_path: Path) -> None:
    worker, folder = make_worker()
    copy = tmp_path / "copy.wav"
    copy.write_bytes((recordings / "talk0.wav").read_bytes())
    path = str(recordings / "talk0.wav")
    read(worker, "a", [Entry(path, path), Entry(str(copy), str(copy)), Entry(path, path, 0.5, 1.5)])
    became = list(outcomes(folder).values())
    assert [one.error for one in became] == [None] * 3
    assert became[1].seconds == 0
    with Library(tmp_path / "home.db") as library:
        assert library.import_parquet(folder) == 2


def test_outcomes_prefer_what_was_done_at_last(tmp_path: Path) -> None:
    lines = [
        {"name": "a", "start": None, "end": None, "seconds": s, "error": e} for s, e in ((0.0, "bad"), (2.0, None))
    ]
    for order in (lines, lines[::-1]):
        for place, line in enumerate(order):
            (tmp_path / f"{place}.jsonl").write_text(json.dumps(line) + "\n")
        assert outcomes(tmp_path)["a", None, None].seconds == 2


# Refused


def test_a_folder_is_of_one_target_and_of_one_set_of_options(local_ray: Any, recordings: Path, tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text('{"target": "base", "device": "cpu", "dtype": null, "options": "{}"}')
    with pytest.raises(
        LibraryError, match=r'holds transcripts of .*"base".*, not of .*"demo".*: choose another folder'
    ):
        transcribe_on_ray(recordings, tmp_path, actors=DEMO)


def test_sources_that_other_machines_cannot_open_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="is not in a file: on a cluster"):
        transcribe_on_ray([(np.zeros(16_000, np.float32), 16_000)], tmp_path, actors=DEMO)


def test_gpus_that_are_not_there_are_refused(local_ray: Any, recordings: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="each actor needs 1 GPUs, the cluster has 0 now"):
        transcribe_on_ray(recordings, tmp_path, actors=Actors("demo", gpus=1))


def test_a_batch_holds_something(recordings: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="1 or more, got 0"):
        transcribe_on_ray(recordings, tmp_path, batch=0)


def test_a_folder_that_is_not_shared_is_named(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"is not shared with .*: mount it there"):
        Worker(Job(tmp_path, DEMO, TranscribeOptions()))
