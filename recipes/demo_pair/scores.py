"""How readings are scored: words, edit distance, error rates. Knows nothing of models."""

import re
from collections.abc import Iterable, Sequence


def words(text: str) -> list[str]:
    """Lower-case words, punctuation dropped."""
    return re.findall(r"[\w']+", text.lower())


def edit_distance(truth: Sequence[str], said: Sequence[str]) -> int:
    """Fewest words to substitute, insert and delete."""
    row = list(range(len(said) + 1))
    for number, true_word in enumerate(truth, 1):
        diagonal, row[0] = row[0], number
        for place, word in enumerate(said, 1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (word != true_word))
    return row[-1]


def word_error_rate(truths: Sequence[str], readings: Iterable[str]) -> float:
    """Errors by true words, over all sentences."""
    errors = sum(edit_distance(words(truth), words(said)) for truth, said in zip(truths, readings, strict=True))
    return errors / sum(len(words(truth)) for truth in truths)


def share(right: Sequence[bool]) -> float:
    """How many of them are right: 0 to 1."""
    return sum(right) / len(right)
