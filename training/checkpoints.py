"""What a killed run finds again: numbered training states, written whole or not at all."""

import json
import re
from pathlib import Path
from typing import Any

import torch

_NUMBERED = re.compile(r"step-(\d+)\.pt")


class Checkpoints:
    """The states of one training run, in its folder, with a log of one JSON object a line."""

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self._folder, self._keep = folder, keep
        folder.mkdir(parents=True, exist_ok=True)

    def newest(self) -> tuple[int, dict[str, Any] | None]:
        """The last step finished and its state; 0 and None where there is none."""
        steps = self._steps()
        if not steps:
            return 0, None
        return steps[-1], torch.load(self._folder / f"step-{steps[-1]:06d}.pt", weights_only=True)

    def last_step(self) -> int:
        """The last step finished; 0 where there is none."""
        return max(self._steps(), default=0)

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write a state and drop all but the newest few."""
        partial = self._folder / "partial"
        torch.save(state, partial)
        partial.rename(self._folder / f"step-{step:06d}.pt")
        for old in self._steps()[: -self._keep]:
            (self._folder / f"step-{old:06d}.pt").unlink()

    def log(self, **figures: float) -> None:
        """Add a line to the run's log, and show it."""
        line = json.dumps({name: round(figure, 5) for name, figure in figures.items()})
        with (self._folder / "log.jsonl").open("a") as log:
            log.write(line + "\n")
        print(line, flush=True)

    def _steps(self) -> list[int]:
        matches = (_NUMBERED.fullmatch(path.name) for path in self._folder.iterdir())
        return sorted(int(match[1]) for match in matches if match)
