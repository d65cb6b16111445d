"""What a job takes from its shell."""

from __future__ import annotations

import io

import pytest

from whisper_magic.notebook.jobs.context import Context
from whisper_magic.notebook.jobs.session import ModelChoice
from whisper_magic.notebook.live.surfaces import TerminalSurface


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("live", "quiet", "shown"), [(True, False, True), (True, True, False), (False, False, False)])
def test_progress_shows_where_it_is_wanted(shell, monkeypatch, live, quiet, shown):
    monkeypatch.setattr("sys.stderr", Terminal())
    progress = Context(shell, ModelChoice("one"), {}, live).progress(3, start=5.0, quiet=quiet)
    assert isinstance(progress.surface, TerminalSurface) is shown
    assert (progress.recordings.total, progress.recordings.start) == (3, 5.0)


def test_demo_models_take_the_configured_device(shell):
    context = Context(shell, ModelChoice("one", "small", "cpu", "bfloat16"), {}, live=True)
    assert context.demo_models == ModelChoice("demo", None, "cpu", "bfloat16")


def test_only_a_named_variable_is_assigned(shell):
    context = Context(shell, ModelChoice("one"), {}, live=True)
    context.assign(None, 1)
    context.assign("made", 2)
    assert shell.user_ns["made"] == 2
