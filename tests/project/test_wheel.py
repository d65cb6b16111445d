"""sdist and wheel: what they hold, and that the wheel runs the demo from a fresh environment in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.markdown import ROOT

DEMO = "%load_ext whisper_magic\nimport whisper_magic\nprint(whisper_magic.__file__)\n%whisper demo"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and, made from it, the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT), cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("whisper_magic-*.whl")
    return path


def test_the_wheel_holds_the_package_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"whisper_magic"}
    for needed in (
        "engine/native/cpu_kernels.c",
        "notebook/views/static/base.css",
        "notebook/views/static/tables.css",
        "assets/demo/sample.ogg",
        "assets/demo/target/model.safetensors",
        "assets/demo/draft/model.safetensors",
        "py.typed",
    ):
        assert f"whisper_magic/{needed}" in names


def test_the_sdist_holds_the_repository(built: Path) -> None:
    (path,) = built.glob("whisper_magic-*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "whisper_magic/__init__.py", "tests/conftest.py"} <= names
    assert not {name for name in names if name.startswith((".venv/", "site/", "build/"))}


def test_the_installed_wheel_runs_the_demo(wheel: Path, tmp_path: Path) -> None:
    home, empty = tmp_path / "venv", tmp_path / "empty"
    empty.mkdir()
    venv.create(home, with_pip=False, symlinks=True)
    (packages,) = home.glob("lib/python*/site-packages")
    # torch and the rest are this environment's: installing them again would take minutes
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(packages), str(wheel)]
    _run(*install, cwd=empty)
    ipython = [str(home / "bin" / "python"), "-m", "IPython", "--no-banner", "--colors=nocolor", "-c", DEMO]
    own = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "IPYTHONDIR": str(tmp_path / "ipython")}
    output = _run(*ipython, cwd=empty, **own)
    assert str(packages) in output
    assert "sixteenth floor" in output
    assert list(empty.iterdir()) == []


def _run(*command: str, cwd: Path, **environment: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=inherited | environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
