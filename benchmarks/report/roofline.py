"""The memory roofline: the least that a decoder pass must read.

With fewer than some hundred rows at once, every product with a weight matrix waits for its weights, so the bytes read
set the floor of a pass.
"""

from __future__ import annotations

from typing import Any

from benchmarks.measure import Measurement
from benchmarks.report.report import Finding

BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
NAME = "target pass / memory floor"


def bytes_per_pass(config: Any, dtype: str, windows: int) -> int:
    """Bytes that one pass of a Whisper decoder reads, however few tokens it is fed.

    Counted are the weights, once (layers and output projection), and the cross-attention keys and values of every
    window. The self-attention cache, about a hundredth of these, is not.

    Args:
        config: A Whisper configuration, as Hugging Face names its fields.
        dtype: Of weights and cache.
        windows: Windows decoded at once.
    """
    width, inner = int(config.d_model), int(config.decoder_ffn_dim)
    layers, frames = int(config.decoder_layers), int(config.max_source_positions)
    self_attention = 4 * width * width  # query, key, value, output
    cross_attention = 2 * width * width  # query, output; keys and values are computed once per window
    weights = layers * (self_attention + cross_attention + 2 * width * inner) + int(config.vocab_size) * width
    cross_kv = layers * 2 * frames * width * windows
    return (weights + cross_kv) * BYTES[dtype]


def finding(row: Measurement, bytes_moved: int, bandwidth: float) -> Finding | None:
    """Compare a target pass with its memory floor.

    Args:
        row: A measurement of the target alone.
        bytes_moved: By one pass over `row.windows` windows.
        bandwidth: Bytes per second.

    Returns:
        The ratio; None where the pass was not timed.
    """
    if row.step is None:
        return None
    floor = bytes_moved / bandwidth
    taken = f"{floor * 1e3:.2f} ms at {bandwidth / 1e9:.0f} GB/s measured, {row.step.median * 1e3:.2f} ms taken"
    return Finding(f"{row.case}: {NAME}", row.step.median / floor, detail=f"{bytes_moved / 1e6:.0f} MB, {taken}")
