"""How long `%load_ext whisper_magic` takes, beside an empty extension: each run a fresh process, the two in turn."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

EMPTY = "def load_ipython_extension(ipython): pass\n"
PROBE = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
began = time.perf_counter()
shell.run_line_magic("load_ext", sys.argv[1])
print(time.perf_counter() - began)
"""


def run(repeats: int) -> dict[str, Any]:
    """Medians in seconds of loading each extension into an IPython shell, warm file cache (one run of each first)."""
    names = ("empty_extension", "whisper_magic")
    seconds: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "empty_extension.py").write_text(EMPTY)
        for turn in range(repeats + 1):
            for name in names:
                took = _load(name, folder)
                if turn:
                    seconds[name].append(took)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, values in seconds.items():
        print(f"{name:<18} median {medians[name]:.4f} s   min {min(values):.4f}   max {max(values):.4f}")
    machine = {"python": platform.python_version(), "cpus": os.cpu_count(), "repeats": repeats}
    return {"suite": "startup", **machine, "median_seconds": medians}


def _load(extension: str, folder: str) -> float:
    paths = [folder, os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path), "IPYTHONDIR": folder}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, extension], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout.splitlines()[-1])
