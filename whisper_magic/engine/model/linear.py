"""Linear layers and norms of encoder and decoder, in the form in which torch multiplies fastest here.

- `PlainLinear`: tensors as they are. CUDA, and wherever the other is not available.
- `PackedLinear`: weights in oneDNN's blocked layout, with the activation in the same kernel. CPUs, in float32 and
  bfloat16. A slot's result does not depend on the slots beside it, bit for bit: in float32 no row's on other rows; in
  bfloat16, where oneDNN on AMX sums more than 32 rows in another order, each slot is a product of its own.

The native CPU kernels have a form of their own (`native/linear.py`). Packed weights replace the originals.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F

from whisper_magic.errors import CheckpointError

Tensor = torch.Tensor
Activation = Callable[[Tensor], Tensor]
Make = Callable[..., "Linear"]  # weight, bias, and the activation that follows -> a layer
ABSENT = (AttributeError, RuntimeError)  # raised for an operator that this build of torch, or this machine, lacks


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
    """y = x W^T + b, and the activation that follows, if any. x: (..., inputs). Returns (..., outputs)."""

    bias: Tensor | None
    packed_bytes: int  # of what it holds besides `tensors`

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor: ...

    def tensors(self) -> Iterator[Tensor]:
        """The ordinary tensors that it holds."""
        return iter(())


@dataclass(frozen=True, eq=False)
class PlainLinear(Linear):
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
class PackedLinear(Linear):
    packed: Tensor  # opaque: oneDNN's layout for this shape
    bias: Tensor | None
    packed_bytes: int
    then: Activation | None = None

    def __call__(self, x: Tensor) -> Tensor:
        if x.dtype == torch.bfloat16 and x.dim() == 3 and len(x) > 1:  # (S, B, inputs)
            return torch.cat([self._product(x[slot : slot + 1]) for slot in range(len(x))])
        return self._product(x)

    def _product(self, x: Tensor) -> Tensor:
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
        raise CheckpointError(f"config.json names the activation_function {name!r}, which transformers does not have")
    chosen: Activation = ACT2FN[name]
    return chosen


def make_linear(weight: Tensor, bias: Tensor | None, then: Activation | None = None) -> Linear:
    """A layer in the fastest form for its device and dtype.

    Args:
        weight: (outputs, inputs).
        bias: (outputs,), or None.
        then: Applied to the result; `F.gelu` may become part of the kernel.
    """
    if weight.device.type == "cpu" and _packs(weight.dtype):
        packed = torch.ops.mkldnn._reorder_linear_weight(weight)
        return PackedLinear(packed, bias, weight.numel() * weight.element_size(), then)
    return PlainLinear(weight, bias, then)


def fused_qkv(state: Mapping[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """Queries, keys and values in one: weight (3 * d_model, d_model) and bias. Whisper's keys have none."""
    q_bias, v_bias = state[f"{name}.q_proj.bias"], state[f"{name}.v_proj.bias"]
    weight = torch.cat([state[f"{name}.{part}_proj.weight"] for part in "qkv"])
    return weight, torch.cat([q_bias, torch.zeros_like(q_bias), v_bias])


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
