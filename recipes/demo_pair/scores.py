"""Word error rates. Knows nothing of models."""

import re
from collections.abc import Iterable, Sequence


def words(text: str) -> list[str]:
    """Split a text into lower-case words, without punctuation."""
    return re.findall(r"[\w']+", text.lower())


def edit_distance(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Count the fewest words to substitute, insert and delete (Levenshtein)."""
    row = list(range(len(hypothesis) + 1))
    for number, wanted in enumerate(reference, 1):
        diagonal, row[0] = row[0], number
        for place, word in enumerate(hypothesis, 1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (word != wanted))
    return row[-1]


def word_error_rate(references: Sequence[str], hypotheses: Iterable[str]) -> float:
    """Errors / reference words, over all sentences; case and punctuation are ignored."""
    pairs = zip(references, hypotheses, strict=True)
    errors = sum(edit_distance(words(reference), words(hypothesis)) for reference, hypothesis in pairs)
    return errors / sum(len(words(reference)) for reference in references)


def share(right: Sequence[bool]) -> float:
    """Share of values that are true, 0 to 1."""
    return sum(right) / len(right)
