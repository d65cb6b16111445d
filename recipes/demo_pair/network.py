"""The networks: transformers' own Whisper modules, run at any window length.

transformers' encoder requires 30 s; ``encode`` is its forward without that, with each window placed anywhere in the
encoder's positions. The rest is used as it is, so that what was trained is what ``from_pretrained`` loads.
"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.nn import functional
from transformers import WhisperConfig, WhisperForCausalLM, WhisperForConditionalGeneration
from transformers.models.whisper.modeling_whisper import WhisperDecoder, WhisperEncoder

from recipes.demo_pair.batches import Batch
from recipes.demo_pair.recipe import Recipe, Shape
from recipes.demo_pair.tokenizer import SpecialIds
from recipes.demo_pair.windows import IGNORE_INDEX, NO_POSITION


def whisper_config(shape: Shape, ids: SpecialIds, decoder_layers: int) -> WhisperConfig:
    """The checkpoint's configuration."""
    return WhisperConfig(
        vocab_size=ids.timestamp_begin + shape.n_audio_ctx + 1,
        num_mel_bins=shape.n_mels,
        d_model=shape.width,
        encoder_layers=shape.encoder_layers,
        decoder_layers=decoder_layers,
        encoder_attention_heads=shape.heads,
        decoder_attention_heads=shape.heads,
        encoder_ffn_dim=shape.feed_forward,
        decoder_ffn_dim=shape.feed_forward,
        max_source_positions=shape.n_audio_ctx,
        max_target_positions=shape.n_text_ctx,
        decoder_start_token_id=ids.sot,
        pad_token_id=ids.eot,
        bos_token_id=ids.eot,
        eos_token_id=ids.eot,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        dropout=0.0,
    )


def new_target(shape: Shape, ids: SpecialIds) -> WhisperForConditionalGeneration:
    """Create an untrained target. Timestamps and text positions start as sinusoids, so that neighbours are alike."""
    target = WhisperForConditionalGeneration(whisper_config(shape, ids, shape.decoder_layers))
    decoder = target.model.decoder
    waves = target.model.encoder.embed_positions.weight
    with torch.no_grad():
        scale = decoder.embed_tokens.weight[: ids.eot].std() / waves.std()
        decoder.embed_tokens.weight[ids.timestamp_begin : ids.timestamp_begin + len(waves)] = waves * scale
        decoder.embed_tokens.weight[-1] = waves[-1] * scale
        decoder.embed_positions.weight[:] = waves[: shape.n_text_ctx] * scale
    return target


def new_draft(target: WhisperForConditionalGeneration, shape: Shape, ids: SpecialIds) -> WhisperForCausalLM:
    """Create a decoder-only draft from the target's embeddings, its final norm, and its last layers evenly spaced."""
    draft = WhisperForCausalLM(whisper_config(shape, ids, shape.draft_layers))
    decoder, source = draft.model.decoder, target.model.decoder
    for name in ("embed_tokens", "embed_positions", "layer_norm"):
        getattr(decoder, name).load_state_dict(getattr(source, name).state_dict())
    spread = len(source.layers) / len(decoder.layers)
    for number, layer in enumerate(decoder.layers):
        layer.load_state_dict(source.layers[int((number + 1) * spread) - 1].state_dict())
    return draft


def encode(encoder: WhisperEncoder, mel: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """Run the encoder.

    Args:
        encoder: transformers' encoder.
        mel: Log-mel features of any even length, (windows, n_mels, frames).
        offsets: Of the windows in the encoder's positions, (windows,).

    Returns:
        Encoder states, (windows, frames / 2, width).
    """
    hidden = functional.gelu(encoder.conv1(mel))
    hidden = functional.gelu(encoder.conv2(hidden)).transpose(1, 2)
    places = offsets[:, None] + torch.arange(hidden.shape[1], device=mel.device)
    hidden = hidden + encoder.embed_positions(places)
    for layer in encoder.layers:
        hidden = layer(hidden, None)
    return torch.as_tensor(encoder.layer_norm(hidden))


def decode(decoder: WhisperDecoder, tokens: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
    """Run the decoder.

    Args:
        decoder: transformers' decoder.
        tokens: (windows, text).
        audio: Encoder states, (windows, positions, width).

    Returns:
        Last hidden states, (windows, text, width).
    """
    return torch.as_tensor(decoder(input_ids=tokens, encoder_hidden_states=audio, use_cache=False).last_hidden_state)


def token_loss(logits: torch.Tensor, labels: torch.Tensor, ids: SpecialIds, smoothing: float) -> torch.Tensor:
    """Mean cross-entropy.

    Text is smoothed over text alone and a timestamp over its two neighbours alone: Whisper's timestamp rule sums the
    probability of all timestamps, which smoothing over everything would inflate.

    Args:
        logits: (tokens, vocabulary).
        labels: (tokens,).
        ids: Of the special tokens.
        smoothing: Label smoothing of text tokens.
    """
    log_probs = functional.log_softmax(logits.float(), dim=-1)
    wanted = log_probs.gather(1, labels[:, None])[:, 0]
    timed = labels >= ids.timestamp_begin
    text = log_probs[:, : ids.eot].mean(dim=1)
    before = log_probs.gather(1, (labels - 1).clamp(min=ids.timestamp_begin)[:, None])[:, 0]
    after = log_probs.gather(1, (labels + 1).clamp(max=log_probs.shape[1] - 1)[:, None])[:, 0]
    smooth = torch.where(timed, 0.7 * wanted + 0.15 * (before + after), (1 - smoothing) * wanted + smoothing * text)
    return -smooth.mean()


@dataclass(frozen=True)
class Losses:
    """The losses of one batch: cross-entropy of the text, CTC of the encoder, and the attention guide's."""

    text: torch.Tensor
    ctc: torch.Tensor
    guide: torch.Tensor


class AttentionGuide:
    """A loss on one attention head of each layer, from the times at which tokens are spoken.

    It draws decoder heads to where the next token is spoken and encoder heads to their neighbourhood. Without it, short
    windows train attention by content alone, and in a full window of ten sentences the decoder loses its place.
    """

    _LAYERS = slice(1, 7)
    _CROSS_REACH, _SELF_REACH = 20, 16  # positions

    def __init__(self, target: WhisperForConditionalGeneration) -> None:
        """Record the attention of every forward pass that has gradients."""
        self._cross_attention: list[torch.Tensor] = []
        self._self_attention: list[torch.Tensor] = []
        for layer in target.model.decoder.layers[self._LAYERS]:
            layer.encoder_attn.register_forward_hook(partial(self._keep, self._cross_attention))
        for layer in target.model.encoder.layers:
            layer.self_attn.register_forward_hook(partial(self._keep, self._self_attention))

    @staticmethod
    def _keep(kept: list[torch.Tensor], module: nn.Module, args: object, output: tuple[torch.Tensor, ...]) -> None:
        if output[1] is not None and torch.is_grad_enabled():
            kept.append(output[1][:, 0].float())

    def clear(self) -> None:
        """Drop the attention of the last forward pass."""
        self._cross_attention.clear()
        self._self_attention.clear()

    def loss(self, batch: Batch) -> torch.Tensor:
        """Mean negative log of the attention that falls where it should."""
        places = torch.arange(batch.mel.shape[2] // 2, device=batch.mel.device)
        spoken = batch.attend_from != NO_POSITION
        first, last = batch.attend_from[spoken][:, None], batch.attend_to[spoken][:, None]
        in_time = (places >= first - self._CROSS_REACH) & (places <= last + self._CROSS_REACH)
        near = (places - places[:, None]).abs() <= self._SELF_REACH
        masses = [(attention[spoken] * in_time).sum(-1) for attention in self._cross_attention]
        masses += [(attention * near).sum(-1) for attention in self._self_attention]
        self.clear()
        return -torch.stack([mass.clamp(min=1e-4).log().mean() for mass in masses]).mean()


class TargetLoss(nn.Module):
    """The target with its losses: cross-entropy, a CTC head on the encoder, and the attention guide."""

    def __init__(self, target: WhisperForConditionalGeneration, ids: SpecialIds, recipe: Recipe) -> None:
        """Wrap a target; the CTC head starts untrained."""
        super().__init__()
        self.target = target
        self.ctc_head = nn.Linear(target.config.d_model, ids.eot + 1)
        self._guide = AttentionGuide(target)
        self._ids, self._recipe = ids, recipe

    def forward(self, batch: Batch, encoder_only: bool = False) -> Losses:
        """The losses of one batch. encoder_only: CTC's alone, the others are zero."""
        self._guide.clear()
        audio = encode(self.target.model.encoder, batch.mel, batch.offsets)
        ctc = self._ctc(audio, batch)
        if encoder_only:
            zero = torch.zeros((), device=ctc.device)
            return Losses(zero, ctc, zero)
        self.target.config._attn_implementation = "eager"  # which returns the attention weights
        hidden = decode(self.target.model.decoder, batch.tokens, audio)
        predicted = batch.labels != IGNORE_INDEX
        logits = self.target.proj_out(hidden[predicted])
        text = token_loss(logits, batch.labels[predicted], self._ids, self._recipe.label_smoothing)
        return Losses(text, ctc, self._guide.loss(batch))

    def head_loss(self, batch: Batch) -> torch.Tensor:
        """The CTC loss alone, with the encoder frozen."""
        with torch.no_grad():
            audio = encode(self.target.model.encoder, batch.mel, batch.offsets)
        return self._ctc(audio, batch)

    def logits(self, batch: Batch) -> torch.Tensor:
        """Teacher-forced logits, (windows, text, vocabulary)."""
        audio = encode(self.target.model.encoder, batch.mel, batch.offsets)
        return torch.as_tensor(self.target.proj_out(decode(self.target.model.decoder, batch.tokens, audio)))

    def total(self, losses: Losses) -> torch.Tensor:
        """The weighted sum that is minimized."""
        return losses.text + self._recipe.ctc_weight * losses.ctc + self._recipe.guide_weight * losses.guide

    def _ctc(self, audio: torch.Tensor, batch: Batch) -> torch.Tensor:
        log_probs = functional.log_softmax(self.ctc_head(audio).float(), dim=-1).transpose(0, 1)
        lengths = torch.full((len(audio),), audio.shape[1])
        loss = functional.ctc_loss(
            log_probs,
            batch.ctc_tokens,
            lengths,
            batch.ctc_lengths,
            blank=self._ids.eot,
            zero_infinity=True,
            reduction="sum",
        )
        return loss / batch.ctc_lengths.sum().clamp(min=1)
