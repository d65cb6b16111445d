"""The library's own door; what is behind it, the other tests have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.scripted_library import ScriptedEngine, saying, write_clips
from whisper_magic.errors import LibraryError, OptionError
from whisper_magic.library.entries import Entry
from whisper_magic.library.library import Library


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_clips(tmp_path / "clips", 3)
    return tmp_path / "clips"


@pytest.fixture
def library(tmp_path: Path, folder: Path) -> Iterator[Library]:
    with Library(tmp_path / "whisper.db") as made:
        engine: Any = ScriptedEngine()
        made.transcribe(engine, folder, words=True)
        yield made


def test_what_it_is(library: Library, tmp_path: Path) -> None:
    assert library.path == tmp_path / "whisper.db"
    assert len(library) == 3
    assert repr(library) == f"<Library {tmp_path / 'whisper.db'}: 3 recordings, 0.0 h>"
    with pytest.raises(LibraryError, match=r"there is no library"):
        Library(tmp_path / "none.db", create=False)


def test_its_default_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Library() as made:
        assert made.path == Path("whisper.db")
    assert (tmp_path / "whisper.db").is_file()
    assert not (tmp_path / "whisper.db-wal").exists()


def test_a_plan_and_then_its_run(library: Library, folder: Path) -> None:
    from whisper_magic.library.job import usable
    from whisper_magic.library.weights import model_config
    from whisper_magic.options import TranscribeOptions

    options, engine = usable(TranscribeOptions(seed=3)), ScriptedEngine()
    key = model_config(library.store, "demo", None, "float32", options)
    plan = library.plan(key, folder)
    assert (len(plan.items), plan.done) == (3, 0)
    assert library.store.run_id(key) is None  # nothing is written yet
    assert library.transcribe_plan(plan, key, engine, options).written == 3  # type: ignore[arg-type]
    assert (library.plan(key, folder).items, library.plan(key, folder).done) == ((), 3)


def test_options_are_checked_before_anything_is_read(library: Library) -> None:
    engine: Any = ScriptedEngine()
    with pytest.raises(OptionError, match=r"no option is called 'wordz'"):
        library.transcribe(engine, "/nowhere", wordz=True)
    with pytest.raises(OptionError, match=r"channel='split'"):
        library.transcribe(engine, "/nowhere", channel="split")


def test_transcripts_by_id_and_by_path(library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = library.to_pandas()
    assert library.transcript(table["recording"][0]).text == "ant fox newt newt"  # as pandas gives it
    assert library.transcript(folder / "clip1.wav").text == "ant fox ant fox"
    monkeypatch.chdir(folder)
    assert library.transcript("clip2.wav").text == "ant fox cat bee"
    assert library.transcript(1, run=1) == library.transcript(1)
    for call, message in (
        (lambda: library.transcript("none.wav"), "there is no recording none.wav in"),
        (lambda: library.transcript(9), "9 is not transcribed in"),
        (lambda: library.transcript(1, run=7), "1 is not transcribed in"),
        (lambda: library.source(9), "there is no recording 9 in"),
        (lambda: library.correct(9, saying("x")), "there is no transcript 9 in"),
    ):
        with pytest.raises(LibraryError, match=message):
            call()


def test_the_newest_transcript_counts(library: Library, folder: Path) -> None:
    engine: Any = ScriptedEngine(says=lambda audio: "newer")
    library.transcribe(engine, folder / "clip0.wav", seed=1)
    assert library.transcript(1).text == "newer"
    assert library.transcript(1, run=1).text == "ant fox newt newt"
    assert library.to_pandas()["text"].tolist()[0] == "newer"
    assert library.to_pandas(run=1)["text"].tolist()[0] == "ant fox newt newt"


def test_where_a_recording_can_be_read(library: Library, folder: Path, tmp_path: Path) -> None:
    assert library.source(1) == str(folder / "clip0.wav")
    (folder / "clip0.wav").rename(tmp_path / "moved.wav")
    library.transcribe(ScriptedEngine(), tmp_path / "moved.wav", words=True)  # type: ignore[arg-type]
    assert library.source(1) == str(tmp_path / "moved.wav")
    pair = (np.linspace(-0.5, 0.5, 1000), 16_000)
    library.transcribe(ScriptedEngine(), [pair], words=True)  # type: ignore[arg-type]
    assert library.source(4) is pair
    with Library(library.path) as other:
        assert other.source(4) == "array[0]"


def test_a_file_that_holds_another_sound_now_is_not_played_for_the_old_one(library: Library, folder: Path) -> None:
    (folder / "clip0.wav").write_bytes((folder / "clip2.wav").read_bytes()[:-8])
    library.transcribe(ScriptedEngine(), folder, words=True)  # type: ignore[arg-type]
    with pytest.raises(LibraryError, match=r"or its file now contains other audio$"):
        library.source(1)
    assert library.source(4) == str(folder / "clip0.wav")


def test_searching(library: Library) -> None:
    table = library.search("cat", near=3, language="en", limit=5)
    assert table[["recording", "match", "before"]].values.tolist() == [[3, "cat", "ant fox "]]
    assert library.search("cat", speaker="Ada").empty
    assert [hit.recording for hit in library.hits('"fox newt"')] == [1]
    with pytest.raises(LibraryError, match=r"only excluded words"):
        library.search("-cat")


def test_tables(library: Library) -> None:
    assert library.to_pandas("segments").shape == (3, 12)
    assert library.to_pandas("words")["text"].tolist()[:2] == [" ant", " fox"]
    assert library.runs[["run", "target", "transcripts"]].values.tolist() == [[1, "demo", 3]]
    assert library.selected.empty
    library.selection = (2,)
    assert library.selected["recording"].tolist() == [2]
    assert library.failures.columns.tolist() == ["name", "error"]
    assert library.compare(1, np.int64(1)).empty
    with pytest.raises(LibraryError, match=r"the tables are"):
        library.to_pandas("sentences")  # type: ignore[arg-type]


def test_tags_notes_and_acceptance(library: Library) -> None:
    ids = library.to_pandas()["recording"]
    library.tag(ids, "all")
    library.tag(ids[1], "one", remove=["all"])
    library.note(ids[2], "listen")
    library.accept(ids[:2])
    library.accept(2, False)
    table = library.to_pandas()
    assert table["tags"].tolist() == [("all",), ("one",), ("all",)]
    assert table["note"].tolist() == ["", "", "listen"]
    assert table["accepted"].tolist() == [True, False, False]


def test_corrections_are_scored_and_found(library: Library, folder: Path) -> None:
    pytest.importorskip("jiwer")
    name = str(folder / "clip0.wav")
    library.transcribe(ScriptedEngine(), [Entry(name, name, reference="ant fox gnat")], words=True)  # type: ignore[arg-type]
    assert library.to_pandas()["wer"].tolist()[0] == pytest.approx(2 / 3)
    written = library.transcript(1)
    edited = replace(written, segments=(replace(written.segments[0], text=" ant fox gnat"),))
    library.correct(1, edited)
    assert library.transcript(1) == edited
    assert library.to_pandas()["wer"].tolist()[0] == 0.0
    assert [hit.recording for hit in library.hits("gnat")] == [1]
    assert [hit.recording for hit in library.hits("newt")] == []


def test_two_libraries_of_one_file(library: Library) -> None:
    with Library(library.path) as other:
        other.tag(1, "seen")
        assert library.to_pandas()["tags"].tolist()[0] == ("seen",)
        assert other.store.version != library.store.version


def test_what_does_not_exist_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"is a folder: name a file in it$"):
        Library(tmp_path)
    with Library(tmp_path / "a.db") as library:
        for ask, message in (
            (lambda: library.tag([7], "x"), "there is no recording 7 in "),
            (lambda: library.note(7, "x"), "there is no recording 7 in "),
            (lambda: library.accept(7), "there is no recording 7 in "),
            (lambda: library.compare(1, 2), "there is no run 1; the runs are none"),
            (lambda: library.hits("ant", limit=0), "limit is a number of hits, at least 1, got 0"),
        ):
            with pytest.raises(LibraryError, match=f"^{message}"):
                ask()
