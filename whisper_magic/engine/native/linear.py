"""Linear layers as the native CPU kernels multiply them: weights in tiles, see `cpu_kernels.c`.

Weights that are exact 16-bit numbers, as those of OpenAI's released checkpoints are, are held as such while arithmetic
is
in float32: half the bytes to read, which is what a decoder's pass over a few rows costs. bfloat16 goes to the
processor's own dot product. A draft's layers are held in 8 bits: its guesses cannot change the text. A row's result
does not depend on the rows beside it, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from whisper_magic.engine.model.linear import Activation, Linear
from whisper_magic.engine.native import bindings

Tensor = torch.Tensor
INT8_INPUTS = 128  # from here on 8 bits are quicker; a narrower draft has no time to save


@dataclass(frozen=True, eq=False)
class TiledLinear(Linear):
    """A linear layer in tiles.

    Attributes:
        tiles: The weights, see cpu_kernels.c.
        bias: (outputs,) float32, or None.
        scale: (outputs,), of 8-bit weights.
        shift: (outputs,), of 8-bit weights: 128 times the sum of each output's.
    """

    tiles: Tensor
    bias: Tensor | None
    scale: Tensor | None
    shift: Tensor | None
    outputs: int
    inputs: int
    then: Activation | None = None
    packed_bytes: int = 0

    @classmethod
    def build(cls, weight: Tensor, bias: Tensor | None, then: Activation | None, dtype: torch.dtype) -> TiledLinear:
        """dtype: what the weights are held in. float16 must hold each of them exactly."""
        outputs, inputs = weight.shape
        scale = shift = None
        if dtype == torch.int8:
            scale = (weight.float().abs().amax(dim=1) / 127).clamp(min=torch.finfo(torch.float32).tiny)
            weight = (weight.float() / scale[:, None]).round()
            shift = 128 * weight.sum(dim=1)
        padded = F.pad(weight.to(dtype), (0, 0, 0, -outputs % bindings.TILE))
        together = {torch.bfloat16: 2, torch.int8: 4}.get(dtype, 1)
        tiles = padded.view(-1, bindings.TILE, inputs // together, together).transpose(1, 2).contiguous()
        return cls(tiles, None if bias is None else bias.float(), scale, shift, outputs, inputs, then)

    @property
    def struct(self) -> bindings.LinearStruct:
        """As the kernels take it; valid for as long as this layer is."""
        pointers = (None if part is None else part.data_ptr() for part in self._parts)
        gelu = self.then is F.gelu
        return bindings.LinearStruct(*pointers, self.outputs, self.inputs, bindings.TYPES[self.tiles.dtype], gelu)

    def __call__(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, self.inputs).float().contiguous()
        y = torch.empty(len(rows), self.outputs)
        threads = torch.get_num_threads()
        bindings.kernels().linear_forward(self.struct, rows.data_ptr(), len(rows), y.data_ptr(), threads)
        if self.then is not None and self.then is not F.gelu:
            y = self.then(y)
        return y.view(*x.shape[:-1], self.outputs).to(x.dtype)

    def tensors(self) -> Iterator[Tensor]:
        yield from (part for part in self._parts if part is not None)

    @property
    def _parts(self) -> tuple[Tensor | None, ...]:
        return self.tiles, self.bias, self.scale, self.shift


def exact_linear(weight: Tensor, bias: Tensor | None, then: Activation | None = None) -> TiledLinear:
    """A layer of the target: every weight as it is, in 16 bits where that loses nothing."""
    return TiledLinear.build(weight, bias, then, torch.float16 if _is_half(weight) else weight.dtype)


def draft_linear(weight: Tensor, bias: Tensor | None, then: Activation | None = None) -> TiledLinear:
    """A layer of the draft: in 8 bits where that is quicker."""
    if weight.shape[1] >= INT8_INPUTS and bindings.computes(torch.int8):
        return TiledLinear.build(weight, bias, then, torch.int8)
    return exact_linear(weight, bias, then)


def smallest(table: Tensor) -> Tensor:
    """A table that is only looked up: the same numbers, in 16 bits where that loses nothing."""
    return table.half() if _is_half(table) else table


def _is_half(weight: Tensor) -> bool:
    """Whether every float32 number is one of float16."""
    return weight.dtype == torch.float32 and torch.equal(weight.half().float(), weight)
