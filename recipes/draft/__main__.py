"""``python -m recipes.draft``: distils a light draft for a Whisper from a folder of sound, in stages."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import GenerationConfig, WhisperConfig, WhisperTokenizer

from recipes.draft.card import card
from recipes.draft.data import Labels
from recipes.draft.evaluate import evaluate
from recipes.draft.export import export_light, export_whole
from recipes.draft.label import label
from recipes.draft.shortlist import shortlist
from recipes.draft.train import Trainer, Training

CACHE = Path(__file__).parent / ".cache"


class Recipe:
    """The stages, over one cache folder. Each continues where it was stopped."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.cache = args, Path(args.cache)
        self.labels = self.cache / "labels"
        self.cache.mkdir(parents=True, exist_ok=True)

    def label(self) -> None:
        """windows of the sound, decoded by the target"""
        args = self.args
        label(args.target, Path(args.sound), self.labels, passes=args.passes, dtype=args.dtype, threads=args.threads)

    def shortlist(self) -> None:
        """the tokens that the draft proposes"""
        target = args_target(self.args)
        tokenizer, generation = WhisperTokenizer.from_pretrained(target), GenerationConfig.from_pretrained(target)
        vocab = int(WhisperConfig.from_pretrained(target).vocab_size)
        ids = shortlist(Labels(self.labels), tokenizer, generation, vocab, self.args.shortlist)
        torch.save(ids, self.cache / "shortlist.pt")

    def train(self) -> None:
        """the draft's layers, by distillation"""
        self._trainer().run(Labels(self.labels))

    def export(self) -> None:
        """the light format, and a folder for transformers"""
        trainer, out, target = self._trainer(), Path(self.args.out), args_target(self.args)
        trainer.use_average()
        export_light(trainer.draft, target, out)
        export_whole(trainer.draft, target, self.cache / "transformers")

    def evaluate(self) -> None:
        """acceptance on recordings that were not trained on, and the card"""
        args, out = self.args, Path(self.args.out)
        found = evaluate(args.target, args.out, Path(args.held_out), args.dtype, args.threads)
        (out / "figures.json").write_text(json.dumps(found, indent=1) + "\n")
        (out / "README.md").write_text(card(args.target, self.cache, Path(args.sound), found))

    def _trainer(self) -> Trainer:
        args = self.args
        training = Training(
            target=str(args_target(args)),
            folder=self.cache,
            layers=tuple(args.layers),
            steps=args.steps,
            batch=args.batch,
            rate=args.rate,
            threads=args.threads,
            seed=args.seed,
            device=args.device,
        )
        return Trainer(training, torch.load(self.cache / "shortlist.pt", weights_only=True))


def args_target(args: argparse.Namespace) -> Path:
    """The target as a Hugging Face folder."""
    from whisper_magic.engine.model.hub import locate

    return locate(args.target).folder


STAGES: dict[str, Callable[[Recipe], None]] = {
    name: getattr(Recipe, name) for name in ("label", "shortlist", "train", "export", "evaluate")
}


def main() -> None:
    """Run one stage, or all of them in order."""
    parser = argparse.ArgumentParser(prog="python -m recipes.draft", description=__doc__)
    stages = "; ".join(f"{name}: {stage.__doc__}" for name, stage in STAGES.items())
    parser.add_argument("stage", choices=["all", *STAGES], help=stages)
    parser.add_argument("--target", default="openai/whisper-base", help="name or folder of the Whisper to draft for")
    parser.add_argument("--sound", default="sound", help="folder of recordings, in any depth")
    parser.add_argument("--held-out", default="held-out", help="folder of recordings to evaluate on")
    parser.add_argument("--out", default=str(CACHE / "draft"), help="folder of the finished draft")
    parser.add_argument("--cache", default=str(CACHE), help="folder of labels and checkpoints")
    parser.add_argument("--layers", type=int, nargs="+", default=[0, 5], help="decoder layers to begin with")
    parser.add_argument("--shortlist", type=int, default=12_000, help="tokens that the draft can propose")
    parser.add_argument("--passes", type=int, default=1, help="how often each recording is cut into windows")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=16, help="windows a step")
    parser.add_argument("--rate", type=float, default=0.002, help="learning rate")
    parser.add_argument("--dtype", default="bfloat16", help="of the target while it labels and is evaluated")
    parser.add_argument("--device", default="cpu", help="of the training")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    recipe = Recipe(args)
    for name, stage in STAGES.items():
        if args.stage in ("all", name):
            stage(recipe)


if __name__ == "__main__":
    main()
