"""``python -m recipes.draft``: distils a light draft for a Whisper from a folder of sound, in stages."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from recipes.draft.recipe import STAGES, Recipe, Settings


def main() -> None:
    """Run one stage, or all of them in order."""
    usual = Settings()
    parser = argparse.ArgumentParser(prog="python -m recipes.draft", description=__doc__)
    stages = "; ".join(f"{name}: {stage.__doc__}" for name, stage in STAGES.items())
    parser.add_argument("stage", choices=["all", *STAGES], help=stages)
    parser.add_argument("--target", help="name or folder of the Whisper to draft for")
    parser.add_argument("--sound", type=Path, help="folder of recordings, in any depth")
    parser.add_argument("--held-out", type=Path, help="folder of recordings to evaluate on")
    parser.add_argument("--out", type=Path, help="folder of the finished draft")
    parser.add_argument("--cache", type=Path, help="folder of labels and checkpoints")
    parser.add_argument("--layers", type=int, nargs="+", help="decoder layers to begin with")
    parser.add_argument("--shortlist", type=int, help="tokens that the draft can propose")
    parser.add_argument("--passes", type=int, help="how often each recording is cut into windows")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--batch", type=int, help="windows a step")
    parser.add_argument("--rate", type=float, help="learning rate")
    parser.add_argument("--dtype", help="of the target while it labels and is evaluated")
    parser.add_argument("--device", help="of the training")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int)
    parser.set_defaults(**vars(usual))
    given = vars(parser.parse_args())
    chosen = given.pop("stage")
    settings = Settings(**{**given, "layers": tuple(given["layers"])})
    torch.set_num_threads(settings.threads)
    recipe = Recipe(settings)
    for name, stage in STAGES.items():
        if chosen in ("all", name):
            stage(recipe)


if __name__ == "__main__":
    main()
