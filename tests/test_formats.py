"""Transcripts as files."""

from __future__ import annotations

import re
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from whisper_magic import documents, formats
from whisper_magic.errors import PackageMissing, TranscriptError
from whisper_magic.transcript import Segment, Transcript, Word


def saying(*segments: tuple[float, float, str]) -> Transcript:
    return Transcript(
        tuple(Segment(start, end, text) for start, end, text in segments), "en", "transcribe", 9.0, "talk.mp3"
    )


def written(transcript: Transcript, fmt: str) -> str:
    return formats.content(transcript, fmt).decode("utf-8")


# Subtitles and plain text


def test_srt() -> None:
    transcript = saying((0, 1.5, " One."), (1.5, 2, "  "), (3599.9996, 3661.0014, " a --> b\n\nc "))
    assert written(transcript, "srt") == (
        "1\n00:00:00,000 --> 00:00:01,500\nOne.\n\n2\n01:00:00,000 --> 01:01:01,001\na -> b  c\n\n"
    )


def test_vtt() -> None:
    transcript = saying((59.9996, 3600, " <b>R&D</b> --> x"), (360_000, 360_001, "later"))
    assert written(transcript, "vtt") == (
        "WEBVTT\n\n00:01:00.000 --> 01:00:00.000\n&lt;b&gt;R&amp;D&lt;/b&gt; -&gt; x\n\n"
        "100:00:00.000 --> 100:00:01.000\nlater\n\n"
    )


def test_vtt_has_the_times_of_words_inside() -> None:
    words = (
        Word(" R&D", 1.0, 1.4, 1.0),
        Word(" is", 1.5, 1.6, 1.0),
        Word(" it", 1.5, 1.8, 1.0),
        Word(".", 2.0, 2.0, 1.0),
    )
    segment = Segment(1.0, 2.0, " R&D is it.", words=words)
    made = Transcript((segment,), "en", "transcribe", 3.0, "x")
    line = written(made, "vtt").splitlines()[3]
    assert line == "R&amp;D<00:00:01.500> is it."  # only what comes later than the word before, and before the end
    changed = replace(segment, text=" R&D was it.")  # corrected: the words are not those of the text
    assert written(replace(made, segments=(changed,)), "vtt").splitlines()[3] == "R&amp;D was it."


TURNS = [(0.0, 1.0, "Ada <3>"), (1.0, 2.6, " Grace\n-->"), (3.0, 4.0, " Grace\n-->"), (5.0, 6.0, "Ada <3>")]
SPOKEN = Transcript(
    (
        Segment(
            0.0, 2.5, " One & two.", words=(Word(" One", 0, 0.9, 1), Word(" &", 1, 1.2, 1), Word(" two.", 2, 2.5, 1))
        ),
        Segment(3.0, 4.0, " Three.", words=(Word(" Three.", 3, 4, 1),)),
        Segment(4.5, 6.0, " Four five.", words=(Word(" Four", 4.5, 4.9, 1), Word(" five.", 5, 6, 1))),
    ),
    "en",
    "transcribe",
    6.0,
    "talk.mp3",
)


def test_names_stand_where_another_speaker_begins() -> None:
    named = SPOKEN.with_speakers(TURNS)
    lines = ["Ada <3>: One", "Grace -->: & two.", "Three.", "Four", "Ada <3>: five."]
    assert written(named, "txt").splitlines() == lines
    assert written(named, "srt") == (
        "1\n00:00:00,000 --> 00:00:02,500\nAda <3>: One\nGrace ->: & two.\n\n"
        "2\n00:00:03,000 --> 00:00:04,000\nThree.\n\n"
        "3\n00:00:04,500 --> 00:00:06,000\nFour\nAda <3>: five.\n\n"
    )
    assert written(named, "tsv") == written(SPOKEN, "tsv")
    assert documents.loads(Transcript, documents.dumps(named)) == named


def test_vtt_gives_each_cue_its_voices() -> None:
    assert written(SPOKEN.with_speakers(TURNS), "vtt").splitlines()[3::3] == [
        "<v Ada &lt;3&gt;>One</v><v Grace -&gt;><00:00:01.000> &amp;<00:00:02.000> two.</v>",
        "<v Grace -&gt;>Three.</v>",
        "Four<v Ada &lt;3&gt;><00:00:05.000> five.</v>",
    ]
    one = SPOKEN.with_speakers([(0, 9, "Ada")])
    corrected = replace(one, segments=(replace(one.segments[0], text=" One or two."),))
    assert written(corrected, "vtt").splitlines()[3] == "<v Ada>One or two.</v>"


def test_nobody_is_named_where_nobody_is_known() -> None:
    for fmt in ("txt", "srt", "vtt", "tsv"):
        assert written(SPOKEN.with_speakers([]), fmt) == written(SPOKEN, fmt)
    assert written(SPOKEN, "txt") == "One & two.\nThree.\nFour five.\n"


def test_docx(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    transcript = replace(saying((0, 1, " One ü."), (61.2, 62, " \x07bell")), source="/tmp/my talk.mp3")
    made = docx.Document(transcript.save(tmp_path / "a.docx"))
    assert [paragraph.text for paragraph in made.paragraphs] == [
        "my talk.mp3",
        "00:00:00\tOne ü.",
        "00:01:01\t\ufffdbell",
    ]
    assert made.core_properties.title == "my talk.mp3"
    made = docx.Document(SPOKEN.with_speakers(TURNS).save(tmp_path / "b.docx"))
    assert made.paragraphs[1].text == "00:00:00\tAda <3>: One\nGrace -->: & two."


def test_without_python_docx_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(PackageMissing, match=r"pip install 'whisper-magic\[docx\]'"):
        saying((0, 1, "x")).save(tmp_path / "a.docx")
    assert not list(tmp_path.iterdir())


def test_tsv_and_txt() -> None:
    transcript = saying((0, 1.2345, " tab\there "), (2, 3, ""), (3, 4, " two\r\nlines"))
    assert written(transcript, "tsv") == "start\tend\ttext\n0\t1234\ttab here\n3000\t4000\ttwo lines\n"
    assert written(transcript, "txt") == "tab\there\ntwo lines\n"


def test_nothing_said() -> None:
    assert [written(saying(), fmt) for fmt in ("txt", "srt", "vtt", "tsv")] == [
        "",
        "",
        "WEBVTT\n\n",
        "start\tend\ttext\n",
    ]


# Saving


def test_the_ending_chooses_the_format(tmp_path: Path) -> None:
    transcript = saying((0, 1, " One ü."))
    for name in ("a.txt", "a.srt", "a.vtt", "a.tsv", "a.json", "A.SRT"):
        assert transcript.save(tmp_path / name) == tmp_path / name
        assert (tmp_path / name).read_bytes() == formats.content(transcript, name.lower()[2:])
    assert formats.save(transcript, str(tmp_path / "b.txt")) == tmp_path / "b.txt"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", ["a.doc", "a", ".srt", "srt", "a.srt.bak"])
def test_an_unknown_ending_names_those_known(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        TranscriptError, match=re.escape(f"use one of the extensions {', '.join(formats.ENDINGS)}") + "$"
    ):
        saying().save(tmp_path / name)
    with pytest.raises(TranscriptError, match="no transcript format is called 'sr'; did you mean srt"):
        written(saying(), "sr")
    with pytest.raises(TranscriptError, match=f"the formats are: {', '.join(formats.FORMATS)}$"):
        written(saying(), "pdf")


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match=r"there is no folder .*nowhere; make it first$"):
        saying().save(tmp_path / "nowhere" / "a.srt")


def test_home_and_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "true.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("true.txt")
    assert saying((0, 1, "new")).save("~/link.txt") == tmp_path / "link.txt"
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "true.txt").read_text() == "new\n"


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def full(self: Path, other: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(TranscriptError, match=r"cannot write .*a\.txt: No space left on device$"):
        saying((0, 1, "new")).save(target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_others_may_read_what_was_saved(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    path = saying().save(tmp_path / "a.txt")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


# The registry


def test_every_list_of_formats_is_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tuple(formats.WRITERS) == formats.FORMATS
    assert {"txt", "srt", "vtt", "tsv", "json", "docx"} <= set(formats.FORMATS)
    assert all(writer.name == name and writer.summary for name, writer in formats.WRITERS.items())
    monkeypatch.setitem(formats.WRITERS, "md", formats.Writer("md", "Markdown", lambda document: b"# Made up"))
    assert formats.content(saying(), "md") == b"# Made up"
