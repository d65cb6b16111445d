"""Damaged files: an `Audio` or one line, whatever is in them; quickly, quietly, in little memory."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

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


def test_the_corpus_is_large_and_has_no_doubles(damaged_files: list[Path]) -> None:
    assert len(damaged_files) >= 200
    assert len({path.name for path in damaged_files}) == len(damaged_files)


def test_damaged_files_give_sound_or_one_line(damaged_files: list[Path], capfd: pytest.CaptureFixture[str]) -> None:
    found = {path.name: complaint(path) for path in damaged_files}
    assert {name: problem for name, problem in found.items() if problem} == {}
    assert capfd.readouterr() == ("", "")


def test_parts_of_damaged_files_too(damaged_files: list[Path], capfd: pytest.CaptureFixture[str]) -> None:
    found = {path.name: complaint(path, start=0.7, end=0.9) for path in damaged_files}
    assert {name: problem for name, problem in found.items() if problem} == {}
    assert capfd.readouterr() == ("", "")


def test_damaged_bytes_too(damaged_files: list[Path]) -> None:
    found = {path.name: complaint(path.read_bytes()) for path in damaged_files[::5]}
    assert {name: problem for name, problem in found.items() if problem} == {}


def test_what_a_damaged_header_claims_is_not_allocated(damaged_files: list[Path]) -> None:
    suspects = [
        path for path in damaged_files if path.name.startswith(("huge", "header", "two-giga", "endless", "many"))
    ]
    tracemalloc.start()
    try:
        for path in suspects:
            outcome(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100e6


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "aiff"])
def test_a_file_cut_short_offers_what_there_is(tmp_path: Path, kind: str) -> None:
    tone = np.sin(np.arange(160_000) / 5).astype(np.float32) / 2
    noisy = tone + np.random.default_rng(0).normal(0, 0.01, len(tone)).astype(np.float32)
    path = tmp_path / f"talk.{kind}"
    soundfile.write(path, noisy, 16_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])

    with pytest.raises(AudioUnreadable, match=r"is damaged after \d\.\d+ s of 10\.00 s \(.*\): pass end=\d") as caught:
        load(path)
    end = float(str(caught.value).partition("pass end=")[2].split()[0])
    assert 5 < end <= 6.5
    part = load(path, end=end)
    assert part.duration == pytest.approx(end, abs=1e-3)
    if kind != "mp3":
        np.testing.assert_allclose(part.samples, noisy[: len(part.samples)], atol=1e-4)


def test_a_hole_in_the_middle_offers_all_that_precedes_it(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 160_000).astype(np.float32)
    path = tmp_path / "talk.flac"
    soundfile.write(path, noise, 16_000)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 5000] = bytes(5000)
    path.write_bytes(content)
    with pytest.raises(AudioUnreadable, match="is damaged after 4") as caught:
        load(path)
    end = float(str(caught.value).partition("pass end=")[2].split()[0])
    np.testing.assert_allclose(load(path, end=end).samples, noise[: round(end * 16_000)], atol=1e-4)


def test_damage_after_the_part_asked_for_does_not_matter(clips: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    path.write_bytes(clips["wav"].read_bytes()[:32_000])
    assert load(path, start=0.2, end=0.7).duration == pytest.approx(0.5)
    with pytest.raises(AudioUnreadable, match="is damaged after"):
        load_channels(path)


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
