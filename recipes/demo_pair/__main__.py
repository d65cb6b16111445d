"""``python -m recipes.demo_pair``: makes the demo pair, step by step or all at once."""

import argparse
from collections.abc import Callable
from dataclasses import replace

from recipes.demo_pair.recipe import Recipe


def _speech(recipe: Recipe) -> None:
    from recipes.demo_pair.corpus import make_corpus

    make_corpus(recipe)


def _tokenizer(recipe: Recipe) -> None:
    from recipes.demo_pair.tokenizer import make_tokenizer

    make_tokenizer(recipe)


def _target(recipe: Recipe) -> None:
    from recipes.demo_pair.train import train_target

    train_target(recipe)


def _draft(recipe: Recipe) -> None:
    from recipes.demo_pair.distill import distil_draft

    distil_draft(recipe)


def _export(recipe: Recipe) -> None:
    from recipes.demo_pair.export import export

    export(recipe)


def _sample(recipe: Recipe) -> None:
    from recipes.demo_pair.sample import make_sample

    make_sample(recipe)


def _evaluate(recipe: Recipe) -> None:
    from recipes.demo_pair.evaluate import evaluate

    evaluate(recipe)


STAGES: dict[str, tuple[Callable[[Recipe], None], str]] = {
    "speech": (_speech, "say the training sentences with espeak-ng and flite"),
    "tokenizer": (_tokenizer, "learn the tokenizer"),
    "target": (_target, "train the target"),
    "draft": (_draft, "distil the draft from the target"),
    "export": (_export, "write both as Hugging Face folders into whisper_magic/assets/demo"),
    "sample": (_sample, "record the bundled sample"),
    "evaluate": (_evaluate, "measure the exported pair; figures.json"),
}


def main() -> None:
    """Parse the command line and run one stage, or all of them in order."""
    defaults = Recipe()
    parser = argparse.ArgumentParser(
        prog="python -m recipes.demo_pair",
        description="Makes the demo pair from espeak-ng, flite, our own grammars and, where they are to be had, the "
        "free recordings of spoken digits. Every stage keeps "
        "what it has done in recipes/demo_pair/.cache and carries on from there after a kill.",
    )
    stages = "; ".join(f"{name}: {what}" for name, (_, what) in STAGES.items())
    parser.add_argument("stage", choices=("all", *STAGES), help=f"all, or one of: {stages}")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--workers", type=int, default=defaults.workers, help="processes that synthesise speech")
    parser.add_argument(
        "--threads", type=int, default=defaults.threads, help="torch threads; 1 unless the machine is idle"
    )
    parser.add_argument("--device", default=defaults.device, help="where target and draft are trained: cpu or cuda")
    chosen = parser.parse_args()
    recipe = replace(defaults, seed=chosen.seed, workers=chosen.workers, threads=chosen.threads, device=chosen.device)
    for name in STAGES if chosen.stage == "all" else (chosen.stage,):
        print(f"--- {name}", flush=True)
        STAGES[name][0](recipe)


if __name__ == "__main__":
    main()
