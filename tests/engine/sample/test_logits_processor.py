"""What the rules know of a text, slot by slot and step by step. What they forbid is in test_rules.py."""

from __future__ import annotations

import random

import pytest
import torch

from whisper_magic.engine.model.checkpoint import SpecialTokens
from whisper_magic.engine.sample.logits_processor import LogitsProcessor, TokenContext

VOCAB, EOT, BEGIN = 60, 40, 46  # 40 words, end-of-text, five other special tokens, 14 timestamps
SPECIAL = SpecialTokens(
    sot=41, eot=EOT, vocab=VOCAB, timestamp_begin=BEGIN, no_timestamps=BEGIN - 1, prev_sot=43, no_speech=44,
    languages={}, tasks={}, suppress=(1, 2, 41, 43), begin_suppress=(5, EOT),
    max_initial_timestamp_index=3, max_length=32,
)  # fmt: skip


def text(rng: random.Random, length: int) -> list[int]:
    """A text that the rules allow: words, and timestamps that come in rising pairs."""
    stamp, out = BEGIN + rng.randrange(3), []
    out.append(stamp)
    while len(out) < length:
        out += [rng.randrange(40) for _ in range(rng.randrange(1, 4))]
        if rng.random() < 0.6 and stamp < VOCAB - 2:
            stamp += 1
            out += [stamp] if rng.random() < 0.3 else [stamp, stamp]
    return out[:length]


def test_slots_do_not_see_each_other() -> None:
    """Two texts in one call give what each gives alone, at different positions."""
    rng = random.Random(3)
    rows = [[41, 41, *text(rng, 14)], [41, *text(rng, 15)]]
    tokens = torch.tensor(rows)
    begin, start = torch.tensor([2, 1]), torch.tensor([6, 0])
    logits = torch.randn(2, 4, VOCAB)
    processor = LogitsProcessor.build(SPECIAL, torch.device("cpu"), timestamps=True)
    both = processor(logits, TokenContext.of(tokens, begin, start, 4, BEGIN))
    for i in range(2):
        one = slice(i, i + 1)
        alone = processor(logits[one], TokenContext.of(tokens[one], begin[one], start[one], 4, BEGIN))
        assert torch.equal(both[one], alone)


@pytest.mark.parametrize("seed", range(10))
def test_a_place_moves_on_with_the_text(seed: int) -> None:
    """A draft goes on from where it stands; the target reads the whole text anew. Both find the same."""
    rng = random.Random(seed)
    tokens = torch.tensor([[41, 41, *text(rng, 14)], [41, *text(rng, 15)]])
    begin, start = torch.tensor([2, 1]), torch.tensor([1, 0])
    context = TokenContext.of(tokens, begin, start, 1, BEGIN)
    for step in range(1, 14):
        context = context.then(tokens.gather(1, (start + step)[:, None]), BEGIN)
        expected = TokenContext.of(tokens, begin, start + step, 1, BEGIN)
        assert torch.equal(context.index, expected.index)
        assert torch.equal(context.last, expected.last)
        assert torch.equal(context.before_last, expected.before_last)
        assert torch.equal(context.latest, expected.latest)


def test_logits_are_not_changed() -> None:
    logits = torch.randn(1, 2, VOCAB)
    kept = logits.clone()
    processor = LogitsProcessor.build(SPECIAL, torch.device("cpu"), timestamps=True)
    processor(
        logits, TokenContext.of(torch.zeros(1, 10, dtype=torch.long), torch.tensor([1]), torch.tensor([0]), 2, BEGIN)
    )
    assert torch.equal(logits, kept)
