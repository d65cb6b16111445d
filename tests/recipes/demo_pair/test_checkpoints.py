"""Checkpoints: the newest few are kept, and those of given steps."""

from pathlib import Path

import torch

from recipes.demo_pair.checkpoints import Checkpoints, mean_of


def saved(folder: Path, *steps: int) -> Checkpoints:
    checkpoints = Checkpoints(folder, keep=2, keep_steps=(100,))
    for step in steps:
        checkpoints.save(step, {"modules": {"weight": torch.full((2,), float(step))}, "optimizers": []})
    return checkpoints


def test_the_newest_two_are_kept_and_those_of_given_steps(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, 100, 200, 300, 400)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000100.pt", "step-000300.pt", "step-000400.pt"]
    assert checkpoints.newest()[0] == 400


def test_states_are_averaged(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, 100, 200, 300)
    assert mean_of([checkpoints.modules(step) for step in (100, 300)])["weight"].tolist() == [200, 200]
    assert checkpoints.has((100, 300))
    assert not checkpoints.has((100, 400))
    assert not checkpoints.has(())
