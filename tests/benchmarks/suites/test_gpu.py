"""The suite that a GPU is measured with, rehearsed on a CPU: every step, kept after each, and where much is missing."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks.measure import TimedRun
from benchmarks.settings import Settings
from benchmarks.suites import gpu

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.usefixtures("no_waiting")]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """IPython, soundfile and PyAV are not installed; the tests for a GPU are not looked for in another process."""
    for name in [*sys.modules]:
        if name.partition(".")[0] in ("IPython", "soundfile", "av"):
            monkeypatch.delitem(sys.modules, name)
    for name in ("IPython", "soundfile", "av"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(gpu, "_installed", lambda name: False)


@pytest.mark.slow
@pytest.mark.usefixtures("bare")
def test_it_is_rehearsed(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["gpu", "--rehearse", "--device", "cpu", "--audio", str(settings.audio), "--work", str(settings.work)]
    assert command.main([*words, "--out", str(tmp_path)]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert not [note for note in report["notes"] if "FAILED" in note]
    values = {found["name"]: found for found in report["findings"]}
    for batch in gpu.REHEARSAL.batches:
        assert values[f"contract B, {batch} slots: windows that differ"]["value"] == 0
    assert values["contract A, toy, float32: windows unlike transformers'"]["value"] == 0
    assert values["cpu:0: windows that differ"]["value"] == 0
    assert any("assisted" in name for name in values)
    assert any(name.endswith("target pass / memory floor") for name in values)
    assert all(any(note.startswith(f"{step.name}: ") for note in report["notes"]) for step in gpu.STEPS)
    assert json.loads((tmp_path / "gpu-cpu.json").read_text()) == report


def test_what_was_found_is_kept_after_every_step(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that fails is a note, and the others are run; one for which no time is left too."""

    def fails(bench: Any) -> Any:
        raise RuntimeError("CUDA error:\n an illegal memory access")

    steps = [gpu.Step("first", gpu.environment, 1), gpu.Step("bad", fails, 1), gpu.Step("last", gpu.environment, 1)]
    monkeypatch.setattr(gpu, "STEPS", steps)
    kept: list[Any] = []
    gpu.run(replace(settings, rehearse=True), kept.append)
    assert [len(one.findings) for one in kept] == [1, 1, 2]
    assert "bad: FAILED: RuntimeError: CUDA error: an illegal memory access" in kept[-1].notes
    assert gpu._step(None, gpu.Step("long", fails, 100), 20).notes == ("long: left out, 20 s were left",)  # type: ignore[arg-type]


def test_without_a_gpu_nothing_is_measured(settings: Settings) -> None:
    result = gpu.run(settings)
    assert not result.findings
    assert "no GPU" in result.notes[0]


def test_slots_are_refilled_in_the_middle_of_others(settings: Settings) -> None:
    """Texts of one length would end together, and hide what a refill costs."""
    bench = gpu.Bench(settings, gpu.REHEARSAL)
    run: TimedRun = bench.decode(4, 0)
    bench.probe.close()
    assert [len(text) for text in run.window_tokens] == [10, 6, 14, 10, 6, 14]
