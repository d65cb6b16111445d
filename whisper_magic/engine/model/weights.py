"""A checkpoint's weights on disk: memory-mapped, each read, converted and moved when it is asked for.

Nothing is held twice: what is packed into another form exists as an ordinary tensor only while it is being packed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import WhisperConfig

from whisper_magic.engine.model.hub import weight_files

Tensor = torch.Tensor
Shapes = dict[str, tuple[int, ...]]


class Weights(Mapping[str, Tensor]):
    """Name -> tensor. Names are those of Hugging Face's Whisper, from "encoder." and "decoder." on."""

    def __init__(self, files: Mapping[str, tuple[Any, str]], device: torch.device, dtype: torch.dtype) -> None:
        """files: where each tensor is: an open file, and its name in it."""
        self._files, self._device, self._dtype = files, device, dtype

    @classmethod
    def open(cls, folder: Path, device: torch.device, dtype: torch.dtype) -> Weights:
        """Every tensor of a checkpoint's safetensors files.

        Raises:
            SafetensorError, OSError: for files that are damaged or cannot be read.
        """
        files = {}
        for path in weight_files(folder):
            file: Any = safe_open(path, framework="pt")
            for name in file.keys():  # noqa: SIM118 - it is not a mapping
                files[name.removeprefix("model.")] = (file, name)
        return cls(files, device, dtype)

    def under(self, prefix: str, *others: str) -> Weights:
        """Those whose names begin so, without it; and `others` by their full names."""
        files = {name.removeprefix(prefix): at for name, at in self._files.items() if name.startswith(prefix)}
        files |= {name: self._files[name] for name in others if name in self._files}
        return Weights(files, self._device, self._dtype)

    @property
    def shapes(self) -> Shapes:
        """Name -> shape, without reading a number."""
        return {name: tuple(file.get_slice(key).get_shape()) for name, (file, key) in self._files.items()}

    def __getitem__(self, name: str) -> Tensor:
        file, key = self._files[name]
        # Never the mapped pages themselves: the file may be written anew while the engine lives.
        tensor: Tensor = file.get_tensor(key).to(self._device, self._dtype, copy=True)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def encoder_shapes(config: WhisperConfig) -> Shapes:
    """What a Whisper's encoder consists of, without "encoder."."""
    width, ffn = int(config.d_model), int(config.encoder_ffn_dim)
    shapes: Shapes = {
        "conv1.weight": (width, int(config.num_mel_bins), 3),
        "conv1.bias": (width,),
        "conv2.weight": (width, width, 3),
        "conv2.bias": (width,),
        "embed_positions.weight": (int(config.max_source_positions), width),
        **_norm("layer_norm", width),
    }
    for i in range(config.encoder_layers):
        shapes |= _block(f"layers.{i}", ("self_attn",), width, ffn)
    return shapes


def decoder_shapes(config: WhisperConfig) -> Shapes:
    """What a Whisper's decoder consists of, without "decoder."; its output layer is its embedding, or "proj_out"."""
    width, ffn = int(config.d_model), int(config.decoder_ffn_dim)
    shapes: Shapes = {
        "embed_tokens.weight": (int(config.vocab_size), width),
        "embed_positions.weight": (int(config.max_target_positions), width),
        **_norm("layer_norm", width),
    }
    for i in range(config.decoder_layers):
        shapes |= _block(f"layers.{i}", ("self_attn", "encoder_attn"), width, ffn)
    if not getattr(config, "tie_word_embeddings", True):
        shapes["proj_out.weight"] = shapes["embed_tokens.weight"]
    return shapes


def _block(name: str, attentions: tuple[str, ...], width: int, ffn: int) -> Shapes:
    shapes: Shapes = {}
    for attention in attentions:
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes[f"{name}.{attention}.{part}.weight"] = (width, width)
            if part != "k_proj":
                shapes[f"{name}.{attention}.{part}.bias"] = (width,)
        shapes |= _norm(f"{name}.{attention}_layer_norm", width)
    shapes |= {f"{name}.fc1.weight": (ffn, width), f"{name}.fc1.bias": (ffn,)}
    shapes |= {f"{name}.fc2.weight": (width, ffn), f"{name}.fc2.bias": (width,)}
    return shapes | _norm(f"{name}.final_layer_norm", width)


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
