"""Labelled windows as batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open

Tensor = torch.Tensor
POOL = 16  # batches drawn at once and sorted by length, so that little is padded


@dataclass(frozen=True)
class Example:
    """Where one window's labels lie.

    Attributes:
        file, row: The file of labels, and the window in it.
        first, total: Of its tokens in the file: prompt, text and end-of-text.
        hidden: Where its last hidden states begin.
        text: How many tokens the text has, end-of-text included.
        language, task: Of the window.
    """

    file: Path
    row: int
    first: int
    total: int
    hidden: int
    text: int
    language: str
    task: str


@dataclass(frozen=True)
class Batch:
    """Windows side by side.

    Attributes:
        states: (N, F, d_model) encoder states.
        tokens: (N, T) ids, padded with the last one.
        predicted: (N, T), where the next token is to be predicted.
        hidden: (predicted, d_model), the target's last hidden states there.
        labels: (predicted,) ids.
        groups: (predicted,), which of `names` a label belongs to.
        names: "language task" of each window.
    """

    states: Tensor
    tokens: Tensor
    predicted: Tensor
    hidden: Tensor
    labels: Tensor
    groups: Tensor
    names: tuple[str, ...]


class Labels:
    """The labels under a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.examples: list[Example] = []
        self._files: dict[Path, Any] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read what was added."""
        for file in sorted(set(self.folder.glob("*.safetensors")) - self._files.keys()):
            opened: Any = safe_open(file, "pt")
            self._files[file] = opened
            facts = opened.metadata()
            first = hidden = 0
            sizes = opened.get_tensor("sizes").tolist()
            facets = zip(sizes, facts["language"].split(), facts["task"].split(), strict=True)
            for row, ((total, text), language, task) in enumerate(facets):
                self.examples.append(Example(file, row, first, total, hidden, text, language, task))
                first, hidden = first + total, hidden + text

    def counts(self) -> Counter[int]:
        """How often each token is in the texts."""
        counts: Counter[int] = Counter()
        for example in self.examples:
            counts.update(self._tokens(example)[-example.text :].tolist())
        return counts

    def _tokens(self, example: Example) -> Tensor:
        tokens: Tensor = self._files[example.file].get_slice("tokens")[example.first : example.first + example.total]
        return tokens.long()

    def batch(self, examples: list[Example]) -> Batch:
        """Put examples side by side."""
        rows = [self._tokens(example) for example in examples]
        longest = max(len(row) for row in rows) - 1
        tokens = torch.stack([torch.cat([row[:-1], row[-1:].expand(longest - len(row) + 1)]) for row in rows])
        predicted = torch.zeros(len(rows), longest, dtype=torch.bool)
        for i, example in enumerate(examples):
            predicted[i, example.total - example.text - 1 : example.total - 1] = True
        hidden = [self._files[e.file].get_slice("hidden")[e.hidden : e.hidden + e.text] for e in examples]
        states = [self._files[e.file].get_slice("states")[e.row] for e in examples]
        return Batch(
            torch.stack(states),
            tokens,
            predicted,
            torch.cat(hidden),
            torch.cat([row[-e.text :] for row, e in zip(rows, examples, strict=True)]),
            torch.cat([torch.full((e.text,), i) for i, e in enumerate(examples)]),
            tuple(f"{e.language} {e.task}" for e in examples),
        )

    def batches(self, size: int, seed: int) -> Iterator[Batch]:
        """Batches in random order, each window once; smaller ones where there are not enough windows for one."""
        rng = np.random.default_rng(seed)
        size = min(size, max(1, len(self.examples)))
        order = rng.permutation(len(self.examples)).tolist()
        for at in range(0, len(order) - size + 1, size * POOL):
            pool = sorted((self.examples[i] for i in order[at : at + size * POOL]), key=lambda e: e.total)
            groups = [pool[i : i + size] for i in range(0, len(pool) - size + 1, size)]
            for i in rng.permutation(len(groups)):
                yield self.batch(groups[i])
