"""HTML that every view is built of."""

from __future__ import annotations

from tests.support.html import Page
from whisper_magic.notebook.views import html


def test_a_frame_names_itself_and_carries_its_style():
    made = html.frame("<b>x</b>", "A <name>", "tables.css")
    (tag, attributes), *_ = Page(made).elements
    assert (tag, attributes) == ("div", {"class": "whisper-magic", "role": "group", "aria-label": "A <name>"})
    assert "wm-table" in made
    assert "wm-table" not in html.frame("", "x")
    assert "/*" not in made  # the sheets' comments stay at home


def test_a_heading_reads_well_without_style():
    made = html.heading("a<b>.mp3", ["0:20", "en"], "partial")
    assert Page(made).text == "a<b>.mp3 · 0:20 · en · partial"
    assert "wm-warn" in made
    assert "wm-warn" not in html.heading("a", [])
