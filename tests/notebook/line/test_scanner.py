"""Splitting and expanding a magic's line."""

from __future__ import annotations

import random
import shlex

import pytest
from IPython.core.error import UsageError

from whisper_magic.notebook.line.scanner import ObjectArgument, expand, split


def words(text, namespace=None, **options):
    return [expand(argument, namespace or {}) for argument in split(text, **options)]


@pytest.mark.parametrize(
    "text",
    [
        "a.wav b.wav",
        "  a\t b ",
        "'a b' \"c d\"",
        "x='a b'y",
        "dir/'my file'.mp3",
        r"my\ file.mp3 a\'b",
        "''",
        "'' x",
        r'"say \"hi\""',
        "",
        "'a\"b' \"c'd\"",
        "-l en --save=*.srt",
    ],
)
def test_quoting_is_the_shells(text):
    assert words(text) == shlex.split(text)


@pytest.mark.parametrize(
    ("text", "split_into"),
    [
        ("it's.mp3 John's.wav", ["it's.mp3", "John's.wav"]),
        ("a;b", ["a;b"]),
        ("'a;'", ["a;"]),
        ("a#b '#c' \\#d {'#e'} # f 'g", ["a#b", "#c", "#d", "#e"]),
        (r"C:\talks\new.mp3 'D:\a b.mp3' \(x\)", [r"C:\talks\new.mp3", r"D:\a b.mp3", "(x)"]),
        ("50% {'%s'} $ $1 {{}}", ["50%", "%s", "$", "$1", {}]),
        ("{'}'} {'a b'}x", ["}", "a bx"]),
        ('{"it\'s \\" }"}', ["it's \" }"]),
        (r"\{x} '{x}'", ["{x}", "{x}"]),
    ],
)
def test_where_it_differs_from_a_shell(text, split_into):
    assert [word.value if isinstance(word, ObjectArgument) else word for word in words(text)] == split_into


def test_an_object_is_carried_whole_and_never_looks_like_an_option():
    (held,) = words("{-1}")
    assert isinstance(held, ObjectArgument)
    assert held.value == -1
    assert not held.startswith("-")


def test_a_value_is_never_split_again():
    (word,) = words('"{name}.wav"', {"name": "a 'b' {c} $d"})
    assert word == "a 'b' {c} $d.wav"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("a b.wav\n\n  c.wav  \n", ["a b.wav", "c.wav"]),
        ("a.wav # one # two\n#b\n  # c\nd#e.wav", ["a.wav", "d#e.wav"]),
        ("'a # b' # c", ["a # b"]),
        ("a.wav;", ["a.wav;"]),
        ("{1 + # one\n 2}", [3]),
        ("{'#'}", ["#"]),
        ("{[1, # it's 1 }\n 2]}", [[1, 2]]),
        ("{}", [()]),
    ],
)
def test_a_body_has_one_a_line(body, found):
    assert [word.value if isinstance(word, ObjectArgument) else word for word in words(body, one_a_line=True)] == found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{missing}", "{missing}: NameError: name 'missing' is not defined"),
        ("{1 +}", "{1 +}: SyntaxError: "),
        ("{1 / 0} {" + "x" * 99 + "}", "{1 / 0}: ZeroDivisionError: division by zero"),
        ("{" + "x" * 99 + "}", "{" + "x" * 59 + "…}: NameError: "),
        ("$missing_one", "$missing_one: no variable is called 'missing_one'"),
        ("$mssing", "$mssing: no variable is called 'mssing'; did you mean missing?"),
        ("'talk.wav", "this quote is never closed: 'talk.wav"),
        ("{talk", "this brace is never closed: {talk"),
    ],
)
def test_a_mistake_is_one_line(line, message):
    with pytest.raises(UsageError) as caught:
        words(line, {"missing": 1} if "mssing" in line else {})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_whatever_is_written_there_is_no_other_error():
    dice = random.Random(7)
    for _ in range(3000):
        text = "".join(dice.choice("ab '\"{}$\\#;\n-=.é[]") for _ in range(dice.randrange(12)))
        for one_a_line in (False, True):
            try:
                found, message = split(text, one_a_line=one_a_line), ""
            except UsageError as error:
                found, message = [], str(error)
            assert "\n" not in message
            assert all(argument.written in text for argument in found)
