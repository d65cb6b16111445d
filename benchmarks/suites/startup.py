"""Start-up time: `%load_ext` beside an empty extension, and loading the demo pair once torch is imported.

Each turn is a fresh process; the first turn of each side fills the file cache.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.measure import Measurement, Side, TimedRun, take_turns
from benchmarks.report.report import Finding, SuiteResult
from benchmarks.settings import Settings
from whisper_magic.errors import WhisperMagicError

EMPTY = "def load_ipython_extension(ipython): pass\n"
EXTENSION = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
began = time.perf_counter()
shell.run_line_magic("load_ext", sys.argv[1])
print(time.perf_counter() - began)
"""
ENGINE = """
import sys, time
import torch
torch.set_num_threads(int(sys.argv[1]))
began = time.perf_counter()
from whisper_magic import Engine
imported = time.perf_counter()
Engine.load("demo", device=sys.argv[2])
loaded = time.perf_counter()
print(loaded - (began if sys.argv[3] == "both" else imported))
"""


def run(settings: Settings) -> SuiteResult:
    """Measure the extension, where IPython is installed, then the engine."""
    if importlib.util.find_spec("IPython") is None:
        extension = SuiteResult(notes=("IPython is not installed here: %load_ext is left out",))
    else:
        extension = _extension(settings)
    return extension + _engine(settings)


def _extension(settings: Settings) -> SuiteResult:
    case = "%load_ext in a fresh IPython"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "empty_extension.py").write_text(EMPTY)
        names = ("empty_extension", "whisper_magic")
        sides = [Side(name, partial(_seconds_of, EXTENSION, folder, name)) for name in names]
        rows = take_turns(case, sides, settings.repeats or 5, pause=_no_pause, log=settings.log)
    return SuiteResult(tuple(rows), (_finding("%load_ext whisper_magic", rows[1], 0.3),))


def _engine(settings: Settings) -> SuiteResult:
    case = "the demo pair's engine in a fresh Python, torch imported"
    with tempfile.TemporaryDirectory() as folder:
        load = partial(_seconds_of, ENGINE, folder, str(settings.threads), settings.device)
        sides = [
            Side("import of the engine (with transformers) and load", partial(load, "both")),
            Side("load alone", partial(load, "load")),
        ]
        rows = take_turns(case, sides, settings.repeats or 3, pause=_no_pause, log=settings.log)
    both = _finding("engine import and load, demo pair, after torch", rows[0], 1.5)
    return SuiteResult(tuple(rows), (both, _finding("engine load alone, demo pair", rows[1], None)))


def _finding(name: str, row: Measurement, required: float | None) -> Finding:
    return Finding(name, row.wall.median, unit="s", required=required, at_most=True)


def _no_pause() -> None:
    """Fresh processes leave no threads behind."""


def _seconds_of(program: str, folder: str, *arguments: str) -> TimedRun:
    """Run a program that prints seconds on its last line, in a fresh process."""
    paths = [folder, os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path), "IPYTHONDIR": folder}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WhisperMagicError(f"a fresh process failed: {done.stderr.strip().splitlines()[-1]}")
    return TimedRun(wall=float(done.stdout.splitlines()[-1]))
