"""The tokenizer: a small byte-level BPE, with Whisper's special tokens in Whisper's order.

Ids: the BPE tokens, then ``SPECIAL_TOKENS``, then 1,501 timestamps, so that ``<|0.00|>`` comes right after
``<|notimestamps|>``, which transformers and openai/whisper both rely on.
"""

from dataclasses import dataclass
from pathlib import Path

from tokenizers import AddedToken, Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import WhisperTokenizer

from recipes.demo_pair.domain import sentences
from recipes.demo_pair.recipe import ALL, CACHE, Recipe

LANGUAGES = ALL
SPECIAL_TOKENS = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    *(f"<|{language}|>" for language in LANGUAGES),
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
TIMESTAMPS = tuple(f"<|{position * 0.02:.2f}|>" for position in range(1501))


@dataclass(frozen=True)
class SpecialIds:
    """The ids that training and the generation config need."""

    eot: int
    sot: int
    languages: dict[str, int]
    translate: int
    transcribe: int
    startoflm: int
    startofprev: int
    nospeech: int
    notimestamps: int
    space: int

    @property
    def timestamp_begin(self) -> int:
        """Id of ``<|0.00|>``."""
        return self.notimestamps + 1


def special_ids(tokenizer: WhisperTokenizer) -> SpecialIds:
    """Look up the ids of the special tokens."""
    ids = dict(zip(SPECIAL_TOKENS, tokenizer.convert_tokens_to_ids(list(SPECIAL_TOKENS)), strict=True))
    return SpecialIds(
        eot=ids["<|endoftext|>"],
        sot=ids["<|startoftranscript|>"],
        languages={language: ids[f"<|{language}|>"] for language in LANGUAGES},
        translate=ids["<|translate|>"],
        transcribe=ids["<|transcribe|>"],
        startoflm=ids["<|startoflm|>"],
        startofprev=ids["<|startofprev|>"],
        nospeech=ids["<|nospeech|>"],
        notimestamps=ids["<|notimestamps|>"],
        space=tokenizer.convert_tokens_to_ids("Ġ"),
    )


def make_tokenizer(
    recipe: Recipe, folder: Path = CACHE / "tokenizer", sentence_count: int = 15_000
) -> WhisperTokenizer:
    """Train the BPE on the grammars' sentences and save it in ``WhisperTokenizer`` format.

    Args:
        recipe: Its languages, seed and number of BPE tokens.
        folder: Where to save it.
        sentence_count: Sentences per language.
    """
    bpe = Tokenizer(BPE())
    bpe.pre_tokenizer = ByteLevel(add_prefix_space=False)
    texts = [
        f" {sentence.text}"
        for language in recipe.languages
        for sentence in sentences(language, sentence_count, recipe.seed)
    ]
    alphabet = sorted(ByteLevel.alphabet())
    bpe.train_from_iterator(
        texts, BpeTrainer(vocab_size=recipe.bpe_tokens, initial_alphabet=alphabet, show_progress=False)
    )
    folder.mkdir(parents=True, exist_ok=True)
    bpe.model.save(str(folder))
    vocab, merges = BPE.read_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
    tokenizer = WhisperTokenizer(vocab=vocab, merges=merges, pad_token=SPECIAL_TOKENS[0])
    tokenizer.add_special_tokens({"additional_special_tokens": list(SPECIAL_TOKENS[1:])})
    tokenizer.add_tokens([AddedToken(token, normalized=False, special=False) for token in TIMESTAMPS])
    tokenizer.save_pretrained(str(folder))
    return tokenizer


def load_tokenizer(folder: Path = CACHE / "tokenizer") -> WhisperTokenizer:
    """Read the tokenizer that ``make_tokenizer`` saved."""
    return WhisperTokenizer.from_pretrained(str(folder))
