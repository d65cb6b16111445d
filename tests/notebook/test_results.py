"""What a magic returns for several recordings."""

from __future__ import annotations

import pytest

from tests.support import fake_engine
from whisper_magic.errors import AudioNotFound
from whisper_magic.notebook.results import Failure, TranscriptList


def test_a_list_is_a_tuple_with_failures():
    failure = Failure("c.mp3", AudioNotFound("no such file: c.mp3"))
    made = TranscriptList([fake_engine.transcript("a.mp3"), fake_engine.transcript("b.mp3")], [failure])
    assert [transcript.source for transcript in made] == ["a.mp3", "b.mp3"]
    assert made.failures == (failure,)
    assert made.text.splitlines() == [made[0].text, made[1].text]
    assert TranscriptList() == ()


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("c.mp3", "AudioNotFound: no such file: c.mp3"),
        ("takes[3]", "takes[3]: AudioNotFound: no such file: c.mp3"),
    ],
)
def test_a_failure_names_its_source_once(source, line):
    assert str(Failure(source, AudioNotFound("no such file: c.mp3"))) == line
