"""Weights on disk: which there must be, under which names, and that no tensor keeps the file mapped."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import WhisperForConditionalGeneration

from tests.support.checkpoints import texts
from whisper_magic import Engine
from whisper_magic.engine.model.weights import Weights, decoder_shapes, encoder_shapes, safetensors
from whisper_magic.errors import CheckpointError

CPU = torch.device("cpu")


def rewritten(pair: Any, folder: Path, **files: dict[str, torch.Tensor]) -> Path:
    """A copy of the target with other weight files."""
    shutil.copytree(pair.target, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    for name, tensors in files.items():
        save_file(tensors, folder / f"{name.replace('_', '-')}.safetensors", metadata={"format": "pt"})
    return folder


def test_names_and_shapes_are_hugging_faces(pair: Any) -> None:
    model = WhisperForConditionalGeneration.from_pretrained(pair.target)
    for module, shapes in (
        (model.model.encoder, encoder_shapes(model.config)),
        (model.model.decoder, decoder_shapes(model.config)),
    ):
        assert shapes == {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def test_what_is_read_is_a_copy(pair: Any, tmp_path: Path) -> None:
    shutil.copytree(pair.target, tmp_path / "x")
    file = tmp_path / "x" / "model.safetensors"
    expected = load_file(file)["model.encoder.conv1.bias"].clone()
    weights = Weights(safetensors([file]), CPU, torch.float32).under("encoder.")
    bias = weights["conv1.bias"]
    assert weights.shapes["conv1.bias"] == tuple(bias.shape)
    file.write_bytes(bytes(file.stat().st_size))  # as when a model is trained again while the engine lives
    assert torch.equal(bias, expected)


def test_half_is_read_as_asked(pair: Any) -> None:
    bias = Weights(safetensors([pair.target / "model.safetensors"]), CPU, torch.bfloat16)["encoder.conv1.bias"]
    assert bias.dtype == torch.bfloat16


def test_shards_and_bare_names(pair: Any, tmp_path: Path) -> None:
    """Large checkpoints come in shards, and a bare WhisperModel's names lack "model."."""
    tensors = load_file(pair.target / "model.safetensors")
    names = sorted(tensors)
    shards = {
        "model_00001_of_00002": {name: tensors[name] for name in names[::2]},
        "model_00002_of_00002": {name.removeprefix("model."): tensors[name] for name in names[1::2]},
    }
    assert texts(str(rewritten(pair, tmp_path / "x", **shards)), language="en") == texts(
        str(pair.target), language="en"
    )


def test_an_output_layer_of_its_own(pair: Any, tmp_path: Path) -> None:
    tensors = load_file(pair.target / "model.safetensors")
    same = {**tensors, "proj_out.weight": tensors["model.decoder.embed_tokens.weight"].clone()}
    assert texts(str(rewritten(pair, tmp_path / "same", model=same)), language="en") == texts(
        str(pair.target), language="en"
    )
    other = {**tensors, "proj_out.weight": tensors["model.decoder.embed_tokens.weight"].flip(1).contiguous()}
    assert texts(str(rewritten(pair, tmp_path / "other", model=other)), language="en") != texts(
        str(pair.target), language="en"
    )


def test_another_shape_is_refused(pair: Any, tmp_path: Path) -> None:
    tensors = load_file(pair.target / "model.safetensors")
    tensors["model.decoder.layers.0.fc1.bias"] = torch.zeros(3)
    with pytest.raises(CheckpointError, match=r"layers\.0\.fc1\.bias of shape \(3,\).*wants \(128,\)"):
        Engine.load(str(rewritten(pair, tmp_path / "x", model=tensors)))
