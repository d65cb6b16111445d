"""Lists of recordings as other tools write them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.scripted_library import write_clips
from whisper_magic.audio.identity import identity
from whisper_magic.audio.load import load
from whisper_magic.errors import AudioNotFound, LibraryError
from whisper_magic.library import manifests
from whisper_magic.library.entries import Entry, entries_of
from whisper_magic.library.manifests import Row


def write(path: Path, *lines: Any) -> Path:
    text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def rows(path: Path, reference: str | None = None) -> list[Row]:
    found = manifests.read(path, reference)
    assert found is not None
    return list(found)


def refused(path: Path, reference: str | None = None) -> str:
    with pytest.raises(LibraryError) as error:
        rows(path, reference)
    message = str(error.value)
    assert len(message.splitlines()) == 1
    return message.replace(str(path), path.name)


def test_what_is_no_list(tmp_path: Path) -> None:
    assert manifests.read(write(tmp_path / "talk.wav", "")) is None
    assert manifests.read(tmp_path / "missing.csv") is None
    (tmp_path / "folder.csv").mkdir()
    assert manifests.read(tmp_path / "folder.csv") is None


# NeMo


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "A.JSON"])
def test_nemo(tmp_path: Path, name: str) -> None:
    path = write(
        tmp_path / name,
        {"audio_filepath": "clips/a.wav", "duration": 4.0, "text": "one two", "speaker": "Ada", "lang": "en"},
        "\n",
        {"audio_filepath": "/data/b.wav", "duration": 2.5, "offset": 1.5, "text": ""},
        {"audio_filepath": "https://example.org/c.wav", "offset": 3, "end": 5},
    )
    assert rows(path) == [
        Row(str(tmp_path / "clips/a.wav"), None, None, None, "one two", "Ada", {"lang": "en"}),
        Row("/data/b.wav", None, 1.5, 4.0),
        Row("https://example.org/c.wav", None, 3.0, 5.0),
    ]
    assert list(entries_of(path))[1] == Entry("/data/b.wav", "/data/b.wav", 1.5, 4.0)


def test_nemo_with_another_reference(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"audio_filepath": "a.wav", "text": "one", "human": "won"})
    assert [(row.reference, dict(row.metadata)) for row in rows(path, "human")] == [("won", {"text": "one"})]
    assert refused(path, "humna") == (
        "a.jsonl, line 1: --reference humna: no such column; did you mean human?; there are audio_filepath, text, human"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: Expecting property name"),
        ('"text"\n', "line 2: it is not an object"),
        ("[1]\n", "line 2: it is not an object"),
        ("null\n", "line 2: it is not an object"),
        ({"text": "x"}, "line 2: no field names the recording: audio_filepath, path, "),
        ({"audio_filepath": "a.wav", "duration": "long", "offset": 1}, "line 2: could not convert string to float"),
        ({"recording": {}, "id": "x"}, "line 2: it has no "),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: Any, message: str) -> None:
    assert message in refused(write(tmp_path / "a.jsonl", {"audio_filepath": "a.wav"}, line))


def test_damaged_files(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"audio_filepath": "\xff"}\n')
    assert refused(tmp_path / "a.jsonl").startswith("cannot read a.jsonl: 'utf-8' codec can't decode")
    whole = gzip.compress(json.dumps({"audio_filepath": "a.wav"}).encode() * 50)
    for damaged in (b"no gzip", whole[:30], whole[:15] + b"\xff\xff\xff" + whole[18:]):
        (tmp_path / "a.jsonl.gz").write_bytes(damaged)
        assert refused(tmp_path / "a.jsonl.gz").startswith("cannot read a.jsonl.gz: ")


# Lhotse


def cut(**others: Any) -> dict[str, Any]:
    """As lhotse 1.x writes it (CutSet.to_file)."""
    return {
        "id": "talk-1-0",
        "start": 0.0,
        "duration": 16.04,
        "channel": 0,
        "supervisions": [
            {
                "id": "talk-1-0",
                "recording_id": "talk-1",
                "start": 0.0,
                "duration": 8.0,
                "channel": 0,
                "text": "one two",
                "language": "English",
                "speaker": "Ada",
            },
            {"id": "talk-1-1", "recording_id": "talk-1", "start": 8.0, "duration": 8.0, "channel": 0, "text": "three"},
        ],
        "recording": {
            "id": "talk-1",
            "sources": [{"type": "file", "channels": [0], "source": "audio/talk-1.flac"}],
            "sampling_rate": 16000,
            "num_samples": 256640,
            "duration": 16.04,
            "channel_ids": [0],
        },
        "type": "MonoCut",
    } | others


@pytest.mark.parametrize("name", ["cuts.jsonl", "cuts.jsonl.gz"])
def test_lhotse(tmp_path: Path, name: str) -> None:
    path = write(
        tmp_path / name,
        cut(),
        cut(id="part", start=4.0, duration=2.5, supervisions=[], custom={"snr": 12.5}),
        cut(id="first", duration=8.0, type="MultiCut", channel=[0, 1]),
        cut(id="nearly", duration=16.03),
    )
    where = str(tmp_path / "audio/talk-1.flac")
    assert rows(path) == [
        Row(where, None, None, None, "one two three", "Ada", {"id": "talk-1-0"}),
        Row(where, None, 4.0, 6.5, None, None, {"id": "part", "snr": 12.5}),
        Row(where, None, None, 8.0, "one two three", "Ada", {"id": "first"}),
        Row(where, None, None, None, "one two three", "Ada", {"id": "nearly"}),
    ]


def test_two_speakers_are_not_one(tmp_path: Path) -> None:
    both = cut()
    both["supervisions"][1]["speaker"] = "Bob"
    assert rows(write(tmp_path / "cuts.jsonl", both))[0].speaker is None


def test_what_lhotse_has_in_no_single_file(tmp_path: Path) -> None:
    path = tmp_path / "cuts.jsonl"
    mixed = {"id": "mix", "tracks": [{"cut": cut()}], "type": "MixedCut"}
    assert "line 1: a MixedCut is a mix of several recordings" in refused(write(path, mixed))
    command = cut()
    command["recording"]["sources"][0]["type"] = "command"
    assert refused(write(path, command)) == "cuts.jsonl, line 1: its recording is not in a file"


# Kaldi


@pytest.fixture
def kaldi(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    write(folder / "wav.scp", "talk1 audio/talk 1.wav\n", "talk2\t/data/talk2.flac\n", "\n")
    write(folder / "text", "talk1 one two\n", "talk1-a one\u2028uno\n", "talk2\n")
    write(folder / "utt2spk", "talk1 Ada\n", "talk1-a Ada\n", "talk1-b Bob\n")
    return folder


def test_kaldi_whole_recordings(kaldi: Path) -> None:
    assert list(manifests.kaldi(kaldi) or ()) == [
        Row(str(kaldi / "audio/talk 1.wav"), reference="one two", speaker="Ada", metadata={"id": "talk1"}),
        Row("/data/talk2.flac", metadata={"id": "talk2"}),
    ]
    assert manifests.kaldi(kaldi.parent) is None


def test_kaldi_segments(kaldi: Path) -> None:
    write(kaldi / "segments", "talk1-a talk1 0.00 2.50\n", "talk1-b talk1 2.5 -1\n")
    where = str(kaldi / "audio/talk 1.wav")
    assert list(entries_of(kaldi)) == [
        Entry(where, where, None, 2.5, "one\u2028uno", "Ada", {"id": "talk1-a"}),
        Entry(where, where, 2.5, None, None, "Bob", {"id": "talk1-b"}),
    ]


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("wav.scp", "talk3 sph2pipe -f wav -p a.sph |\n", "talk3 is made by a command, which is not run"),
        ("segments", "a talk9 0 1\n", "a is a part of talk9, which wav.scp lacks"),
        ("segments", "a talk1 0\n", "a line of segments is 'name recording start end', got 'talk1 0'"),
        ("segments", "a talk1 from to\n", "a line of segments is 'name recording start end'"),
        ("segments", "a\n", "a line of segments is 'name recording start end', got ''"),
    ],
)
def test_kaldi_lines_that_are_refused(kaldi: Path, name: str, line: str, message: str) -> None:
    with (kaldi / name).open("a") as file:
        file.write(line)
    with pytest.raises(LibraryError, match=message.replace("|", r"\|")) as error:
        list(entries_of(kaldi))
    assert len(str(error.value).splitlines()) == 1


def test_a_kaldi_file_that_is_no_text(kaldi: Path) -> None:
    (kaldi / "text").write_bytes(b"talk1 \xff\n")
    with pytest.raises(LibraryError, match=r"cannot read .*/text: 'utf-8' codec"):
        list(entries_of(kaldi))


# Tables


def test_common_voice(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips/common_voice_en_1.mp3").touch()
    path = write(
        tmp_path / "test.tsv",
        "client_id\tpath\tsentence\tup_votes\tage\tlocale\n",
        'ab12\tcommon_voice_en_1.mp3\tHe said "no.\t2\t\ten\n',
        "ab13\tcommon_voice_en_2.mp3\tBye.\t2\tteens\ten\textra\n",
    )
    assert rows(path) == [
        Row(
            str(tmp_path / "clips/common_voice_en_1.mp3"),
            reference='He said "no.',
            speaker="ab12",
            metadata={"up_votes": "2", "locale": "en"},
        ),
        Row(
            str(tmp_path / "common_voice_en_2.mp3"),
            reference="Bye.",
            speaker="ab13",
            metadata={"up_votes": "2", "age": "teens", "locale": "en"},
        ),
    ]


def test_csv(tmp_path: Path) -> None:
    path = write(
        tmp_path / "list.csv",
        "\ufeffpath,start,end,reference,topic\r\n",
        'a.wav,,,"one, ""two""\nthree",art\r\n',
        "b.wav,1.5,3,,\r\n",
        "c.wav\r\n",
    )
    assert rows(path) == [
        Row(str(tmp_path / "a.wav"), reference='one, "two"\nthree', metadata={"topic": "art"}),
        Row(str(tmp_path / "b.wav"), None, 1.5, 3.0),
        Row(str(tmp_path / "c.wav")),
    ]
    assert rows(path, "topic")[0].reference == "art"
    assert rows(write(tmp_path / "empty.csv", "")) == []


def test_a_csv_that_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    assert "line 2: no field names the recording" in refused(write(path, "name,text\n", "a.wav,x\n"))
    assert "line 3: could not convert" in refused(write(path, "path,start\n", "a.wav,1\n", "b.wav,soon\n"))
    path.write_bytes(b"path\n\xff\n")
    assert refused(path).startswith("cannot read list.csv: 'utf-8' codec")
    assert "field larger" in refused(write(path, "path,text\n", f"a.wav,{'x' * 200_000}\n"))


# Tars


def test_a_tar_of_a_webdataset(tmp_path: Path) -> None:
    one, two, three = write_clips(tmp_path / "clips", 3)
    members: list[tuple[str, bytes]] = [
        ("dev/0001.wav", one.read_bytes()),
        ("dev/0001.txt", b" one two \n"),
        ("dev/0002.json", json.dumps({"text": "three", "speaker": 7, "topic": "art"}).encode()),
        ("dev/0002.WAV", two.read_bytes()),
        ("0003.v2.wav", three.read_bytes()),
        ("readme.md", b"nothing"),
        ("._0001.wav", b"of another system"),
    ]
    path = tmp_path / "part-0.tar"
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    entries = list(entries_of(path))
    assert [(entry.name, entry.reference, entry.speaker, entry.metadata) for entry in entries] == [
        (f"{path}/dev/0001.wav", "one two", None, None),
        (f"{path}/dev/0002.WAV", "three", "7", {"topic": "art"}),
        (f"{path}/0003.v2.wav", None, None, None),
    ]
    assert [load(entry.source).samples.size for entry in entries] == [1600, 1616, 1632]
    assert [identity(entry.source) for entry in entries] == [identity(path) for path in (one, two, three)]
    assert {entry.path for entry in entries} == {path}
    path.unlink()
    with pytest.raises(AudioNotFound, match=r"cannot read .*part-0\.tar: No such file"):
        load(entries[0].source)


def test_tars_that_are_refused(tmp_path: Path) -> None:
    assert "is compressed, so that its recordings cannot be read: unpack it to .tar" in refused(
        write(tmp_path / "a.tar.gz", "")
    )
    assert refused(write(tmp_path / "a.tar", "no tar at all")).startswith("cannot read a.tar: ")
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        for name in ("a.wav", "a.json"):
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"{,}"))
    assert refused(tmp_path / "b.tar").startswith("b.tar/a.json: Expecting property name")
