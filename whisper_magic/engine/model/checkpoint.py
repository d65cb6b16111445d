"""Checkpoints in: a name or a folder -> configuration, tokenizer, and weights that are read when they are wanted.

transformers reads the configurations; weights come from safetensors only, and no remote code runs. Token ids, window
length, mel count and context lengths are taken from the checkpoint's own files; nothing here or above assumes Whisper's
usual values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperTokenizer,
)

from whisper_magic.engine.model.hub import locate
from whisper_magic.engine.model.weights import Shapes, Weights, decoder_shapes, encoder_shapes
from whisper_magic.errors import CheckpointError
from whisper_magic.wording import one_line

TEXT_CONTEXT_MINIMUM = 8  # a decoder that cannot hold Whisper's own prompt is no Whisper


@dataclass(frozen=True)
class SpecialTokens:
    """Whisper's special token ids and rule lists, as `generation_config.json` states them."""

    sot: int
    eot: int
    vocab: int
    timestamp_begin: int  # id of <|0.00|>; `vocab` + 1 where the checkpoint has no timestamps
    no_timestamps: int | None
    prev_sot: int | None
    no_speech: int | None
    languages: dict[str, int]  # code -> id; empty for an English-only checkpoint
    tasks: dict[str, int]
    suppress: tuple[int, ...]
    begin_suppress: tuple[int, ...]
    max_initial_timestamp_index: int | None
    max_length: int  # tokens that may be written in a window
    alignment_heads: tuple[tuple[int, int], ...] = ()  # (layer, head) whose attention tells when words are said

    @property
    def has_timestamps(self) -> bool:
        return self.no_timestamps is not None


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """One model. encoder, decoder_state: its weights, under the names of Hugging Face's modules; `encoder` is None for
    a draft that has none of its own. tokenizer, feature_extractor: a draft's are its target's. attention: of the
    encoder."""

    name: str
    config: WhisperConfig
    special: SpecialTokens
    tokenizer: WhisperTokenizer
    feature_extractor: WhisperFeatureExtractor
    encoder: Weights | None
    decoder_state: Mapping[str, torch.Tensor]
    attention: str

    @property
    def window_frames(self) -> int:
        """Feature frames of one window; the encoder halves them."""
        return 2 * int(self.config.max_source_positions)

    def text(self, tokens: Sequence[int]) -> str:
        """Token ids -> text; special tokens and timestamps (all ids from end-of-text on) are left out."""
        words = [token for token in tokens if token < self.special.eot]
        return str(self.tokenizer.decode(words, skip_special_tokens=True, clean_up_tokenization_spaces=False))


@dataclass(frozen=True)
class Placement:
    """Where and how the weights live."""

    device: torch.device
    dtype: torch.dtype
    attention: str


def read_target(name: str, placement: Placement) -> Checkpoint:
    """A whole Whisper.

    Raises:
        CheckpointError: where it cannot be found or read, or is no whole Whisper.
    """
    folder = locate(name)
    config = _config(name, folder)
    if _is_decoder_only(config):
        raise CheckpointError(f"{name} is a decoder-only draft, not a target; load a whole Whisper with draft={name!r}")
    try:
        tokenizer = WhisperTokenizer.from_pretrained(folder)
        extractor = WhisperFeatureExtractor.from_pretrained(folder)
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise CheckpointError(f"{name} could not be read: {one_line(error)}") from error
    weights, special = _weights(name, folder, placement), _special_tokens(name, folder, config)
    return Checkpoint(
        name=name,
        config=config,
        special=special,
        tokenizer=tokenizer,
        feature_extractor=extractor,
        encoder=_encoder(name, weights, config),
        decoder_state=_decoder(name, weights, config),
        attention=placement.attention,
    )


def read_draft(name: str, target: Checkpoint, placement: Placement) -> Checkpoint:
    """A draft for `target`: decoder-only, or a whole Whisper whose encoder is kept only where it is not the target's.

    Raises:
        CheckpointError: where the two cannot work together; names both sides.
    """
    folder = locate(name)
    config = _config(name, folder)
    special = _special_tokens(name, folder, config)
    _check_pair(target, name, config, special)
    weights = _weights(name, folder, placement)
    shares = _is_decoder_only(config) or _same_encoder(target, weights.under("encoder."))
    if shares and config.d_model != target.config.d_model:
        raise CheckpointError(
            f"draft {name} (d_model {config.d_model}) has no encoder of its own and cannot read the encoder of "
            f"{target.name} (d_model {target.config.d_model}); choose a draft distilled from this target"
        )
    return Checkpoint(
        name=name,
        config=config,
        special=special,
        tokenizer=target.tokenizer,
        feature_extractor=target.feature_extractor,
        encoder=None if shares else _encoder(name, weights, config),
        decoder_state=_decoder(name, weights, config),
        attention=placement.attention,
    )


def _encoder(name: str, weights: Weights, config: WhisperConfig) -> Weights:
    return _complete(name, weights.under("encoder."), encoder_shapes(config))


def _decoder(name: str, weights: Weights, config: WhisperConfig) -> Weights:
    return _complete(name, weights.under("decoder.", "proj_out.weight"), decoder_shapes(config))


def _complete(name: str, weights: Weights, wanted: Shapes) -> Weights:
    found = weights.shapes
    lacking = [part for part in wanted if part not in found]
    if lacking:
        raise CheckpointError(f"{name} lacks {len(lacking)} weights, such as {lacking[0]}; the files are not complete")
    for part, shape in wanted.items():
        if found[part] != shape:
            raise CheckpointError(f"{name} has {part} of shape {found[part]}, and its config.json wants {shape}")
    return weights


def _weights(name: str, folder: Path, placement: Placement) -> Weights:
    try:
        return Weights.open(folder, placement.device, placement.dtype)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{name} could not be read: {one_line(error)}") from error


def _config(name: str, folder: Path) -> WhisperConfig:
    try:
        raw, _ = WhisperConfig.get_config_dict(folder)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{name} has no readable config.json: {one_line(error)}") from error
    if raw.get("model_type") != "whisper":
        raise CheckpointError(f"{name} is a {raw.get('model_type', 'nameless')!r} model, not a Whisper")
    try:
        config: WhisperConfig = WhisperConfig.from_dict(raw)
    except (TypeError, ValueError, StrictDataclassError) as error:
        raise CheckpointError(f"{name} has a config.json that makes no sense: {one_line(error)}") from error
    if config.max_target_positions < TEXT_CONTEXT_MINIMUM:
        raise CheckpointError(f"{name} has a text context of {config.max_target_positions} tokens; too few to decode")
    return config


def _is_decoder_only(config: WhisperConfig) -> bool:
    return "WhisperForCausalLM" in (config.architectures or [])


def _special_tokens(name: str, folder: Path, config: WhisperConfig) -> SpecialTokens:
    if (folder / "generation_config.json").is_file():
        try:
            generation = GenerationConfig.from_pretrained(folder)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{name} has a damaged generation_config.json: {one_line(error)}") from error
    else:  # very old checkpoints ship none: the model's config holds the ids
        generation = GenerationConfig.from_model_config(config)

    def of(key: str) -> Any:
        return getattr(generation, key, None)

    no_timestamps = of("no_timestamps_token_id")
    languages = {key.strip("<|>"): int(i) for key, i in (of("lang_to_id") or {}).items()}
    multilingual = of("is_multilingual")
    eot = of("eos_token_id")
    eot = eot[0] if isinstance(eot, list) else eot
    sot = of("decoder_start_token_id")
    if eot is None or sot is None:
        raise CheckpointError(f"{name} names no end-of-text or start token in generation_config.json or config.json")
    return SpecialTokens(
        sot=int(sot),
        eot=int(eot),
        vocab=int(config.vocab_size),
        timestamp_begin=int(config.vocab_size) + 1 if no_timestamps is None else int(no_timestamps) + 1,
        no_timestamps=no_timestamps,
        prev_sot=of("prev_sot_token_id"),
        no_speech=None if no_timestamps is None else int(no_timestamps) - 1,
        languages=languages if multilingual is not False else {},
        tasks=dict(of("task_to_id") or {}) if multilingual is not False else {},
        suppress=tuple(of("suppress_tokens") or ()),
        begin_suppress=tuple(of("begin_suppress_tokens") or ()),
        max_initial_timestamp_index=of("max_initial_timestamp_index"),
        max_length=min(int(of("max_length") or config.max_target_positions), int(config.max_target_positions)),
        alignment_heads=tuple((int(layer), int(head)) for layer, head in of("alignment_heads") or ()),
    )


def _check_pair(target: Checkpoint, name: str, config: WhisperConfig, special: SpecialTokens) -> None:
    """Refuse a draft that speaks another vocabulary, or hears other features."""
    sides = {
        "vocabulary size": (target.config.vocab_size, config.vocab_size),
        "mel count": (target.config.num_mel_bins, config.num_mel_bins),
        "window length in frames": (target.config.max_source_positions, config.max_source_positions),
        "text context": (target.config.max_target_positions, config.max_target_positions),
        "start-of-transcript token": (target.special.sot, special.sot),
        "end-of-text token": (target.special.eot, special.eot),
        "first timestamp token": (target.special.timestamp_begin, special.timestamp_begin),
        "language tokens": (target.special.languages, special.languages),
        "task tokens": (target.special.tasks, special.tasks),
    }
    for what, (ours, theirs) in sides.items():
        if ours != theirs:
            raise CheckpointError(
                f"draft {name} does not fit target {target.name}: {what} {_short(theirs)} against {_short(ours)}; "
                "choose a draft of the same family"
            )


def _same_encoder(target: Checkpoint, theirs: Weights) -> bool:
    """Whether these encoder weights are the target's, tensor by tensor (distil-whisper ships a copy)."""
    ours = target.encoder
    assert ours is not None
    return ours.shapes == theirs.shapes and all(torch.equal(theirs[name], ours[name]) for name in ours)


def _short(value: object) -> str:
    return f"{len(value)} ({', '.join(list(value)[:4])}, …)" if isinstance(value, dict) else str(value)
