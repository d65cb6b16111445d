"""Damaged files: an `Audio` or one line, whatever is in them; quickly, quietly, in little memory."""

from __future__ import annotations

import random
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.media import chirp, encoded
from whisper_magic.audio.load import Audio, load, load_channels
from whisper_magic.errors import AudioError, AudioUnreadable


def outcome(source: object, **options: float) -> Audio | str:
    """What a source gives: sound, or the message of an AudioError. Any other exception is the test's failure."""
    try:
        return load(source, **options)
    except AudioError as error:
        return str(error)


def complaint(source: object, **options: float) -> str | None:
    """What is wrong with what a source gives, or None."""
    began = time.perf_counter()
    result = outcome(source, **options)
    if time.perf_counter() - began > 10:
        return "took more than ten seconds"
    if isinstance(result, str):
        return None if result and len(result.splitlines()) == 1 else f"not one line: {result!r}"
    fine = result.samples.ndim == 1 and len(result.samples) and np.isfinite(result.samples).all()
    return None if fine else f"no sound: {result.samples.shape}"


def allocated(source: object) -> str | None:
    """The complaint of a source, which may be that it took memory that no file of this size needs."""
    tracemalloc.reset_peak()
    problem = complaint(source)
    _, peak = tracemalloc.get_traced_memory()
    return problem if peak < 100e6 else f"allocated {peak / 1e6:.0f} MB"


def test_the_corpus_is_large_and_has_no_doubles(damaged_files: list[Path]) -> None:
    assert len(damaged_files) >= 200
    assert len({path.name for path in damaged_files}) == len(damaged_files)


def test_damaged_files_give_sound_or_one_line_and_little_memory(
    damaged_files: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    """Every fifth as bytes. What a damaged header claims is not allocated."""
    tracemalloc.start()
    try:
        sources = [(path.name, path if place % 5 else path.read_bytes()) for place, path in enumerate(damaged_files)]
        found = {name: allocated(source) for name, source in sources}
    finally:
        tracemalloc.stop()
    assert {name: problem for name, problem in found.items() if problem} == {}
    assert capfd.readouterr() == ("", "")


def test_parts_of_damaged_files_too(damaged_files: list[Path], capfd: pytest.CaptureFixture[str]) -> None:
    found = {path.name: complaint(path, start=0.7, end=0.9) for path in damaged_files}
    assert {name: problem for name, problem in found.items() if problem} == {}
    assert capfd.readouterr() == ("", "")


def test_damaged_files_of_rare_codings_too(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    dice = random.Random(3)
    paths = []
    for container, coding, rate in (("WAV", "G721_32", 8000), ("WAV", "NMS_ADPCM_32", 8000), ("XI", "DPCM_16", 44_100)):
        whole = encoded(chirp(1.5, rate), rate, container, coding)
        for number in range(12):
            content = bytearray(whole[: len(whole) if number % 3 else len(whole) * dice.randrange(1, 100) // 100])
            for _ in range(number**2):
                content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
            paths.append(tmp_path / f"{number}-{coding}.{container.lower()}")
            paths[-1].write_bytes(content)
    found = {path.name: complaint(path) for path in paths}
    assert {name: problem for name, problem in found.items() if problem} == {}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "aiff"])
def test_a_file_cut_short_is_read_up_to_there_and_noted(tmp_path: Path, kind: str) -> None:
    tone = np.sin(np.arange(160_000) / 5).astype(np.float32) / 2
    noisy = tone + np.random.default_rng(0).normal(0, 0.01, len(tone)).astype(np.float32)
    path = tmp_path / f"talk.{kind}"
    soundfile.write(path, noisy, 16_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])

    audio = load(path)
    assert 5 < audio.duration < 6.5
    end = f"{audio.duration:.2f}"
    assert any(note.startswith(f"breaks off at {end} s: its header claims 10.0") for note in audio.notes)
    if kind != "mp3":
        np.testing.assert_allclose(audio.samples, noisy[: len(audio.samples)], atol=1e-4)
    assert load(path, start=1, end=2).notes == ()


def test_damage_after_the_part_asked_for_does_not_matter(clips: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    path.write_bytes(clips["wav"].read_bytes()[:24_000])
    part = load(path, start=0.2, end=0.7)
    assert part.duration == pytest.approx(0.5)
    assert part.notes == ()
    (mono,) = load_channels(path)
    assert mono.notes == ("breaks off at 0.75 s: its header claims 1.50 s",)


@pytest.mark.parametrize("size", [0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFF000])
def test_wav_from_a_pipe_is_whole(clips: dict[str, Path], tmp_path: Path, size: int) -> None:
    """Programs that write WAV to a pipe do not know its size, and put the largest one in the header."""
    content = bytearray(clips["wav"].read_bytes())
    content[40:44] = size.to_bytes(4, "little")
    assert load(bytes(content)).duration == pytest.approx(1.5)


def test_a_playlist_opens_no_other_file(damaged_files: list[Path]) -> None:
    (path,) = [path for path in damaged_files if path.name == "playlist.mp3"]
    with pytest.raises(AudioUnreadable):
        load(path)
