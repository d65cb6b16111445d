"""Small tables, as text and as HTML."""

from __future__ import annotations

import pytest

from tests.support.html import Page
from whisper_magic.notebook.views import tables
from whisper_magic.notebook.views.tables import Table
from whisper_magic.notebook.views.text import Style, display_width


@pytest.mark.parametrize("numbers", [True, False])
def test_a_table_keeps_to_the_width(numbers):
    table = Table("caption", ("", "one", "two"), (("name", "你好" * 40, "x" * 50), ("other", "1", "2")), numbers)
    lines = tables.as_text(table, Style(width=60)).splitlines()
    assert max(map(display_width, lines)) <= 60
    assert lines[2].count("…") == 2


def test_numbers_line_up_on_the_right_and_text_on_the_left():
    rows = (("a", "1", "20"), ("bb", "300", "4"))
    assert tables.as_text(Table("c", ("", "x", "y"), rows)).splitlines()[2:] == ["a     1  20", "bb  300   4"]
    assert tables.as_text(Table("c", ("", "x", "y"), rows, numbers=False)).splitlines()[3] == "bb  300  4"


def test_html_has_a_caption_and_the_scope_of_every_heading():
    page = Page(tables.as_html(Table("what <it> shows", ("", "x"), (("a", "1"),))))
    assert page.text == "what <it> shows x a 1"
    assert [found["scope"] for tag, found in page.elements if tag == "th"] == ["col", "row"]
