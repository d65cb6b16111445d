"""Linear layers in tiles: what torch computes, every 16-bit number as it is, and a draft's in 8 bits near it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from whisper_magic.engine.model.linear import Activation, PlainLinear
from whisper_magic.engine.native import bindings
from whisper_magic.engine.native.linear import TiledLinear, draft_linear, exact_linear, smallest

pytestmark = pytest.mark.skipif(
    not bindings.computes(torch.float32), reason=f"no native CPU kernels: {bindings.why_not()}"
)
SHAPES = [(192, 192), (768, 192), (192, 768), (130, 64), (512, 2048)]  # outputs, inputs
FORMS = [(torch.float32, False), (torch.float32, True), (torch.bfloat16, False)]  # dtype, exact 16-bit numbers
needs_int8 = pytest.mark.skipif(not bindings.computes(torch.int8), reason="this processor has no 8-bit products")


def drawn(outputs: int, inputs: int, dtype: torch.dtype, half: bool) -> tuple[torch.Tensor, torch.Tensor]:
    if not bindings.computes(dtype):
        pytest.skip(f"this processor has no {dtype} products")
    generator = torch.Generator().manual_seed(outputs + inputs)
    weight = torch.randn(outputs, inputs, generator=generator) * inputs**-0.5
    weight = weight.half().float() if half else weight
    return weight.to(dtype), torch.randn(outputs, generator=generator).to(dtype)


@pytest.mark.parametrize(("dtype", "half"), FORMS)
@pytest.mark.parametrize("size", SHAPES)
@pytest.mark.parametrize("then", [None, F.gelu, F.relu])
@torch.inference_mode()
def test_computes_the_same(dtype: torch.dtype, half: bool, size: tuple[int, int], then: Activation | None) -> None:
    weight, bias = drawn(*size, dtype, half)
    linear = exact_linear(weight, bias, then)
    x = torch.randn(3, 8, size[1], generator=torch.Generator().manual_seed(0)).to(dtype)
    within = {"rtol": 1e-5, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 2e-2, "atol": 2e-2}
    torch.testing.assert_close(linear(x), PlainLinear(weight, bias, then)(x), **within)
    torch.testing.assert_close(exact_linear(weight, None)(x), F.linear(x, weight), **within)


@pytest.mark.parametrize(("dtype", "half"), FORMS)
@pytest.mark.parametrize("size", SHAPES)
@torch.inference_mode()
def test_a_row_does_not_depend_on_its_neighbours(dtype: torch.dtype, half: bool, size: tuple[int, int]) -> None:
    """Bit for bit, from one row to those of 16 slots, on one thread and on two."""
    linear = exact_linear(*drawn(*size, dtype, half), F.gelu)
    x = torch.randn(128, size[1], generator=torch.Generator().manual_seed(0)).to(dtype)
    together = linear(x.view(16, 8, -1)).view(128, -1)
    for rows in (1, 5, 8, 24, 64):
        for first in range(0, 128 - rows + 1, 8):
            assert torch.equal(linear(x[first : first + rows].clone()), together[first : first + rows]), rows
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert torch.equal(linear(x), together)
    finally:
        torch.set_num_threads(before)


@torch.inference_mode()
def test_16_bits_are_no_approximation() -> None:
    """Every finite 16-bit number, down to the smallest, is multiplied as the number it is."""
    numbers = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(torch.float16).float()
    numbers = numbers[torch.isfinite(numbers)]
    weight = F.pad(numbers, (0, -len(numbers) % 64)).view(-1, 64)
    linear = exact_linear(weight, None)
    assert linear.tiles.dtype == torch.float16
    assert torch.equal(linear(torch.eye(64)), weight.T)


@pytest.mark.parametrize(
    ("number", "dtype"),
    [(0.5, torch.float16), (1 / 3, torch.float32), (2.0**-26, torch.float32), (1e5, torch.float32)],
)
def test_16_bits_are_taken_only_where_nothing_is_lost(number: float, dtype: torch.dtype) -> None:
    weight, bias = drawn(64, 64, torch.float32, half=True)
    weight[5, 7] = number
    assert exact_linear(weight, bias).tiles.dtype == dtype
    assert smallest(weight).dtype == dtype
    assert torch.equal(smallest(weight).float(), weight)


@needs_int8
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("then", [None, F.gelu])
@torch.inference_mode()
def test_a_draft_is_near_in_8_bits(dtype: torch.dtype, then: Activation | None) -> None:
    weight, bias = drawn(300, 512, dtype, half=True)
    weight[7] = 0
    x = torch.randn(3, 2, 512, generator=torch.Generator().manual_seed(0)).to(dtype)
    for b in (bias, None):
        linear = draft_linear(weight, b, then)
        assert linear.tiles.dtype == torch.int8
        found, expected = linear(x), PlainLinear(weight, b, then)(x)
        assert found.dtype == dtype
        assert (found - expected).float().norm() < 0.03 * expected.float().norm()


@needs_int8
def test_8_bits_are_taken_only_where_they_are_quicker() -> None:
    weight, bias = drawn(64, 64, torch.float32, half=True)
    assert draft_linear(weight, bias).tiles.dtype == torch.float16


@torch.inference_mode()
def test_gelu_of_numbers_of_any_size() -> None:
    x = torch.cat([torch.linspace(-12, 12, 1001), torch.tensor([1e4, -1e4, 1e-20, 0.0])])[:, None].repeat(1, 16)
    layer = TiledLinear.build(torch.eye(16), None, F.gelu, torch.float32)
    torch.testing.assert_close(layer(x), F.gelu(x), rtol=2e-6, atol=2e-6)
