"""A tokenizer from a bare list of tokens, as CTranslate2 folders hold it in vocabulary.json or vocabulary.txt; and what
a vocabulary implies of special tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from transformers import WhisperTokenizer
from transformers.models.whisper.tokenization_whisper import LANGUAGES

from whisper_magic.errors import CheckpointError
from whisper_magic.wording import one_line

EOT, SOT = "<|endoftext|>", "<|startoftranscript|>"
FIRST_TIMESTAMP_BY = 50  # max_initial_timestamp_index: 1.0 s, as in openai/whisper and faster-whisper
TIMESTAMP = re.compile(r"<\|[0-9]+\.[0-9]{2}\|>")


def read_vocabulary(name: str, folder: Path) -> WhisperTokenizer:
    """The tokenizer that a folder's vocabulary file implies.

    Args:
        name: The checkpoint's, for messages.
        folder: Holds vocabulary.json, a list, or vocabulary.txt, a token a line.

    Raises:
        CheckpointError: for a missing or damaged file.
    """
    file = next((path for path in (folder / "vocabulary.json", folder / "vocabulary.txt") if path.is_file()), None)
    if file is None:
        raise CheckpointError(f"{name} has no tokenizer; add the tokenizer.json of the model that it was made from")
    try:
        content = file.read_text(encoding="utf-8")
        # Tokens stand for bytes and may hold characters that str.splitlines takes for line ends.
        words = json.loads(content) if file.suffix == ".json" else content.removesuffix("\n").split("\n")
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{name} has no readable {file.name}: {one_line(error)}") from error
    if not (isinstance(words, list) and all(isinstance(word, str) for word in words) and EOT in words):
        raise CheckpointError(f"{name} has a {file.name} that is not a list of tokens with {EOT}; add tokenizer.json")
    return tokenizer_from(words)


def tokenizer_from(words: list[str]) -> WhisperTokenizer:
    """A tokenizer rebuilt from its vocabulary.

    Args:
        words: The tokens by id: byte-level BPE tokens, then "<|endoftext|>" and the other special ones.
    """
    first_special = words.index(EOT)
    vocab = {word: i for i, word in enumerate(words[:first_special])}
    tokenizer = WhisperTokenizer(vocab=vocab, merges=merges_of(vocab), pad_token=EOT)
    special = [word for word in words[first_special + 1 :] if not TIMESTAMP.fullmatch(word)]
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    return tokenizer


def merges_of(vocab: dict[str, int]) -> list[tuple[str, str]]:
    """The merges of a byte-level BPE vocabulary whose ids are in the order of the merges, as Whisper's are.

    Applied to a token itself, the merges before its own leave exactly the two parts that its own merge joins.
    """
    merges = []
    for word, own in sorted(vocab.items(), key=lambda item: item[1]):
        parts = list(word)
        while len(parts) > 2:
            ranks = [vocab.get(left + right, own) for left, right in pairwise(parts)]
            lowest = min(ranks)
            if lowest >= own:
                break
            at = ranks.index(lowest)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        if len(parts) == 2:
            merges.append((parts[0], parts[1]))
    return merges


def special_ids(tokens: Mapping[str, int], multilingual: bool, languages: Collection[str] = ()) -> dict[str, Any]:
    """What a generation configuration states of special tokens, by a vocabulary.

    Args:
        tokens: The vocabulary's ids.
        multilingual: Whether languages and tasks are chosen by tokens.
        languages: The tokens of the languages; () for those that the vocabulary has of Whisper's usual ones.
    """
    values: dict[str, Any] = {
        "eos_token_id": tokens.get(EOT),
        "decoder_start_token_id": tokens.get(SOT),
        "no_timestamps_token_id": tokens.get("<|notimestamps|>"),
        "prev_sot_token_id": tokens.get("<|startofprev|>"),
        "is_multilingual": multilingual,
        "max_initial_timestamp_index": FIRST_TIMESTAMP_BY,
    }
    if multilingual:
        spoken = languages or {f"<|{code}|>" for code in LANGUAGES}
        values["lang_to_id"] = {token: i for token, i in sorted(tokens.items()) if token in spoken}
        tasks = ("transcribe", "translate")
        values["task_to_id"] = {task: tokens[f"<|{task}|>"] for task in tasks if f"<|{task}|>" in tokens}
    return values
