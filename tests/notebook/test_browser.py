"""What a browser makes of a transcript: nothing is fetched, nothing overflows, colours follow the theme."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.support import fake_engine
from whisper_magic.notebook.results import TranscriptList
from whisper_magic.notebook.views import comparison, transcript, transcript_list, word_errors
from whisper_magic.transcript import Segment

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=2000",
    "--dump-dom",
]
PROBE = """
<script>addEventListener("load", () => {
  const style = (name) => getComputedStyle(document.querySelector(name) ?? document.body);
  const report = {
    fetched: performance.getEntriesByType("resource").length,
    overflow: document.documentElement.scrollWidth > innerWidth,
    segments: document.querySelectorAll('[role="listitem"]').length,
    scripts: document.querySelectorAll(".whisper-magic script").length,
    bar: document.querySelector(".wm-bar")?.getBoundingClientRect().width,
    text: style(".wm-speech").color,
    stripe: style("tbody tr:nth-child(2)").backgroundColor,
    cell: style("tbody td").textAlign,
    lines: [style("del").textDecorationLine, style("ins").textDecorationLine],
    shown: [...document.querySelectorAll(".wm-segment")]
      .filter((one) => one.checkVisibility() && one.offsetHeight).length,
    clipped: [...document.querySelectorAll(".whisper-magic, .whisper-magic *")].filter((one) =>
      !one.closest("summary .wm-speech") && one.scrollHeight > one.clientHeight + 1
      && getComputedStyle(one).overflowY !== "visible").length,
    spoken: getComputedStyle(document.querySelector("del") ?? document.body, "::before").content,
  };
  document.title = JSON.stringify(report);
});</script>
"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: Debian package chromium (make debian)"),
]


def seen(html: str, folder: Path, width: int = 800, theme: str = "") -> dict[str, Any]:
    """What a page that holds nothing but this HTML, and a theme's variables, reports of itself."""
    page = folder / "page.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><title>-</title><body style='{theme}'>{html}{PROBE}", "utf-8")
    assert CHROMIUM is not None
    profile = f"--user-data-dir={folder / 'profile'}"
    done = subprocess.run(
        [CHROMIUM, *FLAGS, profile, f"--window-size={width},900", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert title is not None, done.stdout[:500]
    report: dict[str, Any] = json.loads(unescape(title[1]))
    return report


@pytest.fixture
def page() -> str:
    long = Segment(9.5, 19.0, " Donaudampfschifffahrtsgesellschaft" * 3 + " <script>alert(1)</script>" + " word" * 200)
    return transcript.html(fake_engine.transcript("a very long name " * 8 + ".mp3", (*fake_engine.SEGMENTS, long)))


HOST = """<style>  /* what JupyterLab does to tables in outputs */
.host td, .host th { text-align: right; padding: .5em; } .host table { table-layout: fixed; margin: 0 auto 1em; }
.host tbody tr:nth-child(even) { background: rgb(200, 0, 0); } .host tbody tr:hover { background: rgb(0, 200, 0); }
</style>"""


@pytest.fixture
def tables() -> dict[str, str]:
    """The views with tables, as a host shows them."""
    german = replace(fake_engine.transcript("x"), language="de")
    views = {
        "comparison": comparison.html(
            fake_engine.comparison("a long name " * 9 + ".mp3", divergence=fake_engine.APART)
        ),
        "score": word_errors.html(german.wer("A big model reads a room. " + "Donaudampfschifffahrt" * 5)),
    }
    return {name: f'{HOST}<div class="host">{view}</div>' for name, view in views.items()}


@pytest.mark.parametrize("name", ["comparison", "score"])
def test_tables_stay_ours_wherever_they_are_shown(tables: dict[str, str], tmp_path: Path, name: str) -> None:
    report = seen(tables[name], tmp_path, width=500)
    assert report["fetched"] == report["scripts"] == 0
    assert not report["overflow"]
    assert report["stripe"] == "rgba(0, 0, 0, 0)"
    assert report["cell"] == ("end" if name == "comparison" else "start")


def test_marks_are_lines_and_words_too(tables: dict[str, str], tmp_path: Path) -> None:
    report = seen(tables["score"], tmp_path)
    assert report["lines"] == ["line-through", "underline"]
    assert "only in the reference" in report["spoken"]


def test_a_page_is_complete_in_itself(page: str, tmp_path: Path) -> None:
    report = seen(page, tmp_path)
    assert report["fetched"] == 0
    assert report["segments"] == 3
    assert report["scripts"] == 0
    assert report["bar"] > 300


def test_a_narrow_page_does_not_overflow(page: str, tmp_path: Path) -> None:
    assert not seen(page, tmp_path, width=500)["overflow"]


def test_text_takes_the_themes_colour(page: str, tmp_path: Path) -> None:
    report = seen(page, tmp_path, theme="--jp-content-font-color1: rgb(1, 2, 3); background: black")
    assert report["text"] == "rgb(1, 2, 3)"


DARK = "--jp-content-font-color1: white; background: black"


def printed(html: str) -> str:
    """A page whose style for the printer is that of the screen."""
    assert "@media print" in html
    return html.replace("@media print", "@media all")


def test_a_printed_page_shows_every_segment(tmp_path: Path) -> None:
    """No scrolling on paper; and white text of a dark theme would not be seen."""
    html = transcript.html(fake_engine.transcript("x.mp3", [Segment(i, i + 1, f" Word {i}.") for i in range(500)]))
    assert seen(html, tmp_path, theme=DARK)["clipped"] == 1, "on a screen it scrolls"
    report = seen(printed(html), tmp_path, theme=DARK)
    assert (report["shown"], report["clipped"], report["text"]) == (500, 0, "rgb(0, 0, 0)")


def test_a_printed_list_is_open(tmp_path: Path) -> None:
    many = [fake_engine.transcript(f"{'long name ' * 9}{i}.mp3") for i in range(3)]
    html = transcript_list.html(TranscriptList(many))
    assert seen(html, tmp_path)["shown"] == 0
    report = seen(printed(html), tmp_path, width=500)
    assert (report["shown"], report["clipped"], report["overflow"]) == (3 * len(fake_engine.SEGMENTS), 0, False)
