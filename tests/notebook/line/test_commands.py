"""The table of commands: each row leads from a line to the job that takes its request."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args, get_type_hints

import pytest

from whisper_magic.notebook.line.commands import COMMANDS, TRANSCRIBE, WHISPER
from whisper_magic.notebook.line.requests import Request

ROWS = [*COMMANDS.values(), WHISPER, TRANSCRIBE]


@pytest.mark.parametrize("command", ROWS, ids=lambda command: command.name or command.parser.prog)
def test_a_job_takes_what_its_command_makes_of_a_line(command):
    taken = command.job.__annotations__
    assert taken["request"] == command.make_request.__annotations__["return"]
    assert taken["context"] == "Context"


def test_every_request_has_a_command():
    assert {get_type_hints(command.make_request)["return"] for command in ROWS} == set(get_args(Request))


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_command_has_help(run, command):
    page = run(f"%whisper {command.name} -h").stdout
    assert page.startswith("usage: %whisper")
    assert command.summary in run("%whisper -h").stdout


def test_the_table_imports_no_job():
    script = (
        "import sys\nfrom whisper_magic.notebook.line.commands import COMMANDS\n"
        "[command.parser for command in COMMANDS.values()]\n"
        "print([name for name in sys.modules if name == 'numpy' or name.startswith('whisper_magic.notebook.jobs')])"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
