"""Compiling: found again, turned off, refused where others may write, and never an exception but `Unavailable`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from whisper_magic.engine.native import bindings, build
from whisper_magic.engine.native.build import Unavailable, compiled, find_compiler

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the compilers here are shell scripts")
# A compiler that prints a version, and writes what follows -o; how often, stands in $COUNT.
WRITES = """case "$*" in *--version*) echo 1 ;; *) echo x >> "$COUNT"
for a; do case "$p" in -o) echo no library > "$a" ;; esac; p="$a"; done ;; esac"""
Machine = Callable[[str | None], None]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine whose compiler is this script, or that has none."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COUNT", str(tmp_path / "count"))
    monkeypatch.delenv(build.SWITCH, raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # no ziglang
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))

    def with_compiler(script: str | None) -> None:
        for name in ("gcc", "cc"):
            (tools / name).unlink(missing_ok=True)
            if script is not None:
                (tools / name).write_text(f"#!/bin/sh\n{script}\n")
                (tools / name).chmod(0o755)

    return with_compiler


def reason() -> str:
    """Why nothing is compiled."""
    with pytest.raises(Unavailable) as caught:
        compiled()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_a_compiler(machine: Machine) -> None:
    machine(None)
    assert reason() == "there is no C compiler (pip install 'whisper-magic[compiler]' installs one)"


def test_the_compiler_of_a_wheel(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if name == "ziglang" else None)
    assert find_compiler() == [sys.executable, "-m", "ziglang", "cc"]
    machine(WRITES)
    assert find_compiler()[0].endswith("cc"), "one that is installed comes first"


def test_a_compiler_that_fails_is_quoted(machine: Machine, tmp_path: Path) -> None:
    machine("echo 'cpu_kernels.c:1: error: no such thing' >&2; exit 1")
    assert reason().endswith("could not compile them: cpu_kernels.c:1: error: no such thing")
    assert not list(tmp_path.rglob("kernels-*")), "nothing half-made is left"


def test_a_compiler_that_hangs(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "VERSION_SECONDS", 0.2)
    machine("exec /bin/sleep 60")
    assert "timed out" in reason()


def test_what_was_compiled_is_found_again(machine: Machine, tmp_path: Path) -> None:
    machine(WRITES)
    path = compiled()
    assert compiled() == path
    assert (tmp_path / "count").read_text() == "x\n"
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert compiled(anew=True) == path
    assert (tmp_path / "count").read_text() == "x\nx\n"


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_folder_that_others_may_write_is_refused(machine: Machine, tmp_path: Path, mode: int) -> None:
    machine(WRITES)
    folder = tmp_path / "cache" / "whisper_magic"
    folder.mkdir(parents=True)
    folder.chmod(mode)
    assert reason() == f"{folder} can be written by others: chmod go-w it, or remove it"
    assert not list(folder.iterdir())


def test_a_file_that_others_may_write_is_refused(machine: Machine) -> None:
    machine(WRITES)
    path = compiled()
    path.chmod(0o766)
    assert reason() == f"{path} can be written by others: chmod go-w it, or remove it"


def test_a_file_of_another_user_is_refused(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(WRITES)
    path = compiled()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert reason() == f"{path.parent} belongs to another user: remove it"


def test_it_can_be_turned_off(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(build.SWITCH, "0")
    machine("exit 0")
    assert reason() == "WHISPER_MAGIC_NATIVE is 0"


def test_a_folder_that_cannot_be_written(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "cache"))
    machine("exit 0")
    assert "could not compile them: " in reason()


def test_a_home_that_cannot_be_determined(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", nowhere)
    machine("exit 0")
    assert reason().endswith("Could not determine home directory.")


def test_what_is_no_library_is_compiled_once_more_and_then_given_up(machine: Machine, tmp_path: Path) -> None:
    machine(WRITES)
    found = bindings._load.__wrapped__()
    assert isinstance(found, str)
    assert found.startswith("the compiled library could not be loaded: ")
    assert (tmp_path / "count").read_text() == "x\nx\n"
