"""Forced alignment on OpenAI's weights and a real recording: given words are found where they are said."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from whisper_magic import Engine, OptionError
from whisper_magic.audio.load import load

pytestmark = [pytest.mark.real, pytest.mark.recordings]

SAID = "And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country."


@pytest.fixture
def engine(real_engine: Engine) -> Engine:
    return real_engine


def test_words_stand_where_transcription_finds_them(engine: Engine, recordings: Path) -> None:
    decoded = engine.transcribe(recordings / "jfk.flac", language="en", words=True).words
    aligned = engine.align(recordings / "jfk.flac", SAID, language="en")
    assert [word.text.strip(" ,.").lower() for word in aligned] == [word.text.strip(" ,.").lower() for word in decoded]
    apart = [abs(a.start - d.start) for a, d in zip(aligned, decoded, strict=True)]
    assert sorted(apart)[len(apart) // 2] < 0.05  # seconds; the decoded ones are attended to with timestamps
    assert max(apart) < 0.5
    assert all(one.start < one.end <= other.start for one, other in pairwise(aligned))


def test_a_part_has_the_times_of_the_whole(engine: Engine, recordings: Path) -> None:
    part = load(recordings / "jfk.flac", start=3.2, end=6.0)
    first, *_, last = engine.align(part, " ask not what your country", language="en")
    assert 3.2 <= first.start < 3.6
    assert last.end <= 6.0


def test_what_does_not_fit_is_refused_in_a_line(engine: Engine, recordings: Path) -> None:
    with pytest.raises(OptionError, match="at most 30 s of audio, got 35"):
        engine.align((load(recordings / "jfk.flac").samples.repeat(4)[: 35 * 16_000], 16_000), SAID)
    with pytest.raises(OptionError, match="does not fit in the context of 448"):
        engine.align(recordings / "jfk.flac", SAID * 30)
    with pytest.raises(OptionError, match="does not support language 'klingon'"):
        engine.align(recordings / "jfk.flac", SAID, language="klingon")
    assert engine.align(recordings / "jfk.flac", "  ") == ()
