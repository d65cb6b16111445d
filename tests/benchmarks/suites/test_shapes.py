"""The suite of random weights, on a toy checkpoint."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import pytest

from benchmarks.labels import AUTO, TARGET_ONLY, speculative
from benchmarks.peers import ctranslate2 as peer_ctranslate2
from benchmarks.report.report import SuiteResult
from benchmarks.settings import DRAFT_LENGTH, Settings
from benchmarks.suites import shapes

pytestmark = [
    pytest.mark.filterwarnings("default"),  # the peers' own
    pytest.mark.usefixtures("no_waiting"),
]


def test_every_side_writes_the_same_text(settings: Settings) -> None:
    result = shapes.one_window("toy", "float32", settings)
    rows = {row.side: row for row in result.measurements}
    assert {name for name in rows if name.startswith("ours")} == {TARGET_ONLY, speculative(DRAFT_LENGTH), AUTO}
    assert len([name for name in rows if name.startswith("transformers, assisted")]) == 3
    for row in rows.values():
        assert row.tokens == settings.tokens, row.side
        assert row.same_text, row.side  # in float32 all agree, CTranslate2 too
        assert row.decode is not None
        assert row.decode.median < row.wall.median


def test_drafts_are_accepted_at_the_given_rate(settings: Settings) -> None:
    result = shapes.one_window("toy", "float32", settings)
    drafted = [row for row in result.measurements if row.side.startswith("ours, spec") or "assisted" in row.side]
    assert len(drafted) == 4
    for row in drafted:
        assert row.acceptance is not None
        assert 0.5 < row.acceptance < 0.95, row.side


def test_the_memory_floor_is_a_finding(settings: Settings) -> None:
    result = shapes.one_window("toy", "float32", settings)
    assert any(finding.name.endswith("target pass / memory floor") for finding in result.findings)


def test_many_windows_are_compared_with_ctranslate2(settings: Settings) -> None:
    if reason := peer_ctranslate2.why_unavailable("cpu", "float32"):
        pytest.skip(reason)
    result = shapes.many_windows("toy", "float32", settings)
    assert all(row.same_text and row.tokens == 8 * settings.tokens for row in result.measurements)
    assert result.findings[0].required == 1.0


def test_a_missing_peer_is_noted_and_left_out(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[[str], object] = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ctranslate2" else real(name))
    note = "CTranslate2 is not installed: pip install 'whisper-magic[bench]'; its rows are left out"
    assert shapes.many_windows("toy", "float32", settings) == SuiteResult(notes=(note,))
