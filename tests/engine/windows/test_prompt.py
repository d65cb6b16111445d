"""Languages as people write them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from transformers.models.whisper.tokenization_whisper import LANGUAGES

from whisper_magic.engine.windows.prompt import forced_prompt
from whisper_magic.errors import OptionError
from whisper_magic.options import TranscribeOptions

CODES = {code: 100 + index for index, code in enumerate(LANGUAGES)}
SPECIAL: Any = SimpleNamespace(sot=1, languages=CODES, tasks={"transcribe": 2}, has_timestamps=True, no_timestamps=3)


def token_of(language: str) -> int:
    return forced_prompt(SPECIAL, TranscribeOptions(language=language), "base")[1]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("zh-CN", "zh"),
        ("zh_Hant", "zh"),
        ("ZH", "zh"),
        ("Mandarin", "zh"),
        ("cmn-Hans-CN", "zh"),
        ("pt-BR", "pt"),
        ("en-US", "en"),
        ("en_GB.UTF-8", "en"),
        ("English", "en"),
        ("<|fr|>", "fr"),
        ("Haitian Creole", "ht"),
        ("nb-NO", "no"),
        ("jv", "jw"),
        ("fil-PH", "tl"),
    ],
)
def test_codes_names_and_tags(written: str, code: str) -> None:
    assert token_of(written) == CODES[code]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("germna", "german"), ("chineese", "chinese"), ("Portugese", "portuguese"), ("per_window", "per-window")],
)
def test_near_names_are_offered(written: str, meant: str) -> None:
    with pytest.raises(OptionError, match=f"base does not support language '{written}'; did you mean {meant}[?,]"):
        token_of(written)


def test_an_english_only_model_takes_every_kind_of_english() -> None:
    english: Any = SimpleNamespace(sot=1, languages={}, tasks={}, has_timestamps=True, no_timestamps=3)
    for written in ("en-US", "English", "auto"):
        assert forced_prompt(english, TranscribeOptions(language=written), "tiny.en") == (1,)
    with pytest.raises(OptionError, match=r"tiny\.en is English-only, got language='pt-BR'; load a multilingual"):
        forced_prompt(english, TranscribeOptions(language="pt-BR"), "tiny.en")
