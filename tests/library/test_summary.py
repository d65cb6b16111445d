"""A library in figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.scripted_library import saying
from whisper_magic.errors import LibraryError
from whisper_magic.library.library import Library
from whisper_magic.library.records import ModelConfig, RecordingInfo, RecordingKey, SourceInfo
from whisper_magic.library.summary import Growth, Summary, Totals, Unreadable, WrittenRun
from whisper_magic.scoring import ErrorCounts


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library(tmp_path / "whisper.db") as made:
        yield made


def test_an_empty_library(library: Library) -> None:
    assert library.summary() == Summary(Totals(0, 0.0), 0, None)
    assert library.growth() == Growth(0, False, ())
    assert library.unreadable() == []
    assert repr(library) == f"<Library {library.path}: 0 recordings, 0.0 h>"


def test_errors_are_those_of_each_recording_s_newest_transcript(library: Library) -> None:
    first, second, unused = (library.store.add_run(ModelConfig(name, name, "float32", "{}")) for name in "abc")
    one = library.store.add_recording(RecordingKey("aa"), RecordingInfo("a.wav", 4.0))
    two = library.store.add_recording(RecordingKey("bb"), RecordingInfo("b.wav", 2.0))
    library.store.save(one, first, saying("one"), ErrorCounts(9, 10, 0, 0))
    library.store.save(two, first, saying("two"), ErrorCounts(1, 10, 0, 0))
    library.store.save(one, second, saying("one"), ErrorCounts(2, 10, 0, 0))
    assert library.summary() == Summary(Totals(2, 6.0), 0, 3 / 20)
    growth = library.growth()
    assert growth.scored
    assert growth.runs == tuple(WrittenRun(run, name, "float32", "{}") for run, name in ((first, "a"), (second, "b")))
    assert unused not in [run.id for run in growth.runs]


def test_what_could_not_be_read_is_listed_by_name(library: Library) -> None:
    for name in ("b.wav", "a.wav", "c.wav"):
        library.store.note_source(SourceInfo(name, error=f"no sound in {name}"))
    library.store.note_source(SourceInfo("good.wav", content="aa"))
    assert library.unreadable(2) == [Unreadable("a.wav", "no sound in a.wav"), Unreadable("b.wav", "no sound in b.wav")]
    assert library.summary().failures == library.growth().failures == len(library.failures) == 3
    assert library.failures.columns.tolist() == ["name", "error"]


def test_a_transcript_s_recording(library: Library) -> None:
    run = library.store.add_run(ModelConfig("a", "a", "float32", "{}"))
    recording = library.store.add_recording(RecordingKey("aa"), RecordingInfo("a.wav"))
    number = library.store.save(recording, run, saying("one"))
    assert number is not None
    assert library.recording_of(number) == recording
    with pytest.raises(LibraryError, match=r"there is no transcript 9 in .*whisper\.db"):
        library.recording_of(9)
