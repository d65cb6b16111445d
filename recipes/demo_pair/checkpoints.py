"""Numbered training checkpoints, written whole or not at all, from which a killed run resumes."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

_NUMBERED = re.compile(r"step-(\d+)\.pt")


class Checkpoints:
    """The checkpoints of one training run, and its log of one JSON object per line."""

    def __init__(self, folder: Path, keep: int = 2, keep_steps: Sequence[int] = ()) -> None:
        """Open the folder of a run.

        Args:
            folder: Made unless it exists.
            keep: How many of the newest checkpoints are kept.
            keep_steps: Steps whose checkpoints are kept besides.
        """
        self._folder, self._keep, self._keep_steps = folder, keep, keep_steps
        folder.mkdir(parents=True, exist_ok=True)

    def newest(self) -> tuple[int, dict[str, Any] | None]:
        """The last step and its state; 0 and None where there is no checkpoint."""
        steps = self._steps()
        if not steps:
            return 0, None
        return steps[-1], self._read(steps[-1])

    def modules(self, step: int) -> dict[str, torch.Tensor]:
        """The modules' state after a step."""
        modules: dict[str, torch.Tensor] = self._read(step)["modules"]
        return modules

    def has(self, steps: Sequence[int]) -> bool:
        """Whether `steps` is not empty and there is a checkpoint after each of them."""
        return bool(steps) and set(steps) <= set(self._steps())

    def last_step(self) -> int:
        """The last step; 0 where there is no checkpoint."""
        return max(self._steps(), default=0)

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write a checkpoint, and delete old ones."""
        partial = self._folder / "partial"
        torch.save(state, partial)
        partial.rename(self._folder / f"step-{step:06d}.pt")
        for old in set(self._steps()[: -self._keep]) - set(self._keep_steps):
            (self._folder / f"step-{old:06d}.pt").unlink()

    def log(self, **values: float) -> None:
        """Append a line to the run's log, and print it."""
        line = json.dumps({name: round(value, 5) for name, value in values.items()})
        with (self._folder / "log.jsonl").open("a") as log:
            log.write(line + "\n")
        print(line, flush=True)

    def _read(self, step: int) -> dict[str, Any]:
        state: dict[str, Any] = torch.load(self._folder / f"step-{step:06d}.pt", weights_only=True)
        return state

    def _steps(self) -> list[int]:
        matches = (_NUMBERED.fullmatch(path.name) for path in self._folder.iterdir())
        return sorted(int(match[1]) for match in matches if match)


def mean_of(states: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Average modules' states, name by name."""
    return {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}
