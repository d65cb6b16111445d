"""Where a sentence is said: reverberation and telephone bands, done to samples before they become mels."""

import random

import numpy as np
import soxr
from numpy.typing import NDArray

from recipes.demo_pair.speak import SAMPLE_RATE

Samples = NDArray[np.float32]
_REVERBERANT, _TELEPHONE = 0.3, 0.15
_SOUND = 343.0


def in_a_room(samples: Samples, rng: random.Random) -> Samples:
    """The same sentence, of the same length, for some draws with an echo or through a telephone."""
    if rng.random() < _REVERBERANT:
        samples = reverberated(samples, rng.uniform(0.1, 0.6), rng.uniform(0.1, 0.7), rng.getrandbits(32))
    if rng.random() < _TELEPHONE:
        narrow = soxr.resample(samples, SAMPLE_RATE, SAMPLE_RATE // 2)
        samples = soxr.resample(narrow, SAMPLE_RATE // 2, SAMPLE_RATE)[: len(samples)].astype(np.float32)
    return samples


def reverberated(samples: Samples, seconds: float, share: float, seed: int) -> Samples:
    """Convolved with a made-up room: the direct sound, then noise that falls by 60 dB in ``seconds``, whose energy
    is ``share`` of the direct sound's. Cut to the length of ``samples``; same peak."""
    numbers = np.random.default_rng(seed)
    length = int(seconds * SAMPLE_RATE)
    falling = 10.0 ** (-3 * np.arange(length) / length)
    echo = numbers.standard_normal(length) * falling
    first = int(numbers.uniform(1, 8) / _SOUND * SAMPLE_RATE)
    echo[:first] = 0
    echo *= np.sqrt(share / max(1e-9, float(np.square(echo).sum())))
    echo[0] = 1.0
    size = 1 << (len(samples) + length).bit_length()
    heard = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(echo, size), size)[: len(samples)]
    return np.asarray(heard * (np.abs(samples).max() / max(1e-9, np.abs(heard).max())), np.float32)
