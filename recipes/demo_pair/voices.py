"""The synthetic voices, and which of them are held out of training.

Held-out voices are whole espeak-ng variants, in every accent, so that an unseen voice is new in pitch, formants and
timbre, not only in its accent.
"""

import random
from dataclasses import dataclass

ACCENTS = {
    "en": {
        "en-us": 5.0,
        "en-gb": 5.0,
        "en-gb-scotland": 1.5,
        "en-029": 1.0,
        "en-gb-x-rp": 2.0,
        "en-gb-x-gbclan": 1.0,
        "en-gb-x-gbcwmd": 1.0,
        "en-us-nyc": 1.5,
    },
    "de": {"de": 1.0},
    "fr": {"fr-fr": 3.0, "fr-be": 1.0, "fr-ch": 1.0},
    "es": {"es": 1.0, "es-419": 1.0},
}
"""espeak-ng accents by language, and how often each is drawn."""


VARIANTS = [
    "m1",
    "m2",
    "m3",
    "m4",
    "m5",
    "m6",
    "m8",
    "f1",
    "f2",
    "f3",
    "f5",
    "Alex",
    "Andrea",
    "Andy",
    "Annie",
    "Denis",
    "Diogo",
    "Gene",
    "Hugo",
    "Jacky",
    "Lee",
    "Marco",
    "Mario",
    "Michael",
    "Mike",
    "adam",
    "announcer",
    "antonio",
    "aunty",
    "belinda",
    "boris",
    "caleb",
    "david",
    "ed",
    "edward",
    "grandma",
    "grandpa",
    "gustave",
    "iven",
    "john",
    "linda",
    "max",
    "michel",
    "miguel",
    "norbert",
    "pablo",
    "paul",
    "pedro",
    "quincy",
    "rob",
    "robert",
    "sandro",
    "shelby",
    "steph",
    "victor",
    "zac",
    "klatt2",
    "klatt4",
]
"""espeak-ng voice variants in the training data; the empty variant is the accent's own voice."""

HELD_OUT_VARIANTS = ("m7", "f4", "benjamin", "anika")
"""espeak-ng voice variants held out for evaluation."""

FLITE = {"en": ("kal16", "awb", "rms", "slt")}
FLITE_SHARE = 0.2


@dataclass(frozen=True)
class Voice:
    """A synthesizer's voice.

    Attributes:
        synthesizer: "espeak-ng", "flite", or "human" for a recorded speaker.
        name: As the synthesizer calls it.
        speed: Words per minute; flite is given ``speed / 175`` as its rate.
        pitch: 0 to 99, espeak-ng alone.
    """

    synthesizer: str
    name: str
    speed: int
    pitch: int


def draw_voice(language: str, rng: random.Random, held_out: bool = False) -> Voice:
    """Draw a voice for one utterance. held_out: one that is not in the training data."""
    speed, pitch = rng.randint(135, 200), rng.randint(30, 70)
    if not held_out and language in FLITE and rng.random() < FLITE_SHARE:
        return Voice("flite", rng.choice(FLITE[language]), speed, pitch)
    accent = rng.choices(list(ACCENTS[language]), list(ACCENTS[language].values()))[0]
    if held_out:
        return Voice("espeak-ng", f"{accent}+{rng.choice(HELD_OUT_VARIANTS)}", speed, pitch)
    variant = rng.choice(["", "", "", *VARIANTS])
    return Voice("espeak-ng", f"{accent}+{variant}" if variant else accent, speed, pitch)
