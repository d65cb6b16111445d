"""The verdict collects the parts of other suites."""

from __future__ import annotations

import pytest

from benchmarks.report.report import SuiteResult
from benchmarks.settings import Settings
from benchmarks.suites import verdict
from whisper_magic.errors import AudioError


def test_a_part_that_fails_is_noted_and_the_others_run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(settings: Settings) -> SuiteResult:
        raise AudioError("no sound")

    result = SuiteResult(notes=("fine",))
    monkeypatch.setattr(verdict, "PARTS", (("demo", fails), ("startup", lambda settings: result)))
    assert verdict.run(settings).notes == ("demo: not measured: no sound", "fine")
