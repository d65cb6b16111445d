"""Compiles `cpu_kernels.c` for this machine, once, into the user's cache folder.

The file's name is made of the source, the compiler and the processor. Only a file that the user owns and that nobody
else may write is ever loaded. Every obstacle is an `Unavailable` with its reason, never another exception.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import torch

from whisper_magic.wording import one_line

SOURCE = Path(__file__).with_name("cpu_kernels.c")
FLAGS = ("-O2", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-shared", "-fPIC")
SWITCH = "WHISPER_MAGIC_NATIVE"  # environment variable; 0 turns the native CPU kernels off
COMPILERS = ("cc", "gcc", "clang")
VERSION_SECONDS, COMPILE_SECONDS = 20, 120


class Unavailable(Exception):
    """There are no native CPU kernels here; the message says why, in half a sentence."""


def compiled(anew: bool = False) -> Path:
    """The compiled library of this machine. anew: compile even where there is one.

    Raises:
        Unavailable: Where there can be none.
    """
    if os.environ.get(SWITCH) == "0":
        raise Unavailable(f"{SWITCH} is 0")
    compiler = find_compiler()
    try:
        folder = _cache_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_private(folder)
        path = folder / f"kernels-{_key(compiler)}.so"
        if anew or not path.is_file():
            _compile(compiler, path)
        _check_private(path)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:  # RuntimeError: there is no home folder
        raise Unavailable(f"{compiler[-1]} could not compile them: {one_line(error)}") from error
    return path


def find_compiler() -> list[str]:
    """The command of a C compiler: Python's own, one on the PATH, or the one in the `ziglang` package.

    Raises:
        Unavailable: Where there is none.
    """
    own = str(sysconfig.get_config_var("CC") or "").split()[:1]
    for name in (*own, *COMPILERS):
        if (path := shutil.which(name)) is not None:
            return [path]
    if importlib.util.find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc"]
    raise Unavailable("there is no C compiler (pip install 'whisper-magic[compiler]' installs one)")


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "whisper_magic"


def _check_private(path: Path) -> None:
    """Refuse what somebody else could have written."""
    if os.name != "posix":  # elsewhere the user's cache folder is protected by its access list
        return
    status = path.stat()
    if status.st_uid != os.geteuid():
        raise Unavailable(f"{path} belongs to another user: remove it")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Unavailable(f"{path} can be written by others: chmod go-w it, or remove it")


def _key(compiler: list[str]) -> str:
    """What the compiled file depends on, in sixteen hexadecimal digits."""
    command = [*compiler, "--version"]
    version = subprocess.run(command, capture_output=True, text=True, timeout=VERSION_SECONDS, check=False).stdout
    processor = torch.backends.cpu.get_cpu_capability() + platform.machine() + _processor()
    parts = "\n".join((SOURCE.read_text(), version, processor, *FLAGS))
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def _processor() -> str:
    """The processor's features as Linux lists them; elsewhere its name."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.is_file() else [platform.processor()]
    return next((line for line in lines if line.startswith(("flags", "Features"))), lines[0] if lines else "")


def _compile(compiler: list[str], path: Path) -> None:
    """Compile to `path`, whole or not at all. Without OpenMP (Apple's clang has none) it computes on one thread."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        fresh = Path(folder) / path.name
        for openmp in (("-fopenmp",), ()):
            command = [*compiler, *FLAGS, *openmp, "-o", str(fresh), str(SOURCE), "-lm"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_SECONDS, check=False)
            if done.returncode == 0:
                fresh.chmod(0o700)
                fresh.replace(path)
                return
    reason = next((line for line in done.stderr.splitlines() if "error" in line), f"exit status {done.returncode}")
    raise OSError(reason)
