"""Where progress shows."""

from __future__ import annotations

import io

import pytest

from whisper_magic.notebook.live import surfaces
from whisper_magic.notebook.live.progress import Frame
from whisper_magic.notebook.views.text import PLAIN, Style


def test_a_terminal_line_is_rewritten_and_fits(monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    out = io.StringIO()
    surface = surfaces.TerminalSurface(out, Style(50, colour=True))
    surface.draw(Frame("talk.mp3 · 0:10 of 1:00", "x" * 100 + " settled\x1b[2J\n", " tail", 0.2))
    surface.clear()
    line, cleared = out.getvalue().split("\r")[1:]
    assert line.endswith("settled�[2J \x1b[2m tail\x1b[0m\x1b[K")
    assert len(line.replace("\x1b[2m", "").replace("\x1b[0m", "").replace("\x1b[K", "")) == 49
    assert cleared == "\x1b[K"


def test_a_long_tail_is_cut_to_its_end(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    out = io.StringIO()
    surfaces.TerminalSurface(out, PLAIN).draw(Frame("talk.mp3", "settled", " tail" * 20))
    assert out.getvalue() == "\rtalk.mp3 · " + ("tail " * 20).strip()[-28:].lstrip() + "\x1b[K"


def test_a_narrow_terminal_shows_where_it_stands(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    out = io.StringIO()
    surfaces.TerminalSurface(out, PLAIN).draw(Frame("a long name.mp3 · 0:10 of 1:00", "settled", " tail"))
    assert out.getvalue() == "\ra long name.mp3 ·…\x1b[K"


def test_nothing_is_shown_to_a_pipe(shell, monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert surfaces.surface_of(shell) is None


def test_html_in_names_and_words_is_text():
    html = surfaces._html(Frame("<b>.mp3", "<script>", "</style>", 0.5)).split("</style>", 1)[1]
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<b>" not in html


def test_a_kernels_surface_asks_whether_it_owns_the_output(run, shell, monkeypatch):
    monkeypatch.setattr(shell, "kernel", object(), raising=False)
    found = []
    shell.user_ns["look"] = lambda: found.append(surfaces.surface_of(shell))
    run("look()")
    assert [(type(surface), surface.owns_output) for surface in found] == [(surfaces.NotebookSurface, False)]


@pytest.mark.parametrize("owns_output", [True, False])
def test_an_output_of_a_notebook_is_updated_and_taken_away(monkeypatch, owns_output):
    seen = []

    class Handle:
        def display(self, bundle, raw):
            seen.append(("display", bundle["text/plain"]))

        def update(self, bundle, raw):
            seen.append(("update", bundle.get("text/plain")))

    monkeypatch.setattr(surfaces, "DisplayHandle", Handle)
    monkeypatch.setattr(surfaces, "clear_output", lambda: seen.append(("clear", None)))
    surface = surfaces.NotebookSurface(owns_output)
    surface.clear()  # nothing was shown
    surface.draw(Frame("one"))
    surface.draw(Frame("two"))
    surface.clear()
    assert seen == [("display", "one"), ("update", "two"), ("clear", None) if owns_output else ("update", None)]
