"""Speech synthesis: espeak-ng and flite, trimmed to the speech and resampled to 16 kHz mono."""

import io
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from shutil import which

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from recipes.demo_pair import espeak_library
from recipes.demo_pair.recipe import RecipeError
from recipes.demo_pair.voices import Voice

SAMPLE_RATE = 16_000
_QUIET = 10 ** (-45 / 20)
"""Fraction of the peak below which the ends of an utterance count as silence."""


class SpeechError(RecipeError):
    """A synthesizer is missing, failed, or produced no sound."""


def available(voice: Voice) -> Voice:
    """The voice itself, or espeak-ng's American one in place of a flite voice where flite is missing."""
    if voice.synthesizer == "flite" and which("flite") is None:
        return replace(voice, synthesizer="espeak-ng", name="en-us")
    return voice


def speak(text: str, voice: Voice) -> NDArray[np.float32]:
    """Synthesize a text.

    Returns:
        16 kHz mono samples with peak 0.5, from the first sound to the last.

    Raises:
        SpeechError: The synthesizer is missing, failed, or produced silence.
    """
    samples, rate = _raw(text, voice)
    if not len(samples) or not np.abs(samples).max() > 0:
        raise SpeechError(f"{voice} produced no sound for {text!r}")
    if rate != SAMPLE_RATE:
        samples = soxr.resample(samples, rate, SAMPLE_RATE)
    samples = trimmed(samples)
    return np.asarray(samples * (0.5 / np.abs(samples).max()), dtype=np.float32)


def _raw(text: str, voice: Voice) -> tuple[NDArray[np.float32], int]:
    """The synthesizer's samples, and their rate. espeak-ng may be a program or a library."""
    if which(voice.synthesizer) is not None:
        wav = _espeak(text, voice) if voice.synthesizer == "espeak-ng" else _flite(text, voice)
        samples, rate = soundfile.read(io.BytesIO(wav), dtype="float32")
        return samples, rate
    if voice.synthesizer == "espeak-ng" and espeak_library.available():
        library = espeak_library.library()
        spoken = library.speak(text, voice.name, voice.speed, voice.pitch)
        return np.asarray(spoken / 32768, np.float32), library.rate
    raise SpeechError(
        f"{voice.synthesizer} is not installed: apt-get install espeak-ng flite, or pip install espeakng-loader"
    )


def _espeak(text: str, voice: Voice) -> bytes:
    command = ["espeak-ng", "-v", voice.name, "-s", str(voice.speed), "-p", str(voice.pitch), "--stdout", text]
    wav = _output_of(command)
    # espeak-ng writes a streaming header whose length is 0x7ffff000: replace it by the true one.
    size = len(wav) - 44
    return wav[:4] + (size + 36).to_bytes(4, "little") + wav[8:40] + size.to_bytes(4, "little") + wav[44:]


def _flite(text: str, voice: Voice) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        stretch = f"duration_stretch={175 / voice.speed:.3f}"
        _output_of(["flite", "-voice", voice.name, "--setf", stretch, "-t", text, "-o", str(path)])
        return path.read_bytes()


def _output_of(command: list[str]) -> bytes:
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    if done.returncode:
        raise SpeechError(f"{' '.join(command)} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def trimmed(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut the silence at both ends."""
    loud = np.flatnonzero(np.abs(samples) > _QUIET * np.abs(samples).max())
    return samples[loud[0] : loud[-1] + 1]
