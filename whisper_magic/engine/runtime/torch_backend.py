"""Rounds through torch: eager on a CPU, captured as CUDA graphs on a GPU.

`draft_step` and `verify_step` are a round's two halves as steps on the device: they never read a value back, and every
shape in them is fixed, so that they can be captured, and so that no kernel depends on which slots are occupied.

Shapes: S slots, B tokens fed to each, V vocabulary, H heads, T cache length, F encoder frames, D head_dim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from whisper_magic.engine.model.checkpoint import Checkpoint
from whisper_magic.engine.model.decoder import DecoderNetwork
from whisper_magic.engine.model.encoder import Attend
from whisper_magic.engine.runtime.backend import (
    AfterStart,
    RoundOutput,
    int_bits,
    read_after_start,
    read_round,
    starting_slots,
)
from whisper_magic.engine.runtime.cuda_graphs import CudaGraphs
from whisper_magic.engine.runtime.slots import BLOCK, ROUND_FIELDS, Slots
from whisper_magic.engine.sample.acceptance import accepted_prefix, num_written, rejection_choice
from whisper_magic.engine.sample.logits_processor import LogitsProcessor, TokenContext, log_probability
from whisper_magic.engine.sample.noise import (
    ACCEPTANCE_NOISE,
    DRAFT_NOISE,
    RESIDUAL_NOISE,
    derive_key,
    gumbel,
    perturbed,
    scaled,
    uniform,
)

Tensor = torch.Tensor
Forward = Callable[[Tensor, Tensor], Tensor]  # tokens (S, B), start (S,) -> logits (S, B, V)


class TorchDecoder:
    """One decoder network and its caches: self (layers, 2, S, H, T, D), and cross (layers, 2, S, H, F, D)."""

    def __init__(self, network: DecoderNetwork) -> None:
        self.network = network
        self._self_kv = self._cross_kv = torch.empty(0)

    def allocate(self, slots: int, length: int, frames: int) -> None:
        network = self.network
        shape, device = (len(network.layers), 2, slots, network.heads), network.embedding.device
        self._self_kv = torch.zeros(*shape, length, network.head_dim, dtype=network.dtype, device=device)
        self._cross_kv = torch.zeros(*shape, frames, network.head_dim, dtype=network.dtype, device=device)

    def release(self) -> None:
        self._self_kv = self._cross_kv = torch.empty(0)

    def store_cross_kv(self, slot: int, cross_kv: Tensor) -> None:
        self._cross_kv[:, :, slot] = cross_kv

    def cross_kv(self, slot: int) -> Tensor:
        return self._cross_kv[:, :, slot : slot + 1]

    def caches(self) -> Iterator[Tensor]:
        yield from (self._self_kv, self._cross_kv)

    def forward(self, tokens: Tensor, start: Tensor) -> Tensor:
        """(S, B) tokens from positions start (S,) on -> (S, B, V) logits."""
        count = len(tokens)  # the first slots, where the caches hold more
        return self.network.forward(tokens, start, self._self_kv[:, :, :count], self._cross_kv[:, :, :count])


class TorchBackend:
    """Computes rounds through torch."""

    name = ""
    attend: Attend | None = None

    def __init__(self, target: Checkpoint, draft: Checkpoint | None) -> None:
        self.target = TorchDecoder(DecoderNetwork.build(target.decoder_state, target.config))
        self.draft: TorchDecoder | None = None
        if draft is not None:
            network = DecoderNetwork.build(draft.decoder_state, draft.config, shortlist=draft.shortlist)
            self.draft = TorchDecoder(network)
        self.graphs = CudaGraphs.on(self.target.network.embedding.device)

    @property
    def notes(self) -> tuple[str, ...]:
        return (self.graphs.note,) if self.graphs.note else ()

    def forward(self, tokens: Tensor, start: Tensor, slots: Sequence[int] | None = None) -> Tensor:
        return self.target.forward(tokens, start)

    def draft_round(self, slots: Slots, processor: LogitsProcessor, num_wanted: Sequence[int]) -> list[int]:
        assert self.draft is not None
        forward = self.draft.forward
        self._prefill_draft(slots, num_wanted)
        slots.sync_drafted(num_wanted)
        steps = max(num_wanted)
        key = ("draft", slots.count, processor, steps, slots.sampling) if slots.draft_probs is None else None
        self.graphs.run(key, lambda: draft_step(forward, processor, slots, steps))
        return list(num_wanted)

    def _prefill_draft(self, slots: Slots, num_wanted: Sequence[int]) -> None:
        """Feed what is certain, in blocks, until every slot in need is at most two tokens behind."""
        assert self.draft is not None
        forward, start = self.draft.forward, slots.draft_cached

        def step() -> None:
            forward(slots.block(start, BLOCK), start)

        in_need = [state for state, count in zip(slots.states, num_wanted, strict=True) if count]
        while any(state.num_tokens - state.draft_cached > 2 for state in in_need):
            slots.sync_draft_cached()
            self.graphs.run(("draft prefill", slots.count), step)
            for state in in_need:
                state.draft_cached = min(state.draft_cached + BLOCK, state.num_tokens - 1)

    def verify_round(
        self, slots: Slots, processor: LogitsProcessor, num_drafted: Sequence[int]
    ) -> list[RoundOutput | None]:
        forward, starting = self.target.forward, starting_slots(slots, processor)
        slots.sync_drafted(num_drafted)
        key = ("verify", slots.count, processor, slots.sampling, bool(starting)) if slots.draft_probs is None else None
        self.graphs.run(key, lambda: verify_step(forward, processor, slots, bool(starting)))
        return read_round(slots, num_drafted, starting, processor.special.eot)

    def detect_round(self, slots: Slots, processor: LogitsProcessor, chosen: Sequence[int]) -> list[AfterStart]:
        forward = self.target.forward
        self.graphs.run(("detect", slots.count, processor), lambda: detect_step(forward, processor, slots))
        return read_after_start(slots, chosen)

    def warmed_up(self) -> bool:
        return self.graphs.warmed_up()

    def clear(self) -> None:
        self.graphs.clear()


def draft_step(forward: Forward, processor: LogitsProcessor, slots: Slots, steps: int) -> None:
    """The draft's half: `steps` guesses in every slot, of which as many are written as are wanted there.

    A slot is one or two tokens behind (two where every guess was accepted: the last one was never fed).
    """
    timestamp_begin, last, wanted = processor.special.timestamp_begin, slots.num_tokens - 1, slots.num_drafted
    logits = _feed_last_two(forward, slots)
    context = TokenContext.of(slots.tokens, slots.num_prompt, last, 1, timestamp_begin)
    guesses: list[Tensor] = []
    for step in range(steps):
        if guesses:  # a slot that wants no more is fed too: what is cached there is never relied upon
            logits = forward(guesses[-1], last + step)
            context = context.then(guesses[-1], timestamp_begin)
        guesses.append(_guess(processor, logits, context, slots, step))
    at = slots.num_tokens[:, None] + torch.arange(steps, device=wanted.device)
    kept = torch.arange(steps, device=wanted.device) < wanted[:, None]
    slots.tokens.scatter_(1, at, torch.where(kept, torch.cat(guesses, 1), slots.tokens.gather(1, at)))


def _feed_last_two(forward: Forward, slots: Slots) -> Tensor:
    """Feed the last two certain tokens; (S, 1, V) logits after the last one."""
    start = (slots.num_tokens - 2).clamp_(min=0)
    logits = forward(slots.block(start, 2), start)
    last = (slots.num_tokens - 1 - start)[:, None, None]
    return logits.gather(1, last.expand(-1, 1, logits.shape[-1]))


def _guess(processor: LogitsProcessor, logits: Tensor, context: TokenContext, slots: Slots, step: int) -> Tensor:
    """(S, 1, V) logits -> (S, 1) ids: the likeliest, or a sample. Where the rejection rule needs it, the distribution
    is kept for the slots that want so many guesses."""
    if not slots.sampling:
        return processor.likeliest(logits, context)
    scores = processor(logits, context)
    if slots.draft_probs is None:  # the noise is the target's own
        return perturbed(scores, slots.temperature, slots.key, context.index).argmax(dim=-1)
    probs = scaled(scores, slots.temperature)[:, 0].softmax(-1)
    slots.draft_probs[:, step] = torch.where((step < slots.num_drafted)[:, None], probs, slots.draft_probs[:, step])
    return perturbed(scores, slots.temperature, derive_key(slots.key, DRAFT_NOISE), context.index).argmax(dim=-1)


def verify_step(forward: Forward, processor: LogitsProcessor, slots: Slots, starting: bool, width: int = BLOCK) -> None:
    """The target's half: one pass over a block of every slot; accept, write, advance.

    Args:
        forward: The target's pass.
        processor: The logit rules.
        slots: All of them are computed.
        starting: Whether any block holds start-of-transcript, after which P(no speech) and the language are found.
        width: Of the blocks. Fewer than BLOCK rows where no slot uses more, and a row's bits do not depend on it.
    """
    start, num_tokens, drafted = slots.num_cached, slots.num_tokens, slots.num_drafted
    block = slots.block(start, width)
    logits = forward(block, start)
    uncached = num_tokens - start
    ready = slots.active & (uncached <= BLOCK)
    steps = torch.arange(width, device=num_tokens.device)
    rows = (uncached[:, None] - 1 + steps).clamp_(max=width - 1)  # those that decide num_tokens, num_tokens + 1, ...
    proposed = block.gather(1, (rows + 1).clamp_(max=width - 1))
    choice, logprob = _choose(processor, slots, logits, rows, proposed)
    accepted = accepted_prefix(proposed, choice, drafted)
    count, finished = num_written(choice, accepted, processor.special.eot, slots.max_tokens - num_tokens)
    count = torch.where(ready, count, 0)

    slots.tokens.scatter_(1, (num_tokens + accepted)[:, None], choice.gather(1, accepted[:, None]))
    after_start = _after_start(processor, slots, logits, start) if starting else accepted.new_zeros(slots.count, 3)
    fields = torch.stack([ready, accepted, count, finished], 1)
    slots.round_output[:, :ROUND_FIELDS] = torch.cat([fields, after_start], 1)
    by_row = slots.round_output[:, ROUND_FIELDS:].view(slots.count, 3, BLOCK)
    by_row[..., :width] = torch.stack([proposed, choice, int_bits(logprob)], 1)
    prefilled = torch.where(slots.active, start + BLOCK, start)
    slots.num_cached.copy_(torch.where(ready, num_tokens + count - 1, prefilled))
    slots.num_tokens.add_(count)


def _choose(
    processor: LogitsProcessor, slots: Slots, logits: Tensor, rows: Tensor, proposed: Tensor
) -> tuple[Tensor, Tensor]:
    """(S, B, V) logits -> the target's choice in the `rows` (S, B), and its log-probability."""
    begin = processor.special.timestamp_begin
    context = TokenContext.of(slots.tokens, slots.num_prompt, slots.num_cached, rows.shape[1], begin)
    if not slots.sampling:
        choice, logprob = processor.greedy(logits, context)
        return choice.gather(1, rows), logprob.gather(1, rows)
    sampled = _choose_samples(processor, slots, logits, context, rows, proposed)
    if processor.fused is None:  # the likeliest tokens are by the same operators then
        return sampled
    greedy, samples = processor.greedy(logits, context), (slots.temperature > 0)[:, None]
    choice, logprob = (part.gather(1, rows) for part in greedy)
    return torch.where(samples, sampled[0], choice), torch.where(samples, sampled[1], logprob)


def _choose_samples(
    processor: LogitsProcessor, slots: Slots, logits: Tensor, context: TokenContext, rows: Tensor, proposed: Tensor
) -> tuple[Tensor, Tensor]:
    """The same where some slot samples; the others take their likeliest tokens."""
    scores = processor(logits, context)
    if slots.draft_probs is not None:
        scores = scores.gather(1, rows[..., None].expand_as(scores))
        choice = _choose_by_rejection(slots, scores, context.index.gather(1, rows), proposed)
        return choice, log_probability(scores, choice)
    choice = perturbed(scores, slots.temperature, slots.key, context.index).argmax(dim=-1)
    return choice.gather(1, rows), log_probability(scores, choice).gather(1, rows)


def _choose_by_rejection(slots: Slots, scores: Tensor, index: Tensor, proposed: Tensor) -> Tensor:
    """The choices of slots that sample, by the rejection rule; the likeliest tokens in the others."""
    assert slots.draft_probs is not None
    choice = rejection_choice(
        scaled(scores, slots.temperature).softmax(-1),
        slots.draft_probs,
        proposed,
        slots.num_drafted,
        uniform(derive_key(slots.key, ACCEPTANCE_NOISE), index),
        gumbel(derive_key(slots.key, RESIDUAL_NOISE), index, scores.shape[-1]),
    )
    return torch.where((slots.temperature > 0)[:, None], choice, scores.argmax(-1))


def detect_step(forward: Forward, processor: LogitsProcessor, slots: Slots) -> None:
    """Feed the last certain token of every slot, in a block of the usual width; the languages after
    start-of-transcript, where that is it."""
    start = slots.num_tokens - 1
    after_start = _after_start(processor, slots, forward(slots.block(start, BLOCK), start), start)
    slots.round_output[:, ROUND_FIELDS - 3 : ROUND_FIELDS] = after_start


def _after_start(processor: LogitsProcessor, slots: Slots, logits: Tensor, start: Tensor) -> Tensor:
    """(S, 3): P(no speech) after start-of-transcript, the likeliest language and its probability among the languages,
    from the raw logits of blocks that begin at start (S,); undefined where it is not in the block."""
    row = (slots.sot_index - start).clamp_(0, logits.shape[1] - 1)[:, None, None]
    after_start = logits.gather(1, row.expand(-1, 1, logits.shape[-1]))[:, 0].float()
    no_speech = int_bits(after_start.softmax(-1)[:, processor.special.no_speech or 0])
    if not len(processor.languages):
        return torch.stack([no_speech, torch.zeros_like(no_speech), torch.zeros_like(no_speech)], 1)
    probability, best = after_start[:, processor.languages].softmax(-1).max(-1)
    return torch.stack([no_speech, processor.languages[best], int_bits(probability)], 1)
