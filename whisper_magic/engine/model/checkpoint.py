"""Checkpoints: a name or a folder -> configuration, special tokens, tokenizer, and weights that are read on request.

Two formats: Hugging Face's (safetensors) and CTranslate2's, which faster-whisper uses. Token ids, window length, mel
count and context lengths come from the checkpoint's own files; nothing here or above assumes Whisper's usual values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperTokenizer

from whisper_magic.engine.model.faster_whisper import FasterWhisperFolder
from whisper_magic.engine.model.files import CheckpointFiles
from whisper_magic.engine.model.hub import locate
from whisper_magic.engine.model.huggingface import HuggingFaceFolder, has_feature_extractor, read_feature_extractor
from whisper_magic.engine.model.weights import Shapes, StoredTensor, Weights, decoder_shapes, encoder_shapes
from whisper_magic.engine.model.wheels import check_sum
from whisper_magic.errors import CheckpointError
from whisper_magic.wording import one_line

TEXT_CONTEXT_MINIMUM = 8  # tokens; Whisper's own prompt does not fit in fewer
TABLES = ("embed_tokens.weight", "embed_positions.weight")  # of a decoder; a light draft has none
SHORTLIST = "shortlist"  # name of the tensor of ids that a light draft proposes
TIMESTAMP_SECONDS = 0.02  # between two timestamp tokens (Radford et al. 2022, section 2.3)


@dataclass(frozen=True)
class SpecialTokens:
    """Whisper's special token ids and token lists, as `generation_config.json` states them.

    Attributes:
        vocab: Number of tokens.
        timestamp_begin: Id of <|0.00|>; `vocab` + 1 where the checkpoint has no timestamps.
        languages: Language code -> id; empty for an English-only checkpoint.
        tasks: "transcribe" and "translate" -> id; empty for an English-only checkpoint.
        suppress: Ids that are never written.
        begin_suppress: Ids that are not written first.
        max_initial_timestamp_index: The latest timestamp that a window may begin with, counted from <|0.00|>.
        max_length: Tokens that a window may have, its prompt included.
        alignment_heads: (layer, head) pairs whose cross-attention follows the sound, for word timestamps.
    """

    sot: int
    eot: int
    vocab: int
    timestamp_begin: int
    no_timestamps: int | None
    prev_sot: int | None
    no_speech: int | None
    languages: dict[str, int]
    tasks: dict[str, int]
    suppress: tuple[int, ...]
    begin_suppress: tuple[int, ...]
    max_initial_timestamp_index: int | None
    max_length: int
    alignment_heads: tuple[tuple[int, int], ...] = ()

    @property
    def has_timestamps(self) -> bool:
        return self.no_timestamps is not None


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """One model: a target or a draft.

    Attributes:
        name: As it was asked for.
        tokenizer: A draft's is its target's.
        feature_extractor: A draft's is its target's.
        encoder: Weights under the names of Hugging Face's `WhisperEncoder`; None for a draft that reads the target's
            encoder states.
        decoder_state: Weights under the names of Hugging Face's `WhisperDecoder`, and "proj_out.weight".
        attention: Which attention the encoder uses: "flash_attention_2", "sdpa" or "eager".
        shortlist: The only ids that a light draft proposes, ascending; None: any.
        notes: One line each for what the user should know about how the checkpoint was read.
    """

    name: str
    config: WhisperConfig
    special: SpecialTokens
    tokenizer: WhisperTokenizer
    feature_extractor: WhisperFeatureExtractor
    encoder: Weights | None
    decoder_state: Mapping[str, torch.Tensor]
    attention: str
    notes: tuple[str, ...] = ()
    shortlist: torch.Tensor | None = None

    @property
    def window_frames(self) -> int:
        """Feature frames of one window; the encoder halves them."""
        return 2 * int(self.config.max_source_positions)

    def text(self, tokens: Sequence[int]) -> str:
        """Token ids -> text. Special tokens and timestamps (all ids from end-of-text on) are left out."""
        words = [token for token in tokens if token < self.special.eot]
        return str(self.tokenizer.decode(words, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def token_text(self, token: int) -> str:
        """One token as people read it: text, <|1.20|> or <|endoftext|>. Part of a character reads "\ufffd"."""
        if token >= self.special.timestamp_begin and self.special.has_timestamps:
            return f"<|{(token - self.special.timestamp_begin) * TIMESTAMP_SECONDS:.2f}|>"
        return str(self.tokenizer.decode([token], clean_up_tokenization_spaces=False))


@dataclass(frozen=True)
class Placement:
    """Where the weights go, in which dtype, and which attention the encoder uses."""

    device: torch.device
    dtype: torch.dtype
    attention: str


class Folder(Protocol):
    """A checkpoint's files in one of the two formats. Every method raises CheckpointError for what it cannot read."""

    name: str

    def config(self) -> WhisperConfig: ...
    def generation(self) -> GenerationConfig: ...
    def tokenizer(self) -> WhisperTokenizer: ...
    def tensors(self) -> Mapping[str, StoredTensor]: ...
    def notes(self) -> tuple[str, ...]: ...


def read_target(name: str, placement: Placement) -> Checkpoint:
    """Read a whole Whisper.

    Args:
        name: A hub name, a short name, a folder, or "demo": see `hub.locate`.
        placement: Where its weights go.

    Raises:
        CheckpointError: where it cannot be found or read, lacks a part, or is a decoder-only draft.
    """
    files = locate(name)
    name = files.name
    folder = _open(files)
    config = _config(folder)
    if _is_decoder_only(config):
        raise CheckpointError(f"{name} is a decoder-only draft, not a target; load a whole Whisper with draft={name!r}")
    special = _special_tokens(name, config, folder.generation())
    weights = Weights(folder.tensors(), placement.device, placement.dtype)
    return Checkpoint(
        name=name,
        config=config,
        special=special,
        tokenizer=_tokenizer(folder, special),
        feature_extractor=read_feature_extractor(name, files.folder, config),
        encoder=_encoder(name, weights, config),
        decoder_state=_decoder(name, weights, config),
        attention=placement.attention,
        notes=(*_notes(files, folder), *_features_note(files, config)),
    )


def read_draft(name: str, target: Checkpoint, placement: Placement) -> Checkpoint:
    """Read a draft for `target`: decoder-only, a whole Whisper, or light.

    The encoder of a whole Whisper is left out where it equals the target's, as that of distil-whisper's does. A light
    draft is layers and final norm alone; embeddings and positions are the target's, and a shortlist may say which
    tokens it proposes.

    Args:
        name: As for `read_target`.
        target: The checkpoint that verifies the draft's tokens.
        placement: Where the draft's weights go.

    Raises:
        CheckpointError: where it cannot be found or read, or does not fit the target; names both.
    """
    files = locate(name)
    name = files.name
    folder = _open(files)
    config = _config(folder)
    special = _special_tokens(name, config, folder.generation())
    _check_pair(target, name, config, special)
    tensors = folder.tensors()
    weights = Weights(tensors, placement.device, placement.dtype)
    shares = _is_decoder_only(config) or _same_encoder(target, weights.under("encoder."))
    if shares and config.d_model != target.config.d_model:
        raise CheckpointError(
            f"draft {name} (d_model {config.d_model}) has no encoder of its own and cannot read the encoder of "
            f"{target.name} (d_model {target.config.d_model}); choose a draft distilled from this target"
        )
    own_encoder = (
        f"draft {name} has an encoder of its own, unlike that of {target.name}: every window is encoded twice; "
        f"a draft distilled from {target.name} shares its encoder"
    )
    return Checkpoint(
        name=name,
        config=config,
        special=special,
        tokenizer=target.tokenizer,
        feature_extractor=target.feature_extractor,
        encoder=None if shares else _encoder(name, weights, config),
        decoder_state=_decoder(name, weights, config, target.decoder_state if shares else None),
        attention=placement.attention,
        notes=(*_notes(files, folder), *(() if shares else (own_encoder,))),
        shortlist=_shortlist(name, tensors, special),
    )


def _open(files: CheckpointFiles) -> Folder:
    if files.sha256 is not None:
        check_sum(files.weights, files.sha256)
    return FasterWhisperFolder(files) if files.is_ctranslate2 else HuggingFaceFolder(files)


def _notes(files: CheckpointFiles, folder: Folder) -> tuple[str, ...]:
    return (*([files.note] if files.note else []), *folder.notes())


def _features_note(files: CheckpointFiles, config: WhisperConfig) -> tuple[str, ...]:
    """That a Hugging Face folder does not describe its features; a CTranslate2 folder never needs to."""
    if files.is_ctranslate2 or has_feature_extractor(files.folder):
        return ()
    usual = f"Whisper's default features are used, with {config.num_mel_bins} mel bins"
    return (f"{files.name} has no preprocessor_config.json: {usual}",)


def _encoder(name: str, weights: Weights, config: WhisperConfig) -> Weights:
    return _complete(name, weights.under("encoder."), encoder_shapes(config))


def _decoder(
    name: str, weights: Weights, config: WhisperConfig, target: Mapping[str, torch.Tensor] | None = None
) -> Weights:
    """target: the weights of the target's decoder, whose tables a light draft takes."""
    own = weights.under("decoder.", "proj_out.weight")
    if isinstance(target, Weights) and not set(TABLES) & set(own):
        own = own.completed_by(target, (*TABLES, "proj_out.weight"))
    return _complete(name, own, decoder_shapes(config))


def _shortlist(name: str, tensors: Mapping[str, StoredTensor], special: SpecialTokens) -> torch.Tensor | None:
    """The ids that a draft proposes; None where its file names none.

    Raises:
        CheckpointError: where they are not ascending ids, or lack end-of-text or a timestamp.
    """
    if SHORTLIST not in tensors:
        return None
    ids = tensors[SHORTLIST].read().long()
    ascending = ids.ndim == 1 and len(ids) and bool((ids.diff() > 0).all())
    if not ascending or ids[0] < 0 or ids[-1] >= special.vocab:
        raise CheckpointError(f"{name} has a shortlist that is not ascending ids below {special.vocab:,}")
    needed = {special.eot, *range(special.timestamp_begin, special.vocab)}
    if missing := needed - set(ids.tolist()):
        raise CheckpointError(f"{name} has a shortlist without token {min(missing)}; end-of-text and timestamps belong")
    return ids


def _complete(name: str, weights: Weights, wanted: Shapes) -> Weights:
    shapes = weights.shapes
    lacking = [part for part in wanted if part not in shapes]
    if lacking:
        raise CheckpointError(f"{name} lacks {len(lacking)} weights, such as {lacking[0]}; the files are not complete")
    for part, shape in wanted.items():
        if shapes[part] != shape:
            raise CheckpointError(f"{name} has {part} of shape {shapes[part]}, and its config.json wants {shape}")
    return weights


def _config(folder: Folder) -> WhisperConfig:
    config = folder.config()
    if config.max_target_positions < TEXT_CONTEXT_MINIMUM:
        raise CheckpointError(
            f"{folder.name} has a text context of {config.max_target_positions} tokens; too few to decode"
        )
    return config


def _tokenizer(folder: Folder, special: SpecialTokens) -> WhisperTokenizer:
    tokenizer = folder.tokenizer()
    if len(tokenizer) <= special.eot:  # transformers makes up a tokenizer without words where the files are missing
        raise CheckpointError(
            f"{folder.name} has no tokenizer for its {special.eot:,} tokens of text; add tokenizer.json, or vocab.json "
            "and merges.txt, of the model that it was made from"
        )
    return tokenizer


def _is_decoder_only(config: WhisperConfig) -> bool:
    return "WhisperForCausalLM" in (config.architectures or [])


def _special_tokens(name: str, config: WhisperConfig, generation: GenerationConfig) -> SpecialTokens:
    try:
        return _special_tokens_of(name, config, generation)
    except (TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{name} has an invalid generation_config.json: {one_line(error)}") from error


def _special_tokens_of(name: str, config: WhisperConfig, generation: GenerationConfig) -> SpecialTokens:
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
    """Refuse a draft whose vocabulary, special tokens, features or windows differ from the target's."""
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
    """Whether encoder weights equal the target's, tensor by tensor."""
    ours = target.encoder
    assert ours is not None
    return ours.shapes == theirs.shapes and all(torch.equal(theirs[name], ours[name]) for name in ours)


def _short(value: object) -> str:
    return f"{len(value)} ({', '.join(list(value)[:4])}, …)" if isinstance(value, dict) else str(value)
