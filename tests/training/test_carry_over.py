"""Embeddings carried over to another tokenizer: by name, by pieces, or fresh."""

from pathlib import Path

import pytest
import torch
from transformers import WhisperTokenizer

from training.carry_over import carried_rows
from training.domain import sentences
from training.recipe import Recipe
from training.tokenizer import load_tokenizer, make_tokenizer


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> tuple[WhisperTokenizer, WhisperTokenizer]:
    folders: list[Path] = [tmp_path_factory.mktemp(name) for name in ("old", "new")]
    make_tokenizer(Recipe(languages=("en",), bpe_tokens=300), folders[0], sentence_count=500)
    make_tokenizer(Recipe(bpe_tokens=420), folders[1], sentence_count=500)
    return load_tokenizer(folders[0]), load_tokenizer(folders[1])


def test_known_tokens_keep_their_rows_and_new_ones_start_as_their_pieces(
    tokenizers: tuple[WhisperTokenizer, WhisperTokenizer],
) -> None:
    old, new = tokenizers
    rows, fresh = torch.randn(len(old), 4), torch.randn(len(new), 4)
    carried = carried_rows(old, new, rows, fresh)
    assert carried.shape == (len(new), 4)
    for token in ("<|endoftext|>", "<|en|>", "<|0.00|>", "<|30.00|>", "a"):
        assert torch.equal(carried[new.convert_tokens_to_ids(token)], rows[old.convert_tokens_to_ids(token)]), token
    added = sorted(set(new.get_vocab()) - set(old.get_vocab()))
    assert added
    pieces = [piece.id for piece in old.backend_tokenizer.model.tokenize(added[0])]
    assert torch.allclose(carried[new.convert_tokens_to_ids(added[0])], rows[pieces].mean(0))


def test_both_tokenizers_still_write_english(tokenizers: tuple[WhisperTokenizer, WhisperTokenizer]) -> None:
    text = " " + sentences("en", 1, seed=4)[0].text
    for tokenizer in tokenizers:
        assert tokenizer.decode(tokenizer(text, add_special_tokens=False).input_ids) == text
