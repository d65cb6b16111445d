"""Light drafts: layers and final norm alone, with a shortlist of the tokens that they propose."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.checkpoints import refused
from whisper_magic import Engine, Transcript
from whisper_magic.engine.model.checkpoint import TABLES, SpecialTokens, read_target
from whisper_magic.engine.model.device import place
from whisper_magic.engine.model.hub import demo_folder

SAMPLE = demo_folder() / "sample.ogg"  # without timestamps only voice is read


@pytest.fixture
def special(pair: Any) -> SpecialTokens:
    return read_target(str(pair.target), place("cpu", "float32", "sdpa").placement).special


@pytest.fixture
def half(special: SpecialTokens) -> list[int]:
    """Every other token of text, with what belongs in every shortlist."""
    return [*range(0, special.eot, 2), special.eot, *range(special.timestamp_begin, special.vocab)]


@pytest.fixture
def light(pair: Any, tmp_path: Path) -> Callable[..., Path]:
    """Makes the pair's draft light."""

    def make(shortlist: Sequence[int] | None = None) -> Path:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        shutil.copytree(pair.drafts["sometimes"], folder)
        tensors = load_file(folder / "model.safetensors")
        kept = {name: tensor for name, tensor in tensors.items() if not name.endswith((*TABLES, "proj_out.weight"))}
        assert 0 < len(kept) < len(tensors)
        if shortlist is not None:
            kept["shortlist"] = torch.tensor(shortlist, dtype=torch.int32)
        save_file(kept, folder / "model.safetensors")
        return folder

    return make


@pytest.fixture(params=["native", pytest.param("torch", marks=pytest.mark.slow)])
def transcribe(
    request: pytest.FixtureRequest, pair: Any, through_torch: Callable[[], None]
) -> Callable[..., Transcript]:
    if request.param == "torch":
        through_torch()

    def run(folder: Path | str, **options: Any) -> Transcript:
        with Engine.load(str(pair.target), str(folder), device="cpu") as engine:
            greedy = {"draft": "model", "draft_length": 5, "temperature": 0.0, "end": 8.0}
            return engine.transcribe(SAMPLE, **greedy | options)

    return run


def proposals(transcript: Transcript) -> list[tuple[int, ...]]:
    return [one.proposed for one in transcript.trace.rounds]


@pytest.mark.parametrize("whole", [False, True], ids=["no shortlist", "every token"])
def test_it_proposes_what_the_whole_draft_does(
    whole: bool, transcribe: Callable[..., Transcript], light: Callable[..., Path], pair: Any, special: SpecialTokens
) -> None:
    found = transcribe(light(range(special.vocab) if whole else None))
    expected = transcribe(pair.drafts["sometimes"])
    assert [s.tokens for s in found.segments] == [s.tokens for s in expected.segments]
    assert proposals(found) == proposals(expected)


@pytest.mark.parametrize(
    "options",
    [{}, {"timestamps": False}, {"temperature": 0.6}, {"temperature": 0.6, "acceptance": "rejection"}],
    ids=["greedy", "without timestamps", "shared noise", "rejection"],
)
def test_it_proposes_the_shortlist_and_changes_nothing(
    options: dict[str, Any],
    transcribe: Callable[..., Transcript],
    light: Callable[..., Path],
    half: list[int],
    special: SpecialTokens,
) -> None:
    if "timestamps" in options:  # without them this target ends at once
        options = {**options, "suppress_tokens": (special.eot,)}
    found = transcribe(light(half), **options)
    proposed = {token for tokens in proposals(found) for token in tokens}
    assert proposed
    assert proposed <= set(half)
    assert found.trace.acceptance_rate
    if "acceptance" not in options:
        alone = transcribe("none", draft="none", **options)
        assert [s.tokens for s in found.segments] == [s.tokens for s in alone.segments]


def test_what_a_shortlist_lacks_is_named(
    pair: Any, light: Callable[..., Path], half: list[int], special: SpecialTokens
) -> None:
    def loading(shortlist: Sequence[int]) -> Callable[[], Engine]:
        return lambda: Engine.load(str(pair.target), str(light(shortlist)), device="cpu")

    refused(loading([token for token in half if token != special.eot]), f"without token {special.eot}")
    refused(loading(half[:-1]), f"without token {special.vocab - 1}")
    refused(loading(half[::-1]), "not ascending")
    refused(loading([*half, special.vocab]), f"ids below {special.vocab}")
    refused(loading([]), "not ascending")


def test_another_width_is_refused(make_pair: Any, shape: Any, light: Callable[..., Path]) -> None:
    folder, other = light(), make_pair(shape(d_model=128))
    refused(lambda: Engine.load(str(other.target), str(folder), device="cpu"), str(folder), str(other.target))
