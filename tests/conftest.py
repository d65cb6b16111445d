"""What several tests share, as fixtures (pytest's importlib mode keeps test modules from importing one another):
the real recordings, synthetic clips in every container, and a corpus of damaged files."""

from __future__ import annotations

import os
import random
import signal
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

if not Path("/dev/nvidiactl").exists():  # Triton reads it when it is imported, and torch imports it where it is there
    os.environ.setdefault("TRITON_INTERPRET", "1")
RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "audio"
SNDFILE = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_16"),
}
FFMPEG = {"m4a": "aac", "mp4": "aac", "mkv": "aac", "webm": "libopus"}


# What `make test` leaves to `make test-all` without being marked `slow` itself, and the xdist group of each. A group
# runs in one worker: two browsers on two cores wait for each other, and weights are loaded once.
SLOW = {"browser": "browser", "real": "real"}


def pytest_configure(config: pytest.Config) -> None:
    """Undo what `nohup` and a script's `&` do: a suite that starts with SIGINT ignored could not interrupt itself."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)  # before -m selects, and before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    for item in items:
        kinds = [name for name in SLOW if item.get_closest_marker(name) and not item.get_closest_marker("smoke")]
        if kinds:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group(SLOW[kinds[0]]))
    return (yield)


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recordings, outside the project."""
    if not RECORDINGS.is_dir():
        pytest.skip(f"NO REAL RECORDINGS: the folder {RECORDINGS} is missing")
    return RECORDINGS


@pytest.fixture(scope="session")
def tone() -> np.ndarray:
    """(24000,) float32, 1.5 s at 16 kHz: a rising tone with a little noise, no two parts alike."""
    seconds = np.arange(24_000) / 16_000
    noise = np.random.default_rng(0).standard_normal(24_000)
    return (0.3 * np.sin(2 * np.pi * (300 + 200 * seconds) * seconds) + 0.01 * noise).astype(np.float32)


@pytest.fixture(scope="session")
def clips(tone: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tone in every container, by ending; mp4 and mkv with a picture."""
    import soundfile  # here, as av below: tests on a GPU run where neither is installed

    folder = tmp_path_factory.mktemp("clips")
    paths = {ending: folder / f"clip.{ending}" for ending in (*SNDFILE, *FFMPEG)}
    for ending, (container, coding) in SNDFILE.items():
        soundfile.write(paths[ending], tone, 16_000, format=container, subtype=coding)
    for ending in FFMPEG:
        write_with_ffmpeg(paths[ending], tone, picture=ending in ("mp4", "mkv"))
    return paths


@pytest.fixture(scope="session")
def silent_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video without an audio stream."""
    path = tmp_path_factory.mktemp("film") / "silent.mp4"
    write_with_ffmpeg(path, None, picture=True)
    return path


@pytest.fixture(scope="session")
def damaged_files(clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """At least 200 audio files, each damaged in its own way: the same on every run."""
    folder = tmp_path_factory.mktemp("damaged")
    paths = []
    for name, content in _damaged(clips):
        paths.append(folder / name)
        paths[-1].write_bytes(content)
    return paths


def write_with_ffmpeg(path: Path, tone: np.ndarray | None, picture: bool) -> None:
    """Write the tone, a picture, or both."""
    import av

    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=10) if picture else None
        audio = None
        if tone is not None:
            audio = container.add_stream(FFMPEG[path.suffix[1:]], rate=48_000 if path.suffix == ".webm" else 16_000)
            audio.layout = "mono"
        if video is not None:
            video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
            for shade in range(0, 150, 10):
                grey = av.VideoFrame.from_ndarray(np.full((32, 32, 3), shade, np.uint8), format="rgb24")
                container.mux(video.encode(grey))
            container.mux(video.encode(None))
        if audio is not None:
            sound = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
            sound.sample_rate, sound.time_base, sound.pts = 16_000, Fraction(1, 16_000), 0
            to_codec = av.AudioResampler(format=audio.format.name, layout="mono", rate=audio.rate)
            for frame in to_codec.resample(sound) + to_codec.resample(None):
                container.mux(audio.encode(frame))
            container.mux(audio.encode(None))


def _damaged(clips: dict[str, Path]) -> Iterator[tuple[str, bytes]]:
    """File name and contents of each damaged file."""
    dice = random.Random(0)
    kinds = ["wav", "flac", "ogg", "opus", "mp3", "aiff", "m4a", "webm"]
    for kind, other in zip(kinds, [*kinds[1:], "wav"], strict=True):
        whole = clips[kind].read_bytes()
        for percent in (2, 10, 30, 50, 70, 90, 99):
            yield f"cut-{percent}.{kind}", whole[: len(whole) * percent // 100]
        for flips in (1, 3, 10, 30, 100, 1000):
            yield f"flipped-{flips}.{kind}", _flipped(whole, flips, dice)
        for turn in range(4):
            yield f"header-{turn}.{kind}", _overwritten(whole, dice.randrange(4, 48), dice.randbytes(4))
        for place in (4, 16, 22, 24, 40):
            yield f"huge-{place}.{kind}", _overwritten(whole, place, b"\xff" * 4)
        middle = len(whole) // 2
        yield f"hole.{kind}", _overwritten(whole, middle, bytes(middle // 4))
        yield f"no-header.{kind}", _overwritten(whole, 0, bytes(16))
        yield f"tail.{kind}", whole + dice.randbytes(3000)
        yield f"junk-first.{kind}", dice.randbytes(3000) + whole
        yield f"called.{other}", whole
        yield f"noise.{kind}", dice.randbytes(5000)
    wav, flac = clips["wav"].read_bytes(), clips["flac"].read_bytes()
    yield "empty.wav", b""
    yield "one-byte.mp3", b"\x00"
    yield "zeros.m4a", bytes(5000)
    yield "text.ogg", b"This is no sound.\n" * 100
    yield "playlist.mp3", f"#EXTM3U\n#EXTINF:1,\n{clips['m4a']}\n#EXT-X-ENDLIST\n".encode()
    yield "two-gigabytes.wav", _overwritten(wav, 40, struct.pack("<I", 0x7FFF0000))
    yield "no-data.wav", _overwritten(wav, 40, struct.pack("<I", 0))
    yield "no-rate.wav", _overwritten(wav, 24, struct.pack("<I", 0))
    yield "rate-of-3.wav", _overwritten(wav, 24, struct.pack("<I", 3))
    yield "many-channels.wav", _overwritten(wav, 22, struct.pack("<H", 1000))
    yield "endless.flac", _overwritten(flac, 21, bytes([flac[21] | 0x0F]) + b"\xff" * 4)  # 2**36 - 1 samples


def _flipped(whole: bytes, flips: int, dice: random.Random) -> bytes:
    content = bytearray(whole)
    for _ in range(flips):
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    return bytes(content)


def _overwritten(whole: bytes, place: int, new: bytes) -> bytes:
    return whole[:place] + new + whole[place + len(new) :]
