"""Ids of special tokens behind a hundred text tokens, for tests of the demo pair's recipe."""

from __future__ import annotations

from recipes.demo_pair.tokenizer import SpecialIds

IDS = SpecialIds(
    eot=100,
    sot=101,
    languages={"en": 102, "de": 103, "fr": 104, "es": 105},
    translate=106,
    transcribe=107,
    startoflm=108,
    startofprev=109,
    nospeech=110,
    notimestamps=111,
    space=32,
)
