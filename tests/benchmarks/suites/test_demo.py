"""The suite of the demo pair, without peers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.labels import BATCHED, SPECULATIVE, TARGET_ONLY
from benchmarks.settings import Settings
from benchmarks.suites import demo

pytestmark = pytest.mark.usefixtures("no_waiting")


@pytest.mark.slow
def test_speculation_writes_the_targets_text(settings: Settings) -> None:
    result = demo.run(replace(settings, peers=False, audio=None))
    rows = {row.side: row for row in result.measurements}
    assert set(rows) == {TARGET_ONLY, SPECULATIVE, BATCHED}
    assert rows[SPECULATIVE].same_text
    assert rows[SPECULATIVE].acceptance is not None
    assert rows[TARGET_ONLY].acceptance is None
    assert result.findings[0].required == 1.8
