"""The grammar is deterministic, its splits are disjoint, and every sentence can be spoken as it is written."""

import re

import pytest

from training.domain import languages, sentences, split_of


def test_same_seed_gives_the_same_sentences() -> None:
    assert sentences("en", 200, seed=3) == sentences("en", 200, seed=3)
    assert sentences("en", 200, seed=3) != sentences("en", 200, seed=4)


def test_sentences_are_all_different() -> None:
    drawn = [sentence.text for sentence in sentences("en", 5_000, seed=1)]
    assert len(set(drawn)) == 5_000


def test_no_held_out_sentence_is_ever_trained_on() -> None:
    trained = {sentence.text for seed in range(3) for sentence in sentences("en", 3_000, seed)}
    held_out = {sentence.text for seed in range(3) for sentence in sentences("en", 300, seed, "held_out")}
    assert not trained & held_out
    assert {split_of(text) for text in held_out} == {"held_out"}


def test_every_sentence_reads_as_text_and_speaks_as_words() -> None:
    for text, english in sentences("en", 5_000, seed=2):
        assert re.fullmatch(r"[A-Z][A-Za-z' ,]+[.?]", text), text
        assert english == text


def test_phone_numbers_may_repeat_digits_and_lists_never_repeat_food() -> None:
    drawn = [sentence.text for sentence in sentences("en", 5_000, seed=5)]
    phones = [text.removesuffix(".").replace(",", "").split()[-6:] for text in drawn if "phone number is" in text]
    assert any(len(set(digits)) < 6 for digits in phones)
    lists = [re.findall(r"\w+", text) for text in drawn if text.startswith("We need")]
    assert all(len(set(items)) == len(items) for items in lists)


def test_unknown_language_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=", ".join(languages())):
        sentences("xx", 1, seed=0)
