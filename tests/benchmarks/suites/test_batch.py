"""The suite of batches, on a toy checkpoint."""

from __future__ import annotations

import pytest

from benchmarks.labels import TARGET_ONLY
from benchmarks.settings import Settings
from benchmarks.suites import batch

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.usefixtures("no_waiting")]


@pytest.mark.slow
def test_every_batch_size_is_measured(settings: Settings) -> None:
    result = batch.run(settings)
    assert [row.windows for row in result.measurements if row.side == TARGET_ONLY] == [1, 2]
    assert all(row.same_text for row in result.measurements)
    names = [finding.name for finding in result.findings]
    assert any(name.endswith(f"batch 2: {batch.SPEED_UP}") for name in names)
    assert any("transformers assisted" in name for name in names)
