"""What encoder and decoder are made of: linear layers, each in the form in which this machine multiplies fastest.

Packed weights replace the originals. Five forms of y = x W^T + b, alike to the caller:

- `Plain`: a tensor as it is. CUDA, and wherever nothing below is available.
- `Tiled`: for kernels of our own (`native`), which do a whole decoder's pass over such layers in one call. Weights that
  are 16-bit numbers are held as such, arithmetic is in float32; bfloat16 goes to the processor's own dot product; a
  draft's layers are held in 8 bits. Wherever there is a C compiler; the next three stand in for it elsewhere.
- `Half`: weights as 16-bit floats, arithmetic in float32 (FBGEMM). Not an approximation: it is used only where every
  weight *is* a 16-bit number, as those of OpenAI's released checkpoints are, whatever they are stored as. Half the
  bytes to read, which is what a decoder's pass over a few rows costs: 2 to 4 times as fast as `Plain`.
- `Packed`: weights in oneDNN's blocked layout, in their own dtype, with the activation in the same kernel. For
  bfloat16, for weights that need all their bits, and for the encoder, whose many rows make arithmetic the cost.
- `Int8`: weights and rows as 8-bit integers (FBGEMM). Rough, and so for a draft alone, whose guesses cannot change the
  text: over a real vocabulary the output layer of width 512 takes 1.4 ms a row (`Half` 2.5, `Packed` 4.2 in bfloat16).

In `Tiled`, `Half` and `Packed` a row's result does not depend on the rows beside it or on how many there are, to the
last bit; that is what lets a batch write exactly what each window writes alone.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F

from whisper_magic.engine.native import bindings as native
from whisper_magic.errors import CheckpointError

Tensor = torch.Tensor
Activation = Callable[[Tensor], Tensor]
Make = Callable[..., "Linear"]  # weight, bias and what follows: `for_few_rows`, `for_draft`
# Inputs from which on 8 bits are quicker. In `Tiled` they always are, but a draft so small has no time to save; of
# `Int8`, `Half` is as quick below in float32, and in bfloat16 little is gained.
TILED_INT8_INPUTS = 128
INT8_INPUTS = {torch.float32: 512, torch.bfloat16: 384}

ABSENT = (AttributeError, RuntimeError)  # what an operator raises that this build of torch has not, or not here


@dataclass(frozen=True, eq=False)
class LayerNorm:
    weight: Tensor
    bias: Tensor

    @classmethod
    def read(cls, state: Mapping[str, Tensor], name: str) -> LayerNorm:
        return cls(state[f"{name}.weight"], state[f"{name}.bias"])

    def __call__(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias)

    def tensors(self) -> Iterator[Tensor]:
        yield from (self.weight, self.bias)


class Linear(ABC):
    """y = x W^T + b, and what follows it if anything does. x: (..., inputs). Returns (..., outputs)."""

    packed_bytes: int  # what it holds besides `tensors`

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor: ...

    def tensors(self) -> Iterator[Tensor]:
        """What it holds as ordinary tensors."""
        return iter(())


@dataclass(frozen=True, eq=False)
class Plain(Linear):
    weight: Tensor
    bias: Tensor | None
    then: Activation | None = None
    packed_bytes: int = 0

    def __call__(self, x: Tensor) -> Tensor:
        y = F.linear(x, self.weight, self.bias)
        return y if self.then is None else self.then(y)

    def tensors(self) -> Iterator[Tensor]:
        yield self.weight
        if self.bias is not None:
            yield self.bias


@dataclass(frozen=True, eq=False)
class Tiled(Linear):
    tiles: Tensor  # see kernels.c
    bias: Tensor | None  # float32, like what follows
    scale: Tensor | None  # (outputs,) of 8-bit weights
    shift: Tensor | None  # (outputs,) 128 times the sum of each output's
    outputs: int
    inputs: int
    then: Activation | None = None
    packed_bytes: int = 0

    @classmethod
    def build(cls, weight: Tensor, bias: Tensor | None, then: Activation | None, dtype: torch.dtype) -> Tiled:
        """dtype: what the weights are held in. float16 must hold each of them exactly."""
        outputs, inputs = weight.shape
        scale = shift = None
        if dtype == torch.int8:
            scale = (weight.float().abs().amax(dim=1) / 127).clamp(min=torch.finfo(torch.float32).tiny)
            weight = (weight.float() / scale[:, None]).round()
            shift = 128 * weight.sum(dim=1)
        padded = F.pad(weight.to(dtype), (0, 0, 0, -outputs % native.TILE))
        together = {torch.bfloat16: 2, torch.int8: 4}.get(dtype, 1)
        tiles = padded.view(-1, native.TILE, inputs // together, together).transpose(1, 2).contiguous()
        return cls(tiles, None if bias is None else bias.float(), scale, shift, outputs, inputs, then)

    @property
    def struct(self) -> native.LinearStruct:
        """As the kernels take it. It is good for as long as this layer is."""
        pointers = (None if part is None else part.data_ptr() for part in self._parts)
        gelu = self.then is F.gelu
        return native.LinearStruct(*pointers, self.outputs, self.inputs, native.TYPES[self.tiles.dtype], gelu)

    def __call__(self, x: Tensor) -> Tensor:
        library = native.kernels()
        assert library is not None
        rows = x.reshape(-1, self.inputs).float().contiguous()
        y = torch.empty(len(rows), self.outputs)
        library.linear_forward(self.struct, rows.data_ptr(), len(rows), y.data_ptr(), torch.get_num_threads())
        if self.then is not None and self.then is not F.gelu:
            y = self.then(y)
        return y.view(*x.shape[:-1], self.outputs).to(x.dtype)

    def tensors(self) -> Iterator[Tensor]:
        yield from (part for part in self._parts if part is not None)

    @property
    def _parts(self) -> tuple[Tensor | None, ...]:
        return self.tiles, self.bias, self.scale, self.shift


@dataclass(frozen=True, eq=False)
class Half(Linear):
    packed: Any  # FBGEMM's own object, bias included
    packed_bytes: int
    then: Activation | None = None

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.quantized.linear_dynamic_fp16.default(x, self.packed)
        return y if self.then is None else self.then(y)


@dataclass(frozen=True, eq=False)
class Int8(Linear):
    """Rows are scaled to 7 bits by the largest number in all of them (with 8, processors without VNNI overflow), so a
    slot's guesses depend a little on its neighbours. Of a draft with nothing but such layers, the demo's target
    accepted 43.9 % of what it proposed, instead of 44.6 % (2,300 tokens of four sounds, 5 a round)."""

    packed: Any  # FBGEMM's own object, bias included
    packed_bytes: int
    then: Activation | None = None

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.quantized.linear_dynamic.default(x.float(), self.packed, True).to(x.dtype)
        return y if self.then is None else self.then(y)


@dataclass(frozen=True, eq=False)
class Packed(Linear):
    packed: Tensor  # opaque: oneDNN's layout for this shape
    bias: Tensor | None
    packed_bytes: int
    then: Activation | None = None

    def __call__(self, x: Tensor) -> Tensor:
        gelu = self.then is F.gelu
        run = torch.ops.mkldnn._linear_pointwise.default
        y: Tensor = run(x, self.packed, self.bias, "gelu" if gelu else "none", [], "none" if gelu else "")
        return y if self.then is None or gelu else self.then(y)

    def tensors(self) -> Iterator[Tensor]:
        if self.bias is not None:
            yield self.bias


def activation(name: str) -> Activation:
    """The function of this name in a checkpoint's configuration.

    Raises:
        CheckpointError: there is none.
    """
    if name == "gelu":
        return F.gelu
    from transformers.activations import ACT2FN  # imports torch's compiler: seconds that no Whisper needs

    if name not in ACT2FN:
        raise CheckpointError(f"config.json wants the activation_function {name!r}, which transformers has not")
    chosen: Activation = ACT2FN[name]
    return chosen


def for_few_rows(weight: Tensor, bias: Tensor | None, then: Activation | None = None) -> Linear:
    """A decoder's layer: 1 to some 100 rows at a time, so that reading the weights is what it costs.

    weight: (outputs, inputs). then: applied to the result; `F.gelu` may become part of the kernel.
    """
    if _tiles(weight):
        exact = weight.dtype == torch.float32 and _is_half(weight)
        return Tiled.build(weight, bias, then, torch.float16 if exact else weight.dtype)
    if _can_be_half(weight):
        return Half(torch.ops.quantized.linear_prepack_fp16(weight, bias), 2 * weight.numel(), then)
    return for_many_rows(weight, bias, then)


def for_draft(weight: Tensor, bias: Tensor | None, then: Activation | None = None) -> Linear:
    """A layer of a decoder that only proposes: as `for_few_rows`, in 8 bits where that is quicker."""
    least = INT8_INPUTS.get(weight.dtype)
    if least is not None and weight.shape[1] >= TILED_INT8_INPUTS and _tiles(weight) and native.computes(torch.int8):
        return Tiled.build(weight, bias, then, torch.int8)
    if least is not None and weight.shape[1] >= least and weight.device.type == "cpu" and _int8s():
        packed_bytes = weight.numel() + 12 * len(weight)  # each output's scale, zero and sum besides
        return Int8(_in_8_bits(weight.float(), bias), packed_bytes, then)
    return for_few_rows(weight, bias, then)


def for_many_rows(weight: Tensor, bias: Tensor | None, then: Activation | None = None) -> Linear:
    """An encoder's layer: a thousand rows and more at a time, so that arithmetic is what it costs."""
    if weight.device.type == "cpu" and _packs(weight.dtype):
        packed = torch.ops.mkldnn._reorder_linear_weight(weight)
        return Packed(packed, bias, weight.numel() * weight.element_size(), then)
    return Plain(weight, bias, then)


def smallest(table: Tensor) -> Tensor:
    """A table that is only looked up: the same numbers in 16 bits, where `Half` would hold them so."""
    exact = _can_be_half(table) or (table.dtype == torch.float32 and _tiles(table) and _is_half(table))
    return table.half() if exact else table


def fused_qkv(state: Mapping[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """Queries, keys and values in one: weight (3 * d_model, d_model) and bias. Whisper's keys have none."""
    q_bias, v_bias = state[f"{name}.q_proj.bias"], state[f"{name}.v_proj.bias"]
    weight = torch.cat([state[f"{name}.{part}_proj.weight"] for part in "qkv"])
    return weight, torch.cat([q_bias, torch.zeros_like(q_bias), v_bias])


def _can_be_half(weight: Tensor) -> bool:
    """Whether `Half` computes with exactly these weights, here."""
    return weight.device.type == "cpu" and weight.dtype == torch.float32 and _halves() and _is_half(weight)


def _is_half(weight: Tensor) -> bool:
    """Whether every number is one of 16 bits."""
    return torch.equal(weight.half().float(), weight)


def _tiles(weight: Tensor) -> bool:
    """Whether the kernels of our own compute with such weights, here."""
    return weight.device.type == "cpu" and weight.shape[1] % 16 == 0 and native.computes(weight.dtype)


@cache
def _halves() -> bool:
    """Whether FBGEMM is here, and keeps 16-bit numbers exactly, down to the smallest (2**-24)."""
    weight = torch.tensor([[2.0**-24, 1.0], [65504.0, -(2.0**-15)]])
    try:
        packed = torch.ops.quantized.linear_prepack_fp16(weight, None)
        return torch.equal(torch.ops.quantized.linear_dynamic_fp16(torch.eye(2), packed), weight.T)
    except ABSENT:
        return False


def _in_8_bits(weight: Tensor, bias: Tensor | None) -> Any:
    """FBGEMM's object for a float32 weight (outputs, inputs): each output's largest weight becomes 127."""
    scale = (weight.abs().amax(dim=1) / 127).clamp(min=torch.finfo(torch.float32).tiny)
    levels, zero = (weight / scale[:, None]).round().to(torch.int8), torch.zeros(len(weight), dtype=torch.long)
    with warnings.catch_warnings():  # quantised tensors are to leave PyTorch some day; `_int8s` will notice
        warnings.filterwarnings("ignore", "torch.quantize_per_tensor", UserWarning)
        quantised = torch._make_per_channel_quantized_tensor(levels, scale, zero, 0)
    return torch.ops.quantized.linear_prepack(quantised, None if bias is None else bias.float())


@cache
def _int8s() -> bool:
    """Whether FBGEMM is here, with integers of 8 bits."""
    if torch.backends.quantized.engine not in ("x86", "fbgemm"):
        return False
    try:
        rows = Int8(_in_8_bits(torch.eye(2), None), 0)(torch.eye(2))
    except ABSENT:
        return False
    return torch.allclose(rows, torch.eye(2), atol=0.05)


@cache
def _packs(dtype: torch.dtype) -> bool:
    """Whether oneDNN packs weights of this dtype here, and multiplies with them."""
    if dtype not in (torch.float32, torch.bfloat16):
        return False
    try:
        if dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
            return False
        weight = torch.eye(2, dtype=dtype)
        packed = torch.ops.mkldnn._reorder_linear_weight(weight)
        return torch.equal(torch.ops.mkldnn._linear_pointwise(weight, packed, None, "none", [], ""), weight)
    except ABSENT:
        return False
