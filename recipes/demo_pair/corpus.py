"""The spoken corpus: sentences said by drawn voices, kept on disk as log-mels.

A corpus is a folder of shards. Each is written whole or not at all and depends on the seed and its own number
alone, so that a killed run carries on where it was and any number of workers gives the same speech.
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

from recipes.demo_pair import human
from recipes.demo_pair.domain import Sentence, Split, sentences
from recipes.demo_pair.mel import raw_log_mel
from recipes.demo_pair.recipe import CACHE, Recipe
from recipes.demo_pair.rooms import in_a_room
from recipes.demo_pair.sounds import sound
from recipes.demo_pair.speak import at_hand, speak
from recipes.demo_pair.voices import Voice, draw_voice

SOUND_SECONDS = 10.0


@dataclass(frozen=True)
class Spoken:
    """A sentence as it was said: samples are 16 kHz mono, from its first sound to its last."""

    sentence: Sentence
    language: str
    voice: Voice
    samples: NDArray[np.float32]


@dataclass(frozen=True)
class Utterance:
    """A sentence as training sees it: raw log-mel (frames, n_mels) and its text."""

    sentence: Sentence
    language: str
    log_mel: NDArray[np.float16]


def spoken(language: str, count: int, seed: int, split: Split, unseen_voices: bool = False) -> Iterator[Spoken]:
    """Draw sentences and voices and say them."""
    rng = random.Random(f"voices {language} {seed}")
    for sentence in sentences(language, count, seed, split):
        voice = at_hand(draw_voice(language, rng, held_out=unseen_voices))
        yield Spoken(sentence, language, voice, speak(sentence.text, voice))


def human_digits(count: int, seed: int, split: Split, left_out: bool = False) -> Iterator[Spoken]:
    """English digit strings said by people."""
    for sentence, voice, samples in human.digit_strings(count, seed, split, left_out):
        yield Spoken(sentence, "en", voice, samples)


@dataclass(frozen=True)
class _Job:
    language: str
    seed: int
    count: int
    path: Path
    human: bool


def make_corpus(recipe: Recipe, folder: Path = CACHE / "corpus") -> None:
    """Say the training sentences and keep their log-mels; shards already there are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [job for job in _jobs(recipe, folder) if not job.path.exists()]
    with ProcessPoolExecutor(recipe.workers) as pool:
        for done, path in enumerate(pool.map(_make_shard, missing), 1):
            print(f"corpus: {path.name} written, {done} of {len(missing)}", flush=True)
    make_sounds(recipe, folder)


def _jobs(recipe: Recipe, folder: Path) -> Iterator[_Job]:
    seed = recipe.seed * 10_000
    if human.present():
        for number in range(recipe.human_utterances // recipe.shard):
            yield _Job("en", seed + number, recipe.shard, folder / f"en-h{number:02d}.npz", True)
    else:
        print(f"no human digits: {human.ARCHIVE} is not there", flush=True)
    for number in range(recipe.utterances // recipe.shard):
        for language in recipe.languages:
            yield _Job(language, seed + number, recipe.shard, folder / f"{language}-{number:03d}.npz", False)


def _make_shard(job: _Job) -> Path:
    torch.set_num_threads(1)
    rng = random.Random(f"rooms {job.language} {job.seed} {job.human}")
    drawn = human_digits if job.human else partial(spoken, job.language)
    said = [replace(one, samples=in_a_room(one.samples, rng)) for one in drawn(job.count, job.seed, "train")]
    mels = [raw_log_mel(one.samples) for one in said]
    texts = json.dumps([one.sentence for one in said])
    unfinished = job.path.with_suffix(".partial.npz")
    np.savez(unfinished, mels=np.concatenate(mels), frames=[len(mel) for mel in mels], texts=texts)
    unfinished.rename(job.path)
    return job.path


def make_sounds(recipe: Recipe, folder: Path = CACHE / "corpus") -> None:
    """Keep the log-mels of what is heard where nobody speaks: (sounds, frames, n_mels)."""
    path = folder / "sounds.npy"
    if not path.exists():
        mels = [raw_log_mel(sound(SOUND_SECONDS, f"{recipe.seed} {number}")) for number in range(recipe.sounds)]
        np.save(path, np.stack(mels))
        print(f"corpus: {path.name} written", flush=True)


def load_sounds(folder: Path = CACHE / "corpus") -> NDArray[np.float16]:
    """What ``make_sounds`` kept."""
    return np.asarray(np.load(folder / "sounds.npy"))


def load_corpus(folder: Path = CACHE / "corpus") -> list[Utterance]:
    """Read every shard into memory (about 35 kB an utterance)."""
    utterances = []
    for path in sorted(folder.glob("??-???.npz")):
        shard = np.load(path)
        ends = np.cumsum(shard["frames"])
        mels = np.split(shard["mels"], ends[:-1])
        for fields, mel in zip(json.loads(str(shard["texts"])), mels, strict=True):
            utterances.append(Utterance(Sentence(*fields), path.name[:2], mel))
    return utterances
