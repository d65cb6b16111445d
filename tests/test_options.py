"""Every bad value is refused on construction, with one line."""

from __future__ import annotations

import math
import re
from dataclasses import FrozenInstanceError, fields
from typing import Any

import numpy as np
import pytest

from whisper_magic.errors import OptionError
from whisper_magic.options import MAX_DRAFT_LENGTH, TranscribeOptions

BAD: dict[str, list[Any]] = {
    "language": [5, b"en", ["en"]],
    "task": ["sing", None, ["transcribe"]],
    "timestamps": [None, 1, "yes"],
    "words": [None, 1, "yes"],
    "prompt": [5, ["a"]],
    "condition_on_previous": [None, 1, "no"],
    "hotwords": [5, ["a"]],
    "mode": ["both", None, True],
    "trace": [None, 1, "yes"],
    "vad": [None, 1, "silero"],
    "clips": [((1, 2, 3),), ((2, 1),), ((0, 5), (4, 6)), (1, 2), 5, "0-5", None, ((-1, 2),), (("0", "5"),)],
    "suppress_tokens": [(-2,), -2, (1.5,), (True,), ("a",), True, "12"],
    "max_initial_timestamp": [-1, math.nan, math.inf, "1", True],
    "max_tokens": [0, -5, 1.5, True, "9"],
    "temperature": [-0.1, 2.1, math.nan, "0", True, (), (0.0, "1"), None],
    "compression_ratio_threshold": [math.nan, "2", True],
    "logprob_threshold": [math.inf, "2", False],
    "no_speech_threshold": [math.nan, "2", True],
    "seed": [-1, 1.5, "1", None, True, 2**63],
    "batch_size": [0, 257, 2.0, "8", True, None],
    "draft": ["both", None, True],
    "draft_length": [0, 8, 32, 2.0, "5", True, None],
    "acceptance": ["both", None, True],
    "start": [-0.1, math.nan, math.inf, "1", True],
    "end": [-0.1, math.nan, "1", True],
    "channel": ["centre", -1, 1.0, True, None],
    "stream": [-1, "0", 1.0, True],
}
GOOD: dict[str, list[Any]] = {
    "language": ["en", "english", None],
    "task": ["transcribe", "translate"],
    "prompt": ["", "Kennedy", None],
    "suppress_tokens": [(), (0, 50256), None, (-1, 7)],
    "hotwords": ["Ada, Lovelace", None],
    "mode": ["auto", "sequential", "batched"],
    "trace": [True, False],
    "vad": [True, False],
    "clips": [(), ((0, 5),), ((0, 5), (5, 6.5))],
    "max_tokens": [1, 448, None],
    "temperature": [0, 0.4, (0.0,), (0.0, 0.5, 1)],
    "logprob_threshold": [-1, None],
    "seed": [0, 2**63 - 1],
    "draft": ["auto", "model", "ngram", "none"],
    "draft_length": [1, 7, "auto"],
    "start": [0, 1.5, None],
    "channel": ["mix", "left", "right", "split", 0, 7],
    "stream": [None, 0, 3],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_bad_value_gives_one_line_that_names_the_option(name: str, value: Any) -> None:
    with pytest.raises(OptionError, match=name) as error:
        TranscribeOptions(**{name: value})
    assert len(str(error.value).splitlines()) == 1
    with pytest.raises(OptionError, match=name):
        TranscribeOptions().override(**{name: value})


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in GOOD.items() for value in values])
def test_good_values(name: str, value: Any) -> None:
    assert getattr(TranscribeOptions().override(**{name: value}), name) == value


def test_every_option_is_tried() -> None:
    assert set(BAD) == {field.name for field in fields(TranscribeOptions)}


def test_every_option_is_documented_in_order() -> None:
    attributes = str(TranscribeOptions.__doc__).partition("Attributes:")[2]
    assert re.findall(r"^ {8}(\w+): ", attributes, re.MULTILINE) == [field.name for field in fields(TranscribeOptions)]
    assert f"1 to {MAX_DRAFT_LENGTH}." in attributes


def test_however_it_is_listed() -> None:
    assert TranscribeOptions(suppress_tokens=-1).suppress_tokens == (-1,)
    assert TranscribeOptions(clips=[[0, 5], [7, 9]]) == TranscribeOptions(clips=((0, 5), (7, 9)))  # type: ignore[arg-type]


def test_batched_mode_has_no_previous_text() -> None:
    with pytest.raises(OptionError, match="condition_on_previous needs mode='sequential'"):
        TranscribeOptions(mode="batched", condition_on_previous=True)


def test_start_comes_before_end() -> None:
    assert TranscribeOptions(start=1, end=2).end == 2
    with pytest.raises(OptionError, match="start must come before end, got start=2 and end=2"):
        TranscribeOptions(start=2, end=2)


def test_an_unknown_name_lists_the_near_ones() -> None:
    with pytest.raises(OptionError, match="no option is called 'langage'; did you mean language"):
        TranscribeOptions().override(langage="en")
    with pytest.raises(
        OptionError, match="no option is called 'xyz'; the options are: acceptance, batch_size, channel, clips, "
    ) as error:
        TranscribeOptions().override(xyz=1)
    assert len(str(error.value).splitlines()) == 1


def test_a_list_of_tokens_is_as_good_as_a_tuple() -> None:
    assert TranscribeOptions(suppress_tokens=[1, 2]) == TranscribeOptions(suppress_tokens=(1, 2))  # type: ignore[arg-type]


class NotAvailable:
    """As pandas' NA: what it is compared with does not matter, the answer has no truth."""

    def __eq__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("value", [NotAvailable(), np.array([1, 2]), np.nan], ids=["NA", "array", "NaN"])
@pytest.mark.parametrize("name", [field.name for field in fields(TranscribeOptions)])
def test_a_missing_value_is_refused_by_every_option(name: str, value: Any) -> None:
    with pytest.raises(OptionError) as caught:
        TranscribeOptions(**{name: value})
    assert str(caught.value).startswith(name)


def test_auto_detects_the_language() -> None:
    assert TranscribeOptions(language="auto") == TranscribeOptions(language=" Auto ") == TranscribeOptions()


def test_one_temperature_is_the_only_one_tried() -> None:
    assert TranscribeOptions(temperature=0.3).temperatures == (0.3,)
    assert TranscribeOptions(temperature=[0.0, 0.5]).temperatures == (0.0, 0.5)  # type: ignore[arg-type]


def test_options_are_frozen_and_comparable() -> None:
    options = TranscribeOptions(language="en")
    with pytest.raises(FrozenInstanceError):
        options.language = "de"  # type: ignore[misc]
    assert options.override(language="de").override(language="en") == options
    assert hash(options) == hash(TranscribeOptions(language="en"))
