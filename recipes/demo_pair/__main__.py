"""``python -m recipes.demo_pair``: makes the demo pair, one stage at a time or all of them."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace

from recipes.demo_pair.recipe import Recipe, RecipeError


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
    from recipes.demo_pair.distill import distill_draft

    distill_draft(recipe)


def _export(recipe: Recipe) -> None:
    from recipes.demo_pair.export import export

    export(recipe)


def _sample(recipe: Recipe) -> None:
    from recipes.demo_pair.sample import make_sample

    make_sample(recipe)


def _evaluate(recipe: Recipe) -> None:
    from recipes.demo_pair.evaluate import evaluate

    evaluate(recipe)


def _restore(recipe: Recipe) -> None:
    from recipes.demo_pair.restore import restore

    restore(recipe)


Stage = tuple[Callable[[Recipe], None], str]
STAGES: dict[str, Stage] = {
    "speech": (_speech, "synthesize the training corpus with espeak-ng and flite"),
    "tokenizer": (_tokenizer, "train the tokenizer"),
    "target": (_target, "train the target"),
    "draft": (_draft, "distill the draft from the target"),
    "export": (_export, "write both as Hugging Face folders into whisper_magic/assets/demo"),
    "sample": (_sample, "record the bundled sample"),
    "evaluate": (_evaluate, "measure the exported pair; write figures.json and the model card"),
}
RESTORE: Stage = (_restore, "not part of all: turn the bundled pair into training checkpoints, to train it further")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line: one stage, or all of them in order."""
    chosen = _parser().parse_args(arguments)
    recipe = replace(Recipe(), seed=chosen.seed, workers=chosen.workers, threads=chosen.threads, device=chosen.device)
    stages = {**STAGES, "restore": RESTORE}
    for name in STAGES if chosen.stage == "all" else (chosen.stage,):
        print(f"--- {name}", flush=True)
        try:
            stages[name][0](recipe)
        except RecipeError as error:
            raise SystemExit(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    defaults = Recipe()
    stages = "\n".join(f"  {name:<10} {what}" for name, (_, what) in {**STAGES, "restore": RESTORE}.items())
    parser = argparse.ArgumentParser(
        prog="python -m recipes.demo_pair",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Makes the demo pair from synthetic speech and, where they are available, recordings of spoken\n"
        "digits. A stage that was killed continues from its last checkpoint in recipes/demo_pair/.cache.",
        epilog=f"stages, in order:\n{stages}",
    )
    parser.add_argument("stage", choices=("all", *STAGES, "restore"), metavar="STAGE", help="all, or one stage")
    parser.add_argument("--seed", type=int, default=defaults.seed, help="of everything that is drawn (default: 0)")
    parser.add_argument("--workers", type=int, default=defaults.workers, help="processes for speech (default: 2)")
    parser.add_argument("--threads", type=int, default=defaults.threads, help="torch threads (default: 1)")
    parser.add_argument("--device", default=defaults.device, help="where to train: cpu or cuda (default: cpu)")
    return parser


if __name__ == "__main__":
    main()
