"""Several transcripts, as text and as HTML."""

from __future__ import annotations

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
    assert first == "a.mp3          0:20   12.5×  A small model reads the room. Nobody was <b>bold</b> & eve…"
    assert len(first) == 88
    assert second.startswith("longer.mp3     0:20   12.5×  A small model")


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
