"""The bundled recording: held-out sentences in three voices that training heard, with natural pauses.

Longer than one 30 s window, so that long-form reading is exercised. Written as Opus in Ogg, with the true text and
times beside it. A newcomer's first transcript should be right, and this pair misreads some sentences (the model card
says how many): a drawn sentence which the pair does not read right in its place is passed over, and `sample.json`
counts those that were. The recording comes in two parts, one for each window. It shows how the pair is used, not how
good it is.
"""

import io
import json
import random
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from training.domain import sentences
from training.recipe import ASSETS, Recipe
from training.speak import SAMPLE_RATE, speak
from training.voices import Voice
from whisper_magic import Engine

VOICES = (
    Voice("flite", "slt", 160, 50),
    Voice("espeak-ng", "en-gb+m3", 150, 45),
    Voice("espeak-ng", "en-us+Annie", 155, 55),
)
_PARTS = ((0.3, 22.0), (30.4, 41.0))
"""Where each part begins, and where its last sentence may begin, in seconds."""
_PAUSE = (0.4, 1.0)


@dataclass(frozen=True)
class TrueSegment:
    """A sentence of the sample: what is said, when (seconds), and by whom."""

    start: float
    end: float
    text: str
    voice: str


@dataclass
class Draft:
    """A recording that grows sentence by sentence."""

    samples: np.ndarray
    segments: list[TrueSegment]

    @property
    def text(self) -> str:
        """What is said."""
        return " ".join(segment.text for segment in self.segments)

    def silent_until(self, second: float) -> "Draft":
        """The same, with silence up to ``second``."""
        missing = max(0, int(second * SAMPLE_RATE) - len(self.samples))
        return Draft(np.concatenate([self.samples, np.zeros(missing, np.float32)]), self.segments)

    def with_sentence(self, text: str, voice: Voice, pause: float) -> "Draft":
        """The same, one sentence and one pause longer."""
        said = speak(text, voice)
        start, end = len(self.samples) / SAMPLE_RATE, (len(self.samples) + len(said)) / SAMPLE_RATE
        silence = np.zeros(int(pause * SAMPLE_RATE), np.float32)
        segment = TrueSegment(round(start, 3), round(end, 3), text, voice.name)
        return Draft(np.concatenate([self.samples, said, silence]), [*self.segments, segment])


def make_sample(recipe: Recipe, folder: Path = ASSETS) -> None:
    """Write ``sample.ogg`` and ``sample.json`` for the pair in ``folder``."""
    rng = random.Random(f"sample {recipe.sample_seed}")
    candidates = iter(sentences("en", 400, recipe.sample_seed, "held_out"))
    draft, passed_over = Draft(np.zeros(0, np.float32), []), 0
    with Engine.load(str(folder / "target"), "none", device="cpu") as engine:
        for begin, end in _PARTS:
            draft = draft.silent_until(begin)
            while len(draft.samples) < end * SAMPLE_RATE:
                sentence = next(candidates)
                voice = VOICES[len(draft.segments) % len(VOICES)]
                longer = draft.with_sentence(sentence.text, voice, rng.uniform(*_PAUSE))
                if _words(engine.transcribe(_as_opus(longer.samples)).text) != _words(longer.text):
                    passed_over += 1
                    continue
                draft = longer
                print(f"{draft.segments[-1].end:6.2f} s, {passed_over} passed over: {sentence.text}", flush=True)
    _write(draft, passed_over, folder)


def _write(draft: Draft, passed_over: int, folder: Path) -> None:
    (folder / "sample.ogg").write_bytes(_as_opus(draft.samples))
    truth = {
        "language": "en",
        "duration": round(len(draft.samples) / SAMPLE_RATE, 3),
        "text": draft.text,
        "sentences_passed_over": passed_over,
        "segments": [asdict(segment) for segment in draft.segments],
    }
    (folder / "sample.json").write_text(json.dumps(truth, indent=1) + "\n")
    size = (folder / "sample.ogg").stat().st_size
    print(f"{folder / 'sample.ogg'}: {len(draft.segments)} sentences, {truth['duration']} s, {size / 1e3:.0f} kB")


def _as_opus(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="OGG", subtype="OPUS")
    return file.getvalue()


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())
