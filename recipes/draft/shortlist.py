"""The shortlist: which tokens the draft can propose. The fewer, the less its output layer costs.

What the labels hold says most; how frequent words are in the languages of the labels (`wordfreq`, where it is
installed) says what other recordings will hold.
"""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from typing import Any

import torch
from transformers import GenerationConfig, WhisperTokenizer

from recipes.draft.data import Labels

WORDS = 40_000  # of each language
CAPITALS = 0.1  # share of words that are written with one


def token_counts(labels: Labels, tokenizer: WhisperTokenizer) -> Counter[int]:
    """How often each token is expected, from the labels and from word frequencies, half each."""
    occurrences = labels.counts()
    total = occurrences.total()
    counts = Counter({token: count / total for token, count in occurrences.items()})
    spoken = Counter(example.language for example in labels.examples)
    try:
        wordfreq: Any = import_module("wordfreq")
    except ImportError:
        return counts
    for language, windows in spoken.items():
        if language not in wordfreq.available_languages():
            continue
        share = windows / spoken.total()
        words = wordfreq.top_n_list(language, WORDS)
        for form, weight in ((str, 1 - CAPITALS), (str.capitalize, CAPITALS)):
            ids = tokenizer([f" {form(word)}" for word in words], add_special_tokens=False)["input_ids"]
            for word, tokens in zip(words, ids, strict=True):
                for token in tokens:
                    counts[token] += share * weight * wordfreq.word_frequency(word, language)
    return counts


def shortlist(
    labels: Labels, tokenizer: WhisperTokenizer, generation: GenerationConfig, vocab: int, size: int
) -> torch.Tensor:
    """The ids of the shortlist.

    Args:
        labels: Of the training sound.
        tokenizer: Of the target.
        generation: Of the target: its end-of-text, first timestamp, and what it never writes.
        vocab: Tokens of the target.
        size: Ids in all.

    Returns:
        (size,) int64, ascending: end-of-text, every timestamp, and the most frequent tokens.
    """
    stamps = range(generation.no_timestamps_token_id + 1, vocab)
    out = {int(generation.eos_token_id), *stamps}
    never = set(generation.suppress_tokens or ())
    for token, _ in token_counts(labels, tokenizer).most_common():
        if len(out) == size:
            break
        if token not in never:
            out.add(token)
    return torch.tensor(sorted(out))
