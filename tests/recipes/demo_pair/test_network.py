"""The networks compute what transformers' own modules compute, and windows may be shorter."""

import pytest
import torch
from transformers import WhisperForConditionalGeneration

from recipes.demo_pair.network import encode, new_draft, new_target
from recipes.demo_pair.recipe import Shape
from tests.support.demo_pair import IDS

SHAPE = Shape(width=16, heads=2, feed_forward=32, encoder_layers=2, decoder_layers=4)


@pytest.fixture(scope="module")
def target() -> WhisperForConditionalGeneration:
    torch.manual_seed(0)
    return new_target(SHAPE, IDS).eval()


@torch.no_grad()
def test_a_full_window_is_encoded_as_transformers_does(target: WhisperForConditionalGeneration) -> None:
    mel = torch.randn(2, SHAPE.n_mels, 2 * SHAPE.n_audio_ctx, generator=torch.Generator().manual_seed(0))
    wanted = target.model.encoder(mel).last_hidden_state
    torch.testing.assert_close(encode(target.model.encoder, mel, torch.zeros(2, dtype=torch.long)), wanted)


@torch.no_grad()
def test_a_short_window_depends_on_its_offset(target: WhisperForConditionalGeneration) -> None:
    mel = torch.randn(1, SHAPE.n_mels, 40, generator=torch.Generator().manual_seed(0)).expand(2, -1, -1)
    states = encode(target.model.encoder, mel, torch.tensor([0, 700]))
    assert states.shape == (2, 20, SHAPE.width)
    assert not torch.allclose(states[0], states[1])


def test_the_draft_starts_as_the_targets_last_layer(target: WhisperForConditionalGeneration) -> None:
    draft = new_draft(target, SHAPE, IDS)
    layers = draft.model.decoder.layers
    assert len(layers) == SHAPE.draft_layers == 1
    for name, weight in target.model.decoder.layers[-1].state_dict().items():
        assert torch.equal(layers[0].state_dict()[name], weight)
    assert torch.equal(draft.model.decoder.embed_tokens.weight, target.model.decoder.embed_tokens.weight)
