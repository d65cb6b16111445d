"""A library in other forms: each is written, read into a new library, and holds the same."""

from __future__ import annotations

import ast
import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.support.scripted_library import ScriptedEngine, saying, write_clips
from whisper_magic import formats
from whisper_magic.audio.load import load
from whisper_magic.errors import AudioError, LibraryError
from whisper_magic.library import export, parquet
from whisper_magic.library.entries import Entry, entries_of
from whisper_magic.library.library import Library
from whisper_magic.library.records import ModelConfig, RecordingInfo, RecordingKey
from whisper_magic.transcript import Segment, Transcript

ODD = "Ä “quoted”, with; signs\tand 你好"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_clips(tmp_path / "clips", 4)
    return tmp_path / "clips"


@pytest.fixture
def library(tmp_path: Path, folder: Path) -> Iterator[Library]:
    """Four files: one with a reference, one corrected, parts of one; and samples that are in no file."""
    names = [str(folder / f"clip{number}.wav") for number in range(4)]
    sources: list[Any] = [
        Entry(names[0], names[0], reference=ODD, speaker="Ada", metadata={"split": "dev"}),
        Entry(names[1], names[1]),
        Entry(names[2], names[2], 0.0125, 0.05),
        Entry(names[2], names[2], None, 0.05),
        Entry(names[3], names[3]),
        Entry((np.linspace(-0.5, 0.5, 1111), 16_000), "array"),
    ]
    with Library(tmp_path / "whisper.db") as made:
        made.transcribe(ScriptedEngine(), sources, words=True)  # type: ignore[arg-type]
        ids = dict(made.store.query('SELECT name, id FROM recording WHERE start IS NULL AND "end" IS NULL'))
        written = made.transcript(ids[names[1]])
        edited = replace(written, segments=(replace(written.segments[0], text=" ant ox"),))
        made.correct(made.store.query("SELECT id FROM transcript WHERE recording = ?", (ids[names[1]],))[0][0], edited)
        made.tag(ids[names[0]], "good", "new")
        made.note(ids[names[0]], "listen")
        made.accept(ids[names[0]])
        yield made


def texts(library: Library) -> dict[tuple[str, float | None, float | None], str]:
    """What an export holds of each recording: a correction, else the reference, else the transcript."""
    rows = export._exported(library.store, None)
    return {(one.name, one.key.start, one.key.end): one.text for one in rows}


def read_back(path: Path) -> dict[tuple[str, float | None, float | None], str | None]:
    return {(entry.name, entry.start, entry.end): entry.reference for entry in entries_of(path)}


# Choosing


def test_what_a_library_can_be_saved_as(library: Library, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"cannot tell the format of x\.doc: pass format, one of parquet, csv"):
        library.save("x.doc")
    with pytest.raises(LibraryError, match=r"^no export is called 'parket'; did you mean parquet\?; there are"):
        library.save("x.doc", "parket")
    assert library.save(str(tmp_path / "x.anything"), "csv") == tmp_path / "x.anything"
    with pytest.raises(LibraryError, match=r"cannot write .*/none/x\.csv: No such file or directory$"):
        library.save(tmp_path / "none" / "x.csv")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_only_some(library: Library, tmp_path: Path, name: str) -> None:
    path = library.save(tmp_path / name, only=np.array([2, 1]))
    if name == "a.parquet":
        with Library(tmp_path / "new.db") as new:
            assert new.import_parquet(path) == 2
            assert len(new) == 2
    else:
        assert len(read_back(path)) == 2


def test_a_library_that_is_empty(tmp_path: Path) -> None:
    with Library(tmp_path / "empty.db") as empty:
        for name in ("a.csv", "a.jsonl", "a.parquet"):
            empty.save(tmp_path / name)
        empty.save(tmp_path / "folder", "audiofolder")
        empty.save(tmp_path / "srt", "srt")
        assert empty.import_parquet(tmp_path / "a.parquet") == 0
    assert (tmp_path / "a.jsonl").read_bytes() == b""
    assert list((tmp_path / "srt").iterdir()) == []


# Parquet


def everything(library: Library) -> list[tuple[Any, ...]]:
    rows = library.store.query(
        """SELECT transcript.id, content, start, "end", name, duration, reference, speaker, note, accepted, metadata,
                  target, draft, weights, dtype, options, transcript.language, text, confidence, flags, complete,
                  audio_seconds, wall_seconds, acceptance, tokens_per_round, word_errors, word_count, character_errors,
                  edited IS NULL,
                  (SELECT group_concat(name) FROM (SELECT name FROM tag WHERE recording = recording.id ORDER BY name))
           FROM recording JOIN transcript ON transcript.recording = recording.id JOIN run ON run.id = transcript.run"""
    )
    return sorted(
        ((*row[1:], library.store.transcript(row[0]), library.store.transcript(row[0], original=True)) for row in rows),
        key=str,
    )


def test_parquet_holds_everything(library: Library, folder: Path, tmp_path: Path) -> None:
    library.transcribe(ScriptedEngine(says=lambda audio: ODD), folder, seed=1)  # type: ignore[arg-type]
    path = library.save(tmp_path / "all.parquet")
    with Library(tmp_path / "new.db") as new:
        assert new.import_parquet(path) == 10
        assert everything(new) == everything(library)
        assert new.import_parquet(path, path) == 0
        assert everything(new) == everything(library)
        assert {hit.name for hit in new.hits("ox", run=1)} == {str(folder / "clip1.wav")}
        assert new.source(1) == library.source(1)
        engine = ScriptedEngine()
        assert new.transcribe(engine, [folder / "clip0.wav"], words=True).known == 1  # type: ignore[arg-type]
        assert engine.read == []


def test_parquet_in_pieces(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS", 2)
    (tmp_path / "parts" / "deep").mkdir(parents=True)
    library.save(tmp_path / "parts" / "a.parquet", only=[1, 2, 3])
    library.save(tmp_path / "parts" / "deep" / "b.parquet", only=[3, 4, 5, 6])
    with Library(tmp_path / "new.db") as new:
        assert new.import_parquet(tmp_path / "parts") == 6
        assert everything(new) == everything(library)


def test_parquet_with_lone_surrogates(tmp_path: Path) -> None:
    odd = replace(saying("a"), segments=(Segment(0, 1, " \udce9 x"),), source="talk \udce9.mp3")
    with Library(tmp_path / "a.db") as made, Library(tmp_path / "b.db") as new:
        number = made.store.add_recording(RecordingKey("aa"), RecordingInfo("talk \udce9.mp3"))
        made.store.save(number, made.store.add_run(ModelConfig("demo", "ab", "float32", "{}")), odd)
        assert new.import_parquet(made.save(tmp_path / "a.parquet")) == 1
        assert new.store.transcript(1) == odd
        made.save(tmp_path / "a.csv")
        made.save(tmp_path / "a.jsonl")


def test_files_that_are_no_export(library: Library, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    pyarrow.parquet.write_table(pyarrow.table({"x": [1]}), tmp_path / "other.parquet")
    (tmp_path / "text.parquet").write_text("no parquet")
    (tmp_path / "none").mkdir()
    for name, message in (
        ("missing.parquet", "no such file or folder: "),
        ("none", "no Parquet file in "),
        ("other.parquet", r"other\.parquet is not a library export: it has no column content$"),
        ("text.parquet", r"cannot read .*text\.parquet: "),
    ):
        with pytest.raises(LibraryError, match=message) as error:
            library.import_parquet(tmp_path / name)
        assert len(str(error.value).splitlines()) == 1


# Manifests


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_nemo(library: Library, folder: Path, tmp_path: Path, name: str) -> None:
    path = library.save(tmp_path / name)
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    by_name = {(line["audio_filepath"], line.get("offset")): line for line in lines}
    first = by_name[str(folder / "clip0.wav"), None]
    assert first["text"] == ODD
    assert by_name[str(folder / "clip2.wav"), 0.0125] == {
        "audio_filepath": str(folder / "clip2.wav"),
        "duration": pytest.approx(0.0375),
        "text": "fox newt newt",
        "offset": 0.0125,
        "pred_text": "fox newt newt",
        "lang": "en",
    }
    assert (first["pred_text"], first["speaker"], first["duration"]) == ("ant fox newt newt", "Ada", 0.1)
    assert by_name[str(folder / "clip1.wav"), None]["text"] == "ant ox"
    expected = texts(library)
    expected[str(tmp_path / "array"), None, None] = expected.pop(("array", None, None))  # a name beside the manifest
    assert read_back(path) == expected


def test_lhotse(library: Library, folder: Path, tmp_path: Path) -> None:
    path = library.save(tmp_path / "cuts.jsonl", "lhotse")
    cuts = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for cut in cuts:
        assert cut["type"] == "MonoCut"
        assert cut["start"] + cut["duration"] <= cut["recording"]["duration"] + 1e-9
        assert cut["recording"]["num_samples"] == round(16_000 * cut["recording"]["duration"])
        assert all(one["start"] >= 0 and one["start"] + one["duration"] <= cut["duration"] + 1e-9
                   for one in cut["supervisions"])  # fmt: skip
    assert len({cut["id"] for cut in cuts}) == len(cuts)
    expected = texts(library)
    expected[str(tmp_path / "array"), None, None] = expected.pop(("array", None, None))
    back = read_back(path)
    assert {key[0] for key in back} == {key[0] for key in expected}
    assert sorted(map(str, back.values())) == sorted(expected.values())
    for place in (1, 2):
        times = sorted(key[place] or 0.0 for key in back)
        assert times == pytest.approx(sorted(key[place] or 0.0 for key in expected))


def test_lhotse_has_the_rate_and_channels_of_the_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).uniform(-0.1, 0.1, (4410, 2)), 44_100)
    with Library(tmp_path / "a.db") as made:
        made.transcribe(ScriptedEngine(), tmp_path / "a.wav")  # type: ignore[arg-type]
        (cut,) = map(json.loads, made.save(tmp_path / "a.jsonl", "lhotse").read_text().splitlines())
    assert cut["type"] == "MultiCut"
    assert cut["channel"] == cut["supervisions"][0]["channel"] == [0, 1]
    recording = cut["recording"]
    assert (recording["sampling_rate"], recording["num_samples"], recording["channel_ids"]) == (44_100, 4410, [0, 1])


def test_lhotse_has_a_supervision_per_segment(tmp_path: Path) -> None:
    with Library(tmp_path / "a.db") as made:
        number = made.store.add_recording(RecordingKey("aa"), RecordingInfo("/gone.wav", 4.0))
        made.store.save(
            number, made.store.add_run(ModelConfig("demo", "ab", "float32", "{}")), saying("one two", "three")
        )
        (cut,) = map(json.loads, made.save(tmp_path / "a.jsonl", "lhotse").read_text().splitlines())
    assert [(one["start"], one["duration"], one["text"]) for one in cut["supervisions"]] == [
        (0.0, 2.0, "one two"),
        (2.0, 2.0, "three"),
    ]
    assert read_back(tmp_path / "a.jsonl") == {("/gone.wav", None, None): "one two three"}


def test_csv(library: Library, folder: Path, tmp_path: Path) -> None:
    path = library.save(tmp_path / "a.csv")
    with path.open(encoding="utf-8", newline="") as file:
        lines = {(row["path"], row["start"]): row for row in csv.DictReader(file)}
    first = lines[str(folder / "clip0.wav"), ""]
    assert (first["text"], first["reference"], first["tags"], first["note"]) == (
        "ant fox newt newt",
        ODD,
        "good, new",
        "listen",
    )
    assert (first["accepted"], first["target"], first["language"]) == ("True", "demo", "en")
    assert lines[str(folder / "clip1.wav"), ""]["text"] == "ant ox"
    references = {(row["path"]): row["reference"] or None for row in lines.values()}
    back = read_back(path)
    assert {(Path(name).name, start, end) for name, start, end in back} == {
        (Path(name).name, start, end) for name, start, end in texts(library)
    }
    assert back[str(folder / "clip0.wav"), None, None] == references[str(folder / "clip0.wav")] == ODD
    assert {entry.speaker for entry in entries_of(path)} == {"Ada", None}
    said = {(entry.name, entry.start, entry.end): entry.reference for entry in entries_of(path, reference="text")}
    assert said[str(folder / "clip2.wav"), 0.0125, 0.05] == "fox newt newt"


# Folders


def test_audiofolder(library: Library, folder: Path, tmp_path: Path) -> None:
    target = library.save(tmp_path / "out", "audiofolder")
    with (target / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["file_name"]: row for row in csv.DictReader(file)}
    assert set(rows) | {"metadata.csv"} == {path.name for path in target.iterdir()}
    assert rows["clip0.wav"]["text"] == ODD
    assert rows["clip0.wav"]["transcript"] == "ant fox newt newt"
    assert rows["clip1.wav"]["text"] == "ant ox"
    assert (target / "clip0.wav").samefile(folder / "clip0.wav")
    parts = {name: soundfile.read(target / name)[0] for name in rows if name.endswith(".flac")}
    assert sorted((name, len(samples)) for name, samples in parts.items()) == sorted(
        [("array.flac", 1111), ("clip2.flac", len(parts["clip2.flac"])), ("clip2-2.flac", len(parts["clip2-2.flac"]))]
    )
    assert {len(parts["clip2.flac"]), len(parts["clip2-2.flac"])} == {600, 800}
    library.save(target, "audiofolder")  # again
    assert set(rows) | {"metadata.csv"} == {path.name for path in target.iterdir()}


@pytest.mark.slow
def test_audiofolder_loads_as_a_dataset(library: Library, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    target = library.save(tmp_path / "out", "audiofolder", only=[1, 2, 6])
    code = """
import importlib.util, sys, types, datasets
if importlib.util.find_spec("torchcodec") is None:  # datasets 5 imports it, and asks nothing of it for a file
    sys.modules["torchcodec"] = types.ModuleType("torchcodec")
    sys.modules["torchcodec.encoders"] = types.ModuleType("torchcodec.encoders")
    sys.modules["torchcodec.encoders"].AudioEncoder = None
loaded = datasets.load_dataset("audiofolder", data_dir=sys.argv[1], split="train")
loaded = loaded.cast_column("audio", datasets.Audio(decode=False))
from whisper_magic.library.entries import entries_of
for entry in entries_of(loaded, reference="text"):
    print(ascii((entry.name.rpartition("/")[2], entry.reference, entry.metadata["transcript"])))
"""
    environment = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code, target], capture_output=True, text=True, timeout=120, env=environment
    )
    assert done.returncode == 0, done.stderr
    lines = map(ast.literal_eval, done.stdout.splitlines())
    expected = [(one.text, one.transcript.text) for one in export._exported(library.store, {1, 2, 6}) if one.transcript]
    assert sorted((text, written) for _, text, written in lines) == sorted(expected)


def test_audiofolder_where_the_recordings_lie(library: Library, folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    library.save(folder, "audiofolder")
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name: after[name] for name in before} == before  # nothing is written over
    assert set(after) - set(before) == {"metadata.csv", "clip2.flac", "clip2-2.flac", "array.flac"}


def test_audiofolder_beside_a_recording_of_the_same_name(tmp_path: Path) -> None:
    one, two = write_clips(tmp_path / "a", 1)[0], write_clips(tmp_path / "b", 2)[1].rename(tmp_path / "b" / "clip0.wav")
    with Library(tmp_path / "a.db") as made:
        made.transcribe(ScriptedEngine(), [one, two])  # type: ignore[arg-type]
        content = two.read_bytes()
        made.save(tmp_path / "b", "audiofolder")
    assert two.read_bytes() == content
    assert (tmp_path / "b" / "clip0-2.wav").samefile(one)
    with (tmp_path / "b" / "metadata.csv").open() as file:
        assert {row["file_name"]: row["text"] for row in csv.DictReader(file)} == {
            "clip0.wav": "ant fox ant fox",
            "clip0-2.wav": "ant fox newt newt",
        }


def test_subtitles(library: Library, tmp_path: Path) -> None:
    target = library.save(tmp_path / "out", "srt")
    assert sorted(path.name for path in target.iterdir()) == [
        "array.srt", "clip0.srt", "clip1.srt", "clip2-2.srt", "clip2.srt", "clip3.srt",
    ]  # fmt: skip
    assert (target / "clip1.srt").read_text() == "1\n00:00:00,000 --> 00:00:00,101\nant ox\n\n"


def test_transcripts_in_every_format(library: Library, tmp_path: Path) -> None:
    assert set(formats.FORMATS) < set(export.EXPORTS)
    target = library.save(tmp_path / "out", "json", only=[1])
    assert [Transcript.load(path).text for path in target.iterdir()] == [library.transcript(1).text]


def test_names_of_files() -> None:
    used: set[str] = set()
    assert [
        export._free(formats.stem_of(name), ".srt", used) for name in ("/a/T 1.wav", "b/t_1.mp3", "...", "日本.wav")
    ] == [
        "T_1.srt",
        "t_1-2.srt",
        "recording.srt",
        "日本.srt",
    ]


# Clips


def test_clips(library: Library, folder: Path, tmp_path: Path) -> None:
    paths = library.clips("fox", tmp_path / "out", around=0.01, limit=3)
    assert len(paths) == 3
    assert sorted(paths) == sorted((tmp_path / "out").iterdir())
    assert library.clips("gnu", tmp_path / "none") == []
    (path,) = library.clips('"ant ant ant ant"', tmp_path / "one", around=0.0)
    assert path.name == "array-0.00.flac"
    np.testing.assert_allclose(soundfile.read(path)[0][:1100], np.linspace(-0.5, 0.5, 1111)[:1100], atol=1e-4)


def test_a_clip_is_where_it_was_said(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 64_000).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", samples, 16_000)
    with Library(tmp_path / "a.db") as made:
        made.transcribe(ScriptedEngine(says=lambda audio: "ant bee cat dog"), tmp_path / "a.wav", words=True)  # type: ignore[arg-type]
        (path,) = made.clips("cat", tmp_path / "out", around=0.25)
        assert path.name == "a-2.00.flac"
        np.testing.assert_allclose(soundfile.read(path)[0], samples[28_000:52_000], atol=1e-4)
        (path,) = made.clips("ant", tmp_path / "out", around=0.25)
        assert len(soundfile.read(path)[0]) == 20_000  # nothing is before the beginning
        with pytest.raises(LibraryError, match="around is seconds, 0 or more, got -1"):
            made.clips("cat", tmp_path / "out", around=-1)
        (tmp_path / "file").touch()
        with pytest.raises(LibraryError, match=r"cannot write into .*file"):
            made.clips("cat", tmp_path / "file")
        (tmp_path / "a.wav").unlink()
        with pytest.raises(AudioError, match="no such file"):
            made.clips("cat", tmp_path / "out")


def test_a_word_without_length_is_a_clip(tmp_path: Path) -> None:
    (path,) = write_clips(tmp_path, 1)
    with Library(tmp_path / "a.db") as made:
        made.transcribe(ScriptedEngine(), path)  # type: ignore[arg-type]
        written: Transcript = made.transcript(1)
        made.correct(1, replace(written, segments=(Segment(0.0, 0.0, " here"),)))
        (clip,) = made.clips("here", tmp_path / "out", around=0.0)
        assert len(load(clip).samples) == 1600
