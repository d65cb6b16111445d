"""Which models write a text."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from whisper_magic.engine.model.files import CheckpointFiles
from whisper_magic.errors import CheckpointError
from whisper_magic.library import weights
from whisper_magic.library.records import ModelConfig
from whisper_magic.library.store import Store
from whisper_magic.options import TranscribeOptions


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "whisper.db")
    yield made
    made.close()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CheckpointFiles:
    """A checkpoint of two files, under any name."""
    paths = (tmp_path / "model-1.safetensors", tmp_path / "model-2.safetensors")
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 100)
    made = CheckpointFiles("any", tmp_path, paths)
    monkeypatch.setattr(weights.hub, "locate", lambda name: made)
    return made


def key(store: Store, model: str | None = "small", **options: object) -> ModelConfig:
    return weights.model_config(store, "big", model, "float32", TranscribeOptions(**options))  # type: ignore[arg-type]


def test_the_digest_of_the_demo(store: Store) -> None:
    found = weights.weights_digest(store, "demo")
    assert len(found) == 64
    assert found == weights.sha256(weights.hub.locate("demo").weights)


def test_the_digest_is_of_the_files_one_after_the_other(store: Store, files: CheckpointFiles) -> None:
    assert weights.weights_digest(store, "big") == hashlib.sha256(b"\0" * 100 + b"\1" * 100).hexdigest()


def test_weights_are_read_once(store: Store, files: CheckpointFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    first, read = weights.weights_digest(store, "big"), []
    monkeypatch.setattr(weights, "sha256", lambda paths: read.append(paths) or "new")
    assert weights.weights_digest(store, "another name") == first
    assert read == []
    os.utime(files.weights[0], (1, 1))
    assert weights.weights_digest(store, "big") == "new"
    assert weights.weights_digest(store, "big") == "new"
    assert len(read) == 1


def test_a_digest_that_is_known_is_not_computed(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights.hub, "locate", lambda name: CheckpointFiles("any", tmp_path, (), "", "abc"))
    assert weights.weights_digest(store, "big") == "abc"
    assert store.query("SELECT count(*) FROM weights") == [(0,)]


def test_a_library_that_cannot_be_written_keeps_no_digest(store: Store, files: CheckpointFiles) -> None:
    store.read_only = True
    assert len(weights.weights_digest(store, "big")) == 64
    assert store.query("SELECT count(*) FROM weights") == [(0,)]


def test_a_target_that_is_not_there(store: Store) -> None:
    with pytest.raises(CheckpointError):
        weights.model_config(store, "/no/such/folder", None, "float32", TranscribeOptions())


def test_the_options_that_decide_the_text(store: Store, files: CheckpointFiles) -> None:
    assert json.loads(key(store).options) == {}
    assert key(store).options == key(store, None, draft="none", draft_length=3, batch_size=1).options
    assert json.loads(key(store, language="de", temperature=0, clips=[(0, 1)]).options) == {
        "language": "de",
        "temperature": 0,
        "clips": [[0, 1]],
    }
    assert json.loads(key(store, mode="sequential").options) == {"mode": "sequential"}
    assert (key(store).target, key(store).draft, key(store).dtype) == ("big", "small", "float32")


def test_with_rejection_the_draft_decides_too(store: Store, files: CheckpointFiles) -> None:
    assert json.loads(key(store, acceptance="rejection", draft_length=3).options) == {
        "acceptance": "rejection",
        "draft_length": 3,
        "model": "small",
    }
    assert key(store, "other", acceptance="rejection") != key(store, acceptance="rejection")
