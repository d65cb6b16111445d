"""What is loaded, as text and as HTML."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.fake_engine import FakeStatus
from tests.support.html import Page
from whisper_magic.notebook.views import status as view
from whisper_magic.notebook.views.text import Style

STATUS = FakeStatus("openai/whisper-base", None, device="cpu (2 threads)", attention="native CPU kernels")


def test_text_has_a_line_for_each_fact():
    assert view.text(STATUS).splitlines() == [
        "openai/whisper-base",
        "  draft     none: the target alone",
        "  device    cpu (2 threads), float32, native CPU kernels",
        "  memory    24 MB",
        "  languages de, en, fr",
        "  loaded in 250 ms",
        "  note      flash_attention_2 needs a GPU",
    ]


def test_html_has_the_same():
    page = Page(view.html(STATUS))
    assert page.text.startswith("openai/whisper-base draft none: the target alone device cpu (2 threads), float32")
    assert page.text.endswith("note flash_attention_2 needs a GPU")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"device": "cuda:0 (H100)", "dtype": "float16", "attention": "sdpa"},
            "cuda:0 (H100), float16, sdpa attention",
        ),
        ({"memory_bytes": 3_210_000_000}, "memory    3.21 GB"),
        ({"languages": tuple(f"l{i}" for i in range(99))}, "l10, l11 and 87 more"),
        ({"draft": "small"}, "draft     small"),
    ],
)
def test_what_a_fact_reads_like(changes, line):
    assert line in view.text(replace(STATUS, **changes))


def test_what_is_unknown_is_left_out():
    assert "languages" not in view.text(replace(STATUS, languages=()))


def test_long_values_are_wrapped():
    lines = view.text(replace(STATUS, notes=("word " * 30,)), Style(width=50)).splitlines()
    assert max(map(len, lines)) <= 50
    assert lines[-1].startswith(" " * 12 + "word")
