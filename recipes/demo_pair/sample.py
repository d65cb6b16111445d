"""The bundled recording: held-out sentences in four languages, by seen voices, with natural pauses.

It is longer than two 30 s windows, so that long-form decoding is exercised: English first, then German, French and
Spanish. It is written as Opus in Ogg, with the true text and times beside it. A first transcript should be right, and
this pair gets some sentences wrong (the model card says how many): a drawn sentence that is not transcribed right in
its place, with English named for the whole recording, is skipped, and ``sample.json`` counts them. The recording shows
how the pair is used, not how good it is.
"""

import io
import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from recipes.demo_pair.domain import sentences
from recipes.demo_pair.recipe import ASSETS, Recipe, RecipeError
from recipes.demo_pair.scores import words
from recipes.demo_pair.speak import SAMPLE_RATE, speak
from recipes.demo_pair.voices import Voice
from whisper_magic import Engine

VOICES = {
    "en": (
        Voice("flite", "slt", 160, 50),
        Voice("espeak-ng", "en-gb+m3", 150, 45),
        Voice("espeak-ng", "en-us+Annie", 155, 55),
    ),
    "de": (Voice("espeak-ng", "de+f2", 150, 50), Voice("espeak-ng", "de+m1", 150, 45)),
    "fr": (Voice("espeak-ng", "fr-fr+Annie", 150, 55), Voice("espeak-ng", "fr-fr+m3", 150, 45)),
    "es": (Voice("espeak-ng", "es+m1", 150, 45), Voice("espeak-ng", "es-419+f2", 150, 50)),
}
_PARTS = (("en", 0.3, 24.0), ("de", 30.4, 39.0), ("fr", 42.0, 52.0), ("es", 60.4, 70.0))
"""Each part's language, where it starts, and where its last sentence may start, in seconds."""
_PAUSE = (0.4, 1.0)
_DRAWN = 400
_SKIPPED_IN_A_ROW = 30
"""After so many, the recording so far is transcribed wrong whatever follows, and another seed is needed."""
_MIN_LOGPROB = -0.9
"""Mean log-probability of every segment, above the threshold of the temperature fallback."""

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class TrueSegment:
    """A sentence of the sample: its text, times in seconds, language, English translation, and voice."""

    start: float
    end: float
    text: str
    language: str
    english: str
    voice: str


@dataclass(frozen=True)
class SampleRecording:
    """A recording that grows sentence by sentence."""

    samples: Samples
    segments: tuple[TrueSegment, ...] = ()

    @property
    def text(self) -> str:
        """The true text."""
        return " ".join(segment.text for segment in self.segments)

    def silent_until(self, second: float) -> "SampleRecording":
        """The same, with silence up to ``second``."""
        missing = max(0, int(second * SAMPLE_RATE) - len(self.samples))
        return SampleRecording(np.concatenate([self.samples, np.zeros(missing, np.float32)]), self.segments)

    def with_sentence(self, language: str, text: str, english: str, rng: random.Random) -> "SampleRecording":
        """The same, with one sentence and one pause more."""
        voice = VOICES[language][len(self.segments) % len(VOICES[language])]
        spoken = speak(text, voice)
        start, end = len(self.samples) / SAMPLE_RATE, (len(self.samples) + len(spoken)) / SAMPLE_RATE
        silence = np.zeros(int(rng.uniform(*_PAUSE) * SAMPLE_RATE), np.float32)
        segment = TrueSegment(round(start, 3), round(end, 3), text, language, english, voice.name)
        return SampleRecording(np.concatenate([self.samples, spoken, silence]), (*self.segments, segment))


def make_sample(recipe: Recipe, folder: Path = ASSETS) -> None:
    """Write ``sample.ogg`` and ``sample.json`` for the pair in ``folder``."""
    rng = random.Random(f"sample {recipe.sample_seed}")
    recording, skipped = SampleRecording(np.zeros(0, np.float32)), 0
    with Engine.load(str(folder / "target"), "none", device="cpu") as engine:
        for language, begin, end in _PARTS:
            candidates = iter(sentences(language, _DRAWN, recipe.sample_seed, "held_out"))
            recording, in_a_row = recording.silent_until(begin), 0
            while len(recording.samples) < end * SAMPLE_RATE:
                longer = recording.with_sentence(language, *next(candidates), rng)
                if not _transcribed_right(engine, longer):
                    skipped, in_a_row = skipped + 1, in_a_row + 1
                    if in_a_row == _SKIPPED_IN_A_ROW:
                        raise RecipeError(
                            f"no sentence is transcribed right after {recording.text[-40:]!r}: use another sample_seed"
                        )
                    continue
                recording, in_a_row = longer, 0
                last = recording.segments[-1]
                print(f"{last.end:6.2f} s, {skipped} skipped: {last.text}", flush=True)
    _write(recording, skipped, folder)


def _transcribed_right(engine: Engine, recording: SampleRecording) -> bool:
    """Whether both modes transcribe it right at temperature 0, without need of a fallback."""
    audio = _as_opus(recording.samples)
    for mode in ("sequential", "batched"):
        transcript = engine.transcribe(audio, language="en", temperature=0.0, mode=mode)
        doubtful = any(segment.avg_logprob < _MIN_LOGPROB for segment in transcript.segments)
        if doubtful or words(transcript.text) != words(recording.text):
            return False
    return True


def _write(recording: SampleRecording, skipped: int, folder: Path) -> None:
    (folder / "sample.ogg").write_bytes(_as_opus(recording.samples))
    truth = {
        "language": "en",
        "duration": round(len(recording.samples) / SAMPLE_RATE, 3),
        "text": recording.text,
        "sentences_skipped": skipped,
        "segments": [asdict(segment) for segment in recording.segments],
    }
    (folder / "sample.json").write_text(json.dumps(truth, indent=1, ensure_ascii=False) + "\n")
    size = (folder / "sample.ogg").stat().st_size
    print(f"{folder / 'sample.ogg'}: {len(recording.segments)} sentences, {truth['duration']} s, {size / 1e3:.0f} kB")


def _as_opus(samples: Samples) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="OGG", subtype="OPUS")
    return file.getvalue()
