"""Batches depend on the seed and the step alone, and hold the utterances that were drawn."""

import numpy as np
import pytest
import torch

from recipes.demo_pair.batches import Batch, BatchMaker, TokenizedCorpus
from recipes.demo_pair.corpus import Utterance
from recipes.demo_pair.domain import Sentence
from recipes.demo_pair.mel import FLOOR
from recipes.demo_pair.recipe import ALL, FULL, LONG, SHORT, Recipe, WindowKind
from recipes.demo_pair.windows import IGNORE_INDEX
from tests.support.demo_pair import IDS


@pytest.fixture(scope="module")
def maker() -> BatchMaker:
    numbers = np.random.default_rng(0)
    utterances, texts, english = [], [], []
    for place, language in enumerate(ALL):
        for number in range(6):
            mel = numbers.uniform(-4, 1, (80 + 20 * number, 80)).astype(np.float16)
            utterances.append(Utterance(Sentence("x", "x"), language, mel))
            texts.append([10 * place + number])  # the token shows the language
            english.append([50 + 10 * place + number])
    sounds = numbers.uniform(-6, 0, (2, 200, 80)).astype(np.float16)
    return BatchMaker(Recipe(), TokenizedCorpus(utterances, texts, english, sounds), IDS)


@pytest.mark.parametrize("kind", [SHORT, LONG, FULL])
def test_a_step_gives_the_same_batch_again(maker: BatchMaker, kind: WindowKind) -> None:
    one, other = maker.batch(7, kind, ALL), maker.batch(7, kind, ALL)
    assert torch.equal(one.mel, other.mel)
    assert torch.equal(one.tokens, other.tokens)
    assert not torch.equal(one.mel, maker.batch(8, kind, ALL).mel)
    assert one.mel.shape == (kind.batch, 80, 2 * kind.positions)
    assert one.mel.isfinite().all()


def test_only_the_given_languages_are_drawn(maker: BatchMaker) -> None:
    for step in range(10):
        batch = maker.batch(step, SHORT, ("fr",))
        text = batch.ctc_tokens[batch.ctc_tokens > 0]
        assert ((text >= 20) & (text < 30)).all()


def test_a_translation_is_english_and_its_ctc_text_is_not(maker: BatchMaker) -> None:
    seen = 0
    for step in range(10):
        batch = maker.batch(step, SHORT, ("de",))
        for row, text in zip(batch.tokens.tolist(), batch.ctc_tokens.tolist(), strict=True):
            written = {token for token in row if token < IDS.eot}
            if IDS.translate in row and written:
                seen += 1
                assert written <= set(range(60, 70))
                assert {token for token in text if token} <= set(range(10, 20))
    assert seen


def test_the_prompt_may_name_a_wrong_language_but_the_label_never_does(maker: BatchMaker) -> None:
    batches = [maker.batch(step, FULL, ALL) for step in range(40)]
    misnamed = 0
    for batch in batches:
        misnamed += _misnamed(batch)
    assert 0 < misnamed < 40


def _misnamed(batch: Batch) -> int:
    found = 0
    for row, labels, text in zip(batch.tokens.tolist(), batch.labels.tolist(), batch.ctc_tokens.tolist(), strict=True):
        start = row.index(IDS.sot)
        if labels[start] == IDS.nospeech:
            assert not any(text)
            continue
        assert labels[start] in IDS.languages.values()
        assert labels[start + 1] == IGNORE_INDEX
        found += row[start + 1] != labels[start]
    return found


def test_clean_windows_are_silent_between_sentences(maker: BatchMaker) -> None:
    mel = maker.batch(1, SHORT, ("en",), clean=True).mel
    quiet = (torch.maximum(torch.tensor(FLOOR), mel.max() * 4 - 4 - 8.0) + 4) / 4
    assert mel.min() <= quiet + 1e-3
