"""The player elsewhere: Notebook 7, exported pages, many at once, other scripts, enlarged, high contrast."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from tests.browser.test_player import LOAD
from tests.support import talk
from tests.support.axe import axe_violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.lab import Lab, Notebook

pytestmark = pytest.mark.browser

SCRIPTS = """
from dataclasses import replace
from whisper_magic import Segment, Word
def said(language, *words):
    timed = tuple(Word(w, i * 0.5, i * 0.5 + 0.4, 0.9) for i, w in enumerate(words))
    return replace(t, segments=(Segment(0, 4, "".join(words), words=timed),), language=language)
hebrew = said("he", "שלום", " לכולם,", " ברוכים", " הבאים", " אל WhisperMagic")
chinese = said("zh", "你好", "，", "欢迎", "来到", "笔记本")
for each in (hebrew, chinese):
    display(each.player(t.source))
"""


def shown(notebook: Notebook, cell: int) -> str:
    """A cell's output once its player is there."""
    player = notebook.outputs(cell).locator("[data-live] > div .player").first
    player.wait_for()
    return player.inner_text()


def open_notebook(lab: Lab, *cells: str, **options: str) -> Notebook:
    lab.folder.mkdir(parents=True, exist_ok=True)
    path = talk.write(lab.folder / "talk.flac")
    notebook = lab.notebook(f"{LOAD}\nt = talk.transcript({str(path)!r})", *cells, **options)
    notebook.run(0)
    return notebook


def test_notebook_7(lab: Lab, screenshots: Path) -> None:
    notebook = open_notebook(lab, "t", face="notebook")
    notebook.run(1)
    player = notebook.outputs(1).locator("[data-live] > div .player")
    player.locator(".word", has_text="two").click()
    expect(player.locator(".word.now")).to_have_text(re.compile("two|three|four|five"))
    player.get_by_role("button", name="Tokens").click()
    expect(player.locator(".text .token")).to_have_count(9)
    assert axe_violations(notebook.page, ".whisper-magic") == []
    notebook.screenshot(screenshots / "notebook-7.png")
    assert notebook.problems.all() == []


def test_an_exported_page_plays_and_seeks(lab: Lab, browser: Browser, tmp_path: Path) -> None:
    code = "from whisper_magic.notebook.widgets.players import PLAYERS\nPLAYERS.embed(t)\nt"
    notebook = open_notebook(lab, code)
    notebook.run(1)
    shown(notebook, 1)
    saved = notebook.save()
    html = str(saved.cells[1].outputs[0].data["text/html"])
    assert len(html) < 120_000  # 20 s of Opus
    exported, _ = HTMLExporter(template_name="basic").from_notebook_node(saved)
    path = tmp_path / "exported.html"
    path.write_text(f"<!doctype html><meta charset=utf-8>{exported}", "utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.get_by_role("button", name=re.compile("00:05")).click()
    page.wait_for_function(
        "() => { const a = document.querySelector('audio'); return !a.paused && a.currentTime > 5; }"
    )
    expect(page.locator(".wm-now")).to_contain_text("three four")
    assert axe_violations(page, ".whisper-magic") == []
    page.close()
    without = browser.new_context(java_script_enabled=False).new_page()
    without.goto(path.as_uri())
    expect(without.locator("audio[controls]")).to_be_visible()
    expect(without.locator(".whisper-magic")).to_contain_text("three four")
    without.context.close()


def test_an_untrusted_notebook_keeps_the_text(lab: Lab) -> None:
    notebook = open_notebook(lab, "PLAYERS.embed(t)\nt")
    notebook.run(1)
    saved = notebook.save()
    for cell in saved.cells:
        cell.metadata.pop("trusted", None)
    lab.write(saved, "other.ipynb")
    other = lab.open("other.ipynb", kernel=False)
    expect(other.outputs(1)).to_contain_text("three four")
    assert not other.page.locator("[data-live]").count()
    assert other.problems.all() == []


def test_fifty_players_in_one_notebook(lab: Lab) -> None:
    code = """
import time
from dataclasses import replace
for i in range(50):
    display(replace(t, language=f'x{i}').player(t.source))
    time.sleep(0.3)  # anywidget gives each 10 s to start, and a slow machine has one core for the page
"""
    notebook = open_notebook(lab, code)
    notebook.run(1, seconds=120)
    players = notebook.outputs(1).locator("[data-live] > div .player")
    expect(players).to_have_count(50, timeout=60_000)
    first, last = players.first, players.last
    first.get_by_role("button", name="Play").click()
    expect(first.get_by_role("button", name="Pause")).to_be_visible()
    last.scroll_into_view_if_needed()
    last.get_by_role("button", name="Play").click()
    expect(last.get_by_role("button", name="Pause")).to_be_visible()
    expect(first.get_by_role("button", name="Pause")).to_have_count(0)  # one at a time
    assert notebook.problems.all() == []


def test_other_scripts_enlarged_and_in_high_contrast(lab: Lab, screenshots: Path) -> None:
    notebook = open_notebook(lab, SCRIPTS)
    notebook.run(1)
    hebrew, chinese = (notebook.outputs(1).nth(i).locator("[data-live] > div .player") for i in (0, 1))
    expect(hebrew.locator(".words")).to_have_attribute("dir", "rtl")
    expect(hebrew.locator(".words")).to_have_attribute("lang", "he")
    hebrew.locator(".word", has_text="ברוכים").click()
    expect(hebrew.locator(".word.now")).to_have_text(re.compile("ברוכים|הבאים|WhisperMagic"))  # it, or one that follows
    hebrew.get_by_role("button", name="Pause").click()
    right, left = (hebrew.locator(".word").nth(i).bounding_box() for i in (0, 1))
    assert right is not None
    assert left is not None
    assert right["x"] > left["x"], "Hebrew runs from the right"
    chinese.locator(".word", has_text="欢迎").click()
    expect(chinese.locator(".word.now")).to_have_text(re.compile("欢迎|来到|笔记本"))
    chinese.get_by_role("button", name="Pause").click()
    page = notebook.page
    page.set_viewport_size({"width": 640, "height": 450})  # what 200 % zoom leaves of 1280 x 900
    for player in (hebrew, chinese):
        assert player.evaluate("p => p.scrollWidth <= p.clientWidth")
    hebrew.scroll_into_view_if_needed()
    page.screenshot(path=screenshots / "zoom-200.png")
    page.emulate_media(forced_colors="active")
    page.screenshot(path=screenshots / "high-contrast.png")
    assert axe_violations(page, ".whisper-magic") == []
    page.emulate_media(forced_colors="none")
    page.set_viewport_size({"width": 1280, "height": 900})


def test_the_file_holds_the_text_and_little_else(lab: Lab) -> None:
    code = (
        "from dataclasses import replace; from whisper_magic import Segment\n"
        "rows = tuple(Segment(5.0 * i, 5.0 * i + 4, f' This is what was said in segment {i}.') for i in range(720))\n"
        "hour = replace(t, segments=rows, duration=3600.0)\nhour.player(t.source); hour"
    )
    notebook = open_notebook(lab, code)
    notebook.run(1)
    shown(notebook, 1)
    saved = notebook.save()
    outputs = saved.cells[1].outputs
    text = sum(len(f" This is what was said in segment {i}.") for i in range(720))
    beside = sum(len(str(part)) for out in outputs for part in out.data.values())
    row = len('<div class="wm-segment" role="listitem"><time>00:00.00 → 00:04.00</time> <span class="wm-speech">')
    assert beside - 2 * text - 720 * (row + 100) < 30_000  # text and HTML, their times and rows
    assert "widgets" not in saved.metadata
    assert not any("audio" in kind for out in outputs for kind in out.data)
