"""The grammars are deterministic, their splits are disjoint, and every sentence is spoken as it is written."""

import re

import pytest

from recipes.demo_pair.domain import languages, sentences, split_of
from recipes.demo_pair.grammar_de import GRAMMAR as GERMAN
from recipes.demo_pair.grammar_en import BELOW_HUNDRED
from recipes.demo_pair.grammar_es import GRAMMAR as SPANISH
from recipes.demo_pair.grammar_fr import GRAMMAR as FRENCH

LETTERS = {"en": "A-Za-z", "de": "A-Za-zÄÖÜäöüß", "fr": "A-Za-zÀ-ÿœ\\-", "es": "A-Za-zÁÉÍÓÚÑáéíóúñü¿"}


def test_there_are_four_languages() -> None:
    assert languages() == ("en", "de", "fr", "es")


@pytest.mark.parametrize("language", languages())
def test_same_seed_gives_the_same_sentences(language: str) -> None:
    assert sentences(language, 200, seed=3) == sentences(language, 200, seed=3)
    assert sentences(language, 200, seed=3) != sentences(language, 200, seed=4)


@pytest.mark.parametrize("language", languages())
def test_sentences_are_all_different(language: str) -> None:
    drawn = [sentence.text for sentence in sentences(language, 3_000, seed=1)]
    assert len(set(drawn)) == 3_000


@pytest.mark.parametrize("language", languages())
def test_no_held_out_sentence_is_ever_trained_on(language: str) -> None:
    trained = {sentence.text for seed in range(3) for sentence in sentences(language, 2_000, seed)}
    held_out = {sentence.text for seed in range(3) for sentence in sentences(language, 200, seed, "held_out")}
    assert not trained & held_out
    assert {split_of(text) for text in held_out} == {"held_out"}


@pytest.mark.parametrize("language", languages())
def test_every_sentence_reads_as_text_and_speaks_as_words(language: str) -> None:
    for text, english in sentences(language, 3_000, seed=2):
        assert re.fullmatch(rf"[¿A-ZÀ-Ý][{LETTERS[language]}' ,]+[.?]", text), text
        assert re.fullmatch(r"[A-Z][A-Za-z' ,]+[.?]", english), english
        assert text.endswith("?") == english.endswith("?")
        if language == "en":
            assert english == text


@pytest.mark.parametrize("language", languages())
def test_a_sentence_has_one_translation(language: str) -> None:
    known: dict[str, str] = {}
    for text, english in sentences(language, 10_000, seed=7):
        assert known.setdefault(text, english) == english, text


def test_translations_use_the_english_vocabulary() -> None:
    """And two more words."""

    def vocabulary(language: str, count: int) -> set[str]:
        drawn = sentences(language, count, seed=1)
        return {word for one in drawn for word in re.findall(r"[\w']+", one.english.lower())}

    known = vocabulary("en", 20_000)
    assert {language: vocabulary(language, 5_000) - known for language in ("de", "fr", "es")} == {
        "de": set(),
        "fr": {"hats", "baskets"},
        "es": {"hats"},
    }


def test_numbers_stand_beside_their_english() -> None:
    numbers = {
        language: {phrase.english: phrase.text for phrase in grammar.slots["number"]}
        for language, grammar in (("de", GERMAN), ("fr", FRENCH), ("es", SPANISH))
    }
    assert {language: len(known) for language, known in numbers.items()} == dict.fromkeys(numbers, 98)
    assert numbers["de"]["twenty one"] == "einundzwanzig"
    assert numbers["fr"]["seventy one"] == "soixante et onze"
    assert numbers["fr"]["eighty"] == "quatre-vingts"
    assert numbers["fr"]["ninety nine"] == "quatre-vingt-dix-neuf"
    assert numbers["es"]["twenty two"] == "veintidós"
    assert numbers["es"]["thirty one"] == "treinta y uno"
    assert len(BELOW_HUNDRED) == 100


def test_articles_and_adjectives_agree() -> None:
    def phrases(slot: str) -> set[tuple[str, str]]:
        return {
            (phrase.text, phrase.english) for grammar in (GERMAN, FRENCH, SPANISH) for phrase in grammar.slots[slot]
        }

    assert {
        ("einen roten Hut", "a red hat"),
        ("eine rote Lampe", "a red lamp"),
        ("ein rotes Buch", "a red book"),
        ("une lampe blanche", "a white lamp"),
        ("un chapeau blanc", "a white hat"),
        ("una taza blanca", "a white cup"),
    } <= phrases("acolouritem")
    assert {
        ("einen müden Bären", "a tired bear"),
        ("un vieil ours", "a old bear"),
        ("un bel oiseau", "a beautiful bird"),
    } <= phrases("asizeanimal")
    assert ("l'horloge", "the clock") in phrases("item")


def test_an_comes_before_a_vowel() -> None:
    for sentence in sentences("en", 5_000, seed=9):
        assert not re.search(r"\b[Aa] [aeiou]", sentence.english)


def test_phone_numbers_may_repeat_digits_and_lists_never_repeat_food() -> None:
    drawn = [sentence.text for sentence in sentences("en", 5_000, seed=5)]
    phones = [text.removesuffix(".").replace(",", "").split()[-6:] for text in drawn if "phone number is" in text]
    assert any(len(set(digits)) < 6 for digits in phones)
    lists = [re.findall(r"\w+", text) for text in drawn if text.startswith("We need")]
    assert all(len(set(items)) == len(items) for items in lists)


def test_unknown_language_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=", ".join(languages())):
        sentences("xx", 1, seed=0)
