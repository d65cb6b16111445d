"""What holds of every view, and which one a shell shows."""

from __future__ import annotations

import importlib
import re

import pytest

from tests.support import fake_engine
from tests.support.html import Page
from whisper_magic.notebook.views import registry
from whisper_magic.notebook.views.registry import VIEWS
from whisper_magic.notebook.views.text import PLAIN, Style
from whisper_magic.options import TranscribeOptions

COLOUR = Style(width=88, colour=True)

every_view = pytest.mark.parametrize("name", VIEWS.values())


def view_of(name):
    return importlib.import_module(f"whisper_magic.notebook.views.{name}")


@every_view
def test_html_in_names_and_texts_is_text(nasty, name):
    page = Page(view_of(name).html(nasty[name]))
    assert {"script", "img"}.isdisjoint(page.tags)
    assert page.tags.count("style") == 1
    assert "<script>alert('&amp;')</script>" in page.text
    assert not any(attribute.startswith("on") for attribute, _ in page.attributes)


@every_view
def test_html_fetches_nothing(nasty, name):
    html = view_of(name).html(nasty[name])
    page = Page(html)
    assert {"script", "link", "img", "iframe", "audio", "a"}.isdisjoint(page.tags)
    assert "url(" not in html
    assert "@import" not in html
    assert not any(attribute in ("src", "href") for attribute, _ in page.attributes)


@every_view
def test_every_style_rule_is_ours(samples, name):
    sheet = re.search(r"<style>(.*?)</style>", view_of(name).html(samples[name]), re.DOTALL)[1].replace(
        "@media print {", ""
    )
    selectors = [one for rule in re.findall(r"([^{}]+)\{[^}]*\}", sheet) for one in rule.split(",")]
    assert len(selectors) > 20
    assert all(selector.strip().startswith(".whisper-magic") for selector in selectors)


@every_view
@pytest.mark.parametrize("style", [PLAIN, COLOUR, Style(width=40)])
def test_no_control_character_reaches_the_terminal(nasty, name, style):
    shown = view_of(name).text(nasty[name], style)
    left = re.sub(r"\x1b\[[\d;]+m", "", shown) if style.colour else shown
    assert not any(ord(char) < 32 and char != "\n" for char in left)
    assert not any(ord(char) < 32 for char in view_of(name).line(nasty[name]))


@every_view
def test_colour_is_only_colour(samples, name):
    coloured = view_of(name).text(samples[name], COLOUR)
    assert re.sub(r"\x1b\[[\d;]+m", "", coloured) == view_of(name).text(samples[name])


@every_view
def test_both_views_are_in_one_bundle(shell, samples, name):
    bundle, _ = shell.display_formatter.format(samples[name])
    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle["text/plain"] == view_of(name).text(samples[name])
    assert bundle["text/html"] == view_of(name).html(samples[name])


@every_view
def test_inside_something_else_it_takes_one_line(shell, samples, name):
    bundle, _ = shell.display_formatter.format([samples[name]])
    assert bundle == {"text/plain": f"[{view_of(name).line(samples[name])}]"}


class Terminal:
    def __init__(self, tty):
        self.tty = tty

    def isatty(self):
        return self.tty


@pytest.mark.parametrize(
    ("tty", "variables", "colour"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),  # no-color.org: present and not empty
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colour_where_it_is_a_terminal(shell, monkeypatch, tty, variables, colour):
    monkeypatch.setattr("sys.stdout", Terminal(tty))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert registry.style_of(shell).colour is colour


def test_never_in_a_notebook(shell, monkeypatch):
    monkeypatch.setattr("sys.stdout", Terminal(True))
    monkeypatch.setattr(shell, "kernel", object(), raising=False)
    assert registry.style_of(shell) == PLAIN


def test_a_type_is_shown_by_its_name_alone(shell):
    bundle, _ = shell.display_formatter.format([fake_engine.transcript("talk.mp3", options=TranscribeOptions())])
    line = "<Transcript talk.mp3, 0:20: A small model reads the room. Nobody wa…>"
    assert bundle == {"text/plain": f"[{line}]"}
