"""Transcribing what a library lacks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.support.scripted_library import ScriptedEngine, Status, write_clips
from whisper_magic.audio.identity import identity
from whisper_magic.errors import AudioError, Interrupted, LibraryError, OptionError
from whisper_magic.library import job
from whisper_magic.library.entries import Entry
from whisper_magic.library.job import Item, LibraryPlan, LibraryReport
from whisper_magic.library.library import Library
from whisper_magic.library.records import RecordingInfo, RecordingKey, SourceInfo
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Finished, Round, Started


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library(tmp_path / "whisper.db") as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_clips(tmp_path / "clips", 4)
    return tmp_path / "clips"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The sources that the library opens, in order."""
    seen: list[Any] = []
    find, identity = job.find, job.identity

    def noted(function: Any) -> Any:
        def call(source: Any) -> Any:
            seen.append(source)
            return function(source)

        return call

    monkeypatch.setattr(job, "find", noted(find))
    monkeypatch.setattr(job, "identity", noted(identity))
    return seen


def go(library: Library, sources: Any, engine: Any = None, **options: Any) -> LibraryReport:
    return library.transcribe(engine or ScriptedEngine(), sources, **options)


def counted(report: LibraryReport) -> tuple[int, int, int, int]:
    return report.written, report.known, report.elsewhere, len(report.failures)


def texts(library: Library) -> dict[str, str]:
    table = library.to_pandas()
    return dict(zip(map(os.path.basename, table["name"]), table["text"], strict=True))


# What is known


def test_a_folder_is_transcribed_once(library: Library, folder: Path, opened: list[Any]) -> None:
    report = go(library, folder)
    assert counted(report) == (4, 0, 0, 0)
    assert report.audio_seconds == pytest.approx(0.1 + 0.101 + 0.102 + 0.103)
    assert report.rtfx == pytest.approx(report.audio_seconds / report.wall_seconds)
    assert texts(library) == {
        "clip0.wav": "ant fox newt newt",
        "clip1.wav": "ant fox ant fox",
        "clip2.wav": "ant fox cat bee",
        "clip3.wav": "ant fox dog hen",
    }
    opened.clear()
    again = ScriptedEngine()
    assert counted(go(library, folder, again)) == (0, 0, 0, 0)
    assert opened == []
    assert again.read == []
    assert len(library) == 4


def test_the_plan_says_what_there_is_to_do(library: Library, folder: Path) -> None:
    go(library, [folder / "clip1.wav"])
    (folder / "bad.wav").write_bytes(b"no sound")
    stages: list[str] = []
    entries = [Entry(str(path), str(path)) for path in sorted(folder.iterdir())]
    plan = job.make_plan(library.store, entries, 1, stages.append)
    assert [Path(item.entry.name).name for item in plan.items] == ["clip0.wav", "clip2.wav", "clip3.wav"]
    assert plan.done == 1
    assert plan.seconds == pytest.approx(0.1 + 0.102 + 0.103)
    assert len(plan.failures) == 1
    assert stages == ["Checking 0 of 5 recordings"]
    assert job.make_plan(library.store, entries, None).done == 0


def test_another_model_or_options_transcribe_again(library: Library, folder: Path) -> None:
    go(library, folder)
    assert counted(go(library, folder, seed=1)) == (4, 0, 0, 0)
    assert counted(go(library, folder, draft="none", batch_size=2)) == (0, 0, 0, 0)  # which change no text
    assert counted(go(library, folder, ScriptedEngine(Status(dtype="bfloat16")))) == (4, 0, 0, 0)
    assert counted(go(library, None, seed=2)) == (4, 0, 0, 0)
    assert len(library) == 4
    assert library.runs["transcripts"].tolist() == [4, 4, 4, 4]


def test_moved_renamed_and_copied_files_are_known_again(library: Library, folder: Path, tmp_path: Path) -> None:
    go(library, folder)
    (tmp_path / "moved").mkdir()
    (folder / "clip0.wav").rename(tmp_path / "moved" / "clip0.wav")
    (folder / "clip1.wav").rename(folder / "renamed.wav")
    shutil.copy(folder / "clip2.wav", tmp_path / "moved" / "copy.wav")
    engine = ScriptedEngine()
    assert counted(go(library, [folder, tmp_path / "moved"], engine)) == (0, 3, 0, 0)
    assert engine.read == []
    assert len(library) == 4
    assert texts(library)["renamed.wav"] == "ant fox ant fox"
    assert library.transcript(tmp_path / "moved" / "copy.wav").text == "ant fox cat bee"
    assert library.transcript(folder / "clip2.wav").text == "ant fox cat bee"
    assert counted(go(library, [folder, tmp_path / "moved"])) == (0, 0, 0, 0)


def test_twice_the_same_sound_is_transcribed_once(library: Library, folder: Path) -> None:
    shutil.copy(folder / "clip0.wav", folder / "copy.wav")
    assert counted(go(library, folder)) == (4, 1, 0, 0)
    assert library.transcript(folder / "copy.wav") == library.transcript(folder / "clip0.wav")


def test_a_changed_file_is_transcribed_again(library: Library, folder: Path) -> None:
    go(library, folder)
    soundfile.write(folder / "clip0.wav", np.linspace(-0.5, 0.5, 777), 16_000)
    assert counted(go(library, folder)) == (1, 0, 0, 0)
    assert library.transcript(folder / "clip0.wav").text == "gnu gnu gnu"
    os.utime(folder / "clip1.wav", (1, 1))  # touched, and the same
    assert counted(go(library, folder)) == (0, 1, 0, 0)


def test_what_has_gone_stays_in_the_library(library: Library, folder: Path) -> None:
    go(library, folder)
    (folder / "clip0.wav").unlink()
    assert counted(go(library, None)) == (0, 0, 0, 0)
    assert library.failures.empty
    report = go(library, None, seed=1)
    assert counted(report) == (3, 0, 0, 1)
    assert report.failures[0].startswith(f"no such file: {folder / 'clip0.wav'}")
    assert library.source(1) == str(folder / "clip0.wav")
    assert library.transcript(1).text == "ant fox newt newt"


def test_a_library_is_carried_on_where_its_recordings_lie_now(library: Library, folder: Path, tmp_path: Path) -> None:
    go(library, folder)
    shutil.copytree(folder, tmp_path / "copies")
    go(library, tmp_path / "copies")
    shutil.rmtree(tmp_path / "copies")
    assert counted(go(library, None, seed=1)) == (4, 0, 0, 0)


# What is in no file


def test_samples_are_known_by_themselves_and_not_by_their_label(library: Library) -> None:
    one, two = np.linspace(-0.5, 0.5, 1000), np.linspace(-0.5, 0.4, 1001)
    assert counted(go(library, [(one, 16_000)])) == (1, 0, 0, 0)
    assert counted(go(library, [(two, 16_000)])) == (1, 0, 0, 0)
    assert counted(go(library, [(one, 16_000), (two, 16_000)])) == (0, 0, 0, 0)
    assert sorted(library.to_pandas()["text"]) == ["ant newt newt ant", "ant newt newt newt"]
    assert counted(go(library, None, seed=1)) == (2, 0, 0, 0)  # they are remembered


def test_samples_that_this_process_has_not_seen_are_failures(tmp_path: Path) -> None:
    with Library(tmp_path / "whisper.db") as library:
        go(library, [(np.linspace(-0.5, 0.5, 1000), 16_000)])
    with Library(tmp_path / "whisper.db") as library:
        assert counted(go(library, None)) == (0, 0, 0, 0)
        report = go(library, None, seed=1)
        assert report.failures == ["no such file: array[0]"]


def test_rows_of_a_dataset_are_known_again(library: Library, folder: Path) -> None:
    rows = [{"bytes": path.read_bytes(), "path": path.name} for path in sorted(folder.iterdir())]
    assert counted(go(library, rows)) == (4, 0, 0, 0)
    assert counted(go(library, rows[::-1])) == (0, 0, 0, 0)
    assert counted(go(library, folder)) == (0, 4, 0, 0)  # the same sound, in files


def test_an_address_is_read_once(library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []

    def fetch(address: str) -> Any:
        fetched.append(address)
        return (folder / "clip0.wav").open("rb")

    monkeypatch.setattr("whisper_magic.audio.sources.fetch", fetch)
    address = "https://example.org/clip0.wav"
    assert counted(go(library, address)) == (1, 0, 0, 0)
    fetched.clear()
    assert counted(go(library, address)) == (0, 0, 0, 0)
    assert fetched == []


def test_names_that_are_not_utf_8(library: Library, folder: Path) -> None:
    name = os.fsencode(folder) + b"/caf\xe9.wav"
    (folder / "clip0.wav").rename(os.fsdecode(name))
    assert counted(go(library, folder)) == (4, 0, 0, 0)
    assert counted(go(library, folder)) == (0, 0, 0, 0)
    assert counted(go(library, None, seed=1)) == (4, 0, 0, 0)
    assert library.transcript(os.fsdecode(name)).text == "ant fox newt newt"
    (number,) = {hit.recording for hit in library.hits("ant fox newt newt")}
    assert os.fsencode(library.source(number)) == name


# Parts


def test_parts_of_a_recording(library: Library, folder: Path) -> None:
    path = str(folder / "clip0.wav")
    parts = [Entry(path, path, 0.0125, 0.05), Entry(path, path, 0.05), Entry(path, path), Entry(path, path, 5.0)]
    report = go(library, parts)
    assert counted(report) == (3, 0, 0, 1)
    assert path in report.failures[0]
    table = library.to_pandas()
    assert sorted(table["text"].dropna()) == ["ant fox newt newt", "fox newt newt", "hen newt newt"]
    assert library.failures.empty  # the file is sound
    assert counted(go(library, parts)) == (0, 0, 0, 1)
    segments = library.to_pandas("segments")
    assert segments[["start", "end"]].values.tolist() == [[0.0125, 0.05], [0.05, 0.1], [0.0, 0.1]]


# What cannot be read


def test_a_bad_file_is_a_row_with_its_reason_and_tried_again_when_it_changes(
    library: Library, folder: Path, opened: list[Any]
) -> None:
    bad = folder / "bad.wav"
    bad.write_bytes(b"no sound at all")
    (folder / "empty.wav").touch()
    report = go(library, folder)
    assert counted(report) == (4, 0, 0, 2)
    table = library.failures
    assert table["name"].tolist() == [str(bad), str(folder / "empty.wav")]
    assert sorted(table["error"]) == sorted(report.failures)
    assert all(str(folder) in line and len(line.splitlines()) == 1 for line in report.failures)
    opened.clear()
    assert counted(go(library, folder)) == (0, 0, 0, 2)  # said again, and not tried
    assert opened == []
    shutil.copy(write_clips(folder.parent / "more", 9)[8], bad)
    assert counted(go(library, folder)) == (1, 0, 0, 1)
    assert library.failures["name"].tolist() == [str(folder / "empty.wav")]


def test_what_fails_in_the_engine_is_a_failure(library: Library, folder: Path) -> None:
    class Failing(ScriptedEngine):
        def transcribe_many(self, sources: Any, *args: Any, **others: Any) -> Any:
            def emptied() -> Iterator[Any]:
                for source in sources:
                    if source.endswith("clip1.wav"):
                        Path(source).write_bytes(b"damaged now")
                    yield source

            return super().transcribe_many(emptied(), *args, **others)

    report = go(library, folder, Failing())
    assert counted(report) == (3, 0, 0, 1)
    assert "clip1.wav" in report.failures[0]
    assert library.failures["name"].tolist() == [str(folder / "clip1.wav")]
    assert library.store.query("SELECT count(*) FROM claim") == [(0,)]


def test_a_file_that_goes_while_the_run_goes_on(library: Library, folder: Path) -> None:
    def on_event(index: int, event: Any) -> None:
        (folder / "clip3.wav").unlink(missing_ok=True)

    report = go(library, folder, on_event=on_event)
    assert counted(report) == (3, 0, 0, 1)
    assert report.failures == [f"no such file: {folder / 'clip3.wav'}; did you mean clip2.wav, clip1.wav, clip0.wav?"]


# Damaged and interrupted


@pytest.mark.parametrize("which", [(0,), (1, 2), (3,), (0, 1, 2, 3)])
def test_damaged_recordings_are_kept(library: Library, folder: Path, which: tuple[int, ...]) -> None:
    assert counted(go(library, folder, ScriptedEngine(damaged=which))) == (4, 0, 0, 0)
    assert library.to_pandas()["complete"].tolist() == [number not in which for number in range(4)]
    assert counted(go(library, folder)) == (0, 0, 0, 0)
    assert library.to_pandas()["flags"].tolist() == [("incomplete",) if n in which else () for n in range(4)]


def test_an_interrupted_recording_is_transcribed_again(library: Library, folder: Path) -> None:
    with pytest.raises(Interrupted):
        go(library, folder, ScriptedEngine(stop_at=2))
    assert library.to_pandas()["complete"].tolist() == [True, True, None]
    assert library.store.query("SELECT count(*) FROM claim") == [(0,)]
    assert counted(go(library, folder)) == (2, 0, 0, 0)
    assert library.to_pandas()["complete"].tolist() == [True] * 4


def test_what_was_damaged_before_the_interrupt_is_kept(library: Library, folder: Path) -> None:
    with pytest.raises(Interrupted):
        go(library, folder, ScriptedEngine(damaged=(0, 1), stop_at=2))
    assert library.to_pandas()["complete"].tolist() == [False, False, None]


def test_where_the_library_cannot_be_written_the_run_stops(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = library.store.save

    def full(recording: int, *args: Any) -> Any:
        if recording == 3:
            raise LibraryError("the disk is full")
        return save(recording, *args)

    monkeypatch.setattr(library.store, "save", full)
    with pytest.raises(LibraryError, match=r"^the disk is full$"):
        go(library, folder)
    monkeypatch.setattr(library.store, "save", save)
    assert counted(go(library, folder)) == (2, 0, 0, 0)


# Order


def test_the_shortest_come_first_among_those_that_stand_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "TOGETHER", 4)
    seconds = [3.0, None, 1.0, 2.0, 0.5, 0.25]
    items = [Item(Entry(str(n), str(n)), SourceInfo(str(n), duration=value)) for n, value in enumerate(seconds)]
    assert [item.entry.name for item in job._ordered(items)] == ["2", "3", "0", "1", "5", "4"]
    assert LibraryPlan(tuple(items)).seconds == 6.75


@pytest.mark.parametrize(
    ("start", "end", "duration", "seconds"),
    [
        (None, None, 5.0, 5.0),
        (1.0, None, 5.0, 4.0),
        (1.0, 3.0, None, 2.0),
        (None, None, None, None),
        (9.0, None, 5.0, 0.0),
    ],
)
def test_the_length_of_a_part(start: Any, end: Any, duration: Any, seconds: Any) -> None:
    assert Item(Entry("a", "a", start, end), SourceInfo("a", duration=duration)).seconds == seconds


def test_a_folder_is_read_in_that_order(library: Library, tmp_path: Path) -> None:
    paths = write_clips(tmp_path / "clips", 3)
    paths[2].rename(tmp_path / "clips" / "a.wav")
    engine = ScriptedEngine()
    go(library, tmp_path / "clips", engine)
    assert [len(audio.samples) for audio in engine.read] == [1600, 1616, 1632]


# Events and figures


def test_events_are_passed_on(library: Library, folder: Path) -> None:
    seen: list[tuple[int, type]] = []
    go(library, folder, on_event=lambda index, event: seen.append((index, type(event))))
    assert [index for index, _ in seen] == [n for n in range(4) for _ in range(4)]
    assert [kind for _, kind in seen[:4]][::3] == [Started, Finished]
    assert seen[1][1] is Round


def test_occupancy(library: Library, folder: Path) -> None:
    assert go(library, folder, ScriptedEngine(batch=4), batch_size=4).occupancy == 1.0
    assert go(library, folder, ScriptedEngine(batch=2), batch_size=8, seed=1).occupancy == 0.5
    assert go(library, folder).occupancy is None  # nothing was decoded
    one = job._Occupancy(2)
    one.add(Round(0, 0, (), 0, 1, batch=1))
    one.waiting = False
    one.add(Round(0, 0, (), 0, 1, batch=1))
    assert one.share == 0.5


def test_claims_are_renewed_now_and_then(library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "RENEW", -1.0)
    renewed: list[int] = []
    monkeypatch.setattr(library.store, "renew_claims", lambda: renewed.append(1))
    go(library, folder)
    assert len(renewed) == 12  # with each event that is not the last


def test_what_another_process_transcribes_is_left_to_it(library: Library, folder: Path) -> None:
    with Library(library.path) as other:
        other.store.owner = f"elsewhere.example:{os.getpid()}:1"

        def on_event(index: int, event: Any) -> None:
            if index == 0 and isinstance(event, Started):
                key = library.store.query("SELECT content FROM recording")[0][0]
                assert key
                assert not other.store.claim(1, 1)  # this one has it

        report = go(library, [folder / "clip0.wav"], on_event=on_event)
        assert counted(report) == (1, 0, 0, 0)
        path = folder / "clip1.wav"
        taken = other.store.add_recording(RecordingKey(identity(path)), RecordingInfo(str(path)))
        assert other.store.claim(taken, 1)
        assert counted(go(library, folder)) == (2, 0, 1, 0)


# References


def test_references_are_scored(library: Library, folder: Path) -> None:
    pytest.importorskip("jiwer")
    said = {"clip0.wav": "ant fox newt newt", "clip1.wav": "ant fox ant", "clip2.wav": "bee fox cat bee"}
    rows = [Entry(str(folder / name), str(folder / name), reference=text, speaker="Ada") for name, text in said.items()]
    go(library, rows[:1])
    assert library.to_pandas()["wer"].tolist() == [0.0]
    go(library, folder)
    assert library.to_pandas()["wer"].isna().tolist() == [False, True, True, True]
    engine = ScriptedEngine()
    assert counted(go(library, rows, engine)) == (0, 0, 0, 0)  # references that came later
    table = library.to_pandas()
    assert table["wer"].tolist()[:3] == pytest.approx([0.0, 1 / 3, 1 / 4])
    assert table["speaker"].tolist()[:3] == ["Ada", "Ada", "Ada"]
    assert engine.read == []
    go(library, folder, seed=1)  # of another run, without the list: they are known
    assert library.runs["wer"].tolist() == pytest.approx([2 / 11, 2 / 11])


def test_a_reference_for_a_file_that_was_renamed(library: Library, folder: Path) -> None:
    pytest.importorskip("jiwer")
    go(library, [folder / "clip0.wav"])
    (folder / "clip0.wav").rename(folder / "new.wav")
    name = str(folder / "new.wav")
    assert counted(go(library, [Entry(name, name, reference="ant fox newt ant")])) == (0, 1, 0, 0)
    assert library.to_pandas()["wer"].tolist() == [0.25]


def test_a_changed_reference_is_scored_anew(library: Library, folder: Path) -> None:
    pytest.importorskip("jiwer")
    name = str(folder / "clip0.wav")
    go(library, [Entry(name, name, reference="ant fox newt newt")])
    go(library, [Entry(name, name, reference="fox")])
    assert library.to_pandas()["wer"].tolist() == [3.0]
    go(library, [Entry(name, name)])
    assert library.to_pandas()["reference"].tolist() == ["fox"]


def test_without_jiwer_nothing_is_scored(library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jiwer", None)
    name = str(folder / "clip0.wav")
    go(library, [Entry(name, name, reference="one")])
    assert library.to_pandas()["wer"].tolist() == [None]


# Options


def test_options_of_a_library() -> None:
    assert job.usable(TranscribeOptions()).mode == "sequential"
    assert job.usable(TranscribeOptions(mode="batched")).mode == "batched"
    with pytest.raises(OptionError, match="a library keeps one: choose 'left' or 'right'"):
        job.usable(TranscribeOptions(channel="split"))


def test_an_error_of_the_source_is_an_audio_error() -> None:
    with pytest.raises(AudioError):
        job._duration("/no/such/file.wav")
