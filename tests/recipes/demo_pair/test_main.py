"""The command line lists its stages, and reports what is missing in one line."""

import pytest

from recipes.demo_pair import __main__ as command
from recipes.demo_pair.recipe import Recipe, RecipeError


def test_help_lists_every_stage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for name, (_, what) in command.STAGES.items():
        assert f"  {name:<10} {what}" in text
    assert "restore" in text


def test_all_runs_every_stage_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, int]] = []
    for name in list(command.STAGES):

        def stage(recipe: Recipe, name: str = name) -> None:
            ran.append((name, recipe.seed))

        monkeypatch.setitem(command.STAGES, name, (stage, ""))
    command.main(["all", "--seed", "3"])
    assert ran == [(name, 3) for name in ("speech", "tokenizer", "target", "draft", "export", "sample", "evaluate")]


def test_a_missing_prerequisite_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(recipe: Recipe) -> None:
        raise RecipeError("no corpus: run speech first")

    monkeypatch.setitem(command.STAGES, "target", (fails, ""))
    with pytest.raises(SystemExit, match="no corpus: run speech first"):
        command.main(["target"])
