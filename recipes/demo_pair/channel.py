"""Channel simulation: reverberation and telephone bands, applied to samples before features are computed."""

import random

import numpy as np
import soxr
from numpy.typing import NDArray

from recipes.demo_pair.speak import SAMPLE_RATE

Samples = NDArray[np.float32]
_REVERBERANT, _TELEPHONE = 0.3, 0.15
"""Shares of sentences."""
_SPEED_OF_SOUND = 343.0


def simulate_channel(samples: Samples, rng: random.Random) -> Samples:
    """Add reverberation to some sentences and a telephone's band to some; the length stays the same."""
    if rng.random() < _REVERBERANT:
        samples = reverberate(samples, rng.uniform(0.1, 0.6), rng.uniform(0.1, 0.7), rng.getrandbits(32))
    if rng.random() < _TELEPHONE:
        narrow = soxr.resample(samples, SAMPLE_RATE, SAMPLE_RATE // 2)
        samples = soxr.resample(narrow, SAMPLE_RATE // 2, SAMPLE_RATE)[: len(samples)].astype(np.float32)
    return samples


def reverberate(samples: Samples, seconds: float, share: float, seed: int) -> Samples:
    """Convolve with a synthetic room response: the direct sound, then decaying noise.

    Args:
        samples: 16 kHz mono.
        seconds: Time in which the noise falls by 60 dB.
        share: Its energy, as a share of the direct sound's.
        seed: Of the response.

    Returns:
        Samples of the same length and peak.
    """
    numbers = np.random.default_rng(seed)
    length = int(seconds * SAMPLE_RATE)
    decay = 10.0 ** (-3 * np.arange(length) / length)
    response = numbers.standard_normal(length) * decay
    first = int(numbers.uniform(1, 8) / _SPEED_OF_SOUND * SAMPLE_RATE)
    response[:first] = 0
    response *= np.sqrt(share / max(1e-9, float(np.square(response).sum())))
    response[0] = 1.0
    size = 1 << (len(samples) + length).bit_length()
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)[: len(samples)]
    return np.asarray(wet * (np.abs(samples).max() / max(1e-9, np.abs(wet).max())), np.float32)
