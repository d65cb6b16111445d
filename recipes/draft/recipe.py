"""The recipe as a function: `distil`, and its stages over one cache folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig, WhisperConfig, WhisperTokenizer

from recipes.draft.card import card
from recipes.draft.data import Labels
from recipes.draft.evaluate import evaluate
from recipes.draft.export import export_light, export_whole
from recipes.draft.label import label
from recipes.draft.shortlist import shortlist
from recipes.draft.train import Trainer, Training
from whisper_magic.engine.model.hub import locate

CACHE = Path(__file__).parent / ".cache"


@dataclass(frozen=True)
class Settings:
    """What is distilled, from what.

    Attributes:
        target: Name or folder of the Whisper to draft for.
        sound: Folder of recordings, in any depth.
        held_out: Folder of recordings to evaluate on.
        out: Folder of the finished draft.
        cache: Folder of labels and checkpoints.
        layers: Decoder layers of the target to begin with.
        shortlist: Tokens that the draft can propose.
        passes: How often each recording is cut into windows.
        steps: Of training.
        batch: Windows a step.
        rate: Learning rate.
        dtype: Of the target while it labels and is evaluated.
        device: Of the training.
        threads: torch threads.
        seed: Of the order.
    """

    target: str = "openai/whisper-base"
    sound: Path = Path("sound")
    held_out: Path = Path("held-out")
    out: Path = CACHE / "draft"
    cache: Path = CACHE
    layers: tuple[int, ...] = (0, 5)
    shortlist: int = 12_000
    passes: int = 1
    steps: int = 5000
    batch: int = 16
    rate: float = 0.002
    dtype: str = "bfloat16"
    device: str = "cpu"
    threads: int = 2
    seed: int = 0


def distil(target: str, sound: Path, out: Path, **settings: Any) -> Path:
    """Distil a light draft from a folder of recordings: label, shortlist, train, export.

    Args:
        target: Name or folder of the Whisper to draft for.
        sound: Folder of recordings. Minutes of one voice make a draft for that voice; hours make one for others.
        out: Folder of the draft; beside it, in `cache`, lie labels and checkpoints.
        **settings: Fields of `Settings`.

    Returns:
        The draft's folder, for `%whisper load TARGET --draft FOLDER`.
    """
    settings = {"cache": out / "cache"} | settings
    recipe = Recipe(Settings(target=target, sound=Path(sound), out=out, **settings))
    for stage in (recipe.label, recipe.shortlist, recipe.train, recipe.export):
        stage()
    return out


class Recipe:
    """The stages, over one cache folder. Each continues where it was stopped."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.cache, self.labels = settings, settings.cache, settings.cache / "labels"
        self.cache.mkdir(parents=True, exist_ok=True)

    def label(self) -> None:
        """windows of the sound, decoded by the target"""
        own = self.settings
        label(own.target, own.sound, self.labels, passes=own.passes, dtype=own.dtype, threads=own.threads)

    def shortlist(self) -> None:
        """the tokens that the draft proposes"""
        target = self._target
        tokenizer, generation = WhisperTokenizer.from_pretrained(target), GenerationConfig.from_pretrained(target)
        vocab = int(WhisperConfig.from_pretrained(target).vocab_size)
        ids = shortlist(Labels(self.labels), tokenizer, generation, vocab, self.settings.shortlist)
        torch.save(ids, self.cache / "shortlist.pt")

    def train(self) -> None:
        """the draft's layers, by distillation"""
        labels = Labels(self.labels)
        if not labels.examples:
            raise ValueError(f"no window in {self.settings.sound} was labelled: a draft is learnt from speech")
        self._trainer().run(labels)

    def export(self) -> None:
        """the light format, and a folder for transformers"""
        trainer, target = self._trainer(), self._target
        trainer.use_average()
        export_light(trainer.draft, target, self.settings.out)
        export_whole(trainer.draft, target, self.cache / "transformers")

    def evaluate(self) -> None:
        """acceptance on recordings that were not trained on, and the card"""
        own, out = self.settings, self.settings.out
        figures = evaluate(own.target, str(out), own.held_out, own.dtype, own.threads)
        (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
        (out / "README.md").write_text(card(own.target, self.cache, own.sound, figures))

    def _trainer(self) -> Trainer:
        own = self.settings
        training = Training(
            target=str(self._target),
            folder=self.cache,
            layers=own.layers,
            steps=own.steps,
            batch=own.batch,
            rate=own.rate,
            threads=own.threads,
            seed=own.seed,
            device=own.device,
        )
        return Trainer(training, torch.load(self.cache / "shortlist.pt", weights_only=True))

    @property
    def _target(self) -> Path:
        """The target as a Hugging Face folder."""
        return locate(self.settings.target).folder


STAGES: dict[str, Callable[[Recipe], None]] = {
    name: getattr(Recipe, name) for name in ("label", "shortlist", "train", "export", "evaluate")
}
