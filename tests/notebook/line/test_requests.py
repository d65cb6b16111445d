"""A line -> a request."""

from __future__ import annotations

import pytest

from whisper_magic.comparison import REPEATS
from whisper_magic.notebook.line.commands import COMMANDS, TRANSCRIBE, parse_whisper
from whisper_magic.notebook.line.requests import (
    CompareRequest,
    HelpRequest,
    LibraryRequest,
    LoadRequest,
    SearchRequest,
    StatusRequest,
    TranscribeRequest,
    UnloadRequest,
)
from whisper_magic.notebook.line.scanner import split
from whisper_magic.notebook.line.sources import Source


def parsed(line, **namespace):
    return parse_whisper(split(line), namespace).request


TALK = (Source("talk.wav", "talk.wav"),)


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("talk.wav", TranscribeRequest(TALK, {})),
        (
            "talk.wav -l en -o made -q --save x.srt",
            TranscribeRequest(TALK, {"language": "en"}, output="made", save="x.srt", quiet=True),
        ),
        ("demo --words", TranscribeRequest((), {"words": True}, demo=True)),
        ("compare talk.wav --vad", CompareRequest(TALK, {"vad": True})),
        (
            "compare demo --repeats 5 -o made -q",
            CompareRequest((), {}, output="made", quiet=True, demo=True, repeats=5),
        ),
        ("talk.wav --language {nothing} --start {nothing} -o {nothing}", TranscribeRequest(TALK, {})),
        ("compare talk.wav --repeats {nothing}", CompareRequest(TALK, {})),
        ("load", LoadRequest()),
        ("load --draft {nothing}", LoadRequest()),
        ("load {name} --draft none --device cpu", LoadRequest("one", draft="none", device="cpu")),
        ("load one --dtype bfloat16 --attention sdpa", LoadRequest("one", dtype="bfloat16", attention="sdpa")),
        ("unload", UnloadRequest()),
        ("status", StatusRequest()),
    ],
)
def test_lines_and_their_requests(line, request_):
    assert parsed(line, name="one", nothing=None) == request_


@pytest.mark.parametrize(
    ("line", "usage"),
    [
        ("", "usage: %whisper SOURCE"),
        ("help", "usage: %whisper SOURCE"),
        ("-h", "usage: %whisper SOURCE"),
        ("talk.wav --help", "usage: %whisper SOURCE"),
        ("demo -h", "usage: %whisper SOURCE"),
        ("compare -h", "usage: %whisper compare SOURCE"),
        ("load -h", "usage: %whisper load [TARGET]"),
        ("unload -h", "usage: %whisper unload\n"),
        ("status --help", "usage: %whisper status\n"),
    ],
)
def test_lines_that_ask_for_help(line, usage):
    request = parsed(line)
    assert isinstance(request, HelpRequest)
    assert request.page.startswith(usage)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_named_like_a_command_is_quoted_or_has_a_folder(command):
    line = "search word" if command == "search" else command
    assert not isinstance(parsed(line), TranscribeRequest) or command == "demo"
    for line in (f"./{command}", f"'{command}'"):
        assert parsed(line) == TranscribeRequest((Source(line.strip("'"), line.strip("'")),), {})


def test_a_body_lists_sources_after_those_of_the_line():
    request = TRANSCRIBE.call(split("a.wav -q"), {}, split("b c.wav\n", one_a_line=True)).request
    assert request == TranscribeRequest((Source("a.wav", "a.wav"), Source("b c.wav", "b c.wav")), {}, quiet=True)


def test_a_comparison_repeats_as_python_does():
    assert parsed("compare talk.wav").repeats == REPEATS


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("load a b", "one model at a time, got a, b"),
        ("unload now", "%whisper unload takes nothing after it, got now"),
        ("status now", "%whisper status takes nothing after it, got now"),
        ("stats", "no command and no file is called 'stats'; did you mean status?"),
        ("unlod", "no command and no file is called 'unlod'; did you mean unload"),
        ("talk.wav --device cpu", "--device is no option here; models are chosen before, by %whisper load TARGET"),
        ("talk.wav --model=base", "--model is no option here; models are chosen before, by %whisper load TARGET"),
        ("demo talk.wav", "%whisper demo reads its own recording, got talk.wav ("),
        ("demo --words maybe", "%whisper demo reads its own recording, got maybe; --words takes no value ("),
        ("demo -q --seed 3 x", "%whisper demo reads its own recording, got x ("),
    ],
)
def test_a_mistake_is_one_line(usage_error, line, message):
    assert message in usage_error(f"%whisper {line}")


def test_a_search_keeps_its_phrases_and_what_it_does_not_want():
    assert parsed('search "two hundred" -three --near 5 -l en') == SearchRequest(
        '"two hundred" NOT three', near=5, language="en"
    )


def test_a_library_takes_folders_and_tables_whole():
    table = object()
    request = parsed("library clips {table} --reference said --words", table=table)
    assert request == LibraryRequest(
        (Source("clips", "clips"), Source(table, "table")), {"words": True}, reference="said"
    )
