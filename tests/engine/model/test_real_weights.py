"""OpenAI's own weights: each format gives the same numbers, the same tokens and the same text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.support import ctranslate2 as ct2
from tests.support import real_weights
from whisper_magic import Engine
from whisper_magic.engine.model import hub, wheels
from whisper_magic.engine.model.checkpoint import read_draft, read_target
from whisper_magic.engine.model.device import place
from whisper_magic.engine.model.vocabulary import merges_of, read_vocabulary

PLACEMENT = place("cpu", "float32", "sdpa").placement
pytestmark = pytest.mark.real


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing in the hub's cache, and nobody asks the network: the packages are all there is."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hub, "_Probe", lambda endpoint: pytest.fail("asked the network"))


@pytest.mark.parametrize("name", real_weights.NAMES)
def test_the_package_and_the_hugging_face_folder_are_one_model(
    name: str, real_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    theirs = read_target(str(real_folder(name)), PLACEMENT)
    ours = read_target(name, PLACEMENT)
    assert "is read from the package" in ours.notes[0]
    assert ours.special == theirs.special
    for a, b in ((ours.encoder, theirs.encoder), (ours.decoder_state, theirs.decoder_state)):
        assert a is not None
        assert b is not None
        assert a.keys() == b.keys()
        assert all(torch.equal(a[weight], b[weight]) for weight in a)
    assert torch.equal(
        torch.as_tensor(ours.feature_extractor.mel_filters), torch.as_tensor(theirs.feature_extractor.mel_filters)
    )
    assert read_draft(name, theirs, PLACEMENT).encoder is None


@pytest.mark.parametrize("name", real_weights.NAMES)
def test_the_vocabulary_alone_gives_the_tokenizer(name: str, real_folder: Callable[[str], Path]) -> None:
    real_folder(name)  # skips where the package is missing
    found = wheels.find(name)
    assert found is not None
    whole = read_target(name, PLACEMENT).tokenizer
    rebuilt = read_vocabulary(name, found.folder)
    ids = list(range(len(whole)))
    assert rebuilt.convert_ids_to_tokens(ids) == whole.convert_ids_to_tokens(ids)
    for text in (" And so, my fellow Americans", " für naïve", " 你好", "Dr. O'Neill paid $3.50 — once…"):
        assert rebuilt(text, add_special_tokens=False) == whole(text, add_special_tokens=False)
    model = json.loads((found.folder / "tokenizer.json").read_text())["model"]
    merges = [tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in model["merges"]]
    again = merges_of(
        {word: i for word, i in model["vocab"].items() if i < whole.convert_tokens_to_ids("<|endoftext|>")}
    )
    # The hub's merges of the multilingual vocabulary lack OpenAI's first, so that " the" is two tokens in transformers.
    assert again == (merges if name.endswith(".en") else [("Ġ", "t"), *merges])


@pytest.mark.recordings
@pytest.mark.parametrize("name", real_weights.NAMES)
def test_the_same_text_of_real_speech(
    name: str, real_folder: Callable[[str], Path], recordings: Path, tmp_path: Path
) -> None:
    """From the package, a Hugging Face folder, and a faster-whisper folder of each precision."""
    source = real_folder(name)
    integers = ct2.save_folder(source, tmp_path / "int8", "int8")
    written = {}
    for folder in (name, str(source), str(integers)):
        with Engine.load(folder, "none", device="cpu") as engine:
            written[folder] = engine.transcribe(recordings / "jfk.flac", words=True)
            assert any("dequantised" in note for note in read_target(folder, PLACEMENT).notes) == (
                folder == str(integers)
            )
    ours, theirs, quantised = written.values()
    assert [segment.tokens for segment in ours.segments] == [segment.tokens for segment in theirs.segments]
    assert [(word.text, word.start, word.end) for word in ours.words] == [
        (word.text, word.start, word.end) for word in theirs.words
    ]
    assert "ask what you can do for your country" in ours.text
    assert quantised.text.lower().replace(",", "") == ours.text.lower().replace(",", "")
