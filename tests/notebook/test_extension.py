"""%load_ext, %reload_ext, %unload_ext: what comes, what stays, what goes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from whisper_magic.notebook.jobs.session import SESSION
from whisper_magic.notebook.views import registry as views

LOADED = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
began = time.process_time()  # of this process: the machine may be busy
shell.run_line_magic("load_ext", "whisper_magic")
took = time.process_time() - began
heavy = {"torch", "transformers", "numpy", "pandas", "soundfile", "av", "ipywidgets", "anywidget"}
print(sorted(heavy & (set(sys.modules) - before)), took < 0.3)
"""


def test_loading_imports_nothing_heavy(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", LOADED],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "", "IPYTHONDIR": str(tmp_path), "HOME": str(tmp_path)},
    )
    assert ran.stdout.startswith("[] "), ran.stdout
    assert "True" in ran.stdout, "%load_ext took more than 0.3 s of processor time"


def state(shell):
    """Everything that the extension adds to a shell."""
    magics = shell.magics_manager.magics
    return (
        {kind: {name for name in table if name in ("whisper", "transcribe")} for kind, table in magics.items()},
        [type(thing).__name__ for thing in shell.configurables].count("WhisperMagics"),
        [getattr(matcher, "matcher_identifier", "") for matcher in shell.Completer.custom_matchers],
        [transformer.__name__ for transformer in shell.input_transformers_post],
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
    assert loaded[1:4] == (1, ["whisper_magic"], ["silence_semicolon"])
    run("%unload_ext whisper_magic")
    assert state(shell) == ({"line": set(), "cell": set()}, 0, [], [], [])
    assert engine.closed
    assert SESSION.resident is None
    assert "Out[" in run("talk").stdout  # still shows, plainly
    assert "not found" in run("%whisper talk.wav").stderr
    run("%load_ext whisper_magic")
    assert state(shell) == loaded


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


def test_reload_of_what_is_not_loaded_loads(run, shell):
    run("%unload_ext whisper_magic")
    run("%reload_ext whisper_magic")
    assert run("%whisper talk.wav").result.text


def test_registering_twice_adds_nothing(shell):
    from whisper_magic.notebook import magics

    loaded = state(shell)
    magics.register(shell)
    assert state(shell) == loaded


@pytest.mark.parametrize(
    ("line", "silenced"),
    [
        ("get_ipython().run_line_magic('whisper', 'a.wav;')\n", "get_ipython().run_line_magic('whisper', 'a.wav');\n"),
        (
            "x = get_ipython().run_line_magic('whisper', \"it's; \")",
            "x = get_ipython().run_line_magic('whisper', \"it's\");",
        ),
        ("get_ipython().run_line_magic('time', 'x;')\n", None),
        ("get_ipython().run_line_magic('whisper', 'a;b')\n", None),
        ("get_ipython().run_line_magic('whisper', '\"a;\"')\n", None),
    ],
)
def test_the_semicolon_moves_behind_the_call(line, silenced):
    from whisper_magic.notebook.magics import silence_semicolon

    assert silence_semicolon([line]) == [silenced or line]
