"""What a killed run finds again: numbered training states, written whole or not at all."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

_NUMBERED = re.compile(r"step-(\d+)\.pt")


class Checkpoints:
    """The states of one training run, in its folder, with a log of one JSON object a line."""

    def __init__(self, folder: Path, keep: int = 2, for_good: Sequence[int] = ()) -> None:
        """keep: how many of the newest states are kept, besides those after the steps ``for_good``."""
        self._folder, self._keep, self._for_good = folder, keep, for_good
        folder.mkdir(parents=True, exist_ok=True)

    def newest(self) -> tuple[int, dict[str, Any] | None]:
        """The last step finished and its state; 0 and None where there is none."""
        steps = self._steps()
        if not steps:
            return 0, None
        return steps[-1], self._read(steps[-1])

    def modules(self, step: int) -> dict[str, torch.Tensor]:
        """The modules' state after that step."""
        modules: dict[str, torch.Tensor] = self._read(step)["modules"]
        return modules

    def has(self, steps: Sequence[int]) -> bool:
        """Whether there is a state after each of these steps, and there are any."""
        return bool(steps) and set(steps) <= set(self._steps())

    def last_step(self) -> int:
        """The last step finished; 0 where there is none."""
        return max(self._steps(), default=0)

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write a state and drop all but the newest few."""
        partial = self._folder / "partial"
        torch.save(state, partial)
        partial.rename(self._folder / f"step-{step:06d}.pt")
        for old in set(self._steps()[: -self._keep]) - set(self._for_good):
            (self._folder / f"step-{old:06d}.pt").unlink()

    def log(self, **figures: float) -> None:
        """Add a line to the run's log, and show it."""
        line = json.dumps({name: round(figure, 5) for name, figure in figures.items()})
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
    """The mean of modules' states, name by name."""
    return {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}
