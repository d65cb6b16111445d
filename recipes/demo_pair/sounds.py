"""Audio without speech: noises, tones, hum, clicks and chords, synthesized from formulas."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from recipes.demo_pair.speak import SAMPLE_RATE

Samples = NDArray[np.float32]
Numbers = np.random.Generator
_Maker = Callable[[NDArray[np.float64], Numbers], NDArray[np.float64]]


def _noise(times: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """White to brown noise: power falls as frequency to the power 0 to 2."""
    spectrum = np.fft.rfft(numbers.standard_normal(len(times)))
    spectrum /= np.maximum(1, np.arange(len(spectrum))) ** numbers.uniform(0, 1)
    return np.fft.irfft(spectrum, len(times))


def _tone(times: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    return np.asarray(np.sin(2 * np.pi * 10 ** numbers.uniform(1.9, 3.7) * times))


def _beeps(times: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    period, share = numbers.uniform(0.2, 2.0), numbers.uniform(0.1, 0.7)
    return np.asarray(_tone(times, numbers) * ((times / period) % 1 < share))


def _sweep(times: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    low, high = np.sort(10 ** numbers.uniform(2, 3.7, 2))
    period = numbers.uniform(0.5, 6)
    frequency = low + (high - low) * ((times / period) % 1)
    return np.asarray(np.sin(2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE))


def _hum(times: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    base = numbers.choice([50, 60, 100, 120]) * numbers.uniform(0.98, 1.02)
    harmonics = [np.sin(2 * np.pi * base * k * times) * numbers.uniform(0, 1) / k for k in range(1, 12)]
    return np.asarray(np.sum(harmonics, axis=0))


def _clicks(times: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    clicks = (numbers.random(len(times)) < numbers.uniform(0.5, 8) / SAMPLE_RATE) * numbers.uniform(0.3, 1, len(times))
    decay = np.exp(-np.arange(800) / numbers.uniform(20, 300)) * numbers.standard_normal(800)
    return np.convolve(clicks, decay)[: len(times)]


def _chords(times: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """Three notes at a time, each chord with a sharp attack and a decay."""
    length = numbers.uniform(0.3, 1.5)
    chord = (times / length).astype(int)
    notes = 220 * 2 ** (numbers.integers(-12, 24, (chord[-1] + 1, 3)) / 12)
    waves = np.sin(2 * np.pi * notes[chord].T * times)
    return np.asarray(waves.sum(0) * np.exp(-3 * ((times / length) % 1)))


_MAKERS: tuple[_Maker, ...] = (_noise, _noise, _tone, _beeps, _sweep, _hum, _clicks, _chords)


def sound(seconds: float, seed: str) -> Samples:
    """Draw one sound, or two mixed.

    Returns:
        16 kHz mono samples, peak 0.005 to 0.5.
    """
    numbers = np.random.default_rng(list(seed.encode()))
    times = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    mixed = sum(
        numbers.uniform(0.1, 1) * noise / max(1e-9, float(np.abs(noise).max()))
        for noise in (_MAKERS[numbers.integers(len(_MAKERS))](times, numbers) for _ in range(numbers.integers(1, 3)))
    )
    peak = 0.5 * 10 ** numbers.uniform(-2, 0)
    return np.asarray(mixed / max(1e-9, float(np.abs(mixed).max())) * peak, np.float32)
