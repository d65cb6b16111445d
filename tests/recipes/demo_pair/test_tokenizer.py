"""The tokenizer has Whisper's layout, loads as ``WhisperTokenizer`` and keeps text."""

from pathlib import Path

import pytest
from transformers import WhisperTokenizer

from recipes.demo_pair.domain import sentences
from recipes.demo_pair.recipe import Recipe
from recipes.demo_pair.tokenizer import SPECIAL_TOKENS, load_tokenizer, make_tokenizer, special_ids


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> WhisperTokenizer:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    make_tokenizer(Recipe(), folder, sentence_count=3_000)
    return load_tokenizer(folder)


def test_special_tokens_follow_the_bpe_in_whispers_order(tokenizer: WhisperTokenizer) -> None:
    ids = tokenizer.convert_tokens_to_ids(list(SPECIAL_TOKENS))
    assert ids == list(range(Recipe().bpe_tokens, Recipe().bpe_tokens + len(SPECIAL_TOKENS)))
    assert tokenizer.all_special_ids == ids


def test_timestamps_come_right_after_notimestamps(tokenizer: WhisperTokenizer) -> None:
    ids = special_ids(tokenizer)
    assert tokenizer.convert_ids_to_tokens(ids.timestamp_begin) == "<|0.00|>"
    assert tokenizer.convert_ids_to_tokens(ids.timestamp_begin + 1_500) == "<|30.00|>"
    assert len(tokenizer) == ids.timestamp_begin + 1_501


def test_text_survives_and_timestamps_decode_to_seconds(tokenizer: WhisperTokenizer) -> None:
    ids = special_ids(tokenizer)
    text = " " + sentences("en", 1, seed=9)[0].text
    tokens = tokenizer(text, add_special_tokens=False).input_ids
    timed = [ids.timestamp_begin + 10, *tokens, ids.timestamp_begin + 110]
    assert tokenizer.decode(tokens) == text
    assert tokenizer.decode(timed, output_offsets=True)["offsets"] == [{"text": text, "timestamp": (0.2, 2.2)}]


def test_prompt_of_language_and_task(tokenizer: WhisperTokenizer) -> None:
    ids = special_ids(tokenizer)
    tokenizer.set_prefix_tokens(language="english", task="transcribe")
    assert tokenizer.prefix_tokens == [ids.sot, ids.languages["en"], ids.transcribe, ids.notimestamps]
