"""What a saved notebook holds: cells run by a real kernel, with the scripted engine in it."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kernel")]  # one kernel runs every cell

SETUP = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.support import fake_engine
from whisper_magic.notebook.jobs.session import SESSION
SESSION.loader, SESSION.checker = fake_engine.load, lambda choice: None
from whisper_magic.audio import load
load.find = lambda source: None  # the scripted engine reads no files
%load_ext whisper_magic
%whisper load big-model
SESSION.resident.pause = 1.6
"""

CELLS = {
    "setup": SETUP,
    "shown": "%whisper a.wav",
    "assigned": "talk = %whisper a.wav",
    "silenced": "talk = %whisper a.wav;\nassert talk.text",
    "silent": "%whisper a.wav;",
    "silent body": "%%transcribe -o made;\na.wav",
    "among others": "print('before')\n%whisper a.wav",
    "quick": "SESSION.resident.pause = 0\n%whisper a.wav b.wav",
    "failed": "%whisper bad.wav",
    "mistaken": "%whisper a.wav --langage en",
    "interrupted": "%whisper stop.wav",
    "reloaded": "engine = SESSION.resident\n%reload_ext whisper_magic",
    "kept": "assert SESSION.resident is engine and not engine.closed",
    "unloaded": "%unload_ext whisper_magic\nassert not engine.closed",
    "freed": "assert SESSION.resident is None and engine.closed",
}


@pytest.fixture(scope="module")
def saved() -> dict[str, list[nbformat.NotebookNode]]:
    """The outputs of each cell, as they are saved."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS.values()])
    NotebookClient(notebook, kernel_name="python3", allow_errors=True, timeout=60).execute()
    assert "widgets" not in notebook.metadata
    return dict(zip(CELLS, (cell.outputs for cell in notebook.cells), strict=True))


def kinds(outputs):
    return [output.output_type for output in outputs]


def test_a_transcript_is_one_result_in_two_views(saved):
    assert kinds(saved["shown"]) == ["execute_result"]
    data = saved["shown"][0].data
    assert set(data) == {"text/plain", "text/html"}
    assert "\x1b" not in data["text/plain"]
    assert 'class="whisper-magic"' in data["text/html"]


@pytest.mark.parametrize("cell", ["assigned", "silent", "silent body"])
def test_progress_leaves_nothing_behind(saved, cell):
    assert saved[cell] == []


def test_a_semicolon_shows_nothing_and_assigns(saved):
    assert [output for output in saved["silenced"] if output.get("data")] == []


@pytest.mark.parametrize("cell", ["reloaded", "kept", "unloaded", "freed"])
def test_a_reload_keeps_the_models_and_an_unload_frees_them(saved, cell):
    assert saved[cell] == []


def test_progress_takes_nothing_else_away(saved):
    assert kinds(saved["among others"]) == ["stream", "display_data", "execute_result"]
    assert saved["among others"][0].text == "before\n"
    assert saved["among others"][1].data == {}


def test_a_quick_one_shows_no_progress(saved):
    assert kinds(saved["quick"]) == ["execute_result"]


def test_a_run_time_error_is_an_error_output_of_one_line(saved):
    (output,) = saved["failed"]
    assert output.output_type == "error"
    assert (output.ename, output.evalue) == ("AudioNotFound", "no such file: bad.wav")
    assert output.traceback == ["AudioNotFound: no such file: bad.wav"]


def test_a_usage_mistake_is_one_line(saved):
    (output,) = saved["mistaken"]
    assert output.text == (
        "UsageError: no option is called --langage; did you mean --language? (%whisper -h lists the options)\n"
    )


def test_ctrl_c_shows_what_there_is(saved):
    shown, error = saved["interrupted"]
    assert "partial: interrupted" in shown.data["text/html"]
    (line,) = error.traceback
    assert re.fullmatch(r"Interrupted: the transcripts so far are in _\d+", line)
