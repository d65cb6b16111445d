"""Linear layers in their forms: one arithmetic, and a row that does not know its neighbours; a draft's, near it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F

from whisper_magic.engine.model import linear as layers
from whisper_magic.engine.model.linear import (
    Half,
    Int8,
    Linear,
    Make,
    Packed,
    Plain,
    Tiled,
    activation,
    for_draft,
    for_few_rows,
    for_many_rows,
)
from whisper_magic.engine.native import bindings as native
from whisper_magic.errors import CheckpointError

SHAPES = [(192, 192), (768, 192), (192, 768), (130, 64), (70, 40), (512, 2048)]  # outputs, inputs
needs_half = pytest.mark.skipif(not layers._halves(), reason="FBGEMM is not here")
needs_int8 = pytest.mark.skipif(not layers._int8s(), reason="FBGEMM is not here")
needs_kernels = pytest.mark.skipif(
    not native.computes(torch.float32), reason=f"no compiled kernels: {native.why_not()}"
)
needs_int8_kernels = pytest.mark.skipif(
    not native.computes(torch.int8),
    reason=f"no compiled kernels for 8 bits: {native.why_not() or 'not on this processor'}",
)
needs_packing = pytest.mark.skipif(not layers._packs(torch.float32), reason="oneDNN is not here")


def drawn(outputs: int, inputs: int, dtype: torch.dtype, half: bool) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(outputs + inputs)
    weight = torch.randn(outputs, inputs, generator=generator) * inputs**-0.5
    weight = weight.half().float() if half else weight
    return weight.to(dtype), torch.randn(outputs, generator=generator).to(dtype)


def forms() -> list[tuple[type[Linear], torch.dtype, bool]]:
    """Each with the dtypes that it takes here, and whether with weights of 16 bits."""
    both = torch.float32, torch.bfloat16
    found: list[tuple[type[Linear], torch.dtype, bool]] = [(Half, torch.float32, True)] if layers._halves() else []
    found += [(Packed, d, False) for d in both if layers._packs(d)]
    found += [(Tiled, torch.float32, True)] if native.computes(torch.float32) else []
    return found + [(Tiled, d, False) for d in both if native.computes(d)]


@pytest.fixture
def make(form: type[Linear], monkeypatch: pytest.MonkeyPatch, through_torch: Callable[[], None]) -> Make:
    """`for_few_rows`, which takes this form here, or would without kernels of our own."""
    if form is not Tiled:
        through_torch()
    return for_few_rows


@pytest.mark.parametrize(("form", "dtype", "half"), forms())
@pytest.mark.parametrize("size", SHAPES)
@pytest.mark.parametrize("then", [None, F.gelu, F.relu])
@torch.inference_mode()
def test_each_form_computes_the_same(form: type[Linear], make: Make, dtype: torch.dtype, half: bool, size: tuple[int, int], then: layers.Activation | None) -> None:  # fmt: skip  # noqa: E501
    weight, bias = drawn(*size, dtype, half)
    linear = make(weight, bias, then)
    assert type(linear) is form or (form is Tiled and size[1] % 16)
    x = torch.randn(3, 8, size[1], generator=torch.Generator().manual_seed(0)).to(dtype)
    within = {"rtol": 1e-5, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 2e-2, "atol": 2e-2}
    torch.testing.assert_close(linear(x), Plain(weight, bias, then)(x), **within)
    torch.testing.assert_close(make(weight, None)(x), F.linear(x, weight), **within)


@pytest.mark.parametrize(("form", "dtype", "half"), forms())
@pytest.mark.parametrize("size", SHAPES)
@torch.inference_mode()
def test_a_row_does_not_know_its_neighbours(make: Make, dtype: torch.dtype, half: bool, size: tuple[int, int]) -> None:
    """To the last bit, from the 8 rows of one slot to those of 16."""
    linear = make(*drawn(*size, dtype, half), F.gelu)
    x = torch.randn(128, size[1], generator=torch.Generator().manual_seed(0)).to(dtype)
    together = linear(x.view(16, 8, -1)).view(128, -1)
    for rows in (8, 16, 24, 64):
        for first in range(0, 128 - rows + 1, 8):
            assert torch.equal(linear(x[first : first + rows].clone()), together[first : first + rows]), rows


@needs_half
@pytest.mark.parametrize("form", [Half, pytest.param(Tiled, marks=needs_kernels)])
@torch.inference_mode()
def test_half_is_no_approximation(form: type[Linear], make: Make) -> None:
    """Every finite 16-bit number, down to the smallest, is multiplied as the number it is."""
    numbers = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(torch.float16).float()
    numbers = numbers[torch.isfinite(numbers)]
    weight = F.pad(numbers, (0, -len(numbers) % 64)).view(-1, 64)
    linear = make(weight, None)
    assert type(linear) is form
    assert torch.equal(linear(torch.eye(64)), weight.T)


@needs_half
@needs_packing
def test_half_is_taken_only_where_nothing_is_lost(through_torch: Callable[[], None]) -> None:
    through_torch()
    weight, bias = drawn(64, 64, torch.float32, half=True)
    assert type(for_few_rows(weight, bias)) is Half
    for number in (1 / 3, 2.0**-26, 1e5):
        other = weight.clone()
        other[5, 7] = number
        assert type(for_few_rows(other, bias)) is Packed


@needs_kernels
def test_tiles_hold_16_bits_only_where_nothing_is_lost() -> None:
    weight, bias = drawn(64, 64, torch.float32, half=True)
    for number, dtype in (
        (0.5, torch.float16),
        (1 / 3, torch.float32),
        (2.0**-26, torch.float32),
        (1e5, torch.float32),
    ):
        weight[5, 7] = number
        linear = for_few_rows(weight, bias)
        assert isinstance(linear, Tiled)
        assert linear.tiles.dtype == dtype


@needs_int8
@pytest.mark.parametrize("form", [Int8, pytest.param(Tiled, marks=needs_int8_kernels)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("then", [None, F.gelu])
@torch.inference_mode()
def test_a_draft_is_near_in_8_bits(
    form: type[Linear], make: Make, dtype: torch.dtype, then: layers.Activation | None
) -> None:
    weight, bias = drawn(300, 512, dtype, half=True)
    weight[7] = 0
    x = torch.randn(3, 2, 512, generator=torch.Generator().manual_seed(0)).to(dtype)
    for b in (bias, None):
        linear = for_draft(weight, b, then)
        assert type(linear) is form
        assert form is Int8 or (isinstance(linear, Tiled) and linear.tiles.dtype == torch.int8)
        found, expected = linear(x), Plain(weight, b, then)(x)
        assert found.dtype == dtype
        assert (found - expected).float().norm() < 0.03 * expected.float().norm()


@needs_int8
def test_8_bits_are_taken_only_where_they_are_quicker(through_torch: Callable[[], None]) -> None:
    through_torch()
    for dtype, inputs in ((torch.float32, 448), (torch.bfloat16, 320), (torch.float64, 512)):
        weight, bias = drawn(64, inputs, dtype, half=True)
        assert type(for_draft(weight, bias)) is type(for_few_rows(weight, bias))
    weight, bias = drawn(64, 512, torch.float32, half=True)
    assert type(for_few_rows(weight, bias)) is not Int8


def test_without_packed_forms_all_is_plain(monkeypatch: pytest.MonkeyPatch, through_torch: Callable[[], None]) -> None:
    through_torch()
    monkeypatch.setattr(layers, "_halves", lambda: False)
    monkeypatch.setattr(layers, "_int8s", lambda: False)
    monkeypatch.setattr(layers, "_packs", lambda dtype: False)
    weight, bias = drawn(64, 512, torch.float32, half=True)
    for make in (for_few_rows, for_many_rows, for_draft):
        linear = make(weight, bias, F.gelu)
        assert type(linear) is Plain
        assert [t.data_ptr() for t in linear.tensors()] == [weight.data_ptr(), bias.data_ptr()]


def test_missing_operators_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing:
        pass

    monkeypatch.setattr(torch.ops, "quantized", Nothing(), raising=False)
    monkeypatch.setattr(torch.ops, "mkldnn", Nothing(), raising=False)
    assert not layers._halves.__wrapped__()
    assert not layers._int8s.__wrapped__()
    assert not layers._packs.__wrapped__(torch.float32)
    assert not layers._packs.__wrapped__(torch.bfloat16)


@needs_half
def test_what_is_held_is_counted(through_torch: Callable[[], None]) -> None:
    through_torch()
    weight, bias = drawn(192, 64, torch.float32, half=True)
    assert for_few_rows(weight, bias).packed_bytes == 192 * 64 * 2
    assert Plain(weight, bias).packed_bytes == 0


@needs_int8
def test_what_is_held_in_8_bits_is_counted(through_torch: Callable[[], None]) -> None:
    through_torch()
    weight, bias = drawn(192, 512, torch.float32, half=True)
    assert for_draft(weight, bias).packed_bytes == 192 * (512 + 12)


def test_an_activation_that_nobody_has_is_named() -> None:
    assert activation("gelu") is F.gelu
    with pytest.raises(CheckpointError, match="'nonsense'"):
        activation("nonsense")
