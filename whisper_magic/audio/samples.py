"""Arrays and tensors -> (n, channels) float32. No files; tensors are recognised by duck typing, without torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from whisper_magic.errors import AudioInvalid
from whisper_magic.wording import one_line

Samples = npt.NDArray[np.float32]

LOUDEST = 100.0  # floats beyond it were integers once, or are damaged
MAX_CHANNELS = 64  # the longest microphone arrays; beyond it, an array is a batch or a spectrogram


def from_array(source: Any) -> npt.NDArray[Any]:
    """Convert to a numpy array of the same shape.

    Args:
        source: A numpy, torch or jax array, or a list of numbers.

    Returns:
        The array, of any dtype.

    Raises:
        AudioInvalid: It holds no numbers.
    """
    if is_tensor(source):
        tensor = source.detach().cpu()
        source = (tensor.float() if tensor.is_floating_point() else tensor).numpy()  # bfloat16 has no numpy dtype
    try:
        return np.asarray(source)
    except (TypeError, ValueError) as error:  # ragged lists, objects that refuse
        raise AudioInvalid(f"cannot make an array of this {type(source).__name__}: {one_line(error)}") from error


def is_tensor(source: object) -> bool:
    """Returns whether `source` is a torch tensor."""
    return all(hasattr(source, name) for name in ("detach", "cpu", "numpy", "is_floating_point"))


def frames_first(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Put frames first; the shorter axis holds the channels.

    Args:
        array: (n,), (n, channels) or (channels, n).

    Returns:
        (n, channels).

    Raises:
        AudioInvalid: Any other shape, a square one, which could be either, or an empty one.
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
        raise AudioInvalid(f"samples of shape {array.shape} are ambiguous: pass one channel, of shape (n,)")
    if min(rows, columns) <= MAX_CHANNELS:
        return array if columns <= rows else array.T
    raise AudioInvalid(f"samples of shape {array.shape} would have {min(rows, columns)} channels: {wanted}")


def scaled(array: npt.NDArray[Any]) -> Samples:
    """Convert samples to float32.

    Floats keep their values; integers are divided by their full scale, unsigned ones (8-bit WAV) centred first.

    Args:
        array: Samples of any dtype and shape.

    Returns:
        float32 of the same shape.

    Raises:
        AudioInvalid: A dtype without a full scale: 64-bit integers, bool, complex, text.
    """
    if array.dtype == np.float32:
        return array
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes Inf, which is reported later
            return array.astype(np.float32, copy=False)
    if array.dtype.kind in "iu" and array.dtype.itemsize < 8:
        half = np.float32(2 ** (8 * array.dtype.itemsize - 1))
        floats = array.astype(np.float32)
        return (floats - half) / half if array.dtype.kind == "u" else floats / half
    if array.dtype.kind in "iu":
        raise AudioInvalid(
            f"samples of dtype {array.dtype} have no full scale: pass int16, int32, or floats within -1..1"
        )
    raise AudioInvalid(f"samples of dtype {array.dtype} are not audio: pass floats within -1..1, or int16")
