"""What a library is made of: folders, globs, tables, datasets, sounds in memory."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.support.scripted_library import write_clips
from whisper_magic.audio.load import Audio, load
from whisper_magic.errors import LibraryError
from whisper_magic.library.entries import Entry, entries_of, natural


def names(sources: Any, **others: Any) -> list[str]:
    return [entry.name for entry in entries_of(sources, **others)]


def touch(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()


# Paths


def test_a_folder_is_read_to_its_leaves_in_natural_order(tmp_path: Path) -> None:
    touch(tmp_path, "talk10.wav", "talk2.MP3", "notes.txt", "b/a.flac", "b/c/d.opus", "a/z.m4a", "talk2.srt")
    touch(tmp_path, ".hidden.wav", ".git/a.wav", "b/._a.flac")
    expected = ["talk2.MP3", "talk10.wav", "a/z.m4a", "b/a.flac", "b/c/d.opus"]
    assert names(tmp_path) == names(str(tmp_path)) == [str(tmp_path / name) for name in expected]
    assert all(
        entry == Entry(entry.name, entry.name) and entry.path == Path(entry.name) for entry in entries_of(tmp_path)
    )


def test_natural_order() -> None:
    assert sorted(["a10", "a9b", "a9", "10", "9", "b", "a"], key=natural) == ["9", "10", "a", "a9", "a9b", "a10", "b"]


def test_a_folder_without_recordings(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt", ".hidden.wav")
    with pytest.raises(LibraryError, match=r"no recordings in .*: it has no file with an audio extension, such as"):
        names(tmp_path)


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    touch(tmp_path, "real/a.wav")
    (tmp_path / "real" / "again").symlink_to(tmp_path / "real")
    assert names(tmp_path / "real") == [str(tmp_path / "real" / "a.wav")]


def test_paths_from_here_and_from_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.wav", "b/c.wav")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert names("a.wav") == names("~/a.wav") == names(Path("b/../a.wav").resolve()) == [str(tmp_path / "a.wav")]
    assert names("b") == [str(tmp_path / "b/c.wav")]
    assert names("missing.wav") == [str(tmp_path / "missing.wav")]  # a row with its error, later


def test_globs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "talk10.wav", "talk2.wav", "b/talk1.wav", "talk.txt", "talk[1].wav")
    monkeypatch.chdir(tmp_path)
    assert names("talk?*.wav") == [str(tmp_path / name) for name in ("talk2.wav", "talk10.wav", "talk[1].wav")]
    assert names(tmp_path / "**" / "talk1*.wav") == [str(tmp_path / name) for name in ("b/talk1.wav", "talk10.wav")]
    assert names("talk[1].wav") == [str(tmp_path / "talk[1].wav")]  # a file that is really called so
    with pytest.raises(LibraryError, match=r"^no file matches none\*\.wav \(in .*\)$"):
        names("none*.wav")


def test_an_address(tmp_path: Path) -> None:
    address = "https://me:secret@example.org/talk.mp3?token=1"
    assert list(entries_of(address)) == [Entry(address, "https://example.org/talk.mp3?…")]
    assert next(entries_of(address)).path is None


def test_a_collection_of_everything(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "b/c.wav")
    assert names([tmp_path / "a.wav", str(tmp_path / "b")]) == [str(tmp_path / "a.wav"), str(tmp_path / "b/c.wav")]
    assert names((str(tmp_path / "a.wav"), str(tmp_path / "b"))) == names([tmp_path / "a.wav", tmp_path / "b"])
    assert names(path for path in [tmp_path / "a.wav"]) == [str(tmp_path / "a.wav")]
    assert names(np.array([str(tmp_path / "a.wav")])) == [str(tmp_path / "a.wav")]
    entry = Entry("x.wav", "named", 1.0, 2.0, "said")
    assert list(entries_of([entry])) == [entry]
    assert names([]) == []


# Sounds in memory


def test_sounds_in_memory_are_one_recording_each() -> None:
    torch = pytest.importorskip("torch")
    samples = np.zeros(1600, np.float32)
    audio = load((samples, 16_000))
    assert isinstance(audio, Audio)
    for sound in (
        (samples, 16_000),
        (torch.zeros(1600), 16_000),
        ([0.0] * 1600, np.int64(16_000)),
        audio,
        samples,  # has no rate: refused when it is read, once and not 1,600 times
        torch.zeros(1600),
        io.BytesIO(b"RIFF\n\nx"),
        b"RIFF",
        bytearray(b"RIFF"),
    ):
        (entry,) = entries_of(sound)
        assert entry.source is sound
        assert (entry.name, entry.path) == ("array", None)
        (entry,) = entries_of([sound], label="x")
        assert (entry.source is sound, entry.name) == (True, "x[0]")


def test_rows_of_an_audio_column(tmp_path: Path) -> None:
    path = str(write_clips(tmp_path, 1)[0])
    assert list(entries_of({"path": path, "bytes": None})) == [Entry(path, path)]
    row = {"path": "folder/a.wav", "bytes": b"RIFF"}
    assert list(entries_of([row], label="rows")) == [Entry(row, "rows[0]/a.wav")]
    decoded = {"path": None, "array": np.zeros(10), "sampling_rate": 16_000}
    (entry,) = entries_of(decoded)
    assert entry.source is decoded
    assert entry.name == "array"


# Tables


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    paths = [str(path) for path in write_clips(tmp_path, 3)]
    return pd.DataFrame(
        {
            "path": paths,
            "sentence": ["one", None, "three"],
            "client_id": ["Ada", "Bob", None],
            "age": [30, 40, 50],
            "score": [0.5, float("nan"), 1.5],
            "checked": [True, False, True],
            7: ["x", "y", "z"],
        },
        index=[5, 6, 7],
    )


def test_a_pandas_table(table: pd.DataFrame) -> None:
    one, two, three = entries_of(table)
    assert one.name == one.source == table["path"][5]
    assert [entry.reference for entry in (one, two, three)] == ["one", None, "three"]
    assert [entry.speaker for entry in (one, two, three)] == ["Ada", "Bob", None]
    assert one.metadata == {"age": 30, "score": 0.5, "checked": True, "7": "x"}
    assert two.metadata == {"age": 40, "checked": False, "7": "y"}


def test_a_pandas_column(table: pd.DataFrame) -> None:
    assert names(table["path"]) == table["path"].tolist()
    assert [entry.reference for entry in entries_of(table["path"])] == [None] * 3


def test_the_reference_is_the_column_that_is_asked_for(table: pd.DataFrame) -> None:
    table["human"] = ["eins", "zwei", "drei"]
    entries = list(entries_of(table, reference="human"))
    assert [entry.reference for entry in entries] == ["eins", "zwei", "drei"]
    assert entries[0].metadata is not None
    assert entries[0].metadata["sentence"] == "one"
    with pytest.raises(LibraryError, match=r"^--reference humn: no such column; did you mean human\?; there are path"):
        names(table, reference="humn")


def test_a_table_without_recordings(table: pd.DataFrame) -> None:
    with pytest.raises(LibraryError, match=r"^a column with the recordings is called audio, .* or source; there are"):
        names(table.rename(columns={"path": "where"}))


def test_references_that_are_no_text(tmp_path: Path) -> None:
    table = pd.DataFrame({"audio": ["a.wav", "b.wav"], "text": [12.5, None]})
    assert [entry.reference for entry in entries_of(table)] == ["12.5", None]


# Hugging Face datasets


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    paths = [str(path) for path in write_clips(tmp_path / "clips", 2)]
    return {"audio": paths, "transcription": ["one", "two"], "speaker_id": [3, 4], "split": ["dev", "dev"]}


def test_a_dataset_of_paths_and_one_of_sounds(rows: dict[str, list[Any]]) -> None:
    datasets = pytest.importorskip("datasets")
    plain = datasets.Dataset.from_dict(rows)
    one, two = entries_of(plain)
    assert (one.name, one.reference, one.speaker, one.metadata) == (rows["audio"][0], "one", "3", {"split": "dev"})
    assert two.reference == "two"
    sounds = plain.cast_column("audio", datasets.Audio())  # which would be decoded by torchcodec
    assert [(entry.source, entry.reference) for entry in entries_of(sounds)] == [
        (path, text) for path, text in zip(rows["audio"], ("one", "two"), strict=True)
    ]
    assert [load(entry.source).samples.size for entry in entries_of(sounds)] == [1600, 1616]


def test_a_dataset_of_bytes(rows: dict[str, list[Any]]) -> None:
    datasets = pytest.importorskip("datasets")
    rows["audio"] = [{"bytes": Path(path).read_bytes(), "path": Path(path).name} for path in rows["audio"]]
    made = datasets.Dataset.from_dict(rows).cast_column("audio", datasets.Audio())
    entries = list(entries_of(made, label="corpus"))
    assert [entry.name for entry in entries] == ["corpus[0]/clip0.wav", "corpus[1]/clip1.wav"]
    assert [load(entry.source).samples.size for entry in entries] == [1600, 1616]


def test_a_streaming_dataset(rows: dict[str, list[Any]]) -> None:
    datasets = pytest.importorskip("datasets")
    streaming = datasets.Dataset.from_dict(rows).cast_column("audio", datasets.Audio()).to_iterable_dataset()
    assert [(entry.name, entry.reference) for entry in entries_of(streaming)] == [
        (path, text) for path, text in zip(rows["audio"], ("one", "two"), strict=True)
    ]

    def generate() -> Any:
        for path, text in zip(rows["audio"], ("one", "two"), strict=True):
            yield {"path": path, "text": text}

    unknown = datasets.IterableDataset.from_generator(generate)  # whose columns nobody knows
    assert unknown.column_names is None
    assert [(entry.name, entry.reference) for entry in entries_of(unknown)] == [
        (path, text) for path, text in zip(rows["audio"], ("one", "two"), strict=True)
    ]


def test_a_dataset_without_recordings(rows: dict[str, list[Any]]) -> None:
    datasets = pytest.importorskip("datasets")
    made = datasets.Dataset.from_dict(rows).remove_columns("audio")
    with pytest.raises(LibraryError, match=r"there are transcription, speaker_id, split$"):
        names(made)
    with pytest.raises(LibraryError, match="--reference said: no such column; there are"):
        names(datasets.Dataset.from_dict(rows), reference="said")


def test_columns_of_a_table_may_name_parts() -> None:
    table = pd.DataFrame(
        {
            "path": ["a.wav", "a.wav", "b.wav"],
            "start": [0.0, 2.0, np.nan],
            "end": [2.0, np.nan, np.nan],
            "kind": list("xyz"),
        }
    )
    entries = list(entries_of(table))
    assert [(one.start, one.end) for one in entries] == [(None, 2.0), (2.0, None), (None, None)]
    assert entries[0].metadata == {"kind": "x"}
    (cut,) = entries_of(pd.DataFrame({"path": ["a.wav"], "offset": [1.5], "duration": [2]}))
    assert (cut.start, cut.end) == (1.5, 3.5)
