"""What a cell's source says of the magics in it: silenced? the only output?"""

from __future__ import annotations

import pytest

from whisper_magic.notebook.line.cell import move_semicolon, owns_output, running_cell
from whisper_magic.transcript import Transcript

# -- the semicolon -----------------------------------------------------------------------------------------------------


def moved(source):
    return "".join(move_semicolon(source.splitlines(keepends=True)))


@pytest.mark.parametrize(
    ("source", "silenced"),
    [
        ("get_ipython().run_line_magic('whisper', 'a.wav;')\n", "get_ipython().run_line_magic('whisper', 'a.wav');\n"),
        (
            "x = get_ipython().run_line_magic('whisper', \"it's; \")",
            "x = get_ipython().run_line_magic('whisper', \"it's\");",
        ),
        (
            "get_ipython().run_cell_magic('transcribe', '-o x;', 'a.wav;\\n')\n",
            "get_ipython().run_cell_magic('transcribe', '-o x', 'a.wav;\\n');\n",
        ),
        (
            "é = 1; get_ipython().run_line_magic('whisper', 'ü.wav ;')\r\nfor n in 'ab':\n"
            "    y = get_ipython().run_line_magic('transcribe', '{n};')\n",
            "é = 1; get_ipython().run_line_magic('whisper', 'ü.wav');\r\nfor n in 'ab':\n"
            "    y = get_ipython().run_line_magic('transcribe', '{n}');\n",
        ),
    ],
)
def test_the_semicolon_moves_behind_the_call(source, silenced):
    assert moved(source) == silenced


@pytest.mark.parametrize(
    "source",
    [
        "get_ipython().run_line_magic('time', 'x;')\n",
        "get_ipython().run_line_magic('whisper', 'a;b')\n",
        "get_ipython().run_line_magic('whisper', '\"a;\"')\n",
        "get_ipython().run_line_magic('whisper', 'a\\\\;')\n",  # a name that ends in a semicolon
        "get_ipython().run_line_magic('whisper', 'a.wav');\n",
        "get_ipython().run_line_magic('whisper', line + ';')\n",
        "print(get_ipython().run_line_magic('whisper', 'a.wav;'))\n",
        "whisper = 'not Python;\n",
        "whisper = '\ud800;'\n",
        "",
    ],
)
def test_other_cells_are_left_alone(source):
    assert moved(source) == source


@pytest.mark.parametrize(
    "cell",
    [
        "%whisper talk.wav;",
        "%whisper 'talk.wav' ;",
        "%transcribe talk.wav;",
        "%%transcribe ;\ntalk.wav",
        "whisper talk.wav;",
        "import sys\n%whisper talk.wav;",
        "%time %whisper talk.wav;",
    ],
)
def test_a_semicolon_shows_nothing(run, sources, cell):
    assert "small model" not in run(cell).stdout
    assert sources() == ["talk.wav"]


@pytest.mark.parametrize("interactivity", ["last_expr", "last_expr_or_assign", "all"])
def test_an_assignment_with_a_semicolon_still_assigns(run, shell, monkeypatch, interactivity):
    monkeypatch.setattr(shell, "ast_node_interactivity", interactivity)
    assert run("talk = %whisper talk.wav;").stdout == ""
    assert isinstance(shell.user_ns["talk"], Transcript)


def test_a_silenced_cell_with_an_output_variable_assigns_it(run, shell):
    assert run("%%transcribe -o made;\ntalk.wav").stdout == ""
    assert isinstance(shell.user_ns["made"], Transcript)


def test_in_a_function_a_semicolon_ends_the_line(run, sources):
    run("def read(name):\n    x = %whisper {name}.wav;\n    return x\nmade = read('talk')")
    assert sources() == ["talk.wav"]


# -- the cell's output -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "owned"),
    [
        ("%whisper talk.wav", True),
        ("%whisper talk.wav;", True),
        ("talk = %whisper talk.wav", True),
        ("talk = %whisper talk.wav;", True),
        ("%%transcribe\ntalk.wav", True),
        ("import sys\n%load_ext whisper_magic\n%whisper talk.wav", True),
        ("%whisper a.wav\n%whisper b.wav", False),
        ("", False),
        ("print(1)\n%whisper talk.wav", False),
        ("%whisper talk.wav\nprint(1)", False),
        ("for x in 'ab':\n    %whisper {x}.wav", False),
        ("%time x = 3", False),
        ("x = [get_ipython()]", False),
        ("x = 'not Python", False),
    ],
)
def test_a_magic_owns_the_output_where_nothing_else_shows_any(shell, cell, owned):
    assert owns_output(shell.transform_cell(cell)) is owned


def test_an_unknown_cell_is_not_owned():
    assert owns_output(None) is False


@pytest.fixture
def asked(shell):
    """What `running_cell` returned in a cell that calls look()."""
    found = []
    shell.user_ns["look"] = lambda: found.append(running_cell(shell))
    return found


def test_the_running_cell_is_found_while_it_runs(run, shell, asked):
    run("look()\n%time")
    assert asked == ["look()\nget_ipython().run_line_magic('time', '')"]
    assert running_cell(shell) is None


def test_a_cell_inside_a_cell_is_not_found(run, asked):
    run("%%capture out\nlook()")
    run("get_ipython().run_cell('1 + 1')\nlook()")
    assert asked == [None, None]


def test_a_cell_that_is_not_stored_is_not_found(run, shell, asked):
    run("1 + 1")
    shell.run_cell("look()", store_history=False)
    run("look()\nget_ipython().run_line_magic('time', 'x = \"paste\"')")  # IPython stores no %paste
    assert asked == [None, None]
