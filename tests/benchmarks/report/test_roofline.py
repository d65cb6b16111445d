"""The bytes of a pass, and the floor that memory bandwidth sets."""

from __future__ import annotations

import pytest

from benchmarks.measure import Measurement, Spread
from benchmarks.report import roofline


class LargeV3:
    """whisper-large-v3's configuration."""

    d_model, decoder_ffn_dim, decoder_layers, max_source_positions, vocab_size = 1280, 5120, 32, 1500, 51866


def test_bytes_of_a_pass_of_large_v3() -> None:
    one, two = (roofline.bytes_per_pass(LargeV3, "float16", windows) for windows in (1, 2))
    assert two - one == pytest.approx(0.246e9, rel=0.01)  # cross-attention keys and values of a window
    assert 2 * one - two == pytest.approx(1.60e9, rel=0.1)  # weights


def test_the_finding_is_time_taken_over_the_floor() -> None:
    row = Measurement("case", "ours, target only", Spread((1.0,)), step=Spread((0.004,)))
    found = roofline.finding(row, bytes_moved=2_000_000, bandwidth=1e9)
    assert found is not None
    assert found.value == pytest.approx(2.0)
    assert found.name == "case: target pass / memory floor"
    assert roofline.finding(Measurement("case", "side", Spread((1.0,))), 1, 1.0) is None
