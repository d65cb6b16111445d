"""The suite of start-up times: programs in fresh processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.suites import startup
from whisper_magic.errors import WhisperMagicError


def test_seconds_are_read_from_the_last_line(tmp_path: Path) -> None:
    program = "import sys; print('warning'); print(float(sys.argv[1]) / 2)"
    assert startup._seconds_of(program, str(tmp_path), "3").wall == 1.5


def test_modules_of_the_folder_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "quick.py").write_text("SECONDS = 0.25\n")
    assert startup._seconds_of("import quick; print(quick.SECONDS)", str(tmp_path)).wall == 0.25


def test_a_failing_program_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(WhisperMagicError, match="a fresh process failed: ZeroDivisionError") as raised:
        startup._seconds_of("1 / 0", str(tmp_path))
    assert "\n" not in str(raised.value)
