"""%load_ext, %reload_ext, %unload_ext: what comes, what stays, what goes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from whisper_magic.errors import EngineBusy
from whisper_magic.notebook import extension
from whisper_magic.notebook.jobs.session import SESSION
from whisper_magic.notebook.views import registry as views

LOADED = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "whisper_magic")
heavy = {"torch", "transformers", "numpy", "pandas", "soundfile", "av", "ipywidgets", "anywidget", "sqlite3"}
print(sorted(heavy & (set(sys.modules) - before)))
"""


def test_loading_imports_nothing_heavy(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", LOADED],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "", "IPYTHONDIR": str(tmp_path), "HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
    )
    assert ran.stdout.strip() == "[]"


def state(shell):
    """Everything that the extension adds to a shell."""
    magics = shell.magics_manager.magics
    return (
        {kind: {name for name in table if name in ("whisper", "transcribe")} for kind, table in magics.items()},
        [type(thing).__name__ for thing in shell.configurables].count("WhisperMagics"),
        [getattr(matcher, "matcher_identifier", "") for matcher in shell.Completer.custom_matchers],
        [name for formatter in views._formatters(shell) for name in views.VIEWS if _knows(formatter, name)],
    )


def _knows(formatter, name):
    key = tuple(name.rsplit(".", 1))
    return key in formatter.deferred_printers or any(
        (cls.__module__, cls.__name__) == key for cls in formatter.type_printers
    )


def test_unload_leaves_nothing(run, shell):
    run("talk = %whisper talk.wav")
    run("talk")
    loaded, engine = state(shell), SESSION.resident
    callbacks = len(shell.events.callbacks["post_execute"])
    assert loaded[1:3] == (1, ["whisper_magic"])
    run("%unload_ext whisper_magic")
    assert state(shell) == ({"line": set(), "cell": set()}, 0, [], [])
    assert engine.closed
    assert (SESSION.resident, SESSION.wanted) == (None, None)
    assert len(shell.events.callbacks["post_execute"]) == callbacks
    assert "Out[" in run("talk").stdout  # as its repr
    assert "not found" in run("%whisper talk.wav").stderr
    run("%load_ext whisper_magic")
    assert state(shell) == loaded


def test_memory_is_freed_when_the_cell_ends(run, shell):
    run("%whisper load one")
    shell.user_ns["engine"] = engine = SESSION.resident
    run("%unload_ext whisper_magic\nclosed_then = engine.closed")
    assert shell.user_ns["closed_then"] is False
    assert engine.closed


def test_memory_is_freed_when_a_cell_fails(run):
    run("%whisper load one")
    engine = SESSION.resident
    run("%unload_ext whisper_magic\n1 / 0")
    assert engine.closed


def test_an_unload_outside_a_cell_frees_at_once(run, shell):
    run("%whisper load one")
    engine = SESSION.resident
    callbacks = len(shell.events.callbacks["post_execute"])
    shell.extension_manager.unload_extension("whisper_magic")
    assert engine.closed
    assert (SESSION.resident, SESSION.wanted) == (None, None)
    assert len(shell.events.callbacks["post_execute"]) == callbacks


def test_a_reload_outside_a_cell_loads_the_models_again(run, shell):
    """No cell ends, so that nothing distinguishes a reload from an unload."""
    run("%whisper load one")
    engine = SESSION.resident
    shell.extension_manager.reload_extension("whisper_magic")
    assert engine.closed
    assert run("%whisper talk.wav").result.text


def test_reload_keeps_the_engine_and_config(run, shell):
    run("%config WhisperMagics.options = {'language': 'fr'}")
    run("%whisper load one")
    engine, loaded = SESSION.resident, state(shell)
    assert run("%reload_ext whisper_magic").error is None
    assert SESSION.resident is engine
    assert not engine.closed
    assert state(shell) == loaded
    assert run("%whisper talk.wav").result.options.language == "fr"
    assert SESSION.resident is engine


@pytest.mark.parametrize(
    "cell",
    [
        "%unload_ext whisper_magic\n%load_ext whisper_magic",
        "%unload_ext whisper_magic\n%reload_ext whisper_magic\n%reload_ext whisper_magic",
        "get_ipython().run_cell('1 + 1')\n%reload_ext whisper_magic",
        "%%capture out\n%reload_ext whisper_magic",
        "get_ipython().extension_manager.reload_extension('whisper_magic')",
        "def again():\n    %reload_ext whisper_magic\nagain()",
    ],
)
def test_what_is_loaded_again_in_the_same_cell_keeps_the_engine(run, cell):
    run("%whisper load one")
    engine = SESSION.resident
    assert run(cell).error is None
    assert SESSION.resident is engine
    assert not engine.closed
    run("%unload_ext whisper_magic")
    assert engine.closed


def test_an_engine_in_use_is_one_line(run, monkeypatch):
    def busy():
        raise EngineBusy("this engine is running a stream()")

    run("%whisper load one")
    monkeypatch.setattr(SESSION.resident, "close", busy)
    ran = run("%unload_ext whisper_magic")
    assert ran.stderr == "EngineBusy: this engine is running a stream()\n"
    assert ran.stdout == ""


def test_reload_of_what_is_not_loaded_loads(run):
    run("%unload_ext whisper_magic")
    run("%reload_ext whisper_magic")
    assert run("%whisper talk.wav").result.text


def test_loading_twice_adds_nothing(shell):
    loaded = state(shell)
    extension.load(shell)
    assert state(shell) == loaded
