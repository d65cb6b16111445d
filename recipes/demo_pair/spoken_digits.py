"""Digits spoken by people: recordings of the Free Spoken Digit Dataset, joined into strings with pauses.

https://github.com/Jakobovski/free-spoken-digit-dataset, CC BY-SA 4.0. Nothing of it is stored in this repository; where
the archive is missing, the recipe runs without it. One speaker is held out of training altogether.
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
HELD_OUT_SPEAKER = "theo"
_TURNS = 0.3
"""Share of the training strings in which speakers take turns."""
_RAISED = 0.6
"""Share of the training strings whose quiet parts are raised."""

Samples = NDArray[np.float32]


def available(archive: Path = ARCHIVE) -> bool:
    """Whether the archive is there."""
    return archive.exists()


@lru_cache
def _recordings(archive: Path) -> dict[str, dict[int, list[Samples]]]:
    """Takes by speaker and digit: 16 kHz, trimmed, peak 0.5."""
    takes: dict[str, dict[int, list[Samples]]] = defaultdict(lambda: defaultdict(list))
    with tarfile.open(archive) as files:
        for member in sorted(files.getmembers(), key=lambda file: file.name):
            digit, speaker, _ = Path(member.name).stem.split("_")
            data = files.extractfile(member)
            assert data is not None
            samples, rate = soundfile.read(io.BytesIO(data.read()), dtype="float32")
            samples = trimmed(soxr.resample(samples, rate, SAMPLE_RATE))
            takes[speaker][int(digit)].append(samples * np.float32(0.5 / np.abs(samples).max()))
    return takes


def digit_strings(
    count: int, seed: int, split: Split, held_out_speaker: bool = False, archive: Path = ARCHIVE
) -> Iterator[tuple[Sentence, Voice, Samples]]:
    """Draw strings of three to eight digits, by one speaker each.

    Training strings are varied, so that three speakers sound like more: each is resampled by up to a quarter, which
    moves pitch and formants together, each digit by a little more; quiet parts are raised, the tone is coloured, and in
    some strings speakers take turns.

    Args:
        count: How many.
        seed: Of the strings.
        split: Which strings are drawn from.
        held_out_speaker: Draw the speaker that is held out, as recorded.
        archive: Of the recordings.

    Yields:
        The text, the speaker, and 16 kHz samples.
    """
    rng = random.Random(f"human {seed} {split}")
    takes = _recordings(archive)
    speakers = [speaker for speaker in sorted(takes) if (speaker == HELD_OUT_SPEAKER) == held_out_speaker]
    while count:
        digits = [rng.randrange(10) for _ in range(rng.randint(3, 8))]
        text = " ".join(DIGITS[digit] for digit in digits).capitalize() + "."
        if split_of(text) != split:
            continue
        count -= 1
        speaker, turns = rng.choice(speakers), not held_out_speaker and rng.random() < _TURNS
        parts: list[Samples] = []
        for digit in digits:
            pause = np.zeros(int(rng.uniform(0.03, 0.3) * SAMPLE_RATE), np.float32)
            take = rng.choice(takes[rng.choice(speakers) if turns else speaker][digit])
            if not held_out_speaker:
                take = _resampled(take, rng.uniform(0.9, 1.12)) * np.float32(rng.uniform(0.6, 1.0))
            parts += [take, pause]
        samples = np.concatenate(parts[:-1])
        if not held_out_speaker:
            samples = _coloured(_raised(_resampled(samples, rng.uniform(0.8, 1.25)), rng), rng)
        yield Sentence(text, text), Voice("human", speaker, 0, 0), samples.astype(np.float32)


def _resampled(samples: Samples, factor: float) -> Samples:
    return np.asarray(soxr.resample(samples, SAMPLE_RATE, SAMPLE_RATE * factor), np.float32)


def _raised(samples: Samples, rng: random.Random) -> Samples:
    """Raise quiet parts by up to the fourth root of how quiet they are: final consonants of others may be louder."""
    width = SAMPLE_RATE // 50
    power = np.convolve(samples**2, np.full(width, 1 / width, np.float32), "same")
    quiet = np.clip(power / power.max(), 1e-4, 1)
    return np.asarray(samples * quiet ** (-rng.uniform(0, 0.25) * (rng.random() < _RAISED)), np.float32)


def _coloured(samples: Samples, rng: random.Random) -> Samples:
    """Simulate another microphone: 4 to 12 dB up or down at each of five frequencies."""
    spectrum = np.fft.rfft(samples)
    bends = np.array([100, 500, 1_200, 2_200, 3_600])
    gains = np.array([rng.uniform(-6, 6), *(rng.uniform(-4, 4) for _ in bends[2:]), rng.uniform(-6, 12)])
    decibels = np.interp(np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE), bends, gains)
    coloured = np.fft.irfft(spectrum * 10 ** (decibels / 20), len(samples))
    return np.asarray(coloured * (0.5 / np.abs(coloured).max()), np.float32)
