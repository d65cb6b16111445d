"""Loading and pairing: what is read, and what is refused with which message."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import WhisperForConditionalGeneration

from tests.support.checkpoints import edited, refused
from whisper_magic import Engine
from whisper_magic.engine.model.checkpoint import read_draft, read_target
from whisper_magic.engine.model.device import place
from whisper_magic.engine.native.bindings import why_not
from whisper_magic.errors import OptionError

PLACEMENT = place("cpu", "float32", "sdpa").placement


def test_ids_come_from_the_checkpoint(pair: Any) -> None:
    target = read_target(str(pair.target), PLACEMENT)
    special = target.special
    assert special.timestamp_begin == special.no_timestamps + 1
    assert special.languages.keys() == {"en", "de", "fr"}
    assert target.window_frames == 200
    assert special.max_length == 64
    assert special.max_initial_timestamp_index == 20


def test_decoder_only_draft_shares_the_encoder(pair: Any) -> None:
    target = read_target(str(pair.target), PLACEMENT)
    draft = read_draft(str(pair.drafts["always"]), target, PLACEMENT)
    assert draft.encoder is None
    assert draft.notes == target.notes == ()


def test_whole_whisper_with_the_same_encoder_shares_it(pair: Any) -> None:
    """distil-whisper ships the target's encoder along; it is recognised and not loaded twice."""
    target = read_target(str(pair.target), PLACEMENT)
    assert read_draft(str(pair.target), target, PLACEMENT).encoder is None


def test_whole_small_whisper_keeps_its_own_encoder(make_pair: Callable[[Any], Any], shape: Any) -> None:
    big, small = make_pair(shape(d_model=128)), make_pair(shape(seed=5))
    target = read_target(str(big.target), PLACEMENT)
    draft = read_draft(str(small.target), target, PLACEMENT)
    assert draft.encoder is not None
    (note,) = draft.notes
    assert str(small.target) in note
    assert "every window is encoded twice" in note


@pytest.mark.slow
def test_whole_small_whisper_changes_no_text(make_pair: Callable[[Any], Any], shape: Any) -> None:
    big, small = make_pair(shape(d_model=128)), make_pair(shape(seed=5))
    samples = torch.randn(3 * 32000, generator=torch.Generator().manual_seed(2)).numpy() * 0.1
    with Engine.load(str(big.target), str(small.target), device="cpu") as engine:
        speculative = engine.transcribe((samples, 16000))
        alone = engine.transcribe((samples, 16000), draft="none")
    assert [s.tokens for s in speculative.segments] == [s.tokens for s in alone.segments]
    assert speculative.trace.acceptance_rate is not None
    assert alone.trace.acceptance_rate is None


@pytest.mark.parametrize(
    ("change", "what"),
    [({"seed": 9, "mels": 128}, "mel count"), ({"seed": 9, "multilingual": False}, "vocabulary size")],
)
def test_mismatched_pairs_name_both_sides(
    change: dict[str, Any], what: str, make_pair: Callable[[Any], Any], shape: Any, pair: Any
) -> None:
    other = make_pair(replace(shape(), **change))
    refused(lambda: Engine.load(str(pair.target), str(other.target)), what, str(pair.target), str(other.target))


def test_another_width_without_an_encoder_is_refused(make_pair: Callable[[Any], Any], shape: Any, pair: Any) -> None:
    other = make_pair(shape(d_model=128))
    refused(lambda: Engine.load(str(pair.target), str(other.drafts["always"])), "d_model 128", "d_model 64")


def test_other_special_tokens_are_refused(pair: Any, tmp_path: Path) -> None:
    draft = edited(pair.drafts["always"], tmp_path / "x", "generation_config.json", eos_token_id=7)
    refused(lambda: Engine.load(str(pair.target), str(draft)), "end-of-text token", "7")


def test_decoder_only_is_no_target(pair: Any) -> None:
    refused(lambda: Engine.load(str(pair.drafts["always"])), "decoder-only", "draft=")


def test_damaged_weights(pair: Any, tmp_path: Path) -> None:
    shutil.copytree(pair.target, tmp_path / "x")
    weights = tmp_path / "x" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    refused(lambda: Engine.load(str(tmp_path / "x")), "could not be read")


def test_text_of_tokens(pair: Any) -> None:
    target = read_target(str(pair.target), PLACEMENT)
    special = target.special
    ids = target.tokenizer(" a, b", add_special_tokens=False)["input_ids"]
    assert target.text(ids) == " a, b"
    first, last = special.timestamp_begin, special.timestamp_begin + 5
    assert target.text([special.sot, special.languages["en"], first, *ids, last, special.eot]) == " a, b"
    assert target.text([]) == ""


@pytest.mark.parametrize("kept", ["nothing", "tokenizer_config.json", "special_tokens_map.json"])
def test_no_tokenizer_is_refused_at_load(kept: str, pair: Any, tmp_path: Path) -> None:
    shutil.copytree(pair.target, tmp_path / "x")
    for file in ("tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"):
        if file != kept:
            (tmp_path / "x" / file).unlink(missing_ok=True)
    refused(lambda: Engine.load(str(tmp_path / "x")), "no tokenizer", "tokenizer.json")


def test_a_draft_needs_no_tokenizer_of_its_own(pair: Any, tmp_path: Path) -> None:
    shutil.copytree(pair.drafts["always"], tmp_path / "x")
    (tmp_path / "x" / "tokenizer.json").unlink()
    target = read_target(str(pair.target), PLACEMENT)
    assert read_draft(str(tmp_path / "x"), target, PLACEMENT).tokenizer is target.tokenizer


@pytest.mark.parametrize(
    "change", [{"lang_to_id": 3}, {"lang_to_id": {"<|en|>": "x"}}, {"alignment_heads": [1]}, {"max_length": "long"}]
)
def test_invalid_generation_config(change: dict[str, object], pair: Any, tmp_path: Path) -> None:
    other = edited(pair.target, tmp_path / "x", "generation_config.json", **change)
    refused(lambda: Engine.load(str(other)), "generation_config.json")


def test_missing_weights_are_not_made_up(pair: Any, tmp_path: Path) -> None:
    shutil.copytree(pair.target, tmp_path / "x")
    weights = load_file(tmp_path / "x" / "model.safetensors")
    del weights["model.decoder.layers.1.fc2.weight"]
    save_file(weights, tmp_path / "x" / "model.safetensors", metadata={"format": "pt"})
    refused(lambda: Engine.load(str(tmp_path / "x")), "lacks 1 weights", "layers.1.fc2.weight")


def test_placement_reports_what_was_chosen() -> None:
    placed = place("cpu", None, None)
    assert placed.placement.dtype == torch.float32
    assert placed.placement.attention == "sdpa"
    assert not any("FlashAttention" in note for note in placed.notes), "nobody expects it of a CPU"
    asked = place("cpu", None, "flash_attention_2")
    assert "FlashAttention-2 is not used: it needs a CUDA device" in asked.notes
    assert place("cpu", "bfloat16", "eager").placement.attention == "eager"
    assert not place("cpu", None, "eager").notes


@pytest.mark.parametrize(
    ("device", "dtype", "attention", "word"),
    [
        ("gpu7", None, None, "gpu7"),
        ("cuda:99", None, None, "cuda:99"),
        ("cpu", "float61", None, "float16"),
        ("cpu", None, "fast", "sdpa"),
    ],
)
def test_bad_placements(device: str, dtype: str | None, attention: str | None, word: str) -> None:
    with pytest.raises(OptionError, match=word):
        place(device, dtype, attention)


def test_eager_attention_writes_the_same(pair: Any) -> None:
    samples = torch.randn(32000, generator=torch.Generator().manual_seed(2)).numpy() * 0.1
    texts = []
    ours = "sdpa" if why_not() else "native CPU kernels"
    for attention, used in (("sdpa", ours), ("eager", f"eager (encoder) and {ours} (decoder)")):
        with Engine.load(str(pair.target), "none", device="cpu", attention=attention) as engine:
            assert engine.status.attention == used
            texts.append(engine.transcribe((samples, 16000)).segments[0].tokens)
    assert texts[0] == texts[1]


def test_the_random_pair_is_plain_hugging_face(pair: Any) -> None:
    model = WhisperForConditionalGeneration.from_pretrained(pair.target)
    assert model.config.d_model == 64
