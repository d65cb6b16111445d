"""What a magic returns for several recordings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support import fake_engine
from whisper_magic.errors import AudioNotFound
from whisper_magic.notebook.results import Failure, TranscriptList
from whisper_magic.transcript import Word


def test_a_list_is_a_tuple_with_failures():
    failure = Failure("c.mp3", AudioNotFound("no such file: c.mp3"))
    made = TranscriptList([fake_engine.transcript("a.mp3"), fake_engine.transcript("b.mp3")], [failure])
    assert [transcript.source for transcript in made] == ["a.mp3", "b.mp3"]
    assert made.failures == (failure,)
    assert made.text.splitlines() == [made[0].text, made[1].text]
    assert TranscriptList() == ()


def test_a_slice_is_a_list():
    failure = Failure("c.mp3", AudioNotFound("no such file: c.mp3"))
    made = TranscriptList([fake_engine.transcript(f"{name}.mp3") for name in "abc"], [failure])
    assert type(made[1:]) is TranscriptList
    assert [transcript.source for transcript in made[1:]] == ["b.mp3", "c.mp3"]
    assert made[1:].failures == (failure,)
    assert made[-1].source == "c.mp3"


def test_a_table_has_a_row_per_segment_or_word_and_names_the_source():
    talk = fake_engine.transcript("a.mp3")
    spoken = replace(talk.segments[0], words=(Word(" A", 0.0, 0.2, 0.9), Word(" small", 0.2, 0.7, 0.8)))
    made = TranscriptList([talk, replace(talk, source="b.mp3", segments=(spoken,))])
    assert list(made.to_pandas()["source"]) == ["a.mp3"] * len(talk.segments) + ["b.mp3"]
    assert list(made.to_pandas()["language"].unique()) == [talk.language]
    words = made.to_pandas(words=True)
    assert words.to_dict("records")[-1] == {
        "source": "b.mp3", "start": 0.2, "end": 0.7, "text": " small", "probability": 0.8, "speaker": None,
    }  # fmt: skip
    assert list(TranscriptList().to_pandas()) == list(made.to_pandas())


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("c.mp3", "AudioNotFound: no such file: c.mp3"),
        ("takes[3]", "takes[3]: AudioNotFound: no such file: c.mp3"),
    ],
)
def test_a_failure_names_its_source_once(source, line):
    assert str(Failure(source, AudioNotFound("no such file: c.mp3"))) == line
