"""The command line: the report on standard output, mistakes in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import sound
from benchmarks.settings import Settings

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.usefixtures("no_waiting")]


def test_the_last_line_is_json(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["batch", "--shapes", "toy", "--tokens", "20", "--repeats", "1", "--batches", "1,2", "--no-peers"]
    words += ["--acceptance-rates", "0.9", "--audio", str(settings.audio), "--work", str(settings.work)]
    assert command.main([*words, "--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    report = json.loads(lines[-1])
    assert report["suite"] == "batch"
    assert report["settings"]["tokens"] == 20
    assert report["settings"]["acceptance_rates"] == [0.9]
    assert "native CPU kernels" in dict(report["machine"]["versions"])
    assert json.loads((tmp_path / "batch-toy-cpu.json").read_text()) == report


def test_the_bundled_recording_is_written_as_wav(tmp_path: Path) -> None:
    assert command.main(["sound", "--to", str(tmp_path / "sample.wav")]) == 0
    assert len(sound.read_wav(tmp_path / "sample.wav")) == len(sound.recording())


def test_a_mistake_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["demo", "--audio", str(tmp_path / "none.wav")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("AudioError: ")
    with pytest.raises(SystemExit):
        command.main(["demo", "--repeats", "0"])
    assert "must be at least 1" in capsys.readouterr().err
