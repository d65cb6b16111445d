"""CTranslate2 Whisper folders, such as faster-whisper's, read as if they were Hugging Face's.

A folder holds model.bin (tensors, and the model's dimensions), config.json (token ids and alignment heads),
vocabulary.txt or vocabulary.json, mostly tokenizer.json, sometimes preprocessor_config.json. What CTranslate2's
converter leaves out (generation_config.json) is derived as faster-whisper derives it.
"""

from __future__ import annotations

import json
import re
from itertools import count
from typing import Any

from transformers import GenerationConfig, WhisperConfig, WhisperTokenizer

from whisper_magic.engine.model.ctranslate2 import QUANTISED, open_model_file
from whisper_magic.engine.model.files import CheckpointFiles
from whisper_magic.engine.model.huggingface import read_generation_config, read_tokenizer
from whisper_magic.engine.model.vocabulary import EOT, SOT, read_vocabulary, special_ids
from whisper_magic.engine.model.weights import StoredTensor
from whisper_magic.errors import CheckpointError
from whisper_magic.wording import one_line, shown

SPECIFICATION = "WhisperSpec"
MULTILINGUAL_VOCABULARY = 51865  # tokens from which CTranslate2 takes a Whisper for multilingual (`whisper.cc`)
EMBEDDINGS, PROJECTION = "decoder/embeddings/weight", "decoder/projection/weight"
REQUIRED = {  # what every Whisper has; other values would need another decoder
    "decoder/activation": 3,  # GELU by the error function
    "decoder/alibi": 0,
    "decoder/pre_norm": 1,
    "decoder/start_from_zero_embedding": 0,
}

# CTranslate2's modules -> Hugging Face's. Several names share one matrix: equal parts of its rows, in this order.
MODULES = {
    "encoder/conv1": "encoder.conv1",
    "encoder/conv2": "encoder.conv2",
    "encoder/position_encodings": "encoder.embed_positions",
    "encoder/layer_norm": "encoder.layer_norm",
    "decoder/embeddings": "decoder.embed_tokens",
    "decoder/position_encodings": "decoder.embed_positions",
    "decoder/layer_norm": "decoder.layer_norm",
    "decoder/projection": "proj_out",
}
LAYER_MODULES = {
    "self_attention/layer_norm": ("self_attn_layer_norm",),
    "self_attention/linear_0": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "self_attention/linear_1": ("self_attn.out_proj",),
    "attention/layer_norm": ("encoder_attn_layer_norm",),
    "attention/linear_0": ("encoder_attn.q_proj",),
    "attention/linear_1": ("encoder_attn.k_proj", "encoder_attn.v_proj"),
    "attention/linear_2": ("encoder_attn.out_proj",),
    "ffn/layer_norm": ("final_layer_norm",),
    "ffn/linear_0": ("fc1",),
    "ffn/linear_1": ("fc2",),
}
LEAVES = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias", "encodings": "weight"}
LAYER = re.compile(r"(encoder|decoder)/layer_(0|[1-9][0-9]{0,3})/(.+)", re.ASCII)


class FasterWhisperFolder:
    """A checkpoint as `ct2-transformers-converter` writes it."""

    def __init__(self, files: CheckpointFiles) -> None:
        """
        Raises:
            CheckpointError: where model.bin is damaged or holds another kind of model.
        """
        self.name, self.folder = files.name, files.folder
        self._file = open_model_file(files.weights)
        if self._file.specification != SPECIFICATION:
            kind = shown(self._file.specification)
            raise CheckpointError(f"{self.name} is a CTranslate2 {kind!r} model, not a Whisper")
        for name, value in REQUIRED.items():
            if name in self._file.variables and (setting := self._file.variables[name].scalar()) != value:
                raise CheckpointError(f"{self.name} has {name} = {setting}, and only {value} is supported")
        variables = self._file.variables
        self._tied = PROJECTION in variables and variables[PROJECTION] is variables.get(EMBEDDINGS)
        self._tokenizer: WhisperTokenizer | None = None

    def config(self) -> WhisperConfig:
        """The configuration that the tensors' shapes imply.

        Raises:
            CheckpointError: where tensors are missing or have another number of dimensions.
        """
        vocab, width = self._shape(EMBEDDINGS, 2)
        heads = {side: self._heads(side, width) for side in ("encoder", "decoder")}
        scaled = self._file.variables.get("decoder/scale_embeddings")
        eot = self._tokens().get(EOT)
        return WhisperConfig(
            vocab_size=vocab,
            d_model=width,
            num_mel_bins=self._shape("encoder/conv1/weight", 3)[1],
            encoder_layers=self._layers("encoder"),
            decoder_layers=self._layers("decoder"),
            encoder_attention_heads=heads["encoder"],
            decoder_attention_heads=heads["decoder"],
            encoder_ffn_dim=self._shape("encoder/layer_0/ffn/linear_0/weight", 2)[0],
            decoder_ffn_dim=self._shape("decoder/layer_0/ffn/linear_0/weight", 2)[0],
            max_source_positions=self._shape("encoder/position_encodings/encodings", 2)[0],
            max_target_positions=self._shape("decoder/position_encodings/encodings", 2)[0],
            scale_embedding=scaled is not None and scaled.scalar() != 0,
            tie_word_embeddings=self._tied,
            bos_token_id=eot,
            eos_token_id=eot,
            pad_token_id=eot,
            decoder_start_token_id=self._tokens().get(SOT),
            architectures=["WhisperForConditionalGeneration"],
        )

    def generation(self) -> GenerationConfig:
        """The folder's generation_config.json where it has one, else what config.json and the vocabulary imply.

        Raises:
            CheckpointError: for damaged files.
        """
        config = read_generation_config(self.name, self.folder)
        if config is not None:
            return config
        tokens, raw = self._tokens(), self._json("config.json")
        vocab, _ = self._shape(EMBEDDINGS, 2)
        languages = {token for token, i in tokens.items() if i in set(self._ids(raw, "lang_ids", vocab))}
        values: dict[str, Any] = {
            **special_ids(tokens, vocab >= MULTILINGUAL_VOCABULARY, languages),  # older conversions list no languages
            "max_length": self._shape("decoder/position_encodings/encodings", 2)[0],
            "suppress_tokens": self._ids(raw, "suppress_ids", vocab),
            "begin_suppress_tokens": self._ids(raw, "suppress_ids_begin", vocab),
            "alignment_heads": self._pairs(raw, "alignment_heads"),
        }
        return GenerationConfig(**values)

    def tokenizer(self) -> WhisperTokenizer:
        """From tokenizer.json, or rebuilt from the vocabulary where there is none.

        Raises:
            CheckpointError: for damaged files.
        """
        if self._tokenizer is None:
            if (self.folder / "tokenizer.json").is_file():
                self._tokenizer = read_tokenizer(self.name, self.folder)
            else:
                self._tokenizer = read_vocabulary(self.name, self.folder)
        return self._tokenizer

    def tensors(self) -> dict[str, StoredTensor]:
        """The tensors under Hugging Face's names, fused matrices in their parts.

        Raises:
            CheckpointError: for tensors that no Whisper has, or that cannot be divided or dequantised.
        """
        tensors: dict[str, StoredTensor] = {}
        for name, variable in self._file.variables.items():
            if not variable.shape or name.endswith("_scale") or (self._tied and name == PROJECTION):
                continue
            parts = translated(name)
            rows, left_over = divmod(variable.shape[0], len(parts) or 1)
            if not parts or left_over:
                raise CheckpointError(f"{self.name} holds {shown(name)} {variable.shape}, which no Whisper has")
            for i, part in enumerate(parts):
                # A bias of the keys adds the same to all scores of a query; softmax ignores it, and Whisper has none.
                if not part.endswith("k_proj.bias"):
                    tensors[part] = self._file.stored(name, i * rows, (i + 1) * rows)
        return tensors

    def notes(self) -> tuple[str, ...]:
        """That weights were dequantised, where they were."""
        bits = sorted({QUANTISED[v.dtype] for v in self._file.variables.values() if v.shape and v.dtype in QUANTISED})
        if not bits:
            return ()
        return (
            f"{self.name} has {bits[0]}-bit integer weights, which are dequantised: they take the memory of the dtype "
            "that is computed in, and the text may differ from that of the original weights",
        )

    def _tokens(self) -> dict[str, int]:
        return dict(self.tokenizer().get_vocab())

    def _shape(self, name: str, rank: int) -> tuple[int, ...]:
        variable = self._file.variables.get(name)
        if variable is None:
            raise CheckpointError(f"{self.name} lacks {name}; the file is not complete")
        if len(variable.shape) != rank or 0 in variable.shape:
            raise CheckpointError(f"{self.name} has {name} of shape {variable.shape}, not of {rank} dimensions")
        return variable.shape

    def _heads(self, side: str, width: int) -> int:
        name = f"{side}/num_heads"
        if name not in self._file.variables:
            raise CheckpointError(f"{self.name} lacks {name}; convert the model again")
        heads = self._file.variables[name].scalar()
        if heads < 1 or width % heads:
            raise CheckpointError(f"{self.name} has {name} = {heads}, which does not divide its width of {width}")
        return heads

    def _layers(self, side: str) -> int:
        return next(i for i in count() if f"{side}/layer_{i}/ffn/linear_0/weight" not in self._file.variables)

    def _json(self, file: str) -> Any:
        try:
            return json.loads((self.folder / file).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise CheckpointError(f"{self.name} has no readable {file}: {one_line(error)}") from error

    def _ids(self, raw: Any, key: str, vocab: int) -> list[int]:
        ids = _listed(raw, key)
        if ids is None or not all(type(token) is int and 0 <= token < vocab for token in ids):
            raise CheckpointError(f"{self.name} has {key} in config.json that is not a list of token ids below {vocab}")
        return ids

    def _pairs(self, raw: Any, key: str) -> list[list[int]]:
        pairs = _listed(raw, key)
        if pairs is None or not all(_is_pair(pair) for pair in pairs):
            raise CheckpointError(f"{self.name} has {key} in config.json that is not a list of layers and heads")
        return pairs


def _listed(raw: Any, key: str) -> list[Any] | None:
    """A list in a JSON object; [] where it is missing or null, None where something else stands there."""
    if not isinstance(raw, dict):
        return None
    value = raw.get(key)
    return [] if value is None else value if isinstance(value, list) else None


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(i) is int and i >= 0 for i in value)


def translated(name: str) -> tuple[str, ...]:
    """The Hugging Face names of a CTranslate2 variable, in the order of its rows; () where no Whisper has it."""
    module, _, leaf = name.rpartition("/")
    if leaf not in LEAVES:
        return ()
    if layer := LAYER.fullmatch(module):
        side, number, rest = layer.groups()
        modules = tuple(f"{side}.layers.{number}.{part}" for part in LAYER_MODULES.get(rest, ()))
    else:
        modules = (MODULES[module],) if module in MODULES else ()
    return tuple(f"{part}.{LEAVES[leaf]}" for part in modules)
