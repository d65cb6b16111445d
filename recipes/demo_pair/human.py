"""Real people: single digits of the Free Spoken Digit Dataset, put together into strings with pauses.

https://github.com/Jakobovski/free-spoken-digit-dataset, CC BY-SA 4.0. Nothing of it is kept in this repository; where
the archive is missing the recipe does without, and says so. One speaker is left out of training altogether.
"""

import io
import random
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from recipes.demo_pair.domain import Sentence, Split, split_of
from recipes.demo_pair.grammar_en import DIGITS
from recipes.demo_pair.recipe import HERE
from recipes.demo_pair.speak import SAMPLE_RATE, trimmed
from recipes.demo_pair.voices import Voice

ARCHIVE = HERE.parents[2] / "shared" / "audio" / "fsdd_four_speakers.tar.xz"
"""An archive of ``digit_speaker_take.wav``, 8 kHz."""
_TURNS = 0.3
"""Share of the strings for training whose digits several speakers say."""
_RAISED = 0.6
"""Share of them whose quiet parts are raised."""
LEFT_OUT = "theo"
"""The speaker that training never hears."""

Samples = NDArray[np.float32]


def present(archive: Path = ARCHIVE) -> bool:
    """Whether the archive is there."""
    return archive.exists()


@lru_cache
def _recordings(archive: Path) -> dict[str, dict[int, list[Samples]]]:
    """Takes by speaker and digit: 16 kHz, trimmed, peak 0.5."""
    found: dict[str, dict[int, list[Samples]]] = defaultdict(lambda: defaultdict(list))
    with tarfile.open(archive) as files:
        for member in sorted(files.getmembers(), key=lambda one: one.name):
            digit, speaker, _ = Path(member.name).stem.split("_")
            data = files.extractfile(member)
            assert data is not None
            samples, rate = soundfile.read(io.BytesIO(data.read()), dtype="float32")
            samples = trimmed(soxr.resample(samples, rate, SAMPLE_RATE))
            found[speaker][int(digit)].append(samples * np.float32(0.5 / np.abs(samples).max()))
    return found


def digit_strings(
    count: int, seed: int, split: Split, left_out: bool = False, archive: Path = ARCHIVE
) -> Iterator[tuple[Sentence, Voice, Samples]]:
    """Strings of 3 to 8 digits by one speaker each: what is said, who says it, and 16 kHz samples.

    For training, every string is also resampled by up to a quarter, which moves pitch and formants together, every
    digit by a little more, its quiet parts are raised and its tone is coloured, and in some strings speakers take
    turns, so that three speakers sound like more. ``left_out`` gives the other speaker, as recorded.
    """
    rng = random.Random(f"human {seed} {split}")
    takes = _recordings(archive)
    speakers = [speaker for speaker in sorted(takes) if (speaker == LEFT_OUT) == left_out]
    while count:
        digits = [rng.randrange(10) for _ in range(rng.randint(3, 8))]
        text = " ".join(DIGITS[digit] for digit in digits).capitalize() + "."
        if split_of(text) != split:
            continue
        count -= 1
        speaker, turns = rng.choice(speakers), not left_out and rng.random() < _TURNS
        parts: list[Samples] = []
        for digit in digits:
            pause = np.zeros(int(rng.uniform(0.03, 0.3) * SAMPLE_RATE), np.float32)
            said = rng.choice(takes[rng.choice(speakers) if turns else speaker][digit])
            if not left_out:
                said = _resampled(said, rng.uniform(0.9, 1.12)) * np.float32(rng.uniform(0.6, 1.0))
            parts += [said, pause]
        samples = np.concatenate(parts[:-1])
        if not left_out:
            samples = _coloured(_raised(_resampled(samples, rng.uniform(0.8, 1.25)), rng), rng)
        yield Sentence(text, text), Voice("human", speaker, 0, 0), samples.astype(np.float32)


def _resampled(samples: Samples, factor: float) -> Samples:
    return np.asarray(soxr.resample(samples, SAMPLE_RATE, SAMPLE_RATE * factor), np.float32)


def _raised(samples: Samples, rng: random.Random) -> Samples:
    """Quiet parts raised by up to the fourth root of how quiet they are: another's final consonants may be louder."""
    width = SAMPLE_RATE // 50
    power = np.convolve(samples**2, np.full(width, 1 / width, np.float32), "same")
    quiet = np.clip(power / power.max(), 1e-4, 1)
    return np.asarray(samples * quiet ** (-rng.uniform(0, 0.25) * (rng.random() < _RAISED)), np.float32)


def _coloured(samples: Samples, rng: random.Random) -> Samples:
    """Through another microphone: 4 to 12 dB up or down at each of five frequencies."""
    spectrum = np.fft.rfft(samples)
    bends = np.array([100, 500, 1_200, 2_200, 3_600])
    gains = np.array([rng.uniform(-6, 6), *(rng.uniform(-4, 4) for _ in bends[2:]), rng.uniform(-6, 12)])
    decibels = np.interp(np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE), bends, gains)
    coloured = np.fft.irfft(spectrum * 10 ** (decibels / 20), len(samples))
    return np.asarray(coloured * (0.5 / np.abs(coloured).max()), np.float32)
