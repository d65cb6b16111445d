"""Transcripts as JSON, which load back equal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whisper_magic import documents
from whisper_magic.errors import TranscriptError
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Models, Round, Segment, Timing, Trace, Transcript, Word

ODD = ' Ask not\n—“ß”…\u2028 \\ "你好" \udce9'


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


def test_json_loads_back_equal(rich: Transcript, tmp_path: Path) -> None:
    assert documents.loads(Transcript, documents.dumps(rich)) == rich
    rich.save(tmp_path / "a.json")
    back = Transcript.load(tmp_path / "a.json")
    assert back == rich
    assert isinstance(back.segments[0].tokens, tuple)
    assert isinstance(back.options.suppress_tokens, tuple)
    assert documents.loads(Transcript, documents.dumps(saying())) == saying()


def test_every_field_is_in_the_json(rich: Transcript) -> None:
    document = json.loads(documents.dumps(rich))
    assert (document["format"], document["version"]) == ("whisper_magic.transcript", 1)
    word = {"text": " not", "start": 0.75, "end": 1.0, "probability": 0.1 + 0.2, "speaker": "Ada"}
    assert document["segments"][0]["words"][1] == word
    assert [r["drafter"] for r in document["trace"]["rounds"]] == ["ngram", None]
    assert document["options"]["task"] == "translate"
    assert document["segments"][1]["avg_logprob"] == "-inf"
    assert "你好" in documents.dumps(rich)


def test_numpy_numbers_are_numbers() -> None:
    transcript = Transcript(
        (Segment(np.float32(0.1), np.float64(1), "a", (np.int64(5),)),), "en", "transcribe", 1.0, "array"
    )
    assert documents.loads(Transcript, documents.dumps(transcript)) == transcript


def test_a_field_that_has_a_default_may_be_missing() -> None:
    document = json.loads(documents.dumps(saying((0, 1, "a"))))
    del document["timing"], document["segments"][0]["tokens"]
    assert documents.loads(Transcript, json.dumps(document)) == saying((0, 1, "a"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "is not a whisper_magic transcript"),
        ({"version": 2}, "of version 2, not 1: it is newer than this whisper_magic: upgrade to read it"),
        ({"version": 0}, "of version 0, not 1: it may be damaged"),
        ({"version": "x"}, "of version 'x', not 1: it may be damaged"),
        ({"timing": []}, r"transcript.timing cannot be \[\]"),
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
    document = json.loads(documents.dumps(saying())) | change
    with pytest.raises(TranscriptError, match=message) as error:
        documents.loads(Transcript, json.dumps(document))
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("content", ["", "1\n00:00", "[]", "null", "{}", "[" * 100_000, "9" * 10_000, '{"format": []}'])
def test_text_that_is_no_transcript_gives_one_line(content: str) -> None:
    with pytest.raises(TranscriptError, match="this text is not") as error:
        documents.loads(Transcript, content)
    assert len(str(error.value).splitlines()) == 1


def test_files_that_are_no_transcript(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match=r"cannot read .*none\.json: No such file"):
        documents.load(Transcript, tmp_path / "none.json")
    with pytest.raises(TranscriptError, match="Is a directory"):
        documents.load(Transcript, tmp_path)
    (tmp_path / "a.json").write_bytes(b"\xff\xfe")
    with pytest.raises(TranscriptError, match="it is not UTF-8 text"):
        documents.load(Transcript, tmp_path / "a.json")
    saying().save(tmp_path / "a.srt")
    with pytest.raises(TranscriptError, match=r"only \.json transcripts can be loaded"):
        documents.load(Transcript, tmp_path / "a.srt")


def test_a_long_trace_is_quick(rich: Transcript) -> None:
    long = replace(rich, trace=Trace(rich.trace.rounds * 5000))
    assert documents.loads(Transcript, documents.dumps(long)) == long
