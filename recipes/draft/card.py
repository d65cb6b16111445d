"""The card of a finished draft: what it is, what it was made from, its curve and its acceptance."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from recipes.draft.data import Labels
from recipes.draft.evaluate import LENGTH

CURVE = 12  # rows of the curve

CARD = """# A light draft for {target}

Decoder layers, a final norm and a shortlist of {shortlist:,} tokens. The draft uses the embeddings, positions and
encoder states of {target}, which must be loaded as the target. It was trained by `python -m recipes.draft`. It never
changes the text: a token that the target would not have written is not accepted.

## Acceptance

On recordings that are not in the training data, with {length} tokens proposed per round. Tokens after a rejected one
are not compared: *of those judged* leaves them out, *of those proposed* counts them as rejected.

| language and task | recordings | accepted, of those judged | of those proposed | tokens per round |
|---|---|---|---|---|
{acceptance}

## Training

{windows:,} windows ({languages}), labelled by {target} itself; {steps:,} steps.

| steps | next tokens equal to the target's |
|---|---|
{curve}

## Data

{sources}
"""


def card(target: str, cache: Path, sound: Path, figures: Mapping[str, Any]) -> str:
    """The card as Markdown.

    Args:
        target: Name of the target.
        cache: Folder of labels, shortlist and log.
        sound: Folder of the training sound; its SOURCES.md, if there is one, says what it is.
        figures: Of `evaluate`.
    """
    rows = [json.loads(line) for line in (cache / "log.jsonl").read_text().splitlines()]
    every = max(1, len(rows) // CURVE)
    kept = [*rows[every - 1 : -1 : every], *rows[-1:]]
    labels = Labels(cache / "labels")
    languages = Counter(example.language for example in labels.examples)
    sources = sound / "SOURCES.md"
    return CARD.format(
        target=target,
        shortlist=len(torch.load(cache / "shortlist.pt", weights_only=True)),
        length=LENGTH,
        acceptance="\n".join(
            "| {} | {recordings} | {judged:.0%} | {proposed:.0%} | {tokens_per_round} |".format(name, **row)
            for name, row in figures.items()
        ),
        windows=len(labels.examples),
        languages=", ".join(f"{name} {count:,}" for name, count in languages.most_common()),
        steps=rows[-1]["step"] if rows else 0,
        curve="\n".join(f"| {row['step']:,} | {row['agreement']:.1%} |" for row in kept),
        sources=sources.read_text().strip() if sources.is_file() else "Not described.",
    )
