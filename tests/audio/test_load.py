"""Every kind of source, every kind of mistake."""

from __future__ import annotations

import io
import itertools
import math
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from whisper_magic.audio import sources
from whisper_magic.audio.load import Audio, load, load_channels
from whisper_magic.errors import AudioError, AudioInvalid, AudioNotFound, AudioUnreadable


def one_line(error: pytest.ExceptionInfo[AudioError]) -> str:
    message = str(error.value)
    assert len(message.splitlines()) == 1
    return message


# Sources


def test_paths_as_text_pathlike_and_home(
    clips: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(clips["wav"].parent))
    whole = load(str(clips["wav"]))
    assert whole.source == str(clips["wav"])
    assert load("~/clip.wav").source == "~/clip.wav"
    np.testing.assert_array_equal(load("~/clip.wav").samples, whole.samples)
    monkeypatch.chdir(clips["wav"].parent)
    assert load(Path("clip.wav")).source == "clip.wav"


def test_file_objects_are_read_from_their_beginning_and_left_open(clips: dict[str, Path], tone: np.ndarray) -> None:
    with clips["wav"].open("rb") as file:
        file.seek(1000)
        audio = load(file)
        assert not file.closed
    assert audio.source == str(clips["wav"])
    np.testing.assert_allclose(audio.samples, tone, atol=1e-4)
    for kind in ("flac", "m4a"):
        assert load(io.BytesIO(clips[kind].read_bytes())).source == "file object"


def test_a_file_object_that_cannot_seek(clips: dict[str, Path], tone: np.ndarray) -> None:
    class Pipe(io.RawIOBase):
        content = io.BytesIO(clips["wav"].read_bytes())

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            return self.content.readinto(buffer)

    np.testing.assert_allclose(load(Pipe()).samples, tone, atol=1e-4)


class Reader:
    """As a socket has it: nothing but read(n), which may give less than was asked for."""

    def __init__(self, content: Any) -> None:
        self.pieces = iter(content)

    def read(self, size: int) -> Any:
        piece = next(self.pieces, b"")
        if isinstance(piece, Exception):
            raise piece
        return piece


def test_what_has_nothing_but_read(clips: dict[str, Path], tone: np.ndarray) -> None:
    content = clips["wav"].read_bytes()
    pieces = [content[i : i + 999] for i in range(0, len(content), 999)]
    np.testing.assert_allclose(load(Reader(pieces)).samples, tone, atol=1e-4)
    np.testing.assert_allclose(load(Reader(map(bytearray, pieces))).samples, tone, atol=1e-4)


@pytest.mark.parametrize(
    ("pieces", "kind", "message"),
    [
        (["text"], AudioInvalid, "file object returns str instead of bytes: open it in binary mode"),
        ([b"RIFF", 5], AudioInvalid, "file object returns int instead of bytes"),
        ([b"RIFF", None], AudioUnreadable, "file object is non-blocking and has no bytes yet"),
        ([RuntimeError("the radio\nis off")], AudioUnreadable, "cannot read from file object: the radio is off"),
        ([EOFError()], AudioUnreadable, "cannot read from file object: EOFError"),
        ([], AudioUnreadable, "file object is empty"),
    ],
)
def test_readers_that_give_no_bytes(pieces: list[Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        load(Reader(pieces))
    assert str(error.value).startswith(message)
    assert len(str(error.value).splitlines()) == 1


def test_an_endless_reader_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_BYTES", 10_000)
    with pytest.raises(AudioUnreadable, match="file object has more than 0 GiB"):
        load(Reader(itertools.repeat(bytes(999))))


def test_a_generator_is_no_source() -> None:
    with pytest.raises(AudioInvalid, match="generator is not a source of audio: pass a path, URL, bytes"):
        load(piece for piece in (b"a", b"b"))


def test_arrays_with_a_rate_in_every_way(tone: np.ndarray) -> None:
    for audio in (
        load(tone, 16_000),
        load((tone, 16_000)),
        load(tone.tolist(), 16_000.0),
        load((tone, np.int64(16_000))),
    ):
        np.testing.assert_array_equal(audio.samples, tone)
        assert (audio.source, audio.channel, audio.start) == ("array", "mix", 0.0)


def test_an_array_is_copied(tone: np.ndarray) -> None:
    mine = tone.copy()
    audio = load(mine, 16_000)
    mine[:] = 0
    np.testing.assert_array_equal(audio.samples, tone)


def test_rows_of_an_audio_column(clips: dict[str, Path], tone: np.ndarray) -> None:
    content = clips["flac"].read_bytes()
    rows: list[dict[str, Any]] = [
        {"array": tone, "sampling_rate": 16_000, "path": "a.flac"},
        {"array": tone.tolist(), "sampling_rate": 16_000},
        {"bytes": content, "path": "a.flac"},
        {"bytes": content, "path": None},
        {"bytes": None, "path": str(clips["flac"])},
    ]
    loaded = [load(row) for row in rows]
    for audio in loaded:
        np.testing.assert_allclose(audio.samples, tone, atol=1e-4)
    assert [audio.source for audio in loaded] == ["a.flac", "array", "a.flac", "bytes", str(clips["flac"])]


@dataclass
class FakeDecoder:
    """torchcodec's AudioDecoder as far as we use it."""

    data: Any
    sample_rate: int = 16_000
    failure: str = ""
    played: list[str] = field(default_factory=list)

    def get_all_samples(self) -> FakeDecoder:
        if self.failure:
            raise RuntimeError(self.failure)
        return self


def test_an_audio_decoder(tone: np.ndarray) -> None:
    audio = load(FakeDecoder(np.stack([tone, -tone])), channel="right", start=0.5, end=1.0)
    np.testing.assert_array_equal(audio.samples, -tone[8000:16_000])
    with pytest.raises(AudioUnreadable, match=r"could not decode: no frames at all$") as error:
        load(FakeDecoder(tone, failure="no frames\nat all"))
    one_line(error)


def test_an_audio_is_clipped_and_resampled(tone: np.ndarray) -> None:
    whole = Audio(tone, 16_000, "talk.wav", "left", start=10.0)
    assert load(whole) is not whole
    part = load(whole, start=0.5, end=1.0, sample_rate=8000)
    assert (part.source, part.channel, part.start, part.duration) == ("talk.wav", "left", 10.5, 0.5)
    np.testing.assert_array_equal(load(whole).samples, tone)


# Resampling, channels, parts


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_resampling_keeps_the_sound(rate: int) -> None:
    seconds = np.arange(rate * 2) / rate
    audio = load(np.sin(2 * np.pi * 440 * seconds).astype(np.float32), rate)
    assert len(audio.samples) == pytest.approx(32_000, abs=2)
    expected = np.sin(2 * np.pi * 440 * np.arange(len(audio.samples)) / 16_000)
    np.testing.assert_allclose(audio.samples[500:-500], expected[500:-500], atol=0.002)


def test_resampling_in_blocks_is_resampling_at_once(tmp_path: Path) -> None:
    import soxr

    noise = np.random.default_rng(0).normal(0, 0.1, (100_000, 2)).astype(np.float32)
    soundfile.write(tmp_path / "noise.wav", noise, 44_100, subtype="FLOAT")
    for index, audio in enumerate(load_channels(tmp_path / "noise.wav")):
        np.testing.assert_allclose(audio.samples, soxr.resample(noise[:, index], 44_100, 16_000), atol=1e-6)


def test_channels(tmp_path: Path, tone: np.ndarray) -> None:
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([tone, tone / 2], axis=1), 16_000, subtype="FLOAT")
    left, right = load_channels(path)
    assert (left.channel, right.channel) == ("left", "right")
    for channel, gain in (("mix", 0.75), ("left", 1.0), ("right", 0.5), (0, 1.0), (1, 0.5), (np.int64(1), 0.5)):
        audio = load(path, channel=channel)
        assert audio.channel == channel
        np.testing.assert_allclose(audio.samples, tone * gain, atol=1e-6)
    assert [audio.channel for audio in load_channels(np.zeros((100, 3)), 16_000)] == [0, 1, 2]
    assert [audio.channel for audio in load_channels(tone, 16_000)] == ["mix"]


@pytest.mark.parametrize("channel", [2, "right", -1, "centre", True, 1.0, None])
def test_a_channel_that_is_not_there(tone: np.ndarray, channel: Any) -> None:
    with pytest.raises(AudioInvalid, match=r"array has 1 channel|channel must be") as error:
        load(tone, 16_000, channel=channel)
    one_line(error)


def test_split_points_to_load_channels(tone: np.ndarray) -> None:
    with pytest.raises(AudioInvalid, match="load_channels"):
        load(tone, 16_000, channel="split")


def test_an_end_beyond_the_end_is_the_end(clips: dict[str, Path], tone: np.ndarray) -> None:
    for kind in ("wav", "webm", "m4a"):
        assert load(clips[kind], start=1.0, end=99.0).duration == pytest.approx(0.5, abs=0.11)
    assert load(tone, 16_000, start=1.0, end=99.0).duration == 0.5


@pytest.mark.parametrize("kind", ["wav", "mp3", "m4a", "webm", "array"])
def test_a_start_beyond_the_end_tells_the_duration(clips: dict[str, Path], tone: np.ndarray, kind: str) -> None:
    source = (tone, 16_000) if kind == "array" else clips[kind]
    with pytest.raises(AudioInvalid, match=r"lasts 1\.[56]\d s: start=20 is beyond its end") as error:
        load(source, start=20)
    one_line(error)


def test_longer_than_is_sane(tone: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whisper_magic.audio.load.MAX_SECONDS", 1.0)
    with pytest.raises(AudioInvalid, match="read parts of it, with start and end"):
        load(tone, 8000)
    assert load(tone, 16_000, end=1.0).duration == 1.0


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"start": -1}, "start must be seconds"),
        ({"end": math.nan}, "end must be seconds"),
        ({"start": "1"}, "start must be seconds"),
        ({"start": 1.0, "end": 1.0}, "start must come before end"),
        ({"end": 0}, "start must come before end"),
        ({"start": 0.50001, "end": 0.50002}, r"holds no samples from start=0\.50001 to end=0\.50002$"),
    ],
)
def test_parts_that_make_no_sense(tone: np.ndarray, part: dict[str, Any], message: str) -> None:
    with pytest.raises(AudioInvalid, match=message) as error:
        load(tone, 16_000, **part)
    one_line(error)


# Mistakes


def test_a_missing_file_names_the_near_ones(clips: dict[str, Path]) -> None:
    with pytest.raises(AudioNotFound, match=r"no such file: .*clap\.wav; did you mean .*clip\.wav") as error:
        load(clips["wav"].with_name("clap.wav"))
    one_line(error)
    with pytest.raises(AudioNotFound, match=r"no such file: .*, and no folder .*nowhere"):
        load("/nowhere/at/all.wav")
    with pytest.raises(AudioNotFound, match="no such file"):
        load(clips["wav"] / "inside.wav")


@pytest.mark.parametrize(
    "name", ["two\nlines.wav", "x" * 5000, "nul\0.wav", "~nobody-of-this-name/a.wav", "\udce9.wav", ""]
)
def test_odd_names_give_one_line(name: str) -> None:
    with pytest.raises(AudioError) as error:
        load(name)
    one_line(error).encode()


def test_a_folder_and_a_pipe(tmp_path: Path) -> None:
    with pytest.raises(AudioNotFound, match="is a folder"):
        load(tmp_path)
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioUnreadable, match="is a device or pipe"):
        load(tmp_path / "pipe.wav")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(clips: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "mine.wav"
    path.write_bytes(clips["wav"].read_bytes())
    path.chmod(0)
    with pytest.raises(AudioUnreadable, match="Permission denied"):
        load(path)


def test_zero_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 1)), 16_000)
    for source in (tmp_path / "none.wav", ([], 16_000), (np.zeros((2, 0)), 16_000)):
        with pytest.raises(AudioInvalid, match="holds no samples"):
            load(source)


def test_silence_is_fine() -> None:
    assert not load(np.zeros(16_000), 16_000).samples.any()


def test_samples_that_are_no_numbers_are_counted(tmp_path: Path, tone: np.ndarray) -> None:
    bad = np.stack([tone, tone], axis=1)
    bad[12_000:12_003, 1] = np.nan
    bad[20_000, 0] = -np.inf
    soundfile.write(tmp_path / "bad.wav", bad, 16_000, subtype="FLOAT")
    for source in (tmp_path / "bad.wav", (bad, 16_000)):
        with pytest.raises(
            AudioInvalid, match=r"holds 3 NaN and 1 Inf samples, the first at 0\.750 s \(sample 12000\)"
        ):
            load(source)
        assert load(source, end=0.75).duration == 0.75
        with pytest.raises(AudioInvalid, match=r"holds 1 Inf samples, the first at 1\.250 s"):
            load(source, channel="left")
    with pytest.raises(AudioInvalid, match="1 Inf"):
        load([0.0, 1e300], 16_000)


def test_floats_that_were_integers_once(tone: np.ndarray) -> None:
    with pytest.raises(AudioInvalid, match="divide them by the full scale"):
        load(tone * 32768, 16_000)


@pytest.mark.parametrize("rate", [0, -16_000, 3, 10**7, math.nan, 22_050.5, "16000", True])
def test_rates_that_make_no_sense(tone: np.ndarray, rate: Any) -> None:
    with pytest.raises(AudioInvalid, match="rate") as error:
        load(tone, rate)
    one_line(error)
    with pytest.raises(AudioInvalid, match="sample_rate: "):
        load(tone, 16_000, sample_rate=rate)


def test_rates_that_are_missing_or_too_many(clips: dict[str, Path], tone: np.ndarray) -> None:
    with pytest.raises(AudioInvalid, match=r"pass \(array, rate\)"):
        load(tone)
    with pytest.raises(AudioInvalid, match=r"pass \(array, rate\)"):
        load({"array": tone})
    for source in (clips["wav"], Audio(tone), {"array": tone, "sampling_rate": 16_000}, (tone, 16_000)):
        with pytest.raises(AudioInvalid, match=r"rate=8000 is for arrays.*sample_rate="):
            load(source, 8000)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "NoneType is not a source of audio"),
        (5, "int is not a source of audio"),
        ((16_000, np.zeros(5)), r"must be \(array, rate\), in this order, got \(int, ndarray\)"),
        ((np.zeros(5),), r"must be \(array, rate\)"),
        ({"audio": {}, "text": ""}, r'pass row\["audio"\]'),
        ({}, "with the keys none"),
        (io.StringIO("text"), "open it with mode 'rb'"),
        ("s3://bucket/a.wav", "only http and https addresses can be fetched, not s3"),
    ],
)
def test_sources_that_are_none(source: Any, message: str) -> None:
    with pytest.raises(AudioError, match=message) as error:
        load(source)
    one_line(error)


def test_a_closed_file_object() -> None:
    file = io.BytesIO(b"RIFF")
    file.close()
    with pytest.raises(AudioUnreadable, match="closed file"):
        load(file)


# What need not be there


def in_a_new_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_neither_torch_nor_ipython_nor_codecs_are_imported() -> None:
    heavy = ["torch", "IPython", "soundfile", "av", "soxr", "transformers"]
    code = (
        f"import sys, whisper_magic.audio.load, whisper_magic.formats; print([n for n in {heavy} if n in sys.modules])"
    )
    assert in_a_new_python(code).strip() == "[]"


def test_without_soundfile_or_av_arrays_work_and_files_give_one_line(clips: dict[str, Path]) -> None:
    code = f"""
import sys
sys.modules.update(dict.fromkeys(["soundfile", "av", "soxr"]))
from whisper_magic.audio.load import load
print(load([0.0, 0.5], 16000).samples)
for source in ({str(clips["wav"])!r}, ([0.0, 0.5], 8000)):
    try:
        load(source)
    except Exception as error:
        print(type(error).__name__, error)
"""
    array, file, resampling = in_a_new_python(code).splitlines()
    assert array == "[0.  0.5]"
    assert file.startswith("AudioUnreadable")
    assert "pip install soundfile" in file
    assert "pip install av" in file
    assert "pip install soxr" in resampling


# Real recordings


@pytest.mark.recordings
def test_every_recording_loads(recordings: Path) -> None:
    endings = {".wav", ".flac", ".mp3", ".aiff"}
    loaded = {path.name: load(path) for path in sorted(recordings.iterdir()) if path.suffix in endings}
    assert len(loaded) >= 9
    for audio in loaded.values():
        assert audio.duration > 0.9
    assert loaded["jfk.flac"].duration == pytest.approx(11.0, abs=0.01)
    assert not loaded["silent.mp3"].samples.any()
    for name in ("audio-mono-8-bit-44100Hz.wav", "audio-stereo-24-bit-44100Hz.flac", "audio-stereo-32-bit-44100Hz.wav"):
        same = np.corrcoef(loaded[name].samples, loaded["audio-mono-16-bit-44100Hz.aiff"].samples)[0, 1]
        assert same > 0.999


@pytest.mark.recordings
def test_every_clip_of_the_digits_loads(recordings: Path) -> None:
    import tarfile

    with tarfile.open(recordings / "fsdd_four_speakers.tar.xz") as archive:
        members = [member for member in archive if member.name.endswith(".wav")]
        for member in members[::40]:
            file = archive.extractfile(member)
            assert file is not None
            assert 0.1 < load(file).duration < 3
    assert len(members) == 2000


@pytest.mark.recordings
def test_the_same_speech_in_two_codings(recordings: Path) -> None:
    flac, mp3 = load(recordings / "jfk.flac").samples, load(recordings / "jfk.mp3").samples
    shift = (
        int(np.argmax([np.dot(flac[4000:84_000], mp3[4000 + lag : 84_000 + lag]) for lag in range(-800, 800)])) - 800
    )
    length = min(len(flac), len(mp3)) - 1600
    assert np.corrcoef(flac[800 : 800 + length], mp3[800 + shift : 800 + shift + length])[0, 1] > 0.9


@pytest.mark.recordings
def test_two_speakers_on_two_channels(recordings: Path) -> None:
    left, right = load_channels(recordings / "stereo_two_speakers.wav")
    assert abs(np.corrcoef(left.samples, right.samples)[0, 1]) < 0.2
    mix = load(recordings / "stereo_two_speakers.wav")
    np.testing.assert_allclose(mix.samples, (left.samples + right.samples) / 2, atol=1e-6)
