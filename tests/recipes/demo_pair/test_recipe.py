"""The recipe's phases: what a step trains on, and at which learning rate."""

from pathlib import Path

import pytest
import torch

from recipes.demo_pair.checkpoints import Checkpoints
from recipes.demo_pair.network import TargetLoss, new_target
from recipes.demo_pair.recipe import ALL, FULL, SHORT, Phase, Recipe, RecipeError, Shape
from recipes.demo_pair.tokenizer import make_tokenizer, special_ids
from recipes.demo_pair.train import branch_folder, load_trained, plan_of_step

PHASES = (
    Phase(10, ((SHORT, 1.0),), (0.0, 1.0), ("en",), encoder_only=True),
    Phase(10, ((FULL, 1.0),), (1.0, 0.5), ALL),
)


def test_the_rate_goes_in_a_straight_line_through_each_phase() -> None:
    assert [plan_of_step(PHASES, 0, step).rate for step in (0, 9, 19)] == pytest.approx([0.1, 1.0, 0.5])


def test_a_phase_determines_windows_languages_and_what_is_trained() -> None:
    first, second = plan_of_step(PHASES, 0, 9), plan_of_step(PHASES, 0, 10)
    assert (first.kind, first.languages, first.encoder_only) == (SHORT, ("en",), True)
    assert (second.kind, second.languages, second.encoder_only) == (FULL, ALL, False)


def test_there_is_no_step_after_the_last() -> None:
    with pytest.raises(IndexError):
        plan_of_step(PHASES, 0, 20)


def test_every_training_ends_slowly() -> None:
    recipe = Recipe()
    assert plan_of_step(recipe.phases, 0, recipe.steps - 1).rate < 1e-4
    for phases, steps in zip(recipe.rounds, recipe.round_steps, strict=True):
        assert plan_of_step(phases, 0, steps - 1).rate < 1e-4
    assert plan_of_step(recipe.draft_phases, 0, recipe.draft_steps - 1).rate < 1e-4


def test_the_states_that_are_averaged_stand_where_the_rate_has_come_down() -> None:
    recipe, ends, step = Recipe(), {}, 0
    for phase in recipe.phases:
        step += phase.steps
        ends[step] = phase.rates[1]
    assert all(ends[step] <= 1e-5 for step in recipe.averaged)


def test_the_target_is_the_trunk_until_every_branch_has_ended(tmp_path: Path) -> None:
    tokenizer = make_tokenizer(Recipe(bpe_tokens=300), tmp_path / "tokenizer", sentence_count=200)
    ids, phases = special_ids(tokenizer), (Phase(3, ((SHORT, 1.0),), (0.0, 1e-5), ALL),)
    recipe = Recipe(shape=Shape(width=8, heads=1, feed_forward=8), averaged=(2, 4), branches=2, rounds=(phases, phases))

    def save(folder: Path, step: int, number: float) -> None:
        state = TargetLoss(new_target(recipe.shape, ids), ids, recipe).state_dict()
        filled = {name: torch.full_like(tensor, number) for name, tensor in state.items()}
        Checkpoints(folder).save(step, {"modules": filled, "optimizers": []})

    def found() -> float:
        return load_trained(recipe, ids, tmp_path).ctc_head.bias[0].item()

    with pytest.raises(RecipeError, match=r"recipes\.demo_pair target"):
        found()
    save(tmp_path, 2, 1.0)
    assert found() == 1.0, "the newest, while one to be averaged is missing"
    save(tmp_path, 4, 2.0)
    assert found() == 1.5
    save(branch_folder(tmp_path, 0, 0), 3, 10.0)
    save(branch_folder(tmp_path, 0, 1), 2, 20.0)
    assert found() == 1.5, "the second branch has not ended"
    save(branch_folder(tmp_path, 0, 1), 3, 20.0)
    assert found() == 15.0
    save(branch_folder(tmp_path, 1, 0), 3, 30.0)
    save(branch_folder(tmp_path, 1, 1), 3, 50.0)
    assert found() == 40.0
    assert load_trained(recipe, ids, tmp_path, turns=1).ctc_head.bias[0].item() == 15.0, (
        "the second round starts from the first"
    )
