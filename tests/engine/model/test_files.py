"""Which files of a folder are a checkpoint's weights, and the message where there are none."""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support import ctranslate2 as ct2
from tests.support.checkpoints import refused
from whisper_magic.engine.model.files import in_folder, is_whisper, weight_files


def test_an_empty_folder(tmp_path: Path) -> None:
    refused(lambda: in_folder("x", tmp_path), "x is not a checkpoint", "config.json")


def test_a_folder_without_weights(pair: Any, tmp_path: Path) -> None:
    shutil.copy(pair.target / "config.json", tmp_path)
    refused(lambda: in_folder("x", tmp_path), "no weights")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.bin"])
def test_pickles_are_not_read(name: str, pair: Any, tmp_path: Path) -> None:
    shutil.copy(pair.target / "config.json", tmp_path)
    for content in (pickle.dumps({"a": [1.0] * 100}), b"", b"\6\0\0\0", bytes(100)):
        (tmp_path / name).write_bytes(content)
        refused(lambda: in_folder("x", tmp_path), ".bin", "safetensors")
    with zipfile.ZipFile(tmp_path / name, "w") as archive:  # as torch.save writes them
        archive.writestr("archive/data.pkl", pickle.dumps({}))
    refused(lambda: in_folder("x", tmp_path), ".bin", "safetensors")


def test_ctranslate2_is_not_taken_for_a_pickle(pair: Any, tmp_path: Path) -> None:
    folder = ct2.save_folder(pair.target, tmp_path / "x")
    files = in_folder("x", folder)
    assert files.weights == (folder / "model.bin",)
    assert files.is_ctranslate2
    assert is_whisper(folder)


def test_safetensors_come_first(pair: Any, tmp_path: Path) -> None:
    folder = ct2.save_folder(pair.target, tmp_path / "x")
    shutil.copy(pair.target / "model.safetensors", folder)
    files = in_folder("x", folder)
    assert files.weights == (folder / "model.safetensors",)
    assert not files.is_ctranslate2


def test_shards_must_all_be_there(pair: Any, tmp_path: Path) -> None:
    shutil.copy(pair.target / "config.json", tmp_path)
    shards = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    index = {"weight_map": {"a": shards[0], "b": shards[1]}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / shards[0]).write_bytes(b"x")
    assert weight_files(tmp_path) == ()
    refused(lambda: in_folder("x", tmp_path), "only some of its weights", shards[1])
    (tmp_path / shards[1]).write_bytes(b"x")
    assert weight_files(tmp_path) == tuple(tmp_path / shard for shard in shards)


def test_other_models_are_no_whispers(pair: Any, tmp_path: Path) -> None:
    assert is_whisper(pair.target)
    assert not is_whisper(tmp_path)
    for content in ('{"model_type": "bert"}', "[]", "{", "[" * 100_000):
        (tmp_path / "config.json").write_text(content)
        assert not is_whisper(tmp_path)
