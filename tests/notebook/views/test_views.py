"""Views: what they show, and what they never let through."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.support import fake_engine
from whisper_magic.errors import AudioNotFound
from whisper_magic.notebook.jobs.results import Failure, TranscriptList
from whisper_magic.notebook.views import facts as figures
from whisper_magic.notebook.views import html as render_html
from whisper_magic.notebook.views import registry as views
from whisper_magic.notebook.views import text as render_text
from whisper_magic.notebook.views.text import PLAIN, Style
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Models, Segment, Timing, Trace

COLOUR = Style(width=88, colour=True)
NASTY = "</style><script>alert('&amp;')</script>\"><img src=x onerror=1>\x1b[2J\r\n\x07"


class Page(HTMLParser):
    """The tags, attributes and text of a piece of HTML."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.words, self.open = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == [], "a tag is never closed"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self):
        return " ".join("".join(self.words).split())


@pytest.fixture
def nasty():
    return fake_engine.transcript(
        NASTY,
        [Segment(0, 1, NASTY, flags=(NASTY,))],
        models=Models(NASTY, NASTY, NASTY, NASTY, NASTY),
    )


def test_text_has_everything():
    shown = render_text.render(fake_engine.transcript("talk.mp3"))
    assert shown.splitlines()[0] == "talk.mp3 · 0:20 · en 98%"
    assert "[00:00.00 → 00:04.00]  A small model reads the room." in shown
    assert re.search(r"^encode +500 ms +31%  █", shown, re.MULTILINE)
    assert "12.5× real time (1.6 s) · 67% of drafted tokens accepted · 3.00 tokens a round" in shown
    assert shown.splitlines()[-1] == "big-model + small-draft · cpu · float32 · sdpa"


def test_html_has_everything():
    page = Page(render_html.render(fake_engine.transcript("talk.mp3")))
    assert page.text.startswith("talk.mp3 · 0:20 · en 98%")
    assert "00:00.00 → 00:04.00 A small model reads the room." in page.text
    assert "encode 500 ms" in page.text
    assert "12.5× real time (1.6 s) · 67% of drafted tokens accepted · 3.00 tokens a round" in page.text
    assert "big-model + small-draft · cpu · float32 · sdpa" in page.text
    labels = [value for name, value in page.attributes if name == "aria-label"]
    assert labels[0] == "Transcript of talk.mp3"
    assert labels[-1].startswith("Time spent: load 10 ms, features 20 ms, encode 500 ms")


def test_html_in_transcripts_and_names_is_text(nasty):
    for html in (render_html.render(nasty), render_html.render_list(TranscriptList([nasty]))):
        page = Page(html)
        assert {"script", "img"}.isdisjoint(page.tags)
        assert page.tags.count("style") == 1
        assert "<script>alert('&amp;')</script>" in page.text
        assert not any(name.startswith("on") for name, _ in page.attributes)


def test_html_fetches_nothing():
    html = render_html.render(fake_engine.transcript("https://example.org/talk.mp3"))
    page = Page(html)
    assert {"script", "link", "img", "iframe", "audio", "a"}.isdisjoint(page.tags)
    assert "url(" not in html
    assert "@import" not in html
    assert not any(name in ("src", "href") for name, _ in page.attributes)


def test_every_style_rule_is_ours():
    sheet = re.search(r"<style>(.*?)</style>", render_html.render(fake_engine.transcript("x")), re.DOTALL)[1]
    selectors = [one for rule in re.findall(r"([^{}]+)\{[^}]*\}", sheet) for one in rule.split(",")]
    assert len(selectors) > 20
    assert all(selector.strip().startswith(".whisper-magic") for selector in selectors)


@pytest.mark.parametrize("style", [PLAIN, COLOUR])
def test_no_control_character_reaches_the_terminal(nasty, style):
    made = TranscriptList([nasty], [Failure(NASTY, AudioNotFound("x"))])
    for shown in (
        render_text.render(nasty, style),
        render_text.render_list(made, style),
        render_text.render_line(nasty),
    ):
        left = re.sub(r"\x1b\[[\d;]+m", "", shown) if style.colour else shown
        assert not any(ord(char) < 32 and char != "\n" for char in left)


def test_colour_is_only_colour():
    coloured = render_text.render(fake_engine.transcript("talk.mp3"), COLOUR)
    assert "\x1b[1mtalk.mp3\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[\d;]+m", "", coloured) == render_text.render(fake_engine.transcript("talk.mp3"))


@pytest.mark.parametrize("width", [40, 60, 110])
def test_text_keeps_to_the_width(width):
    words = "wide 你好欢迎大家来到今天的讲座我们来谈谈推测解码 and " + "x" * 150 + " end"
    shown = render_text.render(fake_engine.transcript("talk.mp3", [Segment(0, 3, words)]), Style(width))
    body = [line for line in shown.splitlines() if line.startswith(("[00", "   "))]
    assert max(map(render_text.display_width, body)) <= width
    assert "".join(line[23:] for line in body).replace(" ", "") == words.replace(" ", "")


@pytest.mark.parametrize("segments", [(), (Segment(0, 1, "  "),)])
def test_silence_says_so(segments):
    silent = fake_engine.transcript("talk.mp3", segments)
    assert "\n\nno speech\n\n" in render_text.render(silent)
    assert "no speech" in Page(render_html.render(silent)).text
    assert "no speech" in render_text.render_list(TranscriptList([silent, silent]))
    assert "no speech" in Page(render_html.render_list(TranscriptList([silent]))).text


def test_partial_transcripts_say_so():
    partial = fake_engine.transcript("talk.mp3", fake_engine.SEGMENTS[:1], complete=False)
    words = "partial: interrupted after 0:04 of 0:20"
    assert words in render_text.render(partial)
    assert words in Page(render_html.render(partial)).text
    assert "real time" not in render_text.render(partial)
    assert "(partial)" in render_text.render_list(TranscriptList([partial]))


def test_doubted_segments_are_marked():
    doubted = fake_engine.transcript("talk.mp3", [Segment(0, 1, " Hm.", flags=("repeats itself", "no speech"))])
    assert "⚑ repeats itself, no speech" in render_text.render(doubted)
    assert "⚑ repeats itself, no speech" in Page(render_html.render(doubted)).text


def test_any_direction_of_writing():
    page = Page(render_html.render(fake_engine.transcript("محاضرة.mp3", [Segment(0, 1, "مرحبا <b>")])))
    assert page.attributes.count(("dir", "auto")) == 2
    assert "مرحبا <b>" in page.text


def test_a_translation_is_english():
    said = replace(fake_engine.transcript("x"), task="translate", language="fr", language_probability=None)
    html = render_html.render(said)
    assert "fr → en" in Page(html).text
    assert 'lang="en"' in html


def test_nothing_measured_shows_nothing():
    bare = replace(fake_engine.transcript("x"), timing=Timing(), trace=Trace(), language=None)
    assert "×" not in render_text.render(bare)
    assert "%" not in render_text.render(bare)
    assert "wm-bar" not in render_html.render(bare).split("</style>")[1]


def test_a_long_transcript_is_all_there():
    many = [Segment(i, i + 1, f" Sentence {i}.") for i in range(5000)]
    shown = render_html.render(fake_engine.transcript("x", many))
    assert shown.count("<time>") == 5000
    assert "1:23:19.00 → 1:23:20.00" in shown
    assert "0:00:00.00 → 0:00:01.00" in shown


def test_a_list_says_how_much_and_what_failed():
    made = TranscriptList(
        [fake_engine.transcript("a.mp3"), fake_engine.transcript("b.mp3")], [Failure("c.mp3", AudioNotFound("c"))]
    )
    summary = "2 recordings, 0:40, 12.5× real time, 1 failed"
    assert render_text.render_list(made).splitlines()[-1] == summary
    assert Page(render_html.render_list(made)).text.endswith(summary)
    assert made.text.count("\n") == 1
    assert render_text.summary(TranscriptList()) == "0 recordings, 0.0 s"


def test_a_batched_transcript_says_so():
    batched = replace(fake_engine.transcript("talk.mp3"), mode="batched")
    assert render_text.render(batched).startswith("talk.mp3 · 0:20 · en 98% · batched\n")
    assert Page(render_html.render(batched)).text.startswith("talk.mp3 · 0:20 · en 98% · batched")
    assert "sequential" not in render_html.render(fake_engine.transcript("talk.mp3"))


def test_a_segment_in_another_language_is_marked():
    said = fake_engine.transcript("x", [Segment(0, 1, " One.", language="en"), Segment(1, 2, " Deux.", language="fr")])
    assert "[00:00.00 → 00:01.00]  One." in render_text.render(said)
    assert "[00:01.00 → 00:02.00]  fr: Deux." in render_text.render(said)
    assert re.sub(r"\x1b\[[\d;]+m", "", render_text.render(said, COLOUR)) == render_text.render(said)
    page = Page(render_html.render(said))
    assert [value for name, value in page.attributes if name == "lang"] == ["en", "fr"]
    assert "00:01.00 → 00:02.00 fr Deux." in page.text
    translated = Page(render_html.render(replace(said, task="translate")))
    assert [value for name, value in translated.attributes if name == "lang"] == ["en", "en"]


@pytest.mark.parametrize(
    ("seconds", "clock", "length", "took"),
    [
        (0, "00:00.00", "0.0 s", "0 ms"),
        (4.999, "00:05.00", "5.0 s", "5 s"),
        (59.996, "01:00.00", "1:00", "60 s"),
        (3599.999, "1:00:00.00", "1:00:00", "3600 s"),
        (0.01234, "00:00.01", "0.0 s", "12.3 ms"),
    ],
)
def test_times_in_words(seconds, clock, length, took):
    assert (figures.clock(seconds), figures.length(seconds), figures.took(seconds)) == (clock, length, took)


def test_shares_are_of_the_total_and_sum_to_one():
    phases = figures.phases(Timing(load=0.1, encode=0.4, draft=0.2, verify=0.2, total=1.0))
    assert [phase.name for phase in phases] == ["load", "encode", "draft", "verify", "other"]
    assert sum(phase.share for phase in phases) == pytest.approx(1)


# -- which view a shell shows ------------------------------------------------------------------------------------------


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
    assert views.style_of(shell).colour is colour


def test_never_in_a_notebook(shell, monkeypatch):
    monkeypatch.setattr("sys.stdout", Terminal(True))
    monkeypatch.setattr(shell, "kernel", object(), raising=False)
    assert views.style_of(shell) == PLAIN


def test_inside_something_else_a_transcript_takes_one_line(shell):
    bundle, _ = shell.display_formatter.format([fake_engine.transcript("talk.mp3", options=TranscribeOptions())])
    line = "<Transcript talk.mp3, 0:20: A small model reads the room. Nobody wa…>"
    assert bundle == {"text/plain": f"[{line}]"}


def test_both_views_are_in_one_bundle(shell):
    bundle, _ = shell.display_formatter.format(fake_engine.transcript("talk.mp3"))
    assert set(bundle) == {"text/plain", "text/html"}


def test_what_was_taken_for_silence_is_said():
    silent = Segment(0.0, 2.0, " Thank you.", flags=("silence (no speech 0.93)",))
    made = replace(fake_engine.transcript("a.wav", ()), skipped=(silent,))
    line = "left out as silence (no speech 0.93): 00:00.00 “Thank you.”"
    assert "no speech" in render_text.render(made)
    assert line in render_text.render(made)
    assert line in render_html.render(made)
