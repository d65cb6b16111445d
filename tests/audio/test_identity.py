"""The digest of a recording: of its sound, and of nothing else."""

from __future__ import annotations

import io
import shutil
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from whisper_magic.audio.identity import identity
from whisper_magic.audio.load import load
from whisper_magic.errors import AudioError, AudioInvalid, AudioNotFound, AudioUnreadable

ID3V1 = b"TAG" + b"A title".ljust(30, b"\0") + bytes(94) + b"\x0c"


def id3v2(content: bytes) -> bytes:
    """A tag as it stands before an MP3, with one text frame."""
    frame = b"TIT2" + (len(content) + 1).to_bytes(4, "big") + b"\0\0" + b"\x03" + content
    size = len(frame)
    return b"ID3\x03\0\0" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127]) + frame


def remuxed(source: Path, target: Path) -> Path:
    """The same packets in another container."""
    with av.open(str(source)) as reading, av.open(str(target), "w") as writing:
        stream = reading.streams.audio[0]
        copied = writing.add_stream_from_template(stream)
        for packet in reading.demux(stream):
            if packet.dts is not None:
                packet.stream = copied
                writing.mux(packet)
    return target


def test_it_is_40_digits_and_the_same_every_time(clips: dict[str, Path]) -> None:
    found = {ending: identity(path) for ending, path in clips.items()}
    assert all(len(digest) == 40 and int(digest, 16) >= 0 for digest in found.values())
    assert {ending: identity(str(path)) for ending, path in clips.items()} == found


def test_renamed_moved_and_given_as_bytes(clips: dict[str, Path], tmp_path: Path) -> None:
    for ending, path in clips.items():
        copied = shutil.copy(path, tmp_path / "Anderer Name.bin")
        assert identity(copied) == identity(path), ending
        assert identity(path.read_bytes()) == identity(path)
        assert identity(io.BytesIO(path.read_bytes())) == identity(path)


def test_tags_of_an_mp3_change_nothing(clips: dict[str, Path], tmp_path: Path) -> None:
    plain, path = clips["mp3"].read_bytes(), tmp_path / "tagged.mp3"
    for content in (
        id3v2(b"A title") + plain,
        id3v2(b"Another title" * 300) + plain,
        plain + ID3V1,
        id3v2(b"A title") + plain + ID3V1,
    ):
        path.write_bytes(content)
        assert identity(path) == identity(plain)


def test_tags_of_other_formats_change_nothing(clips: dict[str, Path], tmp_path: Path) -> None:
    tagged = tmp_path / "tagged.flac"
    samples, rate = soundfile.read(clips["flac"], dtype="int16")
    with soundfile.SoundFile(tagged, "w", rate, 1, "PCM_16", format="FLAC") as file:
        file.title = "A title"
        file.write(samples)
    assert tagged.read_bytes() != clips["flac"].read_bytes()
    assert identity(tagged) == identity(clips["flac"])


@pytest.mark.parametrize(
    ("ending", "other"),
    [
        ("m4a", "mkv"),
        ("mp3", "mkv"),
        ("opus", "webm"),
        ("ogg", "mkv"),
        ("webm", "ogg"),
        ("flac", "mkv"),
        ("wav", "mkv"),
    ],
)
def test_another_container_changes_nothing(clips: dict[str, Path], tmp_path: Path, ending: str, other: str) -> None:
    assert identity(remuxed(clips[ending], tmp_path / f"clip.{other}")) == identity(clips[ending])


def test_a_wav_whose_packets_are_cut_otherwise(tone: np.ndarray, tmp_path: Path) -> None:
    for ending, container in (("wav", "WAV"), ("w64", "W64"), ("caf", "CAF")):
        soundfile.write(tmp_path / f"a.{ending}", tone, 16_000, format=container, subtype="PCM_16", endian="LITTLE")
    assert len({identity(tmp_path / f"a.{ending}") for ending in ("wav", "w64", "caf")}) == 1


def test_other_sound_is_another_recording(clips: dict[str, Path], tone: np.ndarray, tmp_path: Path) -> None:
    changed = np.array(tone)
    changed[12_000] += 0.01
    soundfile.write(tmp_path / "changed.wav", changed, 16_000)
    soundfile.write(tmp_path / "faster.wav", tone, 16_001)
    soundfile.write(tmp_path / "longer.wav", np.append(tone, np.float32(0)), 16_000)
    found = [identity(path) for path in (*clips.values(), *sorted(tmp_path.iterdir()))]
    same = {identity(clips["m4a"]), identity(clips["mp4"]), identity(clips["mkv"])}  # one encoder, one sound
    assert len(set(found)) == len(found) - 3 + len(same)
    assert identity(tmp_path / "changed.wav") != identity(clips["wav"])


def test_two_streams_are_not_one(tone: np.ndarray, tmp_path: Path) -> None:
    def write(path: Path, *sounds: np.ndarray) -> str:
        with av.open(str(path), "w") as container:
            streams = [container.add_stream("pcm_s16le", rate=16_000, layout="mono") for _ in sounds]
            for stream, sound in zip(streams, sounds, strict=True):
                frame = av.AudioFrame.from_ndarray((sound[None] * 32767).astype(np.int16), "s16", "mono")
                frame.sample_rate, frame.time_base, frame.pts = 16_000, Fraction(1, 16_000), 0
                container.mux(stream.encode(frame))
                container.mux(stream.encode(None))
        return identity(path)

    one, both = write(tmp_path / "one.mkv", tone), write(tmp_path / "both.mkv", tone, tone[::-1])
    turned = write(tmp_path / "turned.mkv", tone[::-1], tone)
    assert len({one, both, turned}) == 3


def test_damaged_files_have_one_too(damaged_files: list[Path], tmp_path: Path) -> None:
    for path in damaged_files[::7]:
        if path.stat().st_size:
            assert identity(path) == identity(shutil.copy(path, tmp_path / "again")), path.name


def test_a_playlist_opens_no_other_file(clips: dict[str, Path], tmp_path: Path) -> None:
    playlist = tmp_path / "playlist.mp3"
    shutil.copy(clips["mp3"], tmp_path / "part.mp3")
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.5,\npart.mp3\n#EXT-X-ENDLIST\n")
    before = identity(playlist)
    (tmp_path / "part.mp3").unlink()
    assert identity(playlist) == before


def test_samples(tone: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    pair = identity((tone, 16_000))
    assert pair == identity((tone.copy(), 16_000.0)) == identity((torch.tensor(tone), np.int64(16_000)))
    assert pair == identity(load((tone, 16_000)))
    assert pair == identity((np.repeat(tone, 2)[::2], 16_000))  # whose samples do not lie side by side
    others = [(tone, 8_000), (tone[:-1], 16_000), (tone[:, None], 16_000), (tone.astype(np.float64), 16_000)]
    assert len({pair, *map(identity, others)}) == 5
    assert identity(([0, 1, 2], 16_000)) == identity((np.array([0, 1, 2]), 16_000))


def test_rows_of_a_dataset(clips: dict[str, Path], tone: np.ndarray) -> None:
    path = clips["wav"]
    assert identity({"bytes": path.read_bytes(), "path": "name.wav"}) == identity(path)
    assert identity({"bytes": None, "path": str(path)}) == identity(path)
    assert identity({"array": tone, "sampling_rate": 16_000, "path": "x.wav", "bytes": None}) == identity(
        (tone, 16_000)
    )
    decoder = SimpleNamespace(get_all_samples=lambda: SimpleNamespace(data=tone[None], sample_rate=16_000))
    assert identity(decoder) == identity((tone, 16_000))


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (b"", AudioUnreadable, r"^the source is empty \(0 bytes\)$"),
        ("/no/such/file.wav", AudioNotFound, "no such file: /no/such/file.wav"),
        ({"text": "x"}, AudioInvalid, "dict is not a source of encoded audio"),
        (5, AudioInvalid, "int is not a source of encoded audio"),
        (None, AudioInvalid, "NoneType is not a source of encoded audio"),
        (([0.1], None), AudioInvalid, "the rate must be a number of Hz, got NoneType"),
        (([[1], [1, 2]], 16_000), AudioInvalid, "cannot make an array of this list"),
    ],
)
def test_what_has_none_gives_one_line(source: Any, kind: type[AudioError], message: str) -> None:
    with pytest.raises(kind, match=message) as error:
        identity(source)
    assert len(str(error.value).splitlines()) == 1


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    for source in (tmp_path / "empty.wav", str(tmp_path / "empty.wav")):
        with pytest.raises(AudioUnreadable, match=r"/empty\.wav is empty \(0 bytes\)$"):
            identity(source)
