"""The suite of draft lengths, on a toy checkpoint."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.settings import Settings
from benchmarks.suites import adaptive
from whisper_magic.options import MAX_DRAFT_LENGTH

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.usefixtures("no_waiting")]


def test_every_draft_length_is_measured_at_every_acceptance_rate(settings: Settings) -> None:
    result = adaptive.run(replace(settings, tokens=8, dtypes=("float32",), acceptance_rates=(0.5, 0.9)))
    sides = MAX_DRAFT_LENGTH + 2  # the target alone, and the automatic length
    assert len(result.measurements) == 2 * sides
    assert len(result.findings) == 2
    assert all(row.same_text for row in result.measurements)
