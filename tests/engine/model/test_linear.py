"""Linear layers through torch: one arithmetic, and slots that do not depend on their neighbours."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from whisper_magic.engine.model import linear as module
from whisper_magic.engine.model.linear import Activation, PackedLinear, PlainLinear, activation, make_linear
from whisper_magic.errors import CheckpointError

SHAPES = [(192, 192), (768, 192), (192, 768), (130, 64), (70, 40), (512, 2048)]  # outputs, inputs
DTYPES = [
    pytest.param(dtype, marks=pytest.mark.skipif(not module._packs(dtype), reason=f"oneDNN packs no {dtype} here"))
    for dtype in (torch.float32, torch.bfloat16)
]


def drawn(outputs: int, inputs: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(outputs + inputs)
    weight = torch.randn(outputs, inputs, generator=generator) * inputs**-0.5
    return weight.to(dtype), torch.randn(outputs, generator=generator).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SHAPES)
@pytest.mark.parametrize("then", [None, F.gelu, F.relu])
@torch.inference_mode()
def test_packed_computes_the_same(dtype: torch.dtype, size: tuple[int, int], then: Activation | None) -> None:
    weight, bias = drawn(*size, dtype)
    linear = make_linear(weight, bias, then)
    assert type(linear) is PackedLinear
    x = torch.randn(3, 8, size[1], generator=torch.Generator().manual_seed(0)).to(dtype)
    within = {"rtol": 1e-5, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 2e-2, "atol": 2e-2}
    torch.testing.assert_close(linear(x), PlainLinear(weight, bias, then)(x), **within)
    torch.testing.assert_close(make_linear(weight, None)(x), F.linear(x, weight), **within)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SHAPES)
@pytest.mark.parametrize("then", [None, F.gelu])
@torch.inference_mode()
def test_a_slot_does_not_depend_on_its_neighbours(
    dtype: torch.dtype, size: tuple[int, int], then: Activation | None
) -> None:
    """Bit for bit, from the 8 rows of one slot to those of 16."""
    linear = make_linear(*drawn(*size, dtype), then)
    x = torch.randn(16, 8, size[1], generator=torch.Generator().manual_seed(0)).to(dtype)
    together = linear(x)
    for slots in (1, 2, 3, 8):
        for first in range(16 - slots + 1):
            assert torch.equal(linear(x[first : first + slots].clone()), together[first : first + slots]), slots


@pytest.mark.parametrize("size", SHAPES)
@torch.inference_mode()
def test_a_row_does_not_depend_on_its_neighbours(size: tuple[int, int]) -> None:
    """In float32, whatever the slots are."""
    linear = make_linear(*drawn(*size, torch.float32), None)
    x = torch.randn(128, size[1], generator=torch.Generator().manual_seed(0))
    together = linear(x)
    for rows in (8, 16, 24, 64):
        for first in range(0, 128 - rows + 1, 8):
            assert torch.equal(linear(x[first : first + rows].clone()), together[first : first + rows]), rows


def test_without_packing_all_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_packs", lambda dtype: False)
    weight, bias = drawn(64, 512, torch.float32)
    linear = make_linear(weight, bias, F.gelu)
    assert type(linear) is PlainLinear
    assert linear.packed_bytes == 0
    assert [t.data_ptr() for t in linear.tensors()] == [weight.data_ptr(), bias.data_ptr()]


def test_missing_operators_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops, "mkldnn", object(), raising=False)
    assert not module._packs.__wrapped__(torch.float32)
    assert not module._packs.__wrapped__(torch.bfloat16)


@pytest.mark.parametrize("dtype", DTYPES)
def test_packed_bytes_are_counted(dtype: torch.dtype) -> None:
    assert make_linear(*drawn(192, 64, dtype)).packed_bytes == 192 * 64 * dtype.itemsize


def test_an_unknown_activation_is_named() -> None:
    assert activation("gelu") is F.gelu
    with pytest.raises(CheckpointError, match="'nonsense'"):
        activation("nonsense")
