"""Arrays and tensors -> (n, channels) float32. Knows nothing of files; tensors are known by what they can do,
so that torch need not be here."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from whisper_magic.errors import AudioInvalid
from whisper_magic.wording import one_line

Samples = npt.NDArray[np.float32]

MOST_CHANNELS = 64  # the longest microphone arrays; beyond it, an array is a batch or a spectrogram


def from_array(source: Any) -> npt.NDArray[Any]:
    """Whatever holds numbers (numpy, torch, jax, a list) -> numpy array of the same shape.

    Raises:
        AudioInvalid: where it holds no numbers.
    """
    if is_tensor(source):
        tensor = source.detach().cpu()
        source = (tensor.float() if tensor.is_floating_point() else tensor).numpy()  # bfloat16 has no numpy dtype
    try:
        return np.asarray(source)
    except (TypeError, ValueError) as error:  # ragged lists, objects that refuse
        raise AudioInvalid(f"cannot make an array of this {type(source).__name__}: {one_line(error)}") from error


def is_tensor(source: object) -> bool:
    """Whether `source` is a torch tensor, by duck typing."""
    return all(hasattr(source, name) for name in ("detach", "cpu", "numpy", "is_floating_point"))


def frames_first(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(n,), (n, channels) or (channels, n) -> (n, channels): the shorter axis holds the channels.

    Raises:
        AudioInvalid: for any other shape, for a square one, which could be either, and for an empty one.
    """
    if array.ndim and not array.size:
        raise AudioInvalid(f"an array of shape {array.shape} holds no samples")
    if array.ndim == 1:
        return array[:, None]
    wanted = "pass (n,), (n, channels) or (channels, n)"
    if array.ndim != 2:
        raise AudioInvalid(f"samples of shape {array.shape} have {array.ndim} dimensions: {wanted}")
    rows, columns = array.shape
    if rows == columns and rows > 1:
        raise AudioInvalid(f"samples of shape {array.shape} could be either way round: pass one channel, of shape (n,)")
    if min(rows, columns) <= MOST_CHANNELS:
        return array if columns <= rows else array.T
    raise AudioInvalid(f"samples of shape {array.shape} would have {min(rows, columns)} channels: {wanted}")


def scaled(array: npt.NDArray[Any]) -> Samples:
    """Samples of any dtype -> float32. Floats stay as they are; integers are divided by their full scale,
    unsigned ones (8-bit WAV's) centred first.

    Raises:
        AudioInvalid: for dtypes that have no full scale: 64-bit integers, bool, complex, text.
    """
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes Inf, which is reported later
            return array.astype(np.float32, copy=False)
    if array.dtype.kind in "iu" and array.dtype.itemsize < 8:
        half = np.float32(2 ** (8 * array.dtype.itemsize - 1))
        floats = array.astype(np.float32)
        return (floats - half) / half if array.dtype.kind == "u" else floats / half
    if array.dtype.kind in "iu":
        raise AudioInvalid(
            f"samples of dtype {array.dtype} have no known full scale: pass int16, int32, or floats within -1..1"
        )
    raise AudioInvalid(f"samples of dtype {array.dtype} are not sound: pass floats within -1..1, or int16")
