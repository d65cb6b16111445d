"""Several transcripts, as text and as HTML."""

from __future__ import annotations

from dataclasses import replace

from tests.support import fake_engine
from tests.support.html import Page
from whisper_magic.errors import AudioNotFound
from whisper_magic.notebook.results import Failure, TranscriptList
from whisper_magic.notebook.views import transcript_list as view


def test_a_list_counts_recordings_and_failures():
    both = [fake_engine.transcript("a.mp3"), fake_engine.transcript("b.mp3")]
    made = TranscriptList(both, [Failure("c.mp3", AudioNotFound("c"))])
    summary = "2 recordings, 0:40, 12.5× real time, 1 failed"
    assert view.text(made).splitlines()[-1] == summary
    assert Page(view.html(made)).text.endswith(summary)
    assert view.line(made) == f"<TranscriptList: {summary}>"


def test_an_empty_list():
    assert view.summary(TranscriptList()) == "0 recordings, 0.0 s"
    assert view.text(TranscriptList()) == "0 recordings, 0.0 s"


def test_a_line_has_name_length_speed_and_opening():
    made = TranscriptList([fake_engine.transcript("a.mp3"), fake_engine.transcript("longer.mp3")])
    first, second, _ = view.text(made).splitlines()
    assert first == "a.mp3          0:20   12.5×  en A small model reads the room. Nobody was <b>bold</b> &…"
    assert len(first) <= 88
    assert second.startswith("longer.mp3     0:20   12.5×  en A small model")


def test_a_line_opens_to_the_transcript():
    page = Page(view.html(TranscriptList([fake_engine.transcript("a.mp3")])))
    assert page.tags.count("details") == page.tags.count("summary") == 1
    assert "00:00.00 → 00:04.00 A small model reads the room." in page.text


def test_silence_is_named():
    silent = fake_engine.transcript("talk.mp3", ())
    assert view.text(TranscriptList([silent, silent])).count("no speech") == 2
    assert "no speech" in Page(view.html(TranscriptList([silent]))).text


def test_partial_transcripts_are_marked():
    partial = TranscriptList([fake_engine.transcript("talk.mp3", fake_engine.SEGMENTS[:1], complete=False)])
    assert "(partial)" in view.text(partial)
    assert "partial" in Page(view.html(partial)).text
    assert "×" not in view.text(partial).splitlines()[0]


def test_a_line_has_language_and_flags():
    made = fake_engine.transcript("a.mp3")
    flagged = replace(made, segments=(replace(made.segments[0], flags=("no speech?",)), *made.segments[1:]))
    first, second, _ = view.text(TranscriptList([made, flagged])).splitlines()
    assert f"  {made.language} " in first
    assert "flag" not in first
    assert f"  {made.language} (1 flag) A small" in second
    assert "⚑ 1 flag" in Page(view.html(TranscriptList([flagged]))).text


def test_long_names_keep_their_end():
    names = [f"interviews/2026-11-{day}/the-long-afternoon-session/microphone-{day}.mp3" for day in (24, 25)]
    lines = view.text(TranscriptList([fake_engine.transcript(name) for name in names])).splitlines()
    assert "microphone-24.mp3" in lines[0]
    assert "microphone-25.mp3" in lines[1]
