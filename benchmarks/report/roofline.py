"""What a pass of the decoder must read from memory at least. With fewer than some hundred rows at once, every product
with a weight matrix waits for its weights, so that this sets the floor."""

from __future__ import annotations

from typing import Any

from benchmarks.measure import Measurement
from benchmarks.ours import Ours
from benchmarks.report.report import Finding

BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
NAME = "a pass of our target / the floor that memory sets"


def bytes_of_pass(config: Any, dtype: str, windows: int) -> int:
    """Bytes that one pass of a Whisper decoder reads for so many windows, however few tokens it is fed.

    Weights once (layers and the output projection); cross keys and values of every window. The self-attention's cache
    is left out: it is some hundredth of these.
    """
    width, inner = int(config.d_model), int(config.decoder_ffn_dim)
    layers, frames = int(config.decoder_layers), int(config.max_source_positions)
    attention = (
        4 * width * width + 2 * width * width
    )  # own: q, k, v, out; cross: q, out (k and v are made once a window)
    weights = layers * (attention + 2 * width * inner) + int(config.vocab_size) * width
    cross = layers * 2 * frames * width * windows
    return (weights + cross) * BYTES[dtype]


def finding(row: Measurement, ours: Ours, bandwidth: float) -> Finding | None:
    """How far a pass of our target is from the floor. row: of the target alone. bandwidth: bytes a second."""
    if row.step is None:
        return None
    dtype = str(ours.runtime.dtype).removeprefix("torch.")
    moved = bytes_of_pass(ours.target.config, dtype, row.windows)
    floor = moved / bandwidth
    taken = f"{floor * 1e3:.2f} ms at {bandwidth / 1e9:.0f} GB/s measured, {row.step.median * 1e3:.2f} ms taken"
    return Finding(f"{row.case}: {NAME}", row.step.median / floor, detail=f"{moved / 1e6:.0f} MB, {taken}")
