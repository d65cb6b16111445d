"""The spoken corpus: sentences spoken by drawn voices, stored as log-mels.

A corpus is a folder of shards. Each is written whole or not at all and depends on the seed and its own number alone, so
that a killed run continues where it was and any number of workers gives the same speech.
"""

import json
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from recipes.demo_pair import spoken_digits
from recipes.demo_pair.channel import simulate_channel
from recipes.demo_pair.domain import Sentence, Split, sentences
from recipes.demo_pair.mel import raw_log_mel
from recipes.demo_pair.recipe import CACHE, Recipe
from recipes.demo_pair.sounds import sound
from recipes.demo_pair.speak import available, speak
from recipes.demo_pair.voices import Voice, draw_voice

SOUND_SECONDS = 10.0


@dataclass(frozen=True)
class SpokenSentence:
    """A sentence and its audio: 16 kHz mono, from its first sound to its last."""

    sentence: Sentence
    language: str
    voice: Voice
    samples: NDArray[np.float32]


@dataclass(frozen=True)
class Utterance:
    """A sentence in the training data: its text and its log-mel before normalization, (frames, n_mels)."""

    sentence: Sentence
    language: str
    log_mel: NDArray[np.float16]


def speak_sentences(
    language: str, count: int, seed: int, split: Split, unseen_voices: bool = False
) -> Iterator[SpokenSentence]:
    """Draw sentences and voices, and synthesize them.

    Args:
        language: Of the sentences.
        count: How many.
        seed: Of sentences and voices.
        split: Which sentences are drawn from.
        unseen_voices: Draw voices that are not in the training data.
    """
    rng = random.Random(f"voices {language} {seed}")
    for sentence in sentences(language, count, seed, split):
        voice = available(draw_voice(language, rng, held_out=unseen_voices))
        yield SpokenSentence(sentence, language, voice, speak(sentence.text, voice))


def speak_digits(count: int, seed: int, split: Split, held_out_speaker: bool = False) -> Iterator[SpokenSentence]:
    """Draw strings of English digits, spoken by people: see `spoken_digits.digit_strings`."""
    for sentence, voice, samples in spoken_digits.digit_strings(count, seed, split, held_out_speaker):
        yield SpokenSentence(sentence, "en", voice, samples)


@dataclass(frozen=True)
class _Job:
    language: str
    seed: int
    count: int
    path: Path
    human: bool


def make_corpus(recipe: Recipe, folder: Path = CACHE / "corpus") -> None:
    """Synthesize the training sentences and store their log-mels; existing shards are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [job for job in _jobs(recipe, folder) if not job.path.exists()]
    with ProcessPoolExecutor(recipe.workers) as pool:
        for done, path in enumerate(pool.map(_make_shard, missing), 1):
            print(f"corpus: {path.name} written, {done} of {len(missing)}", flush=True)
    make_sounds(recipe, folder)


def _jobs(recipe: Recipe, folder: Path) -> Iterator[_Job]:
    seed = recipe.seed * 10_000
    if spoken_digits.available():
        for number in range(recipe.human_utterances // recipe.shard):
            yield _Job("en", seed + number, recipe.shard, folder / f"en-h{number:02d}.npz", True)
    else:
        print(f"corpus: no recordings of digits: {spoken_digits.ARCHIVE} is missing", flush=True)
    for number in range(recipe.utterances // recipe.shard):
        for language in recipe.languages:
            yield _Job(language, seed + number, recipe.shard, folder / f"{language}-{number:03d}.npz", False)


def _make_shard(job: _Job) -> Path:
    torch.set_num_threads(1)
    rng = random.Random(f"rooms {job.language} {job.seed} {job.human}")
    draw = speak_digits if job.human else partial(speak_sentences, job.language)
    spoken = [
        replace(recording, samples=simulate_channel(recording.samples, rng))
        for recording in draw(job.count, job.seed, "train")
    ]
    mels = [raw_log_mel(recording.samples) for recording in spoken]
    texts = json.dumps([recording.sentence for recording in spoken])
    unfinished = job.path.with_suffix(".partial.npz")
    np.savez(unfinished, mels=np.concatenate(mels), frames=[len(mel) for mel in mels], texts=texts)
    unfinished.rename(job.path)
    return job.path


def make_sounds(recipe: Recipe, folder: Path = CACHE / "corpus") -> None:
    """Store the log-mels of sounds without speech: (sounds, frames, n_mels)."""
    path = folder / "sounds.npy"
    if not path.exists():
        mels = [raw_log_mel(sound(SOUND_SECONDS, f"{recipe.seed} {number}")) for number in range(recipe.sounds)]
        np.save(path, np.stack(mels))
        print(f"corpus: {path.name} written", flush=True)


def load_sounds(folder: Path = CACHE / "corpus") -> NDArray[np.float16]:
    """Read what ``make_sounds`` stored."""
    return np.asarray(np.load(folder / "sounds.npy"))


def load_corpus(folder: Path = CACHE / "corpus") -> list[Utterance]:
    """Read every shard into memory (about 35 kB per utterance)."""
    utterances = []
    for path in sorted(folder.glob("??-???.npz")):
        shard = np.load(path)
        ends = np.cumsum(shard["frames"])
        mels = np.split(shard["mels"], ends[:-1])
        for fields, mel in zip(json.loads(str(shard["texts"])), mels, strict=True):
            utterances.append(Utterance(Sentence(*fields), path.name[:2], mel))
    return utterances
