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


def test_no_preprocessor_config(pair: Any, tmp_path: Path) -> None:
    """Older conversions lack it; the model's mel count is all that is needed."""
    shutil.copytree(pair.target, tmp_path / "x")
    (tmp_path / "x" / "preprocessor_config.json").unlink()
    assert texts(str(tmp_path / "x"), language="en") == texts(str(pair.target), language="en")


def test_features_of_another_model(pair: Any, tmp_path: Path) -> None:
    other = edited(pair.target, tmp_path / "x", "preprocessor_config.json", feature_size=128)
    refused(lambda: Engine.load(str(other)), "128 mel bins", "80")
