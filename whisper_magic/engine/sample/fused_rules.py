"""Logit rules, choice and log-probability of greedy rows in one Triton kernel, for a GPU.

What `LogitsProcessor.greedy` does in 24 operators, ten of which read or write the scores of the whole vocabulary. One
program computes one row in one pass over its logits, so that a row's bits depend on the row alone. Plain torch is the
reference, and what is used where this cannot be, or does not agree. The rules are the tables of `rules.py`.

Importing this imports triton, which torch's builds for CUDA on Linux bring along.

Shapes: R rows, V vocabulary.
"""

from __future__ import annotations

from contextlib import nullcontext

import torch
import triton
import triton.language as tl

from whisper_magic.engine.sample.rules import MAX_GENERATED, RuleTables

Tensor = torch.Tensor
CHUNK = 4096  # ids of a row that are read together


@triton.jit
def _merged(high, total, scores):  # type: ignore[no-untyped-def]  # the language of a kernel has no types
    """A running maximum and sum of exponentials, with a chunk of scores taken in. -inf where there was nothing."""
    new = tl.maximum(high, tl.max(scores, 0))
    anchor = tl.where(new == float("-inf"), 0.0, new)
    return new, total * tl.exp(high - anchor) + tl.sum(tl.exp(scores - anchor), 0)


@triton.jit  # type: ignore[untyped-decorator]
def _greedy_row(  # type: ignore[no-untyped-def]
    logits, states, mask, min_step, index, last, before_last, latest, choice, logprob, vocab, begin,
    max_generated: tl.constexpr, chunk: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0)
    number, stamp = tl.load(index + row), tl.load(latest + row)
    generated = tl.minimum(tl.maximum(number, 0), max_generated)
    last_is, before_is = tl.load(last + row) >= begin, tl.load(before_last + row) >= begin
    state = tl.load(states + 4 * generated + 2 * last_is.to(tl.int64) + before_is.to(tl.int64))
    least = tl.where(stamp >= 0, stamp + tl.load(min_step + state), begin)
    text_high, text_sum = tl.full([], float("-inf"), tl.float32), tl.full([], 0.0, tl.float32)
    stamp_high, stamp_sum = text_high, text_sum
    text_at, stamp_at = 0 * number, 0 * number + begin
    for first in range(0, vocab, chunk):
        at = first + tl.arange(0, chunk)
        there = at < vocab
        score = tl.load(logits + row * vocab + at, mask=there, other=float("-inf")).to(tl.float32)
        score += tl.load(mask + state * vocab + at, mask=there, other=float("-inf"))
        text = tl.where(at < begin, score, float("-inf"))
        stamps = tl.where((at >= begin) & (at >= least), score, float("-inf"))
        text_at = tl.where(tl.max(text, 0) > text_high, first + tl.argmax(text, 0), text_at)
        stamp_at = tl.where(tl.max(stamps, 0) > stamp_high, first + tl.argmax(stamps, 0), stamp_at)
        text_high, text_sum = _merged(text_high, text_sum, text)
        stamp_high, stamp_sum = _merged(stamp_high, stamp_sum, stamps)
    mass = tl.where(stamp_sum > 0, stamp_high + tl.log(tl.where(stamp_sum > 0, stamp_sum, 1.0)), float("-inf"))
    forced = mass > text_high  # the timestamps together outweigh every single text token
    chosen = forced | (stamp_high > text_high)
    high = tl.where(chosen, stamp_high, text_high)
    total = tl.where(forced, 0.0, text_sum * tl.exp(text_high - tl.where(high == float("-inf"), 0.0, high)))
    total += stamp_sum * tl.exp(stamp_high - tl.where(high == float("-inf"), 0.0, high))
    tl.store(choice + row, tl.where(chosen, stamp_at, text_at))
    tl.store(logprob + row, -tl.log(total))


def fused_greedy(
    logits: Tensor, tables: RuleTables, context: tuple[Tensor, Tensor, Tensor, Tensor], begin: int
) -> tuple[Tensor, Tensor]:
    """The likeliest token that the rules allow in each row, and its log-probability.

    Args:
        logits: (S, B, V).
        tables: The rules.
        context: The parts of a `TokenContext`, each (S, B) int64.
        begin: Id of the first timestamp; V or more where there are none.

    Returns:
        (S, B) ids and (S, B) float32.
    """
    slots, block, vocab = logits.shape
    rules = tables.states, tables.mask, tables.min_step
    rows = [part.contiguous() for part in context]
    choice = torch.empty(slots, block, dtype=torch.long, device=logits.device)
    logprob = torch.empty(slots, block, dtype=torch.float32, device=logits.device)
    on_gpu = logits.device.type == "cuda"
    with torch.cuda.device(logits.device) if on_gpu else nullcontext():  # triton launches on the current device
        _greedy_row[(slots * block,)](
            logits.contiguous(), *rules, *rows, choice, logprob, vocab, begin,
            max_generated=MAX_GENERATED, chunk=CHUNK,
        )  # fmt: skip
    return choice, logprob
