"""Every suite runs through on a toy checkpoint; what it takes is nobody's business here."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import measure, sound
from benchmarks.measure import Measurement
from benchmarks.peers import ctranslate2 as peer_ctranslate2
from benchmarks.settings import Found, Settings
from benchmarks.suites import adaptive, batch, length, shapes, verdict
from whisper_magic.errors import AudioError

TOKENS = 20
pytestmark = pytest.mark.filterwarnings("default")  # the peers' own


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    work = tmp_path_factory.mktemp("bench")
    noise = np.random.default_rng(0).standard_normal(3 * sound.RATE).astype(np.float32) * 0.1
    sound.write_wav(work / "noise.wav", noise)
    return Settings(repeats=1, tokens=TOKENS, shapes=("toy",), batches=(1, 2), audio=work / "noise.wav", work=work)


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "settle", lambda: None)
    monkeypatch.setattr("benchmarks.machine.bandwidth", lambda device: 1e9)


def sides(rows: tuple[Measurement, ...]) -> dict[str, Measurement]:
    return {row.side: row for row in rows}


def test_one_window_of_a_shape(settings: Settings) -> None:
    found = shapes.one_window("toy", "float32", settings)
    rows = sides(found.measurements)
    assert {name for name in rows if name.startswith("ours")} == {
        "ours, target only",
        f"ours, speculative, {shapes.DEFAULT_LENGTH} tokens",
        "ours, automatic draft length",
    }
    assert len([name for name in rows if name.startswith("transformers, assisted")]) == 3
    for row in rows.values():
        assert row.tokens == TOKENS, row.side  # every side writes as much
        assert row.same_text, row.side  # in float32 all agree, CTranslate2 too
        assert row.decode is not None
        assert row.decode.median < row.wall.median
    for name, row in rows.items():
        if name.startswith("ours, speculative") or "assisted" in name:
            assert row.acceptance is not None
            assert 0.5 < row.acceptance < 0.95, name
    assert any("the floor that memory sets" in finding.name for finding in found.findings)


def test_many_windows(settings: Settings) -> None:
    if reason := peer_ctranslate2.missing("cpu", "float32"):
        pytest.skip(reason)
    found = shapes.many_windows("toy", "float32", settings)
    assert all(row.same_text and row.tokens == 8 * TOKENS for row in found.measurements)
    assert found.findings[0].required == 1.0


def test_batches(settings: Settings) -> None:
    found = batch.run(settings)
    assert [row.windows for row in found.measurements if row.side == batch.ALONE] == [1, 2]
    assert all(row.same_text for row in found.measurements)
    names = [finding.name for finding in found.findings]
    assert any(name.endswith(f"batch 2: {batch.GAIN}") for name in names)
    assert any("transformers assisted" in name for name in names)


def test_draft_lengths(settings: Settings) -> None:
    found = adaptive.run(replace(settings, tokens=8, dtypes=("float32",), alphas=(0.5, 0.9)))
    assert len(found.findings) == 2
    assert len(found.measurements) == 2 * 9
    assert all(row.same_text for row in found.measurements)


def test_the_same_checkpoint_is_made_once(settings: Settings) -> None:
    made = shapes.random_pair("toy", settings.work).target / "model.safetensors"
    before = made.stat().st_mtime_ns
    assert shapes.random_pair("toy", settings.work).target == made.parent
    assert made.stat().st_mtime_ns == before


def test_first_segments_of_files(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(length, "_first", lambda engine, path: measure.Run(wall=path.stat().st_size / 1e6))
    found = length.first_segments(settings, (0.01, 0.05))
    assert [row.side for row in found.measurements] == ["0.01 min", "0.05 min"]
    assert found.findings == ()


def test_a_missing_peer_is_said_and_left_out(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[[str], object] = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ctranslate2" else real(name))
    note = "CTranslate2 is not installed: pip install 'whisper-magic[bench]'; its rows are left out"
    assert shapes.many_windows("toy", "float32", settings) == Found((), (), (note,))


def test_what_cannot_be_measured_does_not_stop_the_verdict(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(settings: Settings) -> Found:
        raise AudioError("no sound")

    row = Found((), (), ("fine",))
    monkeypatch.setattr(verdict, "PARTS", (("demo", fails), ("startup", lambda settings: row)))
    assert verdict.run(settings).notes == ("demo: not measured: no sound", "fine")


def test_the_last_line_is_json(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["batch", "--shapes", "toy", "--tokens", "20", "--repeats", "1", "--batches", "1,2", "--no-peers"]
    words += ["--audio", str(settings.audio), "--work", str(settings.work), "--out", str(tmp_path)]
    assert command.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    report = json.loads(lines[-1])
    assert report["suite"] == "batch"
    assert report["settings"]["tokens"] == 20
    assert json.loads((tmp_path / "batch-toy-cpu.json").read_text()) == report
    assert (tmp_path / "batch-toy-cpu-batch.svg").is_file()


def test_a_mistake_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["demo", "--audio", str(tmp_path / "none.wav")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("AudioError: ")
    with pytest.raises(SystemExit):
        command.main(["demo", "--repeats", "0"])
    assert "must be at least 1" in capsys.readouterr().err
