"""Text formats, and JSON that loads back equal."""

from __future__ import annotations

import json
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whisper_magic import formats
from whisper_magic.errors import PackageMissing, TranscriptError
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Models, Round, Segment, Timing, Trace, Transcript, Word

ODD = ' Ask not\n—“ß”…\u2028 \\ "你好" \udce9'


# As whisper_magic 0.1.0 wrote it for 4 s of the demo recording, shortened: one segment, two words, one round.
VERSION_1 = """
{"format": "whisper_magic.transcript", "version": 1, "segments": [{"start": 0.0, "end": 3.56, "text": " Room number",
"tokens": [1227, 341, 78, 1390], "words": [{"text": " Room", "start": 0.0, "end": 0.7, "probability": 0.9675},
{"text": " number", "start": 0.7, "end": 0.82, "probability": 0.932}], "avg_logprob": -0.1083, "no_speech_prob":
1.2e-05, "compression_ratio": 0.9655, "temperature": 0.0, "flags": [], "language": null}], "language": "en", "task":
"transcribe", "duration": 4.0, "source": "sample.ogg", "options": {"language": null, "task": "transcribe",
"timestamps": true, "words": true, "prompt": null, "hotwords": null, "condition_on_previous": false,
"suppress_tokens": null, "max_initial_timestamp": null, "max_tokens": null, "temperature": [0.0, 0.2, 0.4, 0.6, 0.8,
1.0], "compression_ratio_threshold": 2.4, "logprob_threshold": -1.0, "no_speech_threshold": 0.6, "seed": 0,
"acceptance": "coupled", "draft": "auto", "draft_length": 5, "batch_size": 8, "mode": "auto", "vad": false, "clips":
[], "start": null, "end": 4.0, "channel": "mix"}, "trace": {"rounds": [{"window": 0, "position": 3, "proposed": [1227,
341, 78], "accepted": 3, "token": 1390, "draft_seconds": 0.0007, "verify_seconds": 0.0039, "temperature": 0.0}]},
"timing": {"load": 0.0073, "features": 0.0195, "encode": 0.1904, "prefill": 0.0039, "draft": 0.0017, "verify": 0.0052,
"align": 0.0353, "total": 0.2771, "audio": 4.0}, "models": {"target": "demo", "draft": "demo-draft",
"device": "cpu (1 thread)", "dtype": "float32", "attention": "native"}, "language_probability": 0.9996,
"complete": true, "skipped": [], "notes": [], "mode": "sequential"}
"""


def saying(*segments: tuple[float, float, str]) -> Transcript:
    return Transcript(
        tuple(Segment(start, end, text) for start, end, text in segments), "en", "transcribe", 9.0, "talk.mp3"
    )


@pytest.fixture
def rich() -> Transcript:
    """A transcript in which every field differs from its default."""
    words = (Word(" Ask", 0.5, 0.75, 0.9), Word(" not", 0.75, 1.0, 0.1 + 0.2, "Ada"))
    segments = (
        Segment(0.5, 1.0, ODD, (50364, 1, 2), words, -0.25, 0.01, 1.5, 0.2, ("loops",)),
        Segment(1.0, 2.0, "", avg_logprob=float("-inf"), temperature=1),
    )
    rounds = (Round(0, 4, (1, 2, 3), 2, 9, 0.001, 0.002, 0.2, "ngram"), Round(0, 7, (), 0, None))
    options = TranscribeOptions(
        language="en",
        task="translate",
        timestamps=False,
        prompt="Kennedy",
        condition_on_previous=True,
        suppress_tokens=(1, 2),
        max_initial_timestamp=1.0,
        max_tokens=100,
        temperature=(0.0, 0.5, 1),
        logprob_threshold=None,
        seed=2**62 + 1,
        draft="none",
        draft_length="auto",
        start=1.0,
        end=2.5,
        channel=1,
    )
    timing = Timing(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 2.9, 11.0)
    models = Models("target", "draft", "cuda", "float16", "flash_attention_2")
    return Transcript(
        segments,
        "en",
        "translate",
        11.0,
        "talk \udce9.mp3",
        options,
        Trace(rounds),
        timing,
        models,
        0.99,
        False,
        segments[:1],
    )


# Subtitles and plain text


def test_srt() -> None:
    transcript = saying((0, 1.5, " One."), (1.5, 2, "  "), (3599.9996, 3661.0014, " a --> b\n\nc "))
    assert formats.text(transcript, "srt") == (
        "1\n00:00:00,000 --> 00:00:01,500\nOne.\n\n2\n01:00:00,000 --> 01:01:01,001\na -> b  c\n\n"
    )


def test_vtt() -> None:
    transcript = saying((59.9996, 3600, " <b>R&D</b> --> x"), (360_000, 360_001, "later"))
    assert formats.text(transcript, "vtt") == (
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
    line = formats.text(made, "vtt").splitlines()[3]
    assert line == "R&amp;D<00:00:01.500> is it."  # only what comes later than the word before, and before the end
    changed = replace(segment, text=" R&D was it.")  # corrected: the words are not those of the text
    assert formats.text(replace(made, segments=(changed,)), "vtt").splitlines()[3] == "R&amp;D was it."


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
    assert formats.text(named, "txt").splitlines() == lines
    assert formats.text(named, "srt") == (
        "1\n00:00:00,000 --> 00:00:02,500\nAda <3>: One\nGrace ->: & two.\n\n"
        "2\n00:00:03,000 --> 00:00:04,000\nThree.\n\n"
        "3\n00:00:04,500 --> 00:00:06,000\nFour\nAda <3>: five.\n\n"
    )
    assert formats.text(named, "tsv") == formats.text(SPOKEN, "tsv")
    assert formats.loads(Transcript, formats.dumps(named)) == named


def test_vtt_gives_each_cue_its_voices() -> None:
    assert formats.text(SPOKEN.with_speakers(TURNS), "vtt").splitlines()[3::3] == [
        "<v Ada &lt;3&gt;>One</v><v Grace -&gt;><00:00:01.000> &amp;<00:00:02.000> two.</v>",
        "<v Grace -&gt;>Three.</v>",
        "Four<v Ada &lt;3&gt;><00:00:05.000> five.</v>",
    ]
    one = SPOKEN.with_speakers([(0, 9, "Ada")])
    corrected = replace(one, segments=(replace(one.segments[0], text=" One or two."),))
    assert formats.text(corrected, "vtt").splitlines()[3] == "<v Ada>One or two.</v>"


def test_nobody_is_named_where_nobody_is_known() -> None:
    for fmt in ("txt", "srt", "vtt", "tsv"):
        assert formats.text(SPOKEN.with_speakers([]), fmt) == formats.text(SPOKEN, fmt)
    assert formats.text(SPOKEN, "txt") == "One & two.\nThree.\nFour five.\n"


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
    assert formats.text(transcript, "tsv") == "start\tend\ttext\n0\t1234\ttab here\n3000\t4000\ttwo lines\n"
    assert formats.text(transcript, "txt") == "tab\there\ntwo lines\n"


def test_nothing_said() -> None:
    assert [formats.text(saying(), fmt) for fmt in ("txt", "srt", "vtt", "tsv")] == [
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
        written = (tmp_path / name).read_bytes().decode("utf-8")
        assert written == formats.text(transcript, name.lower()[2:])
    assert formats.save(transcript, str(tmp_path / "b.txt")) == tmp_path / "b.txt"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", ["a.doc", "a", ".srt", "srt", "a.srt.bak"])
def test_an_unknown_ending_names_those_known(tmp_path: Path, name: str) -> None:
    with pytest.raises(TranscriptError, match=r"use one of the extensions \.txt, \.srt, \.vtt, \.tsv, \.json, \.docx$"):
        saying().save(tmp_path / name)
    with pytest.raises(TranscriptError, match="no transcript format is called 'sr'; did you mean srt"):
        formats.text(saying(), "sr")
    with pytest.raises(TranscriptError, match=r"the formats are: txt, srt, vtt, tsv, json, docx$"):
        formats.text(saying(), "pdf")


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


# JSON


def test_json_loads_back_equal(rich: Transcript, tmp_path: Path) -> None:
    assert formats.loads(Transcript, formats.text(rich, "json")) == rich
    rich.save(tmp_path / "a.json")
    back = Transcript.load(tmp_path / "a.json")
    assert back == rich
    assert isinstance(back.segments[0].tokens, tuple)
    assert isinstance(back.options.suppress_tokens, tuple)
    assert formats.loads(Transcript, formats.text(saying(), "json")) == saying()


def test_every_field_is_in_the_json(rich: Transcript) -> None:
    document = json.loads(formats.text(rich, "json"))
    assert (document["format"], document["version"]) == ("whisper_magic.transcript", 2)
    word = {"text": " not", "start": 0.75, "end": 1.0, "probability": 0.1 + 0.2, "speaker": "Ada"}
    assert document["segments"][0]["words"][1] == word
    assert [r["drafter"] for r in document["trace"]["rounds"]] == ["ngram", None]
    assert document["options"]["task"] == "translate"
    assert document["segments"][1]["avg_logprob"] == "-inf"
    assert "你好" in formats.text(rich, "json")


def test_a_document_of_version_1_loads() -> None:
    transcript = formats.loads(Transcript, VERSION_1)
    assert transcript.timing == Timing(0.0073, 0.0195, 0.1904, 0.0039, 0.0017, 0.0052, 0.0353, 0.2771, 4.0)
    assert transcript.timing.read == 0.0073
    assert transcript.words == (Word(" Room", 0.0, 0.7, 0.9675), Word(" number", 0.7, 0.82, 0.932))
    assert transcript.trace.rounds == (Round(0, 3, (1227, 341, 78), 3, 1390, 0.0007, 0.0039, drafter=None),)
    assert transcript.options == TranscribeOptions(words=True, end=4.0)
    assert formats.loads(Transcript, formats.dumps(transcript)) == transcript


def test_a_draft_length_that_only_version_1_had_is_noted() -> None:
    old = json.loads(VERSION_1)
    old["options"]["draft_length"] = 32
    transcript = formats.loads(Transcript, json.dumps(old))
    assert transcript.options.draft_length == 7
    assert transcript.notes == ("made with draft_length=32; the longest is 7 now",)
    old["options"]["draft_length"] = 33
    with pytest.raises(TranscriptError, match="from 1 to 7, got 33"):
        formats.loads(Transcript, json.dumps(old))


def test_numpy_numbers_are_numbers() -> None:
    transcript = Transcript(
        (Segment(np.float32(0.1), np.float64(1), "a", (np.int64(5),)),), "en", "transcribe", 1.0, "array"
    )
    assert formats.loads(Transcript, formats.text(transcript, "json")) == transcript


def test_a_field_that_has_a_default_may_be_missing() -> None:
    document = json.loads(formats.text(saying((0, 1, "a")), "json"))
    del document["timing"], document["segments"][0]["tokens"]
    assert formats.loads(Transcript, json.dumps(document)) == saying((0, 1, "a"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "is not a whisper_magic transcript"),
        ({"version": 3}, "of version 3, not 2: it is newer than this whisper_magic: upgrade to read it"),
        ({"version": 0}, "of version 0, not 2: it may be damaged"),
        ({"version": "x"}, "of version 'x', not 2: it may be damaged"),
        ({"version": 1, "timing": []}, r"transcript.timing cannot be \[\]"),
        ({"timing": {"load": 1.0}}, "transcript.timing has an unknown field 'load'"),
        ({"language": 5}, "transcript.language cannot be 5"),
        ({"complete": 1}, "transcript.complete cannot be 1"),
        ({"duration": True}, "transcript.duration cannot be true"),
        ({"segments": {}}, r"transcript.segments cannot be \{\}"),
        ({"segments": [{"start": 0, "end": 1}]}, r"transcript.segments\[0\] has no text"),
        ({"segments": [[]]}, r"transcript.segments\[0\] cannot be \[\]"),
        (
            {"segments": [{"start": 0, "end": 1, "text": "", "tokens": [1.5]}]},
            r"tokens\[0\] cannot be 1.5",
        ),
        ({"options": {"task": "sing"}}, 'transcript.options.task cannot be "sing"'),
        ({"options": {"draft_length": 0}}, "draft_length must be 'auto' or a whole number from 1 to 7, got 0"),
        ({"colour": "red"}, "has an unknown field 'colour'"),
    ],
)
def test_a_damaged_document_gives_one_line(change: dict[str, Any], message: str) -> None:
    document = json.loads(formats.text(saying(), "json")) | change
    with pytest.raises(TranscriptError, match=message) as error:
        formats.loads(Transcript, json.dumps(document))
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("content", ["", "1\n00:00", "[]", "null", "{}", "[" * 100_000, "9" * 10_000, '{"format": []}'])
def test_text_that_is_no_transcript_gives_one_line(content: str) -> None:
    with pytest.raises(TranscriptError, match="this text is not") as error:
        formats.loads(Transcript, content)
    assert len(str(error.value).splitlines()) == 1


def test_files_that_are_no_transcript(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match=r"cannot read .*none\.json: No such file"):
        formats.load(Transcript, tmp_path / "none.json")
    with pytest.raises(TranscriptError, match="Is a directory"):
        formats.load(Transcript, tmp_path)
    (tmp_path / "a.json").write_bytes(b"\xff\xfe")
    with pytest.raises(TranscriptError, match="it is not UTF-8 text"):
        formats.load(Transcript, tmp_path / "a.json")
    saying().save(tmp_path / "a.srt")
    with pytest.raises(TranscriptError, match=r"only \.json transcripts can be loaded"):
        formats.load(Transcript, tmp_path / "a.srt")


def test_a_long_trace_is_quick(rich: Transcript) -> None:
    long = replace(rich, trace=Trace(rich.trace.rounds * 5000))
    assert formats.loads(Transcript, formats.text(long, "json")) == long
