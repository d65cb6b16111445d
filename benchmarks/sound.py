"""The sound to measure on. Needs neither libsndfile nor FFmpeg where it is given as WAV: the bundled recording can be
written as such on one machine (`python -m benchmarks sound --to sample.wav`) and carried to another."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from whisper_magic.audio import load as loading
from whisper_magic.engine.model.hub import demo_folder
from whisper_magic.errors import AudioError

RATE = 16_000  # Hz
WINDOW = 30 * RATE  # samples
Samples = npt.NDArray[np.float32]


def recording(path: Path | None = None) -> Samples:
    """(n,) float32 at 16 kHz: a WAV file of ours, or the bundled recording.

    Raises:
        AudioError: where it cannot be read; says how to carry it.
    """
    if path is not None:
        return read_wav(path)
    carried = demo_folder() / "sample.wav"
    if carried.is_file():
        return read_wav(carried)
    try:
        return np.asarray(loading.load(demo_folder() / "sample.ogg").samples, np.float32)
    except AudioError as error:
        advice = "write it where soundfile is installed: python -m benchmarks sound --to sample.wav"
        raise AudioError(f"the bundled recording cannot be read here ({error}); {advice}, and pass --audio") from error


def any_recording(path: Path | None = None) -> Samples:
    """The recording, or noise where it cannot be read: random weights hear nothing in either."""
    try:
        return recording(path)
    except AudioError:
        if path is not None:
            raise
        return np.random.default_rng(0).standard_normal(60 * RATE).astype(np.float32) * np.float32(0.1)


def read_wav(path: Path) -> Samples:
    """(n,) float32 of a mono 16-bit WAV file at 16 kHz."""
    try:
        with wave.open(str(path), "rb") as file:
            if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE):
                raise AudioError(f"{path} is not 16-bit mono at {RATE} Hz: write it with the suite 'sound'")
            data = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise AudioError(f"{path} is no WAV file that can be read: {error}") from error
    samples: Samples = np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)
    return samples


def write_wav(path: Path, samples: Samples, seconds: float | None = None) -> None:
    """Write 16-bit mono. seconds: as long as that, the samples repeated; piece by piece, so that hours fit."""
    data = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    left = len(data) if seconds is None else 2 * round(seconds * RATE)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        while left > 0:
            file.writeframesraw(data[:left])
            left -= len(data)


def at_least(samples: Samples, seconds: float) -> Samples:
    """The recording, whole, as often as it takes to last that long."""
    return np.tile(samples, -(-round(seconds * RATE) // len(samples)))


def windows(samples: Samples, count: int, window_samples: int) -> list[Samples]:
    """That many stretches of one window's length, beginning at different places of the recording."""
    step = max(1, len(samples) // count)
    ring = np.tile(samples, 2 + -(-window_samples // len(samples)))
    return [ring[i * step : i * step + window_samples] for i in range(count)]


def demo_windows(count: int, path: Path | None = None) -> list[Samples]:
    """That many windows of whole sentences: as many as fit, from each sentence of the bundled recording on.

    A window that breaks off in a word makes a small model repeat itself, which no cutter at pauses would let happen.
    path: another recording, of which nothing is known; it is cut anywhere.
    """
    samples = recording(path)
    if path is not None:
        return windows(samples, count, WINDOW)
    sentences = [(round(s["start"] * RATE), round(s["end"] * RATE)) for s in _sentences()]
    cut = []
    for start, _ in sentences:
        end = max(end for _, end in sentences if end <= start + WINDOW)
        cut.append(np.pad(samples[start:end], (0, WINDOW - (end - start))))
    return [cut[i % len(cut)] for i in range(count)]


def _sentences() -> list[dict[str, Any]]:
    """What is said in the bundled recording, and when (seconds)."""
    found: list[dict[str, Any]] = json.loads((demo_folder() / "sample.json").read_text())["segments"]
    return found
