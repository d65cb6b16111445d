"""Tokenizers from a bare vocabulary: the merges are found again."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from tests.support.checkpoints import refused
from whisper_magic.engine.model.vocabulary import EOT, merges_of, read_vocabulary, tokenizer_from

FOLDER = Path(__file__).parents[1]
TEXT = [  # prose and code, without the names of special tokens
    (FOLDER / name).read_text(encoding="utf-8").replace("<|", "") for name in ("test_engine.py", "test_modes.py")
]


@pytest.fixture(scope="module")
def trained() -> Tokenizer:
    """A byte-level BPE whose ids are in the order of its merges, as Whisper's are."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    trainer = BpeTrainer(vocab_size=1500, initial_alphabet=ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


def test_every_merge_is_found_again(trained: Tokenizer, tmp_path: Path) -> None:
    trained.model.save(str(tmp_path))
    lines = (tmp_path / "merges.txt").read_text(encoding="utf-8").split("\n")
    merges = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    assert len(merges) > 1000
    assert merges_of(trained.get_vocab()) == merges


def test_text_is_cut_into_the_same_tokens(trained: Tokenizer) -> None:
    words = sorted(trained.get_vocab(), key=trained.get_vocab().__getitem__)
    rebuilt = tokenizer_from([*words, EOT, "<|startoftranscript|>", "<|notimestamps|>", "<|0.00|>", "<|0.02|>"])
    for text in (*TEXT, " für naïve 你好 \u2028 readers"):
        ids = trained.encode(text, add_special_tokens=False).ids
        assert rebuilt(text, add_special_tokens=False)["input_ids"] == ids
        assert rebuilt.decode(ids) == text
    assert rebuilt.convert_tokens_to_ids("<|notimestamps|>") == len(words) + 2
    assert rebuilt.decode([5, len(words), len(words) + 1], skip_special_tokens=True) == rebuilt.decode([5])


@pytest.mark.parametrize("content", ["", "[", "{}", '["a"]', "[1]", f'["{EOT}", 3]'])
def test_damaged_lists(content: str, tmp_path: Path) -> None:
    (tmp_path / "vocabulary.json").write_text(content)
    refused(lambda: read_vocabulary("x", tmp_path), "x has", "vocabulary.json")


def test_text_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "vocabulary.txt").write_bytes(b"\xff\xfe")
    refused(lambda: read_vocabulary("x", tmp_path), "vocabulary.txt")
