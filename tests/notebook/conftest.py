"""A real IPython shell with the extension loaded, and a scripted engine in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from tests.support import fake_engine
from whisper_magic.notebook.jobs.session import SESSION, load_engine


class Ran(NamedTuple):
    """What came of a cell."""

    result: Any
    error: BaseException | None
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def bare_shell(tmp_path_factory: pytest.TempPathFactory) -> InteractiveShell:
    """One shell for all tests: IPython has one to a process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        config = Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}})
        return InteractiveShell.instance(config=config)


@pytest.fixture
def shell(bare_shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """The shell, in an empty folder, with the extension loaded and every engine a scripted one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(SESSION, "loader", fake_engine.load)
    monkeypatch.setattr("whisper_magic.audio.load.find", lambda source: None)  # the scripted engine reads no files
    names = set(bare_shell.user_ns)
    bare_shell.config.pop("WhisperMagics", None)
    bare_shell.run_line_magic("load_ext", "whisper_magic")
    yield bare_shell
    for name in set(bare_shell.user_ns) - names:
        del bare_shell.user_ns[name]
    bare_shell.run_line_magic("unload_ext", "whisper_magic")
    assert SESSION.loader is not load_engine


@pytest.fixture
def run(shell: InteractiveShell) -> Callable[[str], Ran]:
    """Run a cell as a user would, and tell what came of it."""

    def run_cell(source: str) -> Ran:
        with capture_output() as captured:
            ran = shell.run_cell(source, store_history=True)
        return Ran(ran.result, ran.error_in_exec or ran.error_before_exec, captured.stdout, captured.stderr)

    return run_cell


@pytest.fixture
def calls(shell: InteractiveShell) -> Callable[[], list[tuple[Any, Any]]]:
    """What the resident engine was asked: (source, options) of each call."""
    return lambda: [] if SESSION.resident is None else SESSION.resident.calls  # type: ignore[attr-defined]
