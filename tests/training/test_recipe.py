"""The recipe's phases: what a step trains on, and how fast."""

import pytest

from training.recipe import ALL, FULL, SHORT, Phase, Recipe
from training.train import plan_of_step

PHASES = (
    Phase(10, ((SHORT, 1.0),), (0.0, 1.0), ("en",), listening=True),
    Phase(10, ((FULL, 1.0),), (1.0, 0.5), ALL),
)


def test_the_rate_goes_in_a_straight_line_through_each_phase() -> None:
    assert [plan_of_step(PHASES, 0, step).rate for step in (0, 9, 19)] == pytest.approx([0.1, 1.0, 0.5])


def test_a_phase_says_what_is_heard_and_who_learns() -> None:
    first, second = plan_of_step(PHASES, 0, 9), plan_of_step(PHASES, 0, 10)
    assert (first.kind, first.languages, first.listening) == (SHORT, ("en",), True)
    assert (second.kind, second.languages, second.listening) == (FULL, ALL, False)


def test_there_is_no_step_after_the_last() -> None:
    with pytest.raises(IndexError):
        plan_of_step(PHASES, 0, 20)


def test_both_trainings_end_slowly() -> None:
    recipe = Recipe()
    assert plan_of_step(recipe.phases, 0, recipe.steps - 1).rate < 1e-4
    assert plan_of_step(recipe.draft_phases, 0, recipe.draft_steps - 1).rate < 1e-4


def test_the_states_that_are_averaged_stand_where_the_rate_has_come_down() -> None:
    recipe, ends, step = Recipe(), {}, 0
    for phase in recipe.phases:
        step += phase.steps
        ends[step] = phase.rates[1]
    assert all(ends[step] <= 1e-5 for step in recipe.averaged)
