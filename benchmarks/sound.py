"""The audio that is measured on.

A machine without libsndfile can read WAV: `python -m benchmarks sound --to sample.wav` writes the bundled recording so.
It is passed with --audio, or placed beside the bundled recording in `whisper_magic/assets/demo`.
"""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.settings import DEMO_FOLDER
from whisper_magic.errors import AudioError

RATE = 16_000  # Hz
WINDOW = 30 * RATE  # samples
Samples = npt.NDArray[np.float32]


def recording(path: Path | None = None) -> Samples:
    """Read the bundled recording, or a WAV file.

    Args:
        path: A 16-bit mono WAV file at 16 kHz; None reads the bundled recording.

    Returns:
        (n,) float32 at 16 kHz.

    Raises:
        AudioError: It cannot be read here; the message says what to do.
    """
    if path is not None:
        return read_wav(path)
    if (wav := DEMO_FOLDER / "sample.wav").is_file():
        return read_wav(wav)
    try:
        import soundfile

        samples, _ = soundfile.read(DEMO_FOLDER / "sample.ogg", dtype="float32")
    except (ImportError, OSError, RuntimeError) as error:
        advice = "write it where soundfile is installed: python -m benchmarks sound --to sample.wav"
        raise AudioError(f"the bundled recording cannot be read here ({error}); {advice}, and pass --audio") from error
    return np.asarray(samples, np.float32)


def recording_or_noise(path: Path | None = None) -> Samples:
    """Read `recording`; a minute of noise where the bundled one cannot be read. Random weights need no speech."""
    try:
        return recording(path)
    except AudioError:
        if path is not None:
            raise
        return np.random.default_rng(0).standard_normal(60 * RATE).astype(np.float32) * np.float32(0.1)


def read_wav(path: Path) -> Samples:
    """Read a mono 16-bit WAV file at 16 kHz: (n,) float32.

    Raises:
        AudioError: It is not such a file.
    """
    try:
        with wave.open(str(path), "rb") as file:
            if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE):
                raise AudioError(f"{path} is not 16-bit mono at {RATE} Hz: write it with the suite 'sound'")
            data = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise AudioError(f"{path} is not a readable WAV file: {error}") from error
    samples: Samples = np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)
    return samples


def write_wav(path: Path, samples: Samples, seconds: float | None = None) -> None:
    """Write a 16-bit mono WAV file, in pieces, so that hours fit in memory.

    Args:
        path: The file.
        samples: (n,) float32 at 16 kHz.
        seconds: Repeat the samples up to this length; None writes them once.
    """
    data = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    left = len(data) if seconds is None else 2 * round(seconds * RATE)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        while left > 0:
            file.writeframesraw(data[:left])
            left -= len(data)


def repeated(samples: Samples, seconds: float) -> Samples:
    """Repeat the whole recording until it lasts at least `seconds`."""
    return np.tile(samples, -(-round(seconds * RATE) // len(samples)))


def cut_windows(samples: Samples, count: int, window_samples: int) -> list[Samples]:
    """Cut `count` windows of `window_samples` samples that start at different places of the recording."""
    step = max(1, len(samples) // count)
    ring = np.tile(samples, 2 + -(-window_samples // len(samples)))
    return [ring[i * step : i * step + window_samples] for i in range(count)]


def demo_windows(count: int, path: Path | None = None) -> list[Samples]:
    """Cut 30 s windows of whole sentences.

    A window that ends inside a word makes a small model repeat itself, which cutting at pauses avoids.

    Args:
        count: Number of windows. Each starts at another sentence and holds as many as fit; they repeat if need be.
        path: Another recording, cut anywhere.
    """
    samples = recording(path)
    if path is not None:
        return cut_windows(samples, count, WINDOW)
    sentences = [(round(s["start"] * RATE), round(s["end"] * RATE)) for s in _sentences()]
    cut = []
    for start, _ in sentences:
        end = max(end for _, end in sentences if end <= start + WINDOW)
        cut.append(np.pad(samples[start:end], (0, WINDOW - (end - start))))
    return [cut[i % len(cut)] for i in range(count)]


def _sentences() -> list[dict[str, Any]]:
    """The sentences of the bundled recording, with start and end in seconds."""
    sentences: list[dict[str, Any]] = json.loads((DEMO_FOLDER / "sample.json").read_text())["segments"]
    return sentences
