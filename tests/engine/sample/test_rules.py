"""Whisper's logit rules: one table of cases, through every implementation of them.

Plain torch is the reference of the others, transformers' own logits processors are its reference. The Triton kernel
runs on a GPU, or in Triton's interpreter; the C kernels where there is a compiler.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from transformers import GenerationConfig
from transformers.generation.logits_process import (
    SuppressTokensAtBeginLogitsProcessor,
    SuppressTokensLogitsProcessor,
    WhisperTimeStampLogitsProcessor,
)

from whisper_magic.engine.model.checkpoint import SpecialTokens
from whisper_magic.engine.native import bindings
from whisper_magic.engine.native.decoder import NativeRules
from whisper_magic.engine.sample import logits_processor
from whisper_magic.engine.sample.logits_processor import LogitsProcessor, TokenContext
from whisper_magic.engine.sample.rules import RULES, TIMESTAMP_RULES, RowState

VOCAB, EOT, BEGIN = 60, 40, 46  # 40 words, end-of-text, five other special tokens, 14 timestamps
SOT, PREV_SOT, NO_SPEECH, NO_TIMESTAMPS, LAST = 41, 43, 44, BEGIN - 1, VOCAB - 1
SPECIAL = SpecialTokens(
    sot=SOT, eot=EOT, vocab=VOCAB, timestamp_begin=BEGIN, no_timestamps=NO_TIMESTAMPS, prev_sot=PREV_SOT,
    no_speech=NO_SPEECH, languages={}, tasks={}, suppress=(1, 2, SOT, PREV_SOT, NO_SPEECH), begin_suppress=(5, EOT),
    max_initial_timestamp_index=3, max_length=32,
)  # fmt: skip
PROMPT = (PREV_SOT, 7, SOT, 42)
EVERY, STAMPS = set(range(VOCAB)), set(range(BEGIN, VOCAB))
USUAL = EVERY - {1, 2, SOT, PREV_SOT, NO_SPEECH}  # what the checkpoint's list leaves
ENDS = USUAL - STAMPS - set(range(EOT)) - {NO_TIMESTAMPS}  # end-of-text, and what no list forbids beside it
WORDS = USUAL - STAMPS - {NO_TIMESTAMPS}  # and end-of-text
TELLING = (0, 1, 2, 5, 7, 9, 39, *range(EOT, VOCAB))  # the words between are alike, and the interpreter takes its time
Choice = tuple[torch.Tensor, torch.Tensor]  # ids and log-probabilities, (S, B)
Greedy = Callable[[LogitsProcessor, torch.Tensor, TokenContext], Choice]


def through_torch(processor: LogitsProcessor, logits: torch.Tensor, context: TokenContext) -> Choice:
    return processor.greedy(logits, context)


def through_triton(processor: LogitsProcessor, logits: torch.Tensor, context: TokenContext) -> Choice:
    from whisper_magic.engine.sample import fused_rules

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tables = replace(processor.tables, **{k: v.to(device) for k, v in vars(processor.tables).items()})
    parts = [part.to(device) for part in context.parts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused_rules, "CHUNK", 32)  # several a row, the last of them not full
        choice, logprob = fused_rules.fused_greedy(logits.to(device), tables, parts, processor.stamp_begin)
    return choice.cpu(), logprob.cpu()


def through_c(
    processor: LogitsProcessor, logits: torch.Tensor, context: TokenContext, shortlist: torch.Tensor | None = None
) -> Choice:
    choice, logprob = torch.empty(logits.shape[:2], dtype=torch.long), torch.empty(logits.shape[:2])
    rows = [part.contiguous() for part in (*context.parts, choice, logprob)]
    logits = (logits if shortlist is None else logits[..., shortlist]).float().contiguous()
    rules = NativeRules.of(processor, shortlist)
    pointers = (part.data_ptr() for part in rows)
    bindings.kernels().choose_rows(logits.data_ptr(), choice.numel(), rules.struct, *pointers, 1)
    return rows[4], rows[5]


@pytest.fixture(params=[through_torch, pytest.param(through_triton, marks=pytest.mark.gpu), through_c])
def greedy(request: pytest.FixtureRequest) -> Greedy:
    """Each implementation of rules, choice and log-probability."""
    if request.param is through_triton:
        pytest.importorskip("triton", reason="NO TRITON: pip install triton, then this runs in its interpreter")
    if request.param is through_c and bindings.why_not():
        pytest.skip(f"NO NATIVE CPU KERNELS: {bindings.why_not()}")
    return request.param


def rules(timestamps: bool = True, special: SpecialTokens = SPECIAL, **options: Any) -> LogitsProcessor:
    return LogitsProcessor.build(special, torch.device("cpu"), timestamps=timestamps, **options)


def context_of(*texts: Sequence[int]) -> TokenContext:
    """The row after each of these texts, (1, len(texts))."""
    rows = [TokenContext.of(*_tokens(text), 1, BEGIN).parts for text in texts]
    return TokenContext(*(torch.cat(parts, 1) for parts in zip(*rows, strict=True)))


def _tokens(text: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    begin = torch.tensor([len(PROMPT)])
    return torch.tensor([[*PROMPT, *text, 0, 0]]), begin, begin + len(text) - 1


# ---- what each rule forbids ------------------------------------------------------------------------------------------


def since(steps: int) -> set[int]:
    """The timestamps from so many steps on."""
    return set(range(BEGIN + steps, VOCAB))


@dataclass(frozen=True)
class Case:
    """After `text`, exactly the tokens `may` can be written."""

    name: str
    rule: str
    text: tuple[int, ...]
    may: set[int]
    timestamps: bool = True
    suppress: tuple[int, ...] | None = None
    max_initial_index: int | None = None
    special: SpecialTokens = SPECIAL


ANY = WORDS | STAMPS
NO_LISTS = replace(SPECIAL, suppress=(), begin_suppress=(), max_initial_timestamp_index=None)
CASES = [
    Case("the checkpoint's list", "suppress_tokens", (7,), USUAL, timestamps=False),
    Case("the caller's list instead", "suppress_tokens", (7,), EVERY - {9, EOT}, timestamps=False, suppress=(9, EOT)),
    Case("an empty list", "suppress_tokens", (7,), EVERY, timestamps=False, suppress=()),
    Case("ids outside the vocabulary", "suppress_tokens", (7,), EVERY - {0, LAST}, False, (-1, 0, LAST, VOCAB, 999)),
    Case("P(no speech) has no say", "suppress_tokens", (7,), EVERY - {NO_SPEECH}, False, (NO_SPEECH,)),
    Case("the first token", "suppress_blank", (), USUAL - {5, EOT}, timestamps=False),
    Case("the second may be those", "suppress_blank", (7,), USUAL, timestamps=False),
    Case("a checkpoint without lists", "suppress_blank", (), EVERY, timestamps=False, special=NO_LISTS),
    Case("no timestamps in a text without", "suppress_no_timestamps", (7,), USUAL, timestamps=False),
    Case("nor in one with", "suppress_no_timestamps", (BEGIN, 7), WORDS | since(1)),
    Case("a checkpoint that has none", "suppress_no_timestamps", (7,), EVERY, False, (),
         special=replace(SPECIAL, no_timestamps=None, timestamp_begin=VOCAB + 1)),
    Case("a text begins with a timestamp", "begin_with_timestamp", (), STAMPS, special=NO_LISTS),
    Case("not too late a one", "begin_with_timestamp", (), STAMPS - since(4)),
    Case("the caller's latest", "begin_with_timestamp", (), {BEGIN}, max_initial_index=0),
    Case("a latest beyond the last", "begin_with_timestamp", (), STAMPS, max_initial_index=99),
    Case("after the first one, text", "pair_timestamps", (BEGIN,), WORDS),
    Case("after text, text or a timestamp", "pair_timestamps", (BEGIN, 7), WORDS | since(1)),
    Case("after one, its pair or the end", "pair_timestamps", (BEGIN, 7, BEGIN + 3), ENDS | since(3)),
    Case("after a pair, text", "pair_timestamps", (BEGIN, 7, BEGIN + 3, BEGIN + 3), WORDS),
    Case("text first, where a text has it", "pair_timestamps", (7,), ANY),
    Case("never earlier", "rising_timestamps", (BEGIN + 2, 7), WORDS | since(3)),
    Case("equal in a pair", "rising_timestamps", (BEGIN, 7, LAST), ENDS | {LAST}),
    Case("later after a pair", "rising_timestamps", (BEGIN, 7, BEGIN + 3, BEGIN + 3, 8), WORDS | since(4)),
    Case("none after the last", "rising_timestamps", (BEGIN, 7, LAST, LAST, 8), WORDS),
    Case("an earlier one does not lower it", "rising_timestamps", (BEGIN + 9, 7, BEGIN + 3, 8), WORDS | since(10)),
    Case("the text's, though none is predicted", "rising_timestamps", (BEGIN + 9, 7, LAST), USUAL, timestamps=False),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}: {case.name}")
def test_what_may_be_written(greedy: Greedy, case: Case) -> None:
    """A row for each token, in which it is by far the likeliest: the choice is that token, or the rules forbid it."""
    processor = rules(case.timestamps, case.special, suppress=case.suppress, max_initial_index=case.max_initial_index)
    tokens = torch.tensor(TELLING if greedy is through_triton else range(VOCAB))
    logits = F.one_hot(tokens, VOCAB)[None] * 30.0
    choice, _ = greedy(processor, logits, context_of(*[case.text] * len(tokens)))
    assert {*tokens[choice[0] == tokens].tolist()} == case.may.intersection(tokens.tolist())


def test_every_rule_has_its_cases() -> None:
    assert {case.rule for case in CASES} == {rule.__name__ for rule in (*RULES, *TIMESTAMP_RULES)}


# ---- where timestamps outweigh text ----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_the_timestamps_together_outweigh_a_word(greedy: Greedy, count: int) -> None:
    """So many of probability 1 / count against a word that is just as likely, a little less, and a little more."""
    logits = torch.full((1, 3, VOCAB), -torch.inf)
    logits[..., BEGIN + 1 : BEGIN + 1 + count] = 0.0
    mass = torch.tensor(math.log(count))
    logits[0, :, 9] = torch.stack([mass, mass.nextafter(torch.tensor(-9.0)), mass.nextafter(torch.tensor(9.0))])
    choice, logprob = greedy(rules(), logits, context_of(*[(BEGIN, 7)] * 3))
    assert choice.tolist() == [[9, BEGIN + 1, 9]], "at a tie the word stays"
    expected = [-math.log(2), -math.log(count), -math.log(2)]
    assert logprob[0].tolist() == pytest.approx(expected, abs=1e-5), "words are left out where they are outweighed"


def test_ties_go_to_the_first(greedy: Greedy) -> None:
    logits = torch.zeros(1, 4, VOCAB)
    logits[0, 0, [9, 30]] = logits[0, 1, [BEGIN + 2, LAST]] = 20.0
    logits[0, 2, [30, BEGIN + 2]] = 2.0
    choice, _ = greedy(rules(), logits, context_of(*[(BEGIN, 7)] * 4))
    assert choice.tolist() == [[9, BEGIN + 2, BEGIN + 2, BEGIN + 1]]  # from the third on, timestamps outweigh words


@pytest.mark.filterwarnings("ignore:divide by zero")  # Triton's interpreter computes with numpy
def test_where_nothing_is_left(greedy: Greedy) -> None:
    """Words without a probability after a pair of timestamps: a token all the same, the first."""
    logits = torch.full((1, 1, VOCAB), -torch.inf)
    logits[..., BEGIN:] = 1.0
    choice, logprob = greedy(rules(), logits, context_of((BEGIN, 7, BEGIN + 3, BEGIN + 3)))
    assert choice.tolist() == [[0]]
    assert not logprob.isfinite().any()


# ---- any text, any flags ---------------------------------------------------------------------------------------------


def drawn_text(rng: random.Random, length: int) -> list[int]:
    """A text that the rules allow: words, and timestamps that come in rising pairs."""
    stamp, out = BEGIN + rng.randrange(3), []
    out.append(stamp)
    while len(out) < length:
        out += [rng.randrange(40) for _ in range(rng.randrange(1, 4))]
        if rng.random() < 0.6 and stamp < VOCAB - 2:
            stamp += 1
            out += [stamp] if rng.random() < 0.3 else [stamp, stamp]
    return out[:length]


def drawn(seed: int, rows: int = 24) -> tuple[list[list[int]], torch.Tensor]:
    """Texts of 0 to 12 tokens, and logits in which words are likely, timestamps are, and they are together."""
    rng, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    texts = [drawn_text(rng, row % 13) for row in range(rows)]
    logits = torch.randn(1, rows, VOCAB, generator=generator) * 3
    logits[:, ::3, BEGIN:] += 4
    logits[:, 1::3, BEGIN:] -= 9
    return texts, logits


def transformers_scores(text: list[int], logits: torch.Tensor, timestamps: bool, **lists: Any) -> torch.Tensor:
    """(V,) scores after `text` by transformers' own logits processors."""
    config = GenerationConfig(eos_token_id=EOT, bos_token_id=EOT)
    config.no_timestamps_token_id, config.max_initial_timestamp_index = NO_TIMESTAMPS, lists["max_initial_index"]
    begin = len(PROMPT)
    chain: list[Any] = [WhisperTimeStampLogitsProcessor(config, begin_index=begin)] if timestamps else []
    chain = [SuppressTokensLogitsProcessor(lists["suppress"]), *chain] if lists["suppress"] else chain
    if lists["begin_suppress"]:
        chain = [SuppressTokensAtBeginLogitsProcessor(lists["begin_suppress"], begin_index=begin), *chain]
    scores = logits[None].clone()
    for processor in chain:
        scores = processor(torch.tensor([[*PROMPT, *text]]), scores)
    return scores[0]


FLAGS = list(itertools.product([True, False], [(), (1, 2, SOT)], [(), (5, EOT)], [0, 3]))


@pytest.mark.parametrize(("timestamps", "suppress", "begin_suppress", "max_initial_index"), FLAGS)
def test_rows_equal_transformers(
    greedy: Greedy, timestamps: bool, suppress: tuple[int, ...], begin_suppress: tuple[int, ...], max_initial_index: int
) -> None:
    lists = {"suppress": suppress, "begin_suppress": begin_suppress, "max_initial_index": max_initial_index}
    special = replace(SPECIAL, begin_suppress=begin_suppress)
    processor = rules(timestamps, special, suppress=suppress, max_initial_index=max_initial_index)
    for seed in range(1 if greedy is through_triton else 4):
        texts, logits = drawn(seed)
        pairs = zip(texts, logits[0], strict=True)
        scores = torch.stack([transformers_scores(text, row, timestamps, **lists) for text, row in pairs])
        if greedy is through_torch:
            assert torch.equal(processor(logits, context_of(*texts))[0], scores)
        choice, logprob = greedy(processor, logits, context_of(*texts))
        assert torch.equal(choice[0], scores.argmax(-1))
        expected = scores.log_softmax(-1).amax(-1)
        torch.testing.assert_close(logprob[0], expected, rtol=1e-4, atol=1e-4)
        assert len(choice.unique()) > 8


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_logits_in_16_bits(greedy: Greedy, dtype: torch.dtype) -> None:
    """What the rules do with them, they do in float32."""
    texts, logits = drawn(5)
    found = greedy(rules(), logits.to(dtype), context_of(*texts))
    expected = through_torch(rules(), logits.to(dtype).float(), context_of(*texts))
    assert torch.equal(found[0], expected[0])
    torch.testing.assert_close(found[1], expected[1], rtol=1e-4, atol=1e-4)


def test_a_row_does_not_depend_on_the_others(greedy: Greedy) -> None:
    texts, logits = drawn(6, rows=16)
    together = greedy(rules(), logits, context_of(*texts))
    for row, text in enumerate(texts):
        alone = greedy(rules(), logits[:, row : row + 1].clone(), context_of(text))
        assert torch.equal(alone[0], together[0][:, row : row + 1])
        assert torch.equal(alone[1], together[1][:, row : row + 1])


@pytest.mark.skipif(bool(bindings.why_not()), reason=f"NO NATIVE CPU KERNELS: {bindings.why_not()}")
@pytest.mark.parametrize("timestamps", [True, False])
def test_a_shortlist_of_the_vocabulary(timestamps: bool) -> None:
    """As of a draft that computes the logits of a few words only: the others are never written."""
    shortlist = torch.tensor([0, 3, 5, 8, 20, 33, EOT, *range(BEGIN, VOCAB)])
    texts, logits = drawn(7)
    others = torch.ones(VOCAB, dtype=torch.bool)
    others[shortlist] = False
    choice, logprob = through_c(rules(timestamps), logits, context_of(*texts), shortlist)
    expected = through_torch(rules(timestamps), logits.masked_fill(others, -torch.inf), context_of(*texts))
    assert torch.equal(choice, expected[0])
    torch.testing.assert_close(logprob, expected[1], rtol=1e-4, atol=1e-4)


def test_every_state_is_met() -> None:
    """By the texts drawn here, and by the rows with which the Triton kernel is checked where it is loaded."""
    texts = context_of(*(text for seed in range(4) for text in drawn(seed)[0]))
    for context in (texts, logits_processor.trial_context(SPECIAL, torch.device("cpu"))):
        assert {*rules().state(context).flatten().tolist()} == {*RowState}
