"""The audio that is measured on, read and written without audio libraries."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import sound
from whisper_magic.errors import AudioError

TONE = np.linspace(-1, 1, 1600, dtype=np.float32)


def test_written_and_read_back(tmp_path: Path) -> None:
    sound.write_wav(tmp_path / "tone.wav", TONE)
    assert np.abs(sound.read_wav(tmp_path / "tone.wav") - TONE).max() < 1e-4
    assert np.array_equal(sound.recording(tmp_path / "tone.wav"), sound.read_wav(tmp_path / "tone.wav"))


def test_recordings_are_repeated_to_a_length(tmp_path: Path) -> None:
    sound.write_wav(tmp_path / "long.wav", TONE, seconds=0.25)
    long = sound.read_wav(tmp_path / "long.wav")
    assert len(long) == 4000
    assert np.array_equal(long[1600:3200], long[:1600])
    assert len(sound.repeated(TONE, 0.25)) == 4800


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"no sound")
    with pytest.raises(AudioError, match="not a readable WAV file"):
        sound.read_wav(tmp_path / "x.wav")
    with pytest.raises(AudioError, match="not a readable WAV file"):
        sound.read_wav(tmp_path / "missing.wav")


def test_windows_start_at_different_places() -> None:
    windows = sound.cut_windows(TONE, 4, 2000)
    assert [len(window) for window in windows] == [2000] * 4
    assert len({float(window[0]) for window in windows}) == 4


def test_windows_of_the_bundled_recording_hold_whole_sentences() -> None:
    windows = sound.demo_windows(40)
    assert [len(window) for window in windows] == [sound.WINDOW] * 40
    assert len({float(np.abs(window).sum()) for window in windows}) > 4
    assert np.array_equal(sound.demo_windows(3)[2], windows[2])


def test_without_libraries_the_error_says_how_to_carry_the_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(AudioError, match="benchmarks sound --to") as raised:
        sound.recording()
    assert "\n" not in str(raised.value)


def test_noise_replaces_the_bundled_recording_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    assert len(sound.recording_or_noise()) == 60 * sound.RATE
    with pytest.raises(AudioError):
        sound.recording_or_noise(Path("missing.wav"))
