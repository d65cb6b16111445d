"""A transcript, as text and as HTML."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.support import fake_engine
from tests.support.html import Page
from whisper_magic.notebook.views import transcript as view
from whisper_magic.notebook.views.text import Style, display_width
from whisper_magic.transcript import Segment, Timing, Trace, Word

COLOUR = Style(width=88, colour=True)


def test_text_has_everything():
    shown = view.text(fake_engine.transcript("talk.mp3"))
    assert shown.splitlines()[0] == "talk.mp3 · 0:20 · en 98%"
    assert "[00:00.00 → 00:04.00]  A small model reads the room." in shown
    assert re.search(r"^read audio +10 ms +1%  ▏", shown, re.MULTILINE)
    assert re.search(r"^encode +500 ms +31%  █", shown, re.MULTILINE)
    assert "12.5× real time (1.6 s) · 67% of drafted tokens accepted · 3.00 tokens per round" in shown
    assert shown.splitlines()[-1] == "big-model + small-draft · cpu · float32 · sdpa attention"


def test_html_has_everything():
    page = Page(view.html(fake_engine.transcript("talk.mp3")))
    assert page.text.startswith("talk.mp3 · 0:20 · en 98%")
    assert "00:00.00 → 00:04.00 A small model reads the room." in page.text
    assert "encode 500 ms" in page.text
    assert "12.5× real time (1.6 s) · 67% of drafted tokens accepted · 3.00 tokens per round" in page.text
    assert "big-model + small-draft · cpu · float32 · sdpa attention" in page.text
    labels = [value for name, value in page.attributes if name == "aria-label"]
    assert labels[0] == "Transcript of talk.mp3"
    assert labels[-1].startswith("Time spent: read audio 10 ms, features 20 ms, encode 500 ms")


def test_a_terminals_heading_is_bold():
    assert "\x1b[1mtalk.mp3\x1b[0m" in view.text(fake_engine.transcript("talk.mp3"), COLOUR)


@pytest.mark.parametrize("width", [40, 60, 110])
def test_text_keeps_to_the_width(width):
    words = "wide 你好欢迎大家来到今天的讲座我们来谈谈推测解码 and " + "x" * 150 + " end"
    shown = view.text(fake_engine.transcript("talk.mp3", [Segment(0, 3, words)]), Style(width))
    body = [line for line in shown.splitlines() if line.startswith(("[00", "   "))]
    assert max(map(display_width, body)) <= width
    assert "".join(line[23:] for line in body).replace(" ", "") == words.replace(" ", "")


@pytest.mark.parametrize("segments", [(), (Segment(0, 1, "  "),)])
def test_silence_is_named(segments):
    silent = fake_engine.transcript("talk.mp3", segments)
    assert "\n\nno speech\n\n" in view.text(silent)
    assert "no speech" in Page(view.html(silent)).text
    assert view.line(silent) == "<Transcript talk.mp3, 0:20: no speech>"


def test_partial_transcripts_are_marked():
    partial = fake_engine.transcript("talk.mp3", fake_engine.SEGMENTS[:1], complete=False)
    words = "partial: interrupted after 0:04 of 0:20"
    assert words in view.text(partial)
    assert words in Page(view.html(partial)).text
    assert "real time" not in view.text(partial)


def test_flagged_segments_are_marked():
    flagged = fake_engine.transcript("talk.mp3", [Segment(0, 1, " Hm.", flags=("repeats itself", "no speech"))])
    assert "⚑ repeats itself, no speech" in view.text(flagged)
    assert "⚑ repeats itself, no speech" in Page(view.html(flagged)).text


def test_what_segments_in_a_row_share_stands_once():
    guess, other = "is a guess (mean log-probability -1.20)", "cut short"
    flags = [(guess,), (guess,), (guess, other), (), (guess,), (other,)]
    many = [Segment(i, i + 1, f" Word {i}.", flags=found) for i, found in enumerate(flags)]
    made = fake_engine.transcript("talk.mp3", many)
    expected = [f"{guess} (and the next 2 segments)", other, guess, other]
    assert re.findall("⚑ (.*)", view.text(made)) == expected
    shown = Page(view.html(made)).text
    assert [shown.count(guess), shown.count(other)] == [2, 2]
    assert view.flagged(made) == "4 flags"
    assert f"{guess} (and the next segment)" in view.text(fake_engine.transcript("talk.mp3", many[:2]))


def test_a_silent_window_is_left_out_once():
    flag = ("silence (no speech 0.93)",)
    skipped = (Segment(0.0, 2.0, " Thank", flags=flag), Segment(2.0, 3.0, " you.", flags=flag))
    made = replace(fake_engine.transcript("a.wav", ()), skipped=skipped)
    assert "skipped: 00:00.00 “Thank you.”, silence (no speech 0.93)\n" in view.text(made)
    assert view.flagged(made) == "1 flag"


def test_any_direction_of_writing():
    page = Page(view.html(fake_engine.transcript("محاضرة.mp3", [Segment(0, 1, "مرحبا <b>")])))
    assert page.attributes.count(("dir", "auto")) == 2
    assert "مرحبا <b>" in page.text


def test_a_translation_is_english():
    transcript = replace(fake_engine.transcript("x"), task="translate", language="fr", language_probability=None)
    html = view.html(transcript)
    assert "fr → en" in Page(html).text
    assert 'lang="en"' in html


def test_nothing_measured_shows_nothing():
    bare = replace(fake_engine.transcript("x"), timing=Timing(), trace=Trace(), language=None)
    assert "×" not in view.text(bare)
    assert "%" not in view.text(bare)
    assert "wm-bar" not in view.html(bare).split("</style>")[1]


def test_a_long_transcript_is_all_there():
    many = [Segment(i, i + 1, f" Sentence {i}.") for i in range(5000)]
    shown = view.html(fake_engine.transcript("x", many))
    assert shown.count("<time>") == 5000
    assert "1:23:19.00 → 1:23:20.00" in shown
    assert "0:00:00.00 → 0:00:01.00" in shown


def test_a_batched_transcript_is_marked():
    batched = replace(fake_engine.transcript("talk.mp3"), mode="batched")
    assert view.text(batched).startswith("talk.mp3 · 0:20 · en 98% · batched\n")
    assert Page(view.html(batched)).text.startswith("talk.mp3 · 0:20 · en 98% · batched")
    assert "sequential" not in view.html(fake_engine.transcript("talk.mp3"))


def test_a_segment_in_another_language_is_marked():
    segments = [Segment(0, 1, " One.", language="en"), Segment(1, 2, " Deux.", language="fr")]
    transcript = fake_engine.transcript("x", segments)
    assert "[00:00.00 → 00:01.00]  One." in view.text(transcript)
    assert "[00:01.00 → 00:02.00]  fr: Deux." in view.text(transcript)
    assert re.sub(r"\x1b\[[\d;]+m", "", view.text(transcript, COLOUR)) == view.text(transcript)
    page = Page(view.html(transcript))
    assert [value for name, value in page.attributes if name == "lang"] == ["en", "fr"]
    assert "00:01.00 → 00:02.00 fr Deux." in page.text
    translated = Page(view.html(replace(transcript, task="translate")))
    assert [value for name, value in translated.attributes if name == "lang"] == ["en", "en"]


def test_what_was_taken_for_silence_is_listed():
    silent = Segment(0.0, 2.0, " Thank you.", flags=("silence (no speech 0.93)",))
    made = replace(fake_engine.transcript("a.wav", ()), skipped=(silent,))
    line = "skipped: 00:00.00 “Thank you.”, silence (no speech 0.93)"
    assert "no speech" in view.text(made)
    assert line in view.text(made)
    assert line in view.html(made)
    assert f"{line.removeprefix('skipped: ')} and 2 more" in view.html(replace(made, skipped=(silent,) * 5))
    gap = Segment(2.0, 6.5, "", flags=("no voice detected (peak -48 dBFS)",))
    assert "skipped: 00:02.00 → 00:06.50, no voice detected (peak -48 dBFS)" in view.text(replace(made, skipped=(gap,)))


def test_words_show_their_times_where_the_pointer_rests():
    made = fake_engine.transcript("a.mp3")
    words = (Word(" A", 0.0, 0.2, 0.9), Word(" <small>", 61.2, 61.7, 0.8))
    spoken = replace(made.segments[0], text=" A <small>", words=words)
    html = view.html(replace(made, segments=(spoken,)))
    assert '<span title="00:00.00 → 00:00.20, 90%"> A</span>' in html
    assert '<span title="01:01.20 → 01:01.70, 80%"> &lt;small&gt;</span>' in html
    other = replace(spoken, text=" Another text")
    assert "Another text" in view.html(replace(made, segments=(other,)))


def test_a_speaker_is_named_where_another_one_was():
    made = fake_engine.transcript("a.mp3")
    words = (Word(" Ask", 0.0, 0.5, 0.9), Word(" not", 0.5, 1.0, 0.9), Word(" why", 2.0, 2.5, 0.9))
    segments = (
        Segment(0.0, 1.0, " Ask not", words=words[:2]),
        Segment(2.0, 3.0, " why", words=words[2:], language="de"),
    )
    named = replace(made, segments=segments).with_speakers([(0.0, 0.5, "<i>Ada"), (0.5, 9.0, "Grace\x1b[1m")])
    assert view.text(named).splitlines()[2:5] == [
        "[00:00.00 → 00:01.00]  <i>Ada: Ask",
        "                       Grace�[1m: not",
        "[00:02.00 → 00:03.00]  de: why",
    ]
    page = Page(view.html(named))
    assert "00:00.00 → 00:01.00 <i>Ada: Ask Grace�[1m: not" in page.text
    assert page.tags.count("bdi") == 2
    assert "00:02.00 → 00:03.00 de why" in page.text
    corrected = replace(named, segments=(replace(named.segments[1], text=" because"), named.segments[0]))
    assert "Grace�[1m: because" in Page(view.html(corrected)).text
