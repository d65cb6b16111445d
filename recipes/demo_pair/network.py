"""The networks: transformers' own Whisper modules, run at any window length.

transformers' encoder insists on 30 s; ``encode`` is its forward without that, with each window placed anywhere
in the encoder's positions. The rest is used as it is, so that what was trained is what ``from_pretrained`` loads.
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
from recipes.demo_pair.windows import IGNORED, NOWHERE


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
    """A fresh target. Timestamps and text positions start as sinusoids, so that neighbours start out alike."""
    target = WhisperForConditionalGeneration(whisper_config(shape, ids, shape.decoder_layers))
    decoder = target.model.decoder
    waves = target.model.encoder.embed_positions.weight
    with torch.no_grad():
        scale = decoder.embed_tokens.weight[: ids.eot].std() / waves.std()
        decoder.embed_tokens.weight[ids.timestamp_begin : ids.timestamp_begin + len(waves)] = waves * scale
        decoder.embed_tokens.weight[-1] = waves[-1] * scale
        decoder.embed_positions.weight[:] = waves[: shape.n_text_ctx] * scale
    return target


def draft_from(target: WhisperForConditionalGeneration, shape: Shape, ids: SpecialIds) -> WhisperForCausalLM:
    """A decoder-only draft that starts as the target's embeddings, its first layers' mean, and its final norm."""
    draft = WhisperForCausalLM(whisper_config(shape, ids, shape.draft_layers))
    ours, theirs = draft.model.decoder, target.model.decoder
    ours.embed_tokens.load_state_dict(theirs.embed_tokens.state_dict())
    ours.embed_positions.load_state_dict(theirs.embed_positions.state_dict())
    ours.layer_norm.load_state_dict(theirs.layer_norm.state_dict())
    spread = len(theirs.layers) / len(ours.layers)
    for number, layer in enumerate(ours.layers):
        layer.load_state_dict(theirs.layers[int((number + 1) * spread) - 1].state_dict())
    return draft


def encode(encoder: WhisperEncoder, mel: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """mel: (windows, n_mels, frames) of any even length -> (windows, frames / 2, width)."""
    hidden = functional.gelu(encoder.conv1(mel))
    hidden = functional.gelu(encoder.conv2(hidden)).transpose(1, 2)
    places = offsets[:, None] + torch.arange(hidden.shape[1], device=mel.device)
    hidden = hidden + encoder.embed_positions(places)
    for layer in encoder.layers:
        hidden = layer(hidden, None)
    return torch.as_tensor(encoder.layer_norm(hidden))


def decode(decoder: WhisperDecoder, tokens: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
    """tokens: (windows, text), audio: what ``encode`` gives -> last hidden states (windows, text, width)."""
    return torch.as_tensor(decoder(input_ids=tokens, encoder_hidden_states=audio, use_cache=False).last_hidden_state)


def token_loss(logits: torch.Tensor, labels: torch.Tensor, ids: SpecialIds, smoothing: float) -> torch.Tensor:
    """Mean cross-entropy over (tokens, vocabulary) logits.

    Text is smoothed over text alone and a timestamp over its two neighbours alone: Whisper's timestamp rule
    adds up the probability of all timestamps, which smoothing over everything would inflate.
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
    """What a batch costs: cross-entropy of the text, CTC of the encoder, and stray attention."""

    text: torch.Tensor
    ctc: torch.Tensor
    guide: torch.Tensor


class Guide:
    """Shows one head of each layer where to look, from the times at which everything is said.

    Decoder heads are drawn to where the next token is heard, encoder heads to their neighbourhood. Without it, short
    windows teach attention by content alone, and in a full window of ten sentences the decoder loses its place.
    """

    _LAYERS = slice(1, 7)
    _HEARD, _NEAR = 20, 16

    def __init__(self, target: WhisperForConditionalGeneration) -> None:
        self._cross: list[torch.Tensor] = []
        self._near: list[torch.Tensor] = []
        for layer in target.model.decoder.layers[self._LAYERS]:
            layer.encoder_attn.register_forward_hook(partial(self._keep, self._cross))
        for layer in target.model.encoder.layers:
            layer.self_attn.register_forward_hook(partial(self._keep, self._near))

    @staticmethod
    def _keep(kept: list[torch.Tensor], module: nn.Module, given: object, output: tuple[torch.Tensor, ...]) -> None:
        if output[1] is not None and torch.is_grad_enabled():
            kept.append(output[1][:, 0].float())

    def clear(self) -> None:
        """Forget the last forward's attention."""
        self._cross.clear()
        self._near.clear()

    def loss(self, batch: Batch) -> torch.Tensor:
        """Mean negative log of the attention that falls where it should."""
        places = torch.arange(batch.mel.shape[2] // 2, device=batch.mel.device)
        asked = batch.heard_from != NOWHERE
        first, last = batch.heard_from[asked][:, None], batch.heard_to[asked][:, None]
        heard = (places >= first - self._HEARD) & (places <= last + self._HEARD)
        near = (places - places[:, None]).abs() <= self._NEAR
        masses = [(attention[asked] * heard).sum(-1) for attention in self._cross]
        masses += [(attention * near).sum(-1) for attention in self._near]
        self.clear()
        return -torch.stack([mass.clamp(min=1e-4).log().mean() for mass in masses]).mean()


class TargetLoss(nn.Module):
    """The target, with the CTC head and the guide that help it while it is young."""

    def __init__(self, target: WhisperForConditionalGeneration, ids: SpecialIds, recipe: Recipe) -> None:
        super().__init__()
        self.target = target
        self.ctc_head = nn.Linear(target.config.d_model, ids.eot + 1)
        self._guide = Guide(target)
        self._ids, self._recipe = ids, recipe

    def forward(self, batch: Batch, listening: bool = False) -> Losses:
        """The losses of one batch; while only ``listening``, CTC's alone."""
        self._guide.clear()
        audio = encode(self.target.model.encoder, batch.mel, batch.offsets)
        ctc = self._ctc(audio, batch)
        if listening:
            nothing = torch.zeros((), device=ctc.device)
            return Losses(nothing, ctc, nothing)
        self.target.config._attn_implementation = "eager"  # gives the guide its weights
        hidden = decode(self.target.model.decoder, batch.tokens, audio)
        asked = batch.labels != IGNORED
        logits = self.target.proj_out(hidden[asked])
        text = token_loss(logits, batch.labels[asked], self._ids, self._recipe.label_smoothing)
        return Losses(text, ctc, self._guide.loss(batch))

    def head_loss(self, batch: Batch) -> torch.Tensor:
        """CTC's loss alone, from an encoder that stays as it is."""
        with torch.no_grad():
            audio = encode(self.target.model.encoder, batch.mel, batch.offsets)
        return self._ctc(audio, batch)

    def logits(self, batch: Batch) -> torch.Tensor:
        """(windows, text, vocabulary), given the true tokens."""
        audio = encode(self.target.model.encoder, batch.mel, batch.offsets)
        return torch.as_tensor(self.target.proj_out(decode(self.target.model.decoder, batch.tokens, audio)))

    def total(self, losses: Losses) -> torch.Tensor:
        """What is minimised."""
        return losses.text + self._recipe.ctc_weight * losses.ctc + self._recipe.guide_weight * losses.guide

    def _ctc(self, audio: torch.Tensor, batch: Batch) -> torch.Tensor:
        log_probs = functional.log_softmax(self.ctc_head(audio).float(), dim=-1).transpose(0, 1)
        lengths = torch.full((len(audio),), audio.shape[1])
        loss = functional.ctc_loss(
            log_probs,
            batch.text,
            lengths,
            batch.text_lengths,
            blank=self._ids.eot,
            zero_infinity=True,
            reduction="sum",
        )
        return loss / batch.text_lengths.sum().clamp(min=1)
