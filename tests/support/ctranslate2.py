"""CTranslate2 Whisper folders made from Hugging Face's, with a writer of its own: names and format are stated here a
second time, so that reader and writer can contradict each other."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import GenerationConfig, WhisperConfig, WhisperTokenizer

Tensor = torch.Tensor
TYPES = (torch.float32, torch.int8, torch.int16, torch.int32, torch.float16, torch.bfloat16)
EMBEDDING = "decoder/embeddings/weight"


def save_folder(source: Path, folder: Path, quantization: str = "float32", **config: object) -> Path:
    """A Hugging Face folder as ct2-transformers-converter would write it, without generation_config.json.

    Args:
        source: The Hugging Face folder.
        folder: The new one.
        quantization: "float32", "float16", "bfloat16", "int8" or "int16".
        config: Changes to its config.json.
    """
    folder.mkdir()
    write(folder / "model.bin", quantized(variables(source), quantization), {"decoder/projection/weight": EMBEDDING})
    generation = GenerationConfig.from_pretrained(source)
    values = {
        "alignment_heads": generation.alignment_heads,
        "lang_ids": sorted(getattr(generation, "lang_to_id", {}).values()),
        "suppress_ids": generation.suppress_tokens,
        "suppress_ids_begin": generation.begin_suppress_tokens,
        **config,
    }
    (folder / "config.json").write_text(json.dumps(values))
    tokenizer = WhisperTokenizer.from_pretrained(source)
    words = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    (folder / "vocabulary.json").write_text(json.dumps(words))
    for file in ("tokenizer.json", "preprocessor_config.json"):
        (folder / file).write_bytes((source / file).read_bytes())
    return folder


def variables(source: Path) -> dict[str, Tensor]:
    """The tensors and dimensions of a Hugging Face folder under CTranslate2's names."""
    config = WhisperConfig.from_pretrained(source)
    state = {name.removeprefix("model."): tensor for name, tensor in load_file(source / "model.safetensors").items()}
    found = {
        "decoder/activation": torch.tensor(3, dtype=torch.int8),
        "decoder/alibi": torch.tensor(0, dtype=torch.int8),
        "decoder/pre_norm": torch.tensor(1, dtype=torch.int8),
        "decoder/scale_embeddings": torch.tensor(int(config.scale_embedding), dtype=torch.int8),
        "encoder/num_heads": torch.tensor(config.encoder_attention_heads, dtype=torch.int16),
        "decoder/num_heads": torch.tensor(config.decoder_attention_heads, dtype=torch.int16),
        EMBEDDING: state["decoder.embed_tokens.weight"],
    }
    for conv in ("conv1", "conv2"):
        found |= {f"encoder/{conv}/{leaf}": state[f"encoder.{conv}.{leaf}"] for leaf in ("weight", "bias")}
    for side, layers in (("encoder", config.encoder_layers), ("decoder", config.decoder_layers)):
        found[f"{side}/position_encodings/encodings"] = state[f"{side}.embed_positions.weight"]
        found |= _norm(state, f"{side}/layer_norm", f"{side}.layer_norm")
        for i in range(layers):
            found |= _layer(state, f"{side}/layer_{i}", f"{side}.layers.{i}", side == "decoder")
    return found


def _layer(state: Mapping[str, Tensor], to: str, of: str, crossed: bool) -> dict[str, Tensor]:
    found = _norm(state, f"{to}/self_attention/layer_norm", f"{of}.self_attn_layer_norm")
    found |= _fused(state, f"{to}/self_attention/linear_0", f"{of}.self_attn", "q", "k", "v")
    found |= _fused(state, f"{to}/self_attention/linear_1", f"{of}.self_attn", "out")
    if crossed:
        found |= _norm(state, f"{to}/attention/layer_norm", f"{of}.encoder_attn_layer_norm")
        found |= _fused(state, f"{to}/attention/linear_0", f"{of}.encoder_attn", "q")
        found |= _fused(state, f"{to}/attention/linear_1", f"{of}.encoder_attn", "k", "v")
        found |= _fused(state, f"{to}/attention/linear_2", f"{of}.encoder_attn", "out")
    found |= _norm(state, f"{to}/ffn/layer_norm", f"{of}.final_layer_norm")
    for linear, name in (("linear_0", "fc1"), ("linear_1", "fc2")):
        found |= {f"{to}/ffn/{linear}/{leaf}": state[f"{of}.{name}.{leaf}"] for leaf in ("weight", "bias")}
    return found


def _norm(state: Mapping[str, Tensor], to: str, of: str) -> dict[str, Tensor]:
    return {f"{to}/gamma": state[f"{of}.weight"], f"{to}/beta": state[f"{of}.bias"]}


def _fused(state: Mapping[str, Tensor], to: str, of: str, *parts: str) -> dict[str, Tensor]:
    weights = [state[f"{of}.{part}_proj.weight"] for part in parts]
    missing = torch.zeros(len(weights[0]))  # keys have no bias
    biases = [state.get(f"{of}.{part}_proj.bias", missing) for part in parts]
    return {f"{to}/weight": torch.cat(weights), f"{to}/bias": torch.cat(biases)}


def quantized(tensors: Mapping[str, Tensor], quantization: str) -> dict[str, Tensor]:
    """As `LayerSpec._quantize` does it: linear, convolution and embedding weights only are made integers."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if not tensor.dim():
            found[name] = tensor
        elif quantization not in ("int8", "int16"):
            found[name] = tensor.to(getattr(torch, quantization))
        elif not name.endswith("weight"):
            found[name] = tensor
        elif quantization == "int16":
            scale = 2**10 / tensor.abs().max()
            found |= {name: (tensor * scale).round().to(torch.int16), f"{name}_scale": scale}
        else:
            scale = 127 / tensor.flatten(1).abs().amax(1)
            scaled = tensor * scale.view(-1, *[1] * (tensor.dim() - 1))
            found |= {name: scaled.round().to(torch.int8), f"{name}_scale": scale}
    return found


def write(path: Path, tensors: Mapping[str, Tensor], aliases: Mapping[str, str], version: int = 6) -> None:
    """Write a model.bin."""
    parts = [struct.pack("<I", version), string("WhisperSpec"), struct.pack("<II", 3, len(tensors))]
    for name, tensor in sorted(tensors.items()):
        parts.append(variable(name, tuple(tensor.shape), TYPES.index(tensor.dtype), data(tensor)))
    parts.append(struct.pack("<I", len(aliases)))
    parts += [string(alias) + string(name) for alias, name in aliases.items()]
    path.write_bytes(b"".join(parts))


def variable(name: str, shape: tuple[int, ...], kind: int, content: bytes, size: int | None = None) -> bytes:
    """One variable as it stands in the file; size: what it says of its bytes, where that is not the truth."""
    dimensions = struct.pack(f"<B{len(shape)}I", len(shape), *shape)
    return string(name) + dimensions + struct.pack("<BI", kind, len(content) if size is None else size) + content


def string(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


def data(tensor: Tensor) -> bytes:
    return bytes(tensor.contiguous().reshape(-1).view(torch.uint8).numpy())
