"""A real IPython shell with the extension loaded, and a scripted engine in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from tests.support import fake_engine
from whisper_magic.notebook.jobs.session import SESSION, load_engine


class Ran(NamedTuple):
    """A cell's result, error and output."""

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
    monkeypatch.setattr(SESSION, "checker", lambda choice: None)
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
    """Run a cell as a user would."""

    def run_cell(source: str) -> Ran:
        with capture_output() as captured:
            ran = shell.run_cell(source, store_history=True)
        return Ran(ran.result, ran.error_in_exec or ran.error_before_exec, captured.stdout, captured.stderr)

    return run_cell


@pytest.fixture
def calls(shell: InteractiveShell) -> Callable[[], list[tuple[Any, Any]]]:
    """(source, options) of each call of the resident engine."""
    return lambda: [] if SESSION.resident is None else SESSION.resident.calls  # type: ignore[attr-defined]


@pytest.fixture
def sources(calls: Callable[[], list[tuple[Any, Any]]]) -> Callable[[], list[Any]]:
    """The source of each call of the resident engine."""
    return lambda: [source for source, _ in calls()]


@pytest.fixture
def usage_error(run: Callable[[str], Ran], calls: Callable[[], list[tuple[Any, Any]]]) -> Callable[[str], str]:
    """Run a cell that makes no sense: its message, which is all that it shows, and nothing was transcribed."""

    def message_of(source: str) -> str:
        ran = run(source)
        assert type(ran.error) is UsageError
        message = str(ran.error)
        assert ran.stderr == f"UsageError: {message}\n"
        assert "\n" not in message
        assert ran.stdout == ""
        assert calls() == []
        return message

    return message_of
