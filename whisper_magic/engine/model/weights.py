"""A checkpoint's tensors on disk, under the names of Hugging Face's Whisper.

Each tensor is read, converted and moved to its device when it is asked for, so that a checkpoint is never in memory
twice: what is packed into another form exists as an ordinary tensor only while it is being packed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import safe_open
from transformers import WhisperConfig

Tensor = torch.Tensor
Shapes = dict[str, tuple[int, ...]]


class StoredTensor(Protocol):
    """One tensor of a file. Its shape is known without reading its numbers."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def read(self) -> Tensor:
        """The numbers, on the CPU, in the dtype that they are stored in (dequantised where they are integers)."""
        ...


@dataclass(frozen=True, eq=False)
class SafetensorsTensor:
    """A tensor of an open, memory-mapped safetensors file."""

    file: Any  # safetensors.safe_open
    key: str

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.file.get_slice(self.key).get_shape())

    def read(self) -> Tensor:
        tensor: Tensor = self.file.get_tensor(self.key)
        return tensor


def safetensors(files: Sequence[Path]) -> dict[str, StoredTensor]:
    """The tensors of a checkpoint's safetensors files, by name; "model." is left out of the names.

    Args:
        files: One file, or the shards of one checkpoint.

    Raises:
        SafetensorError, OSError: for files that are damaged or cannot be read.
    """
    tensors: dict[str, StoredTensor] = {}
    for path in files:
        file: Any = safe_open(path, framework="pt")
        for key in file.keys():  # noqa: SIM118 - it is not a mapping
            tensors[key.removeprefix("model.")] = SafetensorsTensor(file, key)
    return tensors


class Weights(Mapping[str, Tensor]):
    """Name -> tensor, converted to one dtype and moved to one device on each access.

    Names are those of Hugging Face's Whisper, from "encoder." and "decoder." on.
    """

    def __init__(self, tensors: Mapping[str, StoredTensor], device: torch.device, dtype: torch.dtype) -> None:
        self._tensors, self._device, self._dtype = tensors, device, dtype

    def under(self, prefix: str, *others: str) -> Weights:
        """The tensors whose names begin with `prefix`, under their names without it; and `others`, names unchanged."""
        tensors = {name.removeprefix(prefix): at for name, at in self._tensors.items() if name.startswith(prefix)}
        tensors |= {name: self._tensors[name] for name in others if name in self._tensors}
        return Weights(tensors, self._device, self._dtype)

    def completed_by(self, other: Weights, names: Iterable[str]) -> Weights:
        """These, and of `other` those of `names` that are lacking here."""
        lacking = {name: other._tensors[name] for name in names if name in other._tensors}
        return Weights(lacking | dict(self._tensors), self._device, self._dtype)

    @property
    def shapes(self) -> Shapes:
        """Name -> shape, without reading a number."""
        return {name: tensor.shape for name, tensor in self._tensors.items()}

    def __getitem__(self, name: str) -> Tensor:
        # Always a copy, never the mapped pages: the file may be overwritten while the engine lives.
        return self._tensors[name].read().to(self._device, self._dtype, copy=True)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


def encoder_shapes(config: WhisperConfig) -> Shapes:
    """Name -> shape of every weight of a Whisper encoder; names lack "encoder."."""
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
    """Name -> shape of every weight of a Whisper decoder; names lack "decoder.".

    "proj_out.weight", the output layer, is among them where the embedding does not serve as one.
    """
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
