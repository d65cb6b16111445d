"""A library of made recordings, of any size: a few words each, figures from a fixed seed. No model, little sound."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from whisper_magic.library import schema
from whisper_magic.library.store import Store
from whisper_magic.library.transcript_rows import insert_segments, packed
from whisper_magic.transcript import Segment, Transcript, Word

WORDS = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "that",
    "it",
    "was",
    "his",
    "her",
    "with",
    "two",
    "hundred",
    "three",
    "ships",
    "harbour",
    "morning",
    "light",
    "window",
    "letter",
    "answer",
    "doctor",
    "river",
    "winter",
    "garden",
    "silence",
    "captain",
    "promise",
    "thunder",
    "village",
    "yesterday",
    "perhaps",
    "remember",
    "mountain",
]
FLAGS = ("no voice detected", "compression ratio", "repeats the previous segments")
LANGUAGES = ("en", "en", "en", "de", "fr")
SEGMENTS = 10


def make(
    path: Path,
    count: int,
    *,
    sound: Path | None = None,
    words: Sequence[str] = WORDS,
    weights: Sequence[float] | None = None,
) -> Path:
    """Make a library.

    Args:
        path: Of its file.
        count: Number of recordings, of ten segments each.
        sound: A folder in which the first three recordings are files of 20 s that can be played.
        words: What is said.
        weights: How often each word is, added up; None: all alike.
    """
    say = partial(random.Random(8).choices, words, cum_weights=weights)
    rng, store = random.Random(7), Store(path)
    connection = store.connection
    connection.execute("PRAGMA synchronous = OFF")
    for target in ("openai/whisper-base", "openai/whisper-tiny"):
        connection.execute(
            "INSERT INTO run (target, weights, dtype, options) VALUES (?, ?, 'float32', '{}')", (target,) * 2
        )
    for first in range(1, count + 1, 2_000):
        connection.execute("BEGIN")
        for number in range(first, min(first + 2_000, count + 1)):
            _add(store, number, rng, say, sound if number <= 3 else None)
        connection.execute("COMMIT")
    store.close()
    return path


def _add(store: Store, number: int, rng: random.Random, say: Callable[..., list[str]], sound: Path | None) -> None:
    connection = store.connection
    duration = 20.0 if sound is not None else round(rng.lognormvariate(2.5, 1.0), 2)
    name = f"/corpus/speaker-{rng.randrange(40):02}/session-{rng.randrange(9)}/utterance-{number:06}.flac"
    if sound is not None:
        name = str(tone(sound / f"talk-{number}.wav", 220.0 * number))
    texts = [" " + " ".join(say(k=rng.randrange(4, 11))) for _ in range(SEGMENTS)]
    language = rng.choice(LANGUAGES)
    step = duration / SEGMENTS
    segments = tuple(
        Segment(place * step, (place + 1) * step, text, words=_words(text, place * step, step) if sound else ())
        for place, text in enumerate(texts)
    )
    transcript = Transcript(segments, language, "transcribe", duration, name)
    connection.execute(
        "INSERT INTO recording (id, content, name, duration, reference) VALUES (?, ?, ?, ?, ?)",
        (number, f"content-{number}", name, duration, transcript.text),
    )
    connection.execute("INSERT INTO source (name, content) VALUES (?, ?)", (name, f"content-{number}"))
    words = sum(len(text.split()) for text in texts)
    errors = min(int(rng.expovariate(6) * words), words)
    flags = [rng.choice(FLAGS)] if rng.random() < 0.1 else []
    row = (language, True, transcript.text, rng.betavariate(8, 2), json.dumps(flags), duration, duration / 20)
    connection.execute(
        """INSERT INTO transcript (id, recording, run, language, complete, text, confidence, flags, audio_seconds,
                                   wall_seconds, word_errors, word_count, document)
           VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (number, number, *row, errors, words, packed(transcript) if number <= 50 else b""),
    )
    after = [" " + " ".join(text.split()[: schema.FOLLOWING]) for text in texts[1:]] + [""]
    insert_segments(
        connection,
        [
            (number << schema.SHIFT | place, one.start, one.end, one.text, following, None)
            for place, (one, following) in enumerate(zip(segments, after, strict=True))
        ],
    )


def _words(text: str, start: float, seconds: float) -> tuple[Word, ...]:
    parts = text.split()
    step = seconds / len(parts)
    return tuple(
        Word(f" {part}", start + place * step, start + (place + 1) * step, 0.9) for place, part in enumerate(parts)
    )


def tone(path: Path, hertz: float) -> Path:
    """Write 20 s of one frequency."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 0.2 * np.sin(2 * np.pi * hertz * np.arange(20 * 16_000) / 16_000)
    soundfile.write(path, samples.astype(np.float32), 16_000, subtype="PCM_16")
    return path
