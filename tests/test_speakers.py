"""Turns of a diarizer, and the names that words get from them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from whisper_magic import speakers
from whisper_magic.errors import OptionError, TranscriptError
from whisper_magic.speakers import Turn, Utterance
from whisper_magic.transcript import Segment, Transcript, Word

WORDS = (
    Word(" Ask", 0.0, 0.5, 0.9),
    Word(" not", 0.5, 1.0, 0.8),
    Word(" Why", 1.0, 1.4, 1.0),
    Word("?", 1.4, 1.4, 1.0),
)
LATER = (Word(" Because", 3.0, 3.5, 1.0),)
TALK = Transcript(
    (Segment(0, 1.4, " Ask not Why?", words=WORDS), Segment(3, 3.5, " Because", words=LATER)),
    "en",
    "transcribe",
    4.0,
    "talks/talk.mp3",
)
TURNS = [(0.9, 2.0, "Grace"), (0.0, 0.9, "Ada")]  # in any order


def speaker_of(transcript: Transcript) -> list[str | None]:
    return [word.speaker for word in transcript.words]


def rttm(folder: Path, *lines: str) -> Path:
    path = folder / "talk.rttm"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_a_word_has_the_name_whose_turns_overlap_it_longest() -> None:
    named = TALK.with_speakers(TURNS)
    assert speaker_of(named) == ["Ada", "Ada", "Grace", "Grace", None]  # "?" has no length; nobody speaks at 3 s
    assert speaker_of(TALK) == [None] * 5
    assert speaker_of(named.with_speakers([])) == [None] * 5
    assert replace(named, segments=TALK.segments) == TALK


def test_turns_may_overlap_and_parts_of_a_name_are_added_up() -> None:
    turns = [(0.0, 9.0, "Ada"), (0.5, 0.7, "Grace"), (0.7, 1.0, "Grace"), (1.0, 1.2, "Grace")]
    assert speaker_of(TALK.with_speakers(turns)) == ["Ada"] * 5  # of equals the one who began first
    assert speaker_of(TALK.with_speakers([*turns, (0.9, 1.0, "Grace")]))[1] == "Grace"


def test_pyannote_s_annotation() -> None:
    tracks = [(SimpleNamespace(start=start, end=end), "A", name) for start, end, name in TURNS]
    annotation = SimpleNamespace(itertracks=lambda yield_label: tracks if yield_label else None)
    assert TALK.with_speakers(annotation) == TALK.with_speakers(TURNS)


def test_an_rttm_file(tmp_path: Path) -> None:
    path = rttm(
        tmp_path,
        ";; a comment",
        "SPKR-INFO talk 1 <NA> <NA> <NA> unknown Ada <NA>",
        "SPEAKER talk 1 0.000 0.900 <NA> <NA> Ada <NA> <NA>",
        "",
        "SPEAKER talk 1 0.900 1.100 <NA> <NA> Grace <NA> <NA>",
    )
    assert TALK.with_speakers(path) == TALK.with_speakers(str(path)) == TALK.with_speakers(TURNS)
    assert speaker_of(TALK.with_speakers(rttm(tmp_path, ""))) == [None] * 5


def test_an_rttm_file_of_several_recordings(tmp_path: Path) -> None:
    lines = [f"SPEAKER {name} 1 0 9 <NA> <NA> {who} <NA> <NA>" for name, who in (("other", "Alan"), ("talk", "Ada"))]
    assert speaker_of(TALK.with_speakers(rttm(tmp_path, *lines))) == ["Ada"] * 5
    with pytest.raises(OptionError, match="has turns of 2 recordings, but none of speech"):
        replace(TALK, source="speech.wav").with_speakers(rttm(tmp_path, *lines))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Ask not what", "line 1 is not 'SPEAKER file 1 start duration <NA> <NA> name': Ask not what"),
        ("SPEAKER talk 1 0.0 0.9 <NA>", "line 1 is not 'SPEAKER file"),
        ("SPEAKER talk 1 zero 0.9 <NA> <NA> Ada", "line 1 has no start and duration: SPEAKER talk 1 zero"),
        ("SPEAKER talk 1 0.0 nan <NA> <NA> Ada", "line 1 goes from 0 to nan s: it must end after it begins"),
        ("SPEAKER talk 1 2.0 -1 <NA> <NA> Ada", "line 1 goes from 2 to 1 s"),
    ],
)
def test_a_bad_line_of_an_rttm_file_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(OptionError, match=re.escape(message)) as raised:
        TALK.with_speakers(rttm(tmp_path, line))
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_text_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"cannot read .*nowhere.rttm: No such file"):
        TALK.with_speakers(tmp_path / "nowhere.rttm")
    (tmp_path / "talk.rttm").write_bytes(b"\xff\xfe")
    with pytest.raises(OptionError, match=r"talk.rttm is not an RTTM file: it is not UTF-8 text"):
        TALK.with_speakers(tmp_path / "talk.rttm")


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        (7, "turns must be (start, end, name), an RTTM file or a pyannote Annotation, got int"),
        ([(0, 1)], "turn 0 is not (start, end, name): (0, 1)"),
        ([(0, 1, "Ada"), ("x", 2, "Ada")], "turn 1 is not (start, end, name): ('x', 2, 'Ada')"),
        ([(0, 1, 3)], "turn 0 has the speaker 3: a name must be text"),
        ([(0, 1, " ")], "turn 0 has the speaker ' ': a name must be text"),
        ([(2, 1, "Ada")], "turn 0 goes from 2 to 1 s: it must end after it begins"),
        ([(0, float("nan"), "Ada")], "turn 0 goes from 0 to nan s"),
        ([(0, float("inf"), "Ada")], "turn 0 goes from 0 to inf s"),
    ],
)
def test_turns_that_make_no_sense(turns: Any, message: str) -> None:
    with pytest.raises(OptionError, match=re.escape(message)):
        TALK.with_speakers(turns)


def test_words_are_needed_where_there_is_text() -> None:
    plain = replace(TALK, segments=(Segment(0, 1, " Ask not"),))
    with pytest.raises(TranscriptError, match=re.escape("transcribe with words=True (--words)")):
        plain.with_speakers(TURNS)
    silent = replace(TALK, segments=())
    assert silent.with_speakers(TURNS) == silent


def test_turns_that_named_words_make() -> None:
    named = TALK.with_speakers([*TURNS, (3, 4, "Grace")])
    assert speakers.turns_of(named.words) == [Turn(0.0, 1.0, "Ada"), Turn(1.0, 1.4, "Grace"), Turn(3.0, 3.5, "Grace")]
    nobody = replace(WORDS[1], speaker=None)
    assert speakers.turns_of([replace(WORDS[0], speaker="Ada"), nobody, replace(WORDS[2], speaker="Ada")]) == [
        Turn(0.0, 0.5, "Ada"),
        Turn(1.0, 1.4, "Ada"),
    ]
    assert speakers.turns_of(WORDS) == []


def test_a_name_stands_where_another_speaker_begins() -> None:
    first, second = TALK.with_speakers([*TURNS, (3, 4, "Grace")]).segments
    assert list(speakers.lines([first, second])) == [
        [Utterance("Ada", " Ask not"), Utterance("Grace", " Why?", 2)],
        [Utterance(None, " Because")],
    ]
    unknown = replace(first, words=(first.words[0], replace(first.words[1], speaker=None), *first.words[2:]))
    assert list(speakers.lines([unknown])) == [[Utterance("Ada", " Ask not"), Utterance("Grace", " Why?", 2)]]
    assert list(speakers.lines(TALK.segments)) == [[Utterance(None, " Ask not Why?")], [Utterance(None, " Because")]]


def test_words_that_are_not_the_text_name_it_where_all_of_them_are_one_s() -> None:
    first, second = TALK.with_speakers([*TURNS, (3, 4, "Grace")]).segments
    assert speakers.utterances(replace(first, text=" Ask. Why?")) == [Utterance(None, " Ask. Why?")]
    assert speakers.utterances(replace(second, text=" As")) == [Utterance("Grace", " As")]
