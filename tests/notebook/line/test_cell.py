"""What a cell's source says about the magics in it: silenced? the only output?"""

from __future__ import annotations

import pytest

from whisper_magic.notebook.line.cell import owns_output, without_semicolon
from whisper_magic.transcript import Transcript

# -- the semicolon -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("a.wav;", "a.wav"),
        ("it's ; ", "it's"),
        (";", ""),
        ("a;b", "a;b"),
        ('"a;"', '"a;"'),
        ("a\\;", "a\\;"),  # a name that ends in a semicolon
        ("a ", "a "),
        ("a;  # shown; or not", "a"),
        ("a  # shown;", "a  # shown;"),
        ("", ""),
    ],
)
def test_the_semicolon_that_ends_a_line_is_no_argument(line, arguments):
    assert without_semicolon(line) == arguments


@pytest.mark.parametrize(
    "cell",
    [
        "%whisper talk.wav;",
        "%whisper 'talk.wav' ;",
        "%transcribe talk.wav;",
        "%%transcribe ;\ntalk.wav",
        "whisper talk.wav;",
        "import sys\n%whisper talk.wav;",
        "%whisper talk.wav;  # no picture",
        "%time %whisper talk.wav;",
        "get_ipython().run_line_magic('whisper', 'talk.wav;')",
    ],
)
def test_a_semicolon_shows_nothing(run, sources, cell):
    ran = run(cell)
    assert "small model" not in ran.stdout
    assert ran.result is None
    assert sources() == ["talk.wav"]


def test_a_semicolon_holds_where_the_extension_is_loaded(run, sources):
    run("%unload_ext whisper_magic")
    assert run("%load_ext whisper_magic\n%whisper talk.wav;").stdout == ""
    assert sources() == ["talk.wav"]


def test_a_semicolon_holds_in_cells_outside_the_history(shell, sources, capsys):
    shell.run_cell("1 + 1", store_history=True)
    capsys.readouterr()
    shell.run_cell("%whisper talk.wav;", store_history=False)
    assert capsys.readouterr().out == ""
    assert sources() == ["talk.wav"]


def test_a_result_outside_the_last_line_is_not_shown_anyway(run, sources):
    ran = run("%whisper a.wav;\n%whisper b.wav")
    assert ran.result.source == "b.wav"
    assert sources() == ["a.wav", "b.wav"]


@pytest.mark.parametrize(
    "cell",
    [
        "talk = %whisper talk.wav;",
        "talk = %transcribe talk.wav ;",
        "for name in ['talk']:\n    talk = %whisper {name}.wav;",
        "%%transcribe -o talk;\ntalk.wav",
        "%whisper talk.wav -o talk;",
        "def read(name):\n    x = %whisper {name}.wav;\n    return x\ntalk = read('talk')",
    ],
)
def test_a_semicolon_still_assigns(run, shell, cell):
    ran = run(cell)
    assert ran.error is None
    assert ran.stdout == ""
    assert isinstance(shell.user_ns["talk"], Transcript)


def test_a_function_of_another_cell_returns_its_result(run, shell):
    run("def read(name):\n    x = %whisper {name}.wav;\n    return x")
    run("talk = read('talk')")
    assert isinstance(shell.user_ns["talk"], Transcript)
    assert isinstance(shell.run_line_magic("whisper", "talk.wav;"), Transcript)  # Python outside a cell


def test_a_semicolon_is_not_shown_in_errors(usage_error):
    assert usage_error("%whisper talk.wav --seed x;").startswith("--seed: this takes a whole number, got 'x'")


# -- the cell's output -------------------------------------------------------------------------------------------------


@pytest.fixture
def owned(shell, run, monkeypatch):
    """Whether the cell's output is owned, as `owns_output` answers each time that a magic of the cell runs."""

    def answers(cell):
        found = []
        monkeypatch.setattr(
            "whisper_magic.notebook.jobs.context.surface_of", lambda shell, live: found.append(owns_output(shell))
        )
        run(cell)
        return found

    return answers


@pytest.mark.parametrize(
    ("cell", "answers"),
    [
        ("%whisper talk.wav", [True]),
        ("%whisper talk.wav;", [True]),
        ("talk = %whisper talk.wav", [True]),
        ("talk = %whisper talk.wav;", [True]),
        ("%%transcribe\ntalk.wav", [True]),
        ("import sys\n%load_ext whisper_magic\n%whisper talk.wav", [True]),
        ("%whisper paste.wav", [False]),  # IPython takes it for %paste, which it keeps out of its history
        ("%whisper a.wav\n%whisper b.wav", [False, False]),
        ("print(1)\n%whisper talk.wav", [False]),
        ("%whisper talk.wav\nprint(1)", [False]),
        ("for x in 'ab':\n    %whisper {x}.wav", [False, False]),
        ("%time %whisper talk.wav", [False]),
        ("%%capture out\n%whisper talk.wav", [False]),
        ("x = [get_ipython().run_line_magic('whisper', 'talk.wav')]", [False]),
        ("get_ipython().run_cell('1 + 1')\n%whisper talk.wav", [False]),
    ],
)
def test_a_magic_owns_the_output_where_nothing_else_shows_any(owned, cell, answers):
    assert owned(cell) == answers


def test_outside_a_cell_nothing_is_owned(shell):
    assert owns_output(shell) is False


def test_outside_the_history_nothing_is_owned(shell, owned, run):
    found = owned("%whisper a.wav")
    shell.run_cell("%whisper b.wav;", store_history=False)
    assert found == [True, False]
