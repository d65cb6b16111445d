"""The bundled pair is restored only where a corpus is there and no run would be lost."""

from pathlib import Path

import pytest

from recipes.demo_pair.recipe import Recipe, RecipeError
from recipes.demo_pair.restore import restore


def test_without_a_corpus_the_error_names_the_stage(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"recipes\.demo_pair speech"):
        restore(Recipe(), cache=tmp_path)


@pytest.mark.parametrize("name", ["target", "draft"])
def test_a_run_in_the_cache_is_not_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "sounds.npy").touch()
    (tmp_path / name).mkdir()
    checkpoint = tmp_path / name / "step-000001.pt"
    checkpoint.touch()
    with pytest.raises(RecipeError, match=f"{name} holds a run already"):
        restore(Recipe(), cache=tmp_path)
    assert checkpoint.exists()
    assert not (tmp_path / "tokenizer").exists()
