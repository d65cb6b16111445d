"""Fake CUDA tensors on a torch without CUDA: shapes, dtypes and devices of what a GPU would compute, and no numbers.

`FakeTensorMode` makes them; a few of torch's own methods ask for a CUDA build before they dispatch, and are replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from whisper_magic.engine.model import attention

Tensor = torch.Tensor
aten = torch.ops.aten
DEVICE = torch.device("cuda", 0)


def _indexed(tensor: Tensor, index: Any) -> tuple[Tensor, list[Tensor | None]]:
    """Basic indexing as a view of it, and the tensors that are left to index that with."""
    parts = list(index) if isinstance(index, tuple) else [index]
    if Ellipsis in [part for part in parts if not isinstance(part, Tensor)]:
        at = next(i for i, part in enumerate(parts) if part is Ellipsis)
        used = sum(part is not None for part in parts) - 1
        parts[at : at + 1] = [slice(None)] * (tensor.dim() - used)
    left: list[Tensor | None] = []
    for part in parts:
        dim = len(left)
        if part is None:
            tensor = aten.unsqueeze.default(tensor, dim)
            left.append(None)
        elif isinstance(part, slice):
            if part != slice(None):
                tensor = aten.slice.Tensor(tensor, dim, part.start, part.stop, part.step or 1)
            left.append(None)
        elif isinstance(part, Tensor):
            left.append(part)
        elif isinstance(part, list):
            left.append(torch.tensor(part, device=tensor.device))
        else:
            tensor = aten.select.int(tensor, dim, int(part))
    return tensor, left


def _getitem(tensor: Tensor, index: Any) -> Tensor:
    view, left = _indexed(tensor, index)
    return aten.index.Tensor(view, left) if any(part is not None for part in left) else view


def _setitem(tensor: Tensor, index: Any, value: Any) -> None:
    view, left = _indexed(tensor, index)
    if any(part is not None for part in left):
        aten.index_put_.default(view, left, torch.as_tensor(value, dtype=view.dtype, device=view.device))
    elif isinstance(value, Tensor):
        aten.copy_.default(view, value)
    else:
        aten.fill_.Scalar(view, value)


class Watch(TorchDispatchMode):
    """Notes what a step asks of the host, or takes from it, and counts kernels.

    Attributes:
        inside: Whether a step runs.
        faults: What a CUDA graph could not hold.
        kernels: Operators that compute something, by name, while `inside`.
        uploads, downloads: Copies from the host, and to it.
        pinned: Whether the kernel of attention is chosen.
    """

    QUESTIONS = ("_local_scalar_dense", "is_nonzero", "nonzero", "equal", "masked_select", "_unique2", "lift_fresh")

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.faults, self.kernels = False, list[str](), list[str]()
        self.uploads = self.downloads = 0
        self.pinned = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if func in (aten.copy_.default, aten._to_copy.default):
            source, to = args[1 if func is aten.copy_.default else 0], found
            self.uploads += source.device.type == "cpu" and to.device.type == "cuda"
            self.downloads += source.device.type == "cuda" and to.device.type == "cpu"
        if self.inside:
            self._note(func, args, kwargs or {}, found)
        return found

    def _note(self, func: Any, args: Any, kwargs: Any, found: Any) -> None:
        name = func.name().removeprefix("aten::").split(".")[0]
        if name in self.QUESTIONS:
            self.faults.append(f"{name} asks the device")
        tensors = [one for one in torch.utils._pytree.tree_leaves((args, kwargs, found)) if isinstance(one, Tensor)]
        if any(one.device.type != "cuda" for one in tensors):
            self.faults.append(f"{name} has a tensor of the host")
        results = [one for one in torch.utils._pytree.tree_leaves(found) if isinstance(one, Tensor)]
        if results and not func.is_view and name not in ("empty", "detach", "empty_like"):
            self.kernels.append(name)


def kernels_of(step: Callable[[], object], watch: Watch) -> int:
    """How many operators a step runs that are kernels on a GPU; each is one or more."""
    watch.kernels.clear()
    watch.inside = True
    try:
        step()
    finally:
        watch.inside = False
    return len(watch.kernels)


def _attention(
    watch: Watch, q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None, scale: float | None = None
) -> Tensor:
    """Stands for one fused kernel, which a torch without CUDA takes apart."""
    assert watch.pinned, "attention that is not pinned: its bits depend on what torch prefers for the shape"
    assert q.dtype == k.dtype == v.dtype == (q.dtype if attn_mask is None else attn_mask.dtype)
    assert q.shape[:2] == k.shape[:2] == v.shape[:2]
    assert q.shape[-1] == k.shape[-1]
    if attn_mask is not None:
        torch.broadcast_shapes(attn_mask.shape, (*q.shape[:3], k.shape[2]))
        assert attn_mask.device == q.device
    return q.clone()


@contextmanager
def _pinned(watch: Watch) -> Iterator[None]:
    watch.pinned = True
    yield
    watch.pinned = False


@contextmanager
def fake_gpu() -> Iterator[Watch]:
    """Inside, tensors may be made on `cuda`, and the watch notes what steps do with them."""
    watch = Watch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeTensor, "__getitem__", _getitem, raising=False)
        patch.setattr(FakeTensor, "__setitem__", _setitem, raising=False)
        patch.setattr(FakeTensor, "copy_", lambda to, value, non_blocking=False: aten.copy_.default(to, value))
        patch.setattr(FakeTensor, "contiguous", lambda one: one.clone(memory_format=torch.contiguous_format))
        patch.setattr(F, "scaled_dot_product_attention", partial(_attention, watch))
        patch.setattr(attention, "sdpa_kernel", lambda kernels, set_priority: _pinned(watch))
        with FakeTensorMode(), watch:
            yield watch
