"""The sentences of the demo pair: template grammars, one module per language.

Knows nothing of audio, tokens or files. A sentence belongs to one split for good, by a hash of its text, so that a
held-out sentence never appears in training, whatever the seed.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from itertools import islice
from typing import Literal, NamedTuple

Split = Literal["train", "held_out"]

HELD_OUT_SHARE = 0.04
"""Share of all possible sentences that are held out of training."""

_SLOT = re.compile(r"\{([a-z]+)(\d*)(?::\d+)?\}")


class Sentence(NamedTuple):
    """One sentence in its language, and its English translation."""

    text: str
    english: str


class Phrase(NamedTuple):
    """A filler of a slot, and its English translation."""

    text: str
    english: str


@dataclass(frozen=True)
class Template:
    """A pattern such as ``"turn on the {device}"`` with its English pattern over the same slots.

    ``{device1}`` and ``{device2}`` are two different fillers of the slot ``device``; ``{digit:1}`` and
    ``{digit:2}`` are drawn independently and may be equal.
    """

    text: str
    english: str
    weight: float = 1.0


@dataclass(frozen=True)
class Grammar:
    """The templates of one language, and the fillers of their slots, which may hold slots themselves."""

    language: str
    templates: tuple[Template, ...]
    slots: Mapping[str, tuple[Phrase, ...]]

    def sentence(self, rng: random.Random) -> Sentence:
        """Draw one sentence: capital first letter, full stop or question mark at the end."""
        weights = [template.weight for template in self.templates]
        template = rng.choices(self.templates, weights)[0]
        text, english = self._expand(template.text, template.english, rng)
        return Sentence(_finish(text if self.language != "en" else _an(text)), _finish(_an(english)))

    def _expand(self, text: str, english: str, rng: random.Random) -> Phrase:
        """Fill every slot of both patterns with the same phrases; numbered slots get distinct ones."""
        filled: dict[str, Phrase] = {}
        for match in _SLOT.finditer(text):
            choices = self.slots[match[1]]
            if match[0] in filled:
                continue
            phrase = rng.choice(choices)
            while phrase in filled.values() and match[2] and len(choices) > len(filled):
                phrase = rng.choice(choices)
            filled[match[0]] = phrase
        for name, phrase in filled.items():
            inner = self._expand(phrase.text, phrase.english, rng)
            text, english = text.replace(name, inner.text), english.replace(name, inner.english)
        return Phrase(text, english)


def pairs(listed: str) -> tuple[Phrase, ...]:
    """Parse ``"rot=red, blau=blue"``."""
    return tuple(Phrase(*phrase.strip().split("=")) for phrase in listed.split(", "))


def listed(words: str) -> list[str]:
    """Split ``"one two three"``."""
    return words.split()


def joined(texts: Sequence[str], english: Sequence[str]) -> tuple[Phrase, ...]:
    """Pair two lists of the same length."""
    return tuple(Phrase(*both) for both in zip(texts, english, strict=True))


def digit_strings() -> tuple[Template, ...]:
    """Templates of three to eight bare digits."""
    strings = (" ".join(f"{{digit:{place}}}" for place in range(1, count + 1)) for count in range(3, 9))
    return tuple(Template(text, text, 0.5) for text in strings)


def languages() -> tuple[str, ...]:
    """The languages that have a grammar."""
    return ("en", "de", "fr", "es")


def split_of(text: str) -> Split:
    """The split that a sentence belongs to, by its text alone."""
    share = int.from_bytes(sha256(text.encode()).digest()[:4], "big") / 2**32
    return "held_out" if share < HELD_OUT_SHARE else "train"


def sentences(language: str, count: int, seed: int, split: Split = "train") -> list[Sentence]:
    """Draw different sentences, the same ones for the same seed.

    Args:
        language: Code of a language that has a grammar.
        count: How many.
        seed: Of the draw.
        split: Which sentences are drawn from.

    Raises:
        ValueError: There is no grammar for ``language``.
    """
    return list(islice(_different(grammar_of(language), seed, split), count))


def _different(grammar: Grammar, seed: int, split: Split) -> Iterator[Sentence]:
    rng = random.Random(f"{grammar.language} {split} {seed}")
    seen: set[str] = set()
    while True:
        sentence = grammar.sentence(rng)
        if sentence.text not in seen and split_of(sentence.text) == split:
            seen.add(sentence.text)
            yield sentence


def grammar_of(language: str) -> Grammar:
    """Load the grammar of a language.

    Raises:
        ValueError: There is none.
    """
    if language not in languages():
        raise ValueError(f"no grammar for {language!r}: there is one for {', '.join(languages())}")
    module = import_module(f"recipes.demo_pair.grammar_{language}")
    grammar = module.GRAMMAR
    assert isinstance(grammar, Grammar)
    return grammar


def _an(english: str) -> str:
    return re.sub(r"\ba (?=[aeiou])", "an ", english)


def _finish(text: str) -> str:
    assert "{" not in text, f"a slot of {text!r} is unknown"
    first = text.startswith("¿")
    return text[:first] + text[first].upper() + text[first + 1 :] + ("" if text.endswith("?") else ".")
