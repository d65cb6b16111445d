"""The recipe of a light draft, from sound to a draft that the engine and transformers load, on the demo's target."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import torch
from transformers import WhisperForCausalLM, WhisperForConditionalGeneration

from recipes.draft import __main__ as recipe
from recipes.draft.data import Labels
from recipes.draft.recipe import Recipe, Settings
from whisper_magic import Engine
from whisper_magic.engine.model.hub import demo_folder

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("recipe")]  # one training

SAMPLE = demo_folder() / "sample.ogg"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which every stage has run."""
    folder = tmp_path_factory.mktemp("draft")
    (folder / "sound").mkdir()
    shutil.copyfile(SAMPLE, folder / "sound" / "sample.ogg")
    run(folder, "all")
    return folder


def run(folder: Path, stage: str, **settings: object) -> None:
    chosen = {
        "target": "demo",
        "sound": folder / "sound",
        "held-out": folder / "sound",
        "cache": folder,
        "out": folder / "out",
        "layers": 0,
        "shortlist": 1900,
        "passes": 2,
        "steps": 20,
        "batch": 2,
        "dtype": "float32",
        "threads": 1,
        **settings,
    }
    line = [stage, *(part for name, value in chosen.items() for part in (f"--{name}", str(value)))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["recipes.draft", *line])
        recipe.main()


def test_labels_are_what_the_target_writes(cache: Path) -> None:
    """Its last hidden states give the tokens back, where no rule forbade the likeliest one."""
    labels = Labels(cache / "labels")
    target = WhisperForConditionalGeneration.from_pretrained(demo_folder() / "target", dtype=torch.float32)
    batch = labels.batch(labels.examples)
    likeliest = (batch.hidden.float() @ target.proj_out.weight.T).argmax(-1)
    assert (likeliest == batch.labels).float().mean() > 0.9
    out = target.model.decoder(input_ids=batch.tokens, encoder_hidden_states=batch.states.float()).last_hidden_state
    torch.testing.assert_close(out[batch.predicted], batch.hidden.float(), atol=0.1, rtol=0.1)
    assert len({example.file for example in labels.examples}) == 2
    assert {"en", "de", "fr", "es"} >= {example.language for example in labels.examples}


def test_few_windows_make_a_small_batch(cache: Path) -> None:
    labels = Labels(cache / "labels")
    many = len(labels.examples) + 5
    assert [len(batch.states) for batch in labels.batches(many, 0)] == [len(labels.examples)]


def test_without_speech_nothing_is_learnt(tmp_path: Path) -> None:
    (tmp_path / "sound").mkdir()
    (tmp_path / "labels").mkdir()
    recipe_of_nothing = Recipe(Settings(sound=tmp_path / "sound", cache=tmp_path))
    with pytest.raises(ValueError, match=r"no window in .* was labelled"):
        recipe_of_nothing.train()


def test_the_draft_changes_no_text(cache: Path) -> None:
    with Engine.load("demo", str(cache / "out"), device="cpu") as engine:
        drafted, alone = engine.transcribe(SAMPLE, draft="model"), engine.transcribe(SAMPLE, draft="none")
    assert drafted.text == alone.text
    assert drafted.trace.acceptance_rate is not None
    ids = torch.load(cache / "shortlist.pt", weights_only=True)
    assert {token for one in drafted.trace.rounds for token in one.proposed} <= set(ids.tolist())


def test_the_card_has_its_figures(cache: Path) -> None:
    card = (cache / "out" / "README.md").read_text()
    assert "| en transcribe | 1 |" in card
    assert "| 20 |" in card
    assert "{" not in card


def test_transformers_loads_the_other_form(cache: Path) -> None:
    model = WhisperForCausalLM.from_pretrained(cache / "transformers")
    assert model.config.decoder_layers == 1
    assert torch.equal(model.proj_out.weight, model.model.decoder.embed_tokens.weight)


def test_it_continues_where_it_was_stopped(cache: Path, tmp_path: Path) -> None:
    shutil.copytree(cache, tmp_path / "x")
    run(tmp_path / "x", "train", steps=22)
    whole = torch.load(tmp_path / "x" / "checkpoint.pt", weights_only=True)
    assert whole["step"] == 22
    run(tmp_path / "x", "label")  # nothing is left to do
    assert len(list((tmp_path / "x" / "labels").glob("*.safetensors"))) == 2
