"""Arrays and tensors of every shape and dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from whisper_magic.audio.load import load, load_channels
from whisper_magic.errors import AudioInvalid


@pytest.mark.parametrize("shape", [(24_000,), (24_000, 1), (1, 24_000), (24_000, 2), (2, 24_000), (8, 24_000)])
def test_the_shorter_axis_holds_the_channels(shape: tuple[int, ...], tone: np.ndarray) -> None:
    array = np.broadcast_to(tone if shape[-1] == 24_000 else tone[:, None], shape)
    np.testing.assert_allclose(load(array, 16_000).samples, tone, atol=1e-6)
    assert len(load_channels(array, 16_000)) == (1 if len(shape) == 1 else min(shape))


@pytest.mark.parametrize(
    ("dtype", "low", "middle", "high"),
    [
        ("uint8", 0, 128, 255),
        ("int8", -128, 0, 127),
        ("int16", -32768, 0, 32767),
        ("uint16", 0, 32768, 65535),
        ("int32", -(2**31), 0, 2**31 - 1),
        ("float16", -1, 0, 1),
        ("float64", -1, 0, 1),
        (">i2", -32768, 0, 32767),
    ],
)
def test_integers_are_scaled_by_their_dtype(dtype: str, low: int, middle: int, high: int) -> None:
    samples = load(np.array([low, middle, high], dtype=dtype), 16_000).samples
    np.testing.assert_allclose(samples, [-1, 0, 1], atol=0.01)
    assert samples[0] == -1
    assert samples[1] == 0


def test_torch_tensors_are_known_without_importing_torch(tone: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(tone.copy()).requires_grad_()
    np.testing.assert_array_equal(load(tensor, 16_000).samples, tone)
    np.testing.assert_array_equal(load((torch.stack([tensor, tensor]), 16_000)).samples, tone)
    np.testing.assert_allclose(load(tensor.bfloat16(), 16_000).samples, tone, atol=0.002)
    np.testing.assert_allclose(load((tensor * 32768).short(), 16_000).samples, tone, atol=1e-4)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3, 4)), r"shape \(2, 3, 4\) have 3 dimensions"),
        (np.float32(1), "0 dimensions"),
        (np.zeros((5, 5)), "are ambiguous"),
        (np.zeros((80, 3000)), "would have 80 channels"),
        (np.zeros(5, dtype=np.int64), "int64 have no full scale"),
        (np.zeros(5, dtype=bool), "dtype bool"),
        (np.zeros(5, dtype=complex), "dtype complex128"),
        (["a.wav", "b.wav"], "dtype <U5"),
        ([[1.0], [1.0, 2.0]], "cannot make an array of this list"),
    ],
)
def test_arrays_that_are_no_sound(array: Any, message: str) -> None:
    with pytest.raises(AudioInvalid, match=message) as error:
        load(array, 16_000)
    assert len(str(error.value).splitlines()) == 1
