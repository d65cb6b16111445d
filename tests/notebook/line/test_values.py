"""The values of options."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

from whisper_magic.notebook.line import values
from whisper_magic.notebook.line.scanner import ObjectArgument


@pytest.mark.parametrize(
    ("convert", "text", "value"),
    [
        (values.seconds, "62.5", 62.5),
        (values.seconds, "1:02.5", 62.5),
        (values.seconds, "1:00:00", 3600.0),
        (values.temperature, "0.4", 0.4),
        (values.temperature, "0,0.4,0.8", (0.0, 0.4, 0.8)),
        (values.token_ids, "-1", (-1,)),
        (values.token_ids, "-1,220", (-1, 220)),
        (values.clips, "10-20,35-40.5", ((10.0, 20.0), (35.0, 40.5))),
        (values.clips, "0-1:05,1:00:00-1:00:30", ((0.0, 65.0), (3600.0, 3630.0))),
        (values.draft_length, "auto", "auto"),
        (values.draft_length, "3", 3),
        (values.channel, "1", 1),
        (values.channel, "left", "left"),
        (values.variable, "made", "made"),
        (values.text, "x", "x"),
    ],
)
def test_values_of_text(convert, text, value):
    assert convert(text) == value


@pytest.mark.parametrize(
    ("convert", "given", "value"),
    [
        (values.seconds, 2, 2.0),
        (values.temperature, [0, 0.5], (0, 0.5)),
        (values.temperature, 1, 1.0),
        (values.token_ids, [5, 7], (5, 7)),
        (values.token_ids, -1, -1),
        (values.clips, [(1, 2.5)], ((1.0, 2.5),)),
        (values.text, Path("a") / "b", "a/b"),
        (values.text, np.str_("en"), "en"),
        (values.whole, np.int64(3), 3),
        (values.whole, 3.0, 3),
        (values.draft_length, np.int64(3), 3),
        (values.seconds, np.float32(1.5), 1.5),
        (values.seconds, None, None),
    ],
)
def test_values_of_python(convert, given, value):
    assert convert(ObjectArgument(given, "{given}")) == value


@pytest.mark.parametrize(
    ("convert", "text", "message"),
    [
        (values.whole, "x", "this takes a whole number, got 'x'"),
        (values.seconds, "x", "this takes seconds or h:mm:ss, got 'x'"),
        (values.temperature, "a,b", "this takes a number, or several with commas, got 'a,b'"),
        (values.draft_length, "many", "this takes a whole number or auto, got 'many'"),
        (values.clips, "10", "this takes from-to in seconds or h:mm:ss, several with commas, got '10'"),
        (values.token_ids, "the", "this takes token ids with commas, or -1, got 'the'"),
        (values.variable, "2x", "this takes a variable's name, got '2x'"),
        (values.variable, "for", "this takes a variable's name, got 'for'"),
    ],
)
def test_a_wrong_value_is_shown(convert, text, message):
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        convert(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["text", "whole", "seconds", "temperature", "token_ids", "clips", "draft_length"])
@pytest.mark.parametrize("given", [object(), np.array([[1.5, 2.5, 3.5]])], ids=["object", "array"])
def test_what_is_no_value_at_all(name, given):
    with pytest.raises(argparse.ArgumentTypeError, match="this takes"):
        getattr(values, name)(ObjectArgument(given, "{given}"))


def test_parts_of_a_number_are_not_dropped():
    with pytest.raises(argparse.ArgumentTypeError, match=r"this takes a whole number, got 2\.5"):
        values.whole(ObjectArgument(2.5, "{given}"))
