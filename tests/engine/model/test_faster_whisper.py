"""CTranslate2 Whisper folders read as if they were Hugging Face's: the same tensors, tokens and text."""

from __future__ import annotations

import dataclasses
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support import ctranslate2 as ct2
from tests.support.checkpoints import edited, refused, texts
from whisper_magic import Engine
from whisper_magic.engine.model import faster_whisper
from whisper_magic.engine.model.checkpoint import Checkpoint, read_draft, read_target
from whisper_magic.engine.model.device import place
from whisper_magic.errors import CheckpointError

PLACEMENT = place("cpu", "float32", "sdpa").placement


@pytest.fixture(scope="session")
def english(make_pair: Callable[[Any], Any], shape: Any) -> Path:
    """An English-only Whisper, whose generation configuration is the one that CTranslate2 folders imply."""
    return Path(make_pair(shape(multilingual=False, max_initial=50, half=True)).target)


@pytest.fixture(scope="session")
def folder(english: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ct2.save_folder(english, tmp_path_factory.mktemp("ct2") / "float32")


def same_weights(ours: Checkpoint, theirs: Checkpoint) -> None:
    for a, b in ((ours.encoder, theirs.encoder), (ours.decoder_state, theirs.decoder_state)):
        assert a is not None
        assert b is not None
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_the_same_model_as_the_folder_it_was_made_from(english: Path, folder: Path) -> None:
    ours, theirs = read_target(str(folder), PLACEMENT), read_target(str(english), PLACEMENT)
    same_weights(ours, theirs)
    assert ours.special == theirs.special
    for field in ("encoder_attention_heads", "decoder_attention_heads", "encoder_ffn_dim", "decoder_layers"):
        assert getattr(ours.config, field) == getattr(theirs.config, field)
    assert ours.window_frames == theirs.window_frames
    assert ours.notes == ()


@pytest.mark.parametrize("quantization", ["float32", "float16"])
def test_the_same_text(quantization: str, english: Path, tmp_path: Path) -> None:
    other = ct2.save_folder(english, tmp_path / "x", quantization)
    assert texts(str(other)) == texts(str(english))


@pytest.mark.slow
def test_random_whispers_of_all_shapes(make_pair: Callable[[Any], Any], shape: Any, tmp_path: Path) -> None:
    for seed in range(12):
        drawn = dataclasses.replace(shape.draw(seed), multilingual=False, max_initial=50, half=True)
        source = make_pair(drawn).target
        other = ct2.save_folder(source, tmp_path / str(seed))
        ours, theirs = read_target(str(other), PLACEMENT), read_target(str(source), PLACEMENT)
        same_weights(ours, theirs)
        assert ours.special == theirs.special


@pytest.mark.parametrize(("quantization", "bits"), [("int8", 8), ("int16", 16)])
def test_integers_are_dequantised_and_it_is_noted(quantization: str, bits: int, english: Path, tmp_path: Path) -> None:
    other = ct2.save_folder(english, tmp_path / "x", quantization)
    ours, theirs = read_target(str(other), PLACEMENT), read_target(str(english), PLACEMENT)
    assert ours.encoder is not None
    assert theirs.encoder is not None
    assert ours.encoder.keys() == theirs.encoder.keys()
    for name, tensor in theirs.encoder.items():
        step = tensor.abs().max() / (127 if bits == 8 else 1024)
        wider = 1.01 if bits == 8 else 1.5  # in 16 bits, q, k and v share one scale
        assert (ours.encoder[name] - tensor).abs().max() <= step / 2 * wider, name
    (note,) = ours.notes
    assert f"{bits}-bit" in note
    assert "dequantised" in note
    assert texts(str(other))


@pytest.mark.parametrize("quantization", ["float16", "bfloat16"])
def test_sixteen_bits(quantization: str, english: Path, tmp_path: Path) -> None:
    ours = read_target(str(ct2.save_folder(english, tmp_path / "x", quantization)), PLACEMENT)
    theirs, dtype = read_target(str(english), PLACEMENT), getattr(torch, quantization)
    assert all(torch.equal(ours.decoder_state[n], t.to(dtype).float()) for n, t in theirs.decoder_state.items())
    assert ours.notes == ()


def test_a_generation_config_that_was_copied_along_is_used(pair: Any, tmp_path: Path) -> None:
    """`--copy_files generation_config.json`; languages too, where the vocabulary is not of Whisper's usual size."""
    other = ct2.save_folder(pair.target, tmp_path / "x")
    shutil.copy(pair.target / "generation_config.json", other)
    assert read_target(str(other), PLACEMENT).special == read_target(str(pair.target), PLACEMENT).special
    assert texts(str(other), language="de") == texts(str(pair.target), language="de")


def test_languages_by_the_size_of_the_vocabulary(pair: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = ct2.save_folder(pair.target, tmp_path / "x")
    older = edited(other, tmp_path / "older", "config.json", lang_ids=None)
    assert read_target(str(other), PLACEMENT).special.languages == {}
    monkeypatch.setattr(faster_whisper, "MULTILINGUAL_VOCABULARY", 400)
    theirs = read_target(str(pair.target), PLACEMENT).special
    for folder in (other, older):
        special = read_target(str(folder), PLACEMENT).special
        assert special == dataclasses.replace(theirs, max_initial_timestamp_index=50)
        assert special.languages.keys() == {"en", "de", "fr"}


def test_without_preprocessor_config_and_tokenizer(english: Path, folder: Path, tmp_path: Path) -> None:
    for file in ("vocabulary.json", "vocabulary.txt"):
        other = Path(shutil.copytree(folder, tmp_path / file))
        (other / "preprocessor_config.json").unlink()
        (other / "tokenizer.json").unlink()
        words = json.loads((other / "vocabulary.json").read_text())
        (other / "vocabulary.json").unlink()
        text = json.dumps(words) if file.endswith("json") else "".join(f"{word}\n" for word in words)
        (other / file).write_text(text, encoding="utf-8")
        assert texts(str(other)) == texts(str(english))
        ours, theirs = read_target(str(other), PLACEMENT), read_target(str(english), PLACEMENT)
        assert ours.special == theirs.special
        assert ours.text(range(ours.special.eot)) == theirs.text(range(ours.special.eot))


def test_drafts_and_targets_of_both_formats(english: Path, folder: Path) -> None:
    """A conversion has the encoder of what it was made from, and shares it."""
    for target, draft in ((english, folder), (folder, english), (folder, folder)):
        read = read_draft(str(draft), read_target(str(target), PLACEMENT), PLACEMENT)
        assert read.encoder is None
        assert read.notes == ()


def test_an_output_layer_of_its_own(english: Path, folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "x"))
    found = ct2.variables(english)
    found["decoder/projection/weight"] = found[ct2.EMBEDDING].flip(1).contiguous()
    ct2.write(other / "model.bin", found, {})
    weights = read_target(str(other), PLACEMENT).decoder_state
    assert torch.equal(weights["proj_out.weight"], weights["embed_tokens.weight"].flip(1))
    assert texts(str(other)) != texts(str(english))


@pytest.mark.parametrize("name", ["decoder/activation", "decoder/alibi", "decoder/pre_norm"])
def test_another_architecture_is_refused(name: str, english: Path, folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "x"))
    changed = {**ct2.variables(english), name: torch.tensor(7, dtype=torch.int8)}
    ct2.write(other / "model.bin", changed, {"decoder/projection/weight": ct2.EMBEDDING})
    refused(lambda: Engine.load(str(other)), f"{name} = 7", str(other))


def test_another_kind_of_model(folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "x"))
    content = (other / "model.bin").read_bytes().replace(b"WhisperSpec", b"GPTNeoXSpec", 1)
    (other / "model.bin").write_bytes(content)
    refused(lambda: Engine.load(str(other)), "'GPTNeoXSpec'", "not a Whisper")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoder/num_heads": torch.tensor(7, dtype=torch.int16)}, ("encoder/num_heads = 7", "width of 64")),
        ({"encoder/num_heads": torch.tensor(0, dtype=torch.int16)}, ("encoder/num_heads = 0",)),
        ({"encoder/num_heads": torch.tensor(-2, dtype=torch.int16)}, ("encoder/num_heads = -2",)),
        ({"encoder/num_heads": torch.ones(3)}, ("encoder/num_heads", "not a single integer")),
        ({"encoder/num_heads": None}, ("lacks encoder/num_heads",)),
        ({ct2.EMBEDDING: torch.zeros(4)}, ("shape (4,)", "2 dimensions")),
        ({"encoder/conv1/weight": None}, ("lacks encoder/conv1/weight",)),
        ({"encoder/conv1/weight": torch.zeros(64, 0, 3)}, ("shape (64, 0, 3)",)),
        ({"decoder/layer_1/ffn/linear_1/bias": None}, ("lacks 1 weights", "layers.1.fc2.bias")),
        ({"decoder/layer_1/ffn/linear_1/bias": torch.zeros(3)}, ("layers.1.fc2.bias of shape (3,)",)),
        ({"decoder/layer_0/self_attention/linear_0/weight": torch.zeros(191, 64)}, ("linear_0/weight (191, 64)",)),
        ({"decoder/layer_0/self_attention/relative": torch.zeros(3, 4)}, ("relative", "no Whisper has")),
        ({"decoder/layer_0/ffn/linear_0/weight_zero": torch.zeros(3)}, ("weight_zero", "no Whisper has")),
        ({"decoder/position_encodings/encodings": torch.zeros(2, 64)}, ("text context of 2 tokens",)),
        ({"decoder/embeddings/weight_scale": torch.zeros(2), ct2.EMBEDDING: None}, ("lacks decoder/embeddings",)),
    ],
)
def test_what_is_wrong_is_named(
    change: dict[str, torch.Tensor | None], words: tuple[str, ...], english: Path, folder: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "x"))
    changed = {name: tensor for name, tensor in {**ct2.variables(english), **change}.items() if tensor is not None}
    aliases = {"decoder/projection/weight": ct2.EMBEDDING} if ct2.EMBEDDING in changed else {}
    ct2.write(other / "model.bin", changed, aliases)
    refused(lambda: Engine.load(str(other)), str(other), *words)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("suppress_ids", [10**9]),
        ("suppress_ids", [-1]),
        ("suppress_ids", ["a"]),
        ("suppress_ids_begin", 5),
        ("suppress_ids_begin", [True]),
        ("alignment_heads", [[1]]),
        ("alignment_heads", [[0, -1]]),
        ("alignment_heads", {"a": 1}),
    ],
)
def test_invalid_lists_in_config(key: str, value: object, folder: Path, tmp_path: Path) -> None:
    other = edited(folder, tmp_path / "x", "config.json", **{key: value})
    refused(lambda: Engine.load(str(other)), key, "config.json")


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "[" * 100_000])
def test_damaged_config(content: str, folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "x"))
    (other / "config.json").write_text(content)
    refused(lambda: Engine.load(str(other)), "config.json")


def test_no_tokenizer_is_refused_at_load(folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "x"))
    (other / "tokenizer.json").unlink()
    (other / "vocabulary.json").unlink()
    refused(lambda: Engine.load(str(other)), "no tokenizer", "tokenizer.json")


def test_damaged_weights_give_one_line(folder: Path, tmp_path: Path) -> None:
    """Whole folders with a damaged model.bin, through the engine's own door: read, or refused in one line."""
    other = Path(shutil.copytree(folder, tmp_path / "x"))
    whole = (other / "model.bin").read_bytes()
    names = [at for at in range(len(whole)) if whole.startswith((b"encoder/", b"decoder/"), at)]
    dice = random.Random(0)
    messages = []
    for _ in range(150):
        content = bytearray(whole)
        at = dice.choice(names[:-3]) + dice.randrange(-4, 60)
        content[at] ^= 1 << dice.randrange(8)
        (other / "model.bin").write_bytes(content)
        try:
            checkpoint = read_target(str(other), PLACEMENT)
            assert checkpoint.encoder is not None
            assert len(dict(checkpoint.encoder)) + len(dict(checkpoint.decoder_state)) > 50
        except CheckpointError as error:
            messages.append(str(error))
    assert len(messages) > 75
    assert not any("\n" in message for message in messages)
