"""The bundled recording: held-out sentences in three voices that training heard, with natural pauses.

Longer than one 30 s window, so that long-form reading is exercised. Written as Opus in Ogg, with the true text and
times beside it.
"""

import json
import random
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import soundfile

from training.domain import sentences
from training.recipe import ASSETS, Recipe
from training.speak import SAMPLE_RATE, speak
from training.voices import Voice

VOICES = (
    Voice("flite", "slt", 160, 50),
    Voice("espeak-ng", "en-gb+m3", 150, 45),
    Voice("espeak-ng", "en-us+Annie", 155, 55),
)
_SECONDS = 48.0
_PAUSE = (0.4, 1.0)


@dataclass(frozen=True)
class TrueSegment:
    """A sentence of the sample: what is said, when (seconds), and by whom."""

    start: float
    end: float
    text: str
    voice: str


def make_sample(recipe: Recipe, folder: Path = ASSETS) -> None:
    """Write ``sample.ogg`` and ``sample.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(f"sample {recipe.sample_seed}")
    lead = np.zeros(int(0.3 * SAMPLE_RATE), np.float32)
    parts, segments, cursor = [lead], [], len(lead)
    for sentence, voice in zip(sentences("en", 99, recipe.sample_seed, "held_out"), cycle(VOICES), strict=False):
        samples = speak(sentence.text, voice)
        start, end = cursor / SAMPLE_RATE, (cursor + len(samples)) / SAMPLE_RATE
        segments.append(TrueSegment(round(start, 3), round(end, 3), sentence.text, voice.name))
        pause = np.zeros(int(rng.uniform(*_PAUSE) * SAMPLE_RATE), np.float32)
        parts += [samples, pause]
        cursor += len(samples) + len(pause)
        if cursor > _SECONDS * SAMPLE_RATE:
            break
    audio = np.concatenate(parts)
    soundfile.write(folder / "sample.ogg", audio, SAMPLE_RATE, format="OGG", subtype="OPUS")
    truth = {
        "language": "en",
        "duration": round(len(audio) / SAMPLE_RATE, 3),
        "text": " ".join(segment.text for segment in segments),
        "segments": [asdict(segment) for segment in segments],
    }
    (folder / "sample.json").write_text(json.dumps(truth, indent=1) + "\n")
    size = (folder / "sample.ogg").stat().st_size
    print(f"{folder / 'sample.ogg'}: {len(segments)} sentences, {truth['duration']} s, {size / 1e3:.0f} kB")
