"""The light draft: some decoder layers and a final norm over the target's embeddings, positions and encoder states."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from transformers import WhisperForConditionalGeneration
from transformers.models.whisper.modeling_whisper import WhisperDecoder

Tensor = torch.Tensor


class LightDraft(nn.Module):
    """Predicts the next token among a shortlist.

    Its decoder is transformers' own; only layers and final norm are trained.

    Attributes:
        decoder: With the target's tables.
        shortlist: (N,) ids, ascending.
        head: (N, d_model), the target's embeddings of them.
    """

    decoder: WhisperDecoder
    shortlist: Tensor
    head: Tensor

    def __init__(self, target: WhisperForConditionalGeneration, layers: Sequence[int], shortlist: Tensor) -> None:
        """Begin with layers of the target.

        Args:
            target: A whole Whisper, in float32.
            layers: Which of its decoder layers the draft begins with.
            shortlist: (N,) ids that the draft can propose, ascending.
        """
        super().__init__()
        whole = target.model.decoder
        config = type(target.config)(**{**target.config.to_dict(), "decoder_layers": len(layers)})
        config._attn_implementation = "sdpa"
        self.decoder = WhisperDecoder(config)
        state = whole.state_dict()
        kept = {name: tensor for name, tensor in state.items() if not name.startswith("layers.")}
        for i, layer in enumerate(layers):
            own = f"layers.{layer}."
            kept |= {f"layers.{i}.{n.removeprefix(own)}": t for n, t in state.items() if n.startswith(own)}
        self.decoder.load_state_dict(kept)
        for frozen in (self.decoder.embed_tokens, self.decoder.embed_positions):
            frozen.requires_grad_(False)
        self.register_buffer("shortlist", shortlist, persistent=False)
        self.register_buffer("head", self.decoder.embed_tokens.weight.detach()[shortlist], persistent=False)

    def forward(self, tokens: Tensor, states: Tensor, predicted: Tensor) -> Tensor:
        """Teacher-forced logits.

        Args:
            tokens: (N, T) ids.
            states: (N, F, d_model) of the target's encoder.
            predicted: (N, T), the positions whose logits are wanted.

        Returns:
            (predicted, shortlist) logits.
        """
        out = self.decoder(input_ids=tokens, encoder_hidden_states=states, use_cache=False).last_hidden_state
        return nn.functional.linear(out[predicted], self.head)

    def light_state(self) -> dict[str, Tensor]:
        """What is the draft's own: its layers and final norm."""
        state = self.decoder.state_dict()
        return {name: tensor for name, tensor in state.items() if name.startswith(("layers.", "layer_norm."))}
