"""The spoken corpus: sentences said by drawn voices, kept on disk as log-mels.

A corpus is a folder of shards. Each is written whole or not at all and depends on the seed and its own number
alone, so that a killed run carries on where it was and any number of workers gives the same speech.
"""

import json
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.domain import Sentence, Split, sentences
from training.mel import raw_log_mel
from training.recipe import CACHE, Recipe
from training.speak import speak
from training.voices import Voice, draw_voice


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
        voice = draw_voice(language, rng, held_out=unseen_voices)
        yield Spoken(sentence, language, voice, speak(sentence.text, voice))


def make_corpus(recipe: Recipe, folder: Path = CACHE / "corpus") -> None:
    """Say the training sentences and keep their log-mels; shards already there are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    each = recipe.utterances // recipe.shard // len(recipe.languages)
    jobs = [
        (language, recipe.seed * 10_000 + number, recipe.shard, folder / f"{language}-{number:03d}.npz")
        for language in recipe.languages
        for number in range(each)
    ]
    missing = [job for job in jobs if not job[3].exists()]
    with ProcessPoolExecutor(recipe.workers) as pool:
        for done, path in enumerate(pool.map(_make_shard, missing), 1):
            print(f"corpus: {path.name} written, {done} of {len(missing)}", flush=True)


def _make_shard(job: tuple[str, int, int, Path]) -> Path:
    language, seed, count, path = job
    torch.set_num_threads(1)
    said = list(spoken(language, count, seed, "train"))
    mels = [raw_log_mel(one.samples) for one in said]
    texts = json.dumps([one.sentence for one in said])
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, mels=np.concatenate(mels), frames=[len(mel) for mel in mels], texts=texts)
    partial.rename(path)
    return path


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
