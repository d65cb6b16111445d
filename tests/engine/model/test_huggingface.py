"""Hugging Face folders: what is missing is made good or named, and what is damaged is refused in one line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkpoints import edited, refused, texts
from whisper_magic import Engine


def test_not_a_whisper(pair: Any, tmp_path: Path) -> None:
    other = edited(pair.target, tmp_path / "x", "config.json", model_type="bert")
    refused(lambda: Engine.load(str(other)), "'bert'", "not a Whisper")


def test_invalid_config(pair: Any, tmp_path: Path) -> None:
    other = edited(pair.target, tmp_path / "x", "config.json", d_model="wide")
    refused(lambda: Engine.load(str(other)), "config.json")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", "{"),
        # Falling back to the model's config would quietly lose languages, tasks and timestamps.
        ("generation_config.json", '{"max_length": 44'),
        ("preprocessor_config.json", "{"),
        ("preprocessor_config.json", "[]"),
        ("tokenizer.json", '{"model": '),
        ("tokenizer.json", "{}"),
    ],
)
def test_damaged_files(file: str, content: str, pair: Any, tmp_path: Path) -> None:
    shutil.copytree(pair.target, tmp_path / "x")
    (tmp_path / "x" / file).write_text(content)
    refused(lambda: Engine.load(str(tmp_path / "x")), str(tmp_path / "x"), file.split(".")[0].split("_")[0])


def without(folder: Path, file: str, copy: Path) -> str:
    shutil.copytree(folder, copy)
    (copy / file).unlink()
    return str(copy)


def test_no_generation_config(pair: Any, tmp_path: Path) -> None:
    """Very old checkpoints lack it; languages, tasks and timestamps are the tokenizer's."""
    folder = without(pair.target, "generation_config.json", tmp_path / "x")
    with Engine.load(folder, "none", device="cpu") as made, Engine.load(str(pair.target), "none", device="cpu") as own:
        ours, theirs = (engine._loaded().target.special for engine in (made, own))
        for field in ("sot", "eot", "timestamp_begin", "no_timestamps", "prev_sot", "languages", "tasks"):
            assert getattr(ours, field) == getattr(theirs, field), field
        (note,) = [note for note in made.status.notes if "generation_config.json" in note]
        assert note.startswith(f"{folder} has no generation_config.json: special tokens are those of its tokenizer")
        assert not any("generation_config.json" in note for note in own.status.notes)


def test_half_a_tokenizer_names_the_missing_file(pair: Any, tmp_path: Path) -> None:
    folder = without(pair.target, "tokenizer.json", tmp_path / "x")
    for file in ("vocab.json", "merges.txt"):
        (tmp_path / "x" / file).unlink(missing_ok=True)
    for there, missing in (("vocab.json", "merges.txt"), ("merges.txt", "vocab.json")):
        (tmp_path / "x" / there).write_text("")
        refused(lambda: Engine.load(folder), "no readable tokenizer", f"{missing} is missing")
        (tmp_path / "x" / there).unlink()


def test_no_preprocessor_config(pair: Any, tmp_path: Path) -> None:
    """Older conversions lack it; the model's mel count is all that is needed."""
    folder = without(pair.target, "preprocessor_config.json", tmp_path / "x")
    with Engine.load(folder, "none", device="cpu") as engine:
        note = f"{folder} has no preprocessor_config.json: Whisper's default features are used, with 80 mel bins"
        assert note in engine.status.notes
    assert texts(str(tmp_path / "x"), language="en") == texts(str(pair.target), language="en")


def test_features_of_another_model(pair: Any, tmp_path: Path) -> None:
    other = edited(pair.target, tmp_path / "x", "preprocessor_config.json", feature_size=128)
    refused(lambda: Engine.load(str(other)), "128 mel bins", "80")
