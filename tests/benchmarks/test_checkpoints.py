"""Random checkpoints are made once, and differ between target and draft."""

from __future__ import annotations

from transformers import WhisperConfig

from benchmarks.checkpoints import SHAPES, random_pair
from benchmarks.settings import Settings


def test_a_pair_is_made_once(settings: Settings) -> None:
    weights = random_pair("toy", settings.work).target / "model.safetensors"
    before = weights.stat().st_mtime_ns
    assert random_pair("toy", settings.work).target == weights.parent
    assert weights.stat().st_mtime_ns == before


def test_the_draft_has_fewer_layers_of_the_same_width(settings: Settings) -> None:
    pair = random_pair("toy", settings.work)
    target, draft = (WhisperConfig.from_pretrained(folder) for folder in (pair.target, pair.draft))
    assert (target.decoder_layers, draft.decoder_layers) == (SHAPES["toy"].decoder_layers, SHAPES["toy"].draft_layers)
    assert target.d_model == draft.d_model == SHAPES["toy"].d_model
