"""One pass of the target over a block of every slot: what it wants at each place, how much of what was proposed it
agrees with, and what is therefore written. The device does all of it by itself, and is asked once, at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from whisper_magic.engine.runtime.model_runner import Runtime
from whisper_magic.engine.runtime.slots import FACTS, Slots
from whisper_magic.engine.sample import acceptance as verify
from whisper_magic.engine.sample.logits_processor import Rules, log_probability, places
from whisper_magic.engine.sample.noise import COIN, REDRAWN, gumbel, heated, perturbed, separate, uniform

Tensor = torch.Tensor


@dataclass(frozen=True)
class Outcome:
    """One round of one slot, read back from the device."""

    position: int
    proposed: tuple[int, ...]
    accepted: int
    written: tuple[int, ...]
    logprobs: tuple[float, ...]
    finished: bool


class TargetPass:
    """The target's part of a round."""

    def __init__(self, runtime: Runtime, rules: Rules, slots: Slots) -> None:
        self.runtime, self.rules, self.slots = runtime, rules, slots

    def run(self, offered: Sequence[int]) -> tuple[list[Outcome | None], dict[int, float]]:
        """Feed a block of every slot, and write what comes of it.

        offered: proposals in each slot, behind its known tokens. Returns an outcome a slot, None for those that decided
        nothing, as they were prefilled or empty; and P(no speech) for the slots whose block held start-of-transcript.
        """
        slots, counts = self.slots, self.slots.counts
        starting = [slot for slot, _ in slots.occupied if 0 <= counts[slot].start - counts[slot].cached < slots.width]
        heard = bool(starting) and self.rules.special.no_speech is not None
        if not self.runtime.target.decide(self.rules, slots, offered, heard):
            slots.offer(offered)
            key = ("target", self.rules, slots.sampling, heard) if slots.chances is None else None
            self.runtime.graphs.run(key, lambda: self._on_device(heard))
        facts = slots.answer()
        outcomes = [self._outcome(slot, facts[slot], offered[slot]) for slot in range(slots.count)]
        chances = _floats(facts[:, FACTS - 1])
        return outcomes, {slot: chances[slot] for slot in starting} if heard else {}

    def _on_device(self, heard: bool) -> None:
        """heard: whether any block holds start-of-transcript, after which P(no speech) is found."""
        slots, width, special = self.slots, self.slots.width, self.rules.special
        start, known, offered = slots.cached, slots.known, slots.offered
        block = slots.block(start, width)
        reach = max(one.cached for one in slots.counts) + width
        logits = self.runtime.target.forward(block, start, reach, self.runtime.live)
        open_rows = known - start
        ready = slots.active & (open_rows <= width)
        steps = torch.arange(width, device=known.device)
        from_first = (open_rows[:, None] - 1 + steps).clamp_(max=width - 1)  # rows that decide known, known + 1, ...
        proposed = block.gather(1, (from_first + 1).clamp_(max=width - 1))
        choice, logprob = self._choose(logits, start, from_first, proposed, offered)
        accepted = verify.accepted_prefix(proposed, choice, offered)
        count, finished = verify.written(choice, accepted, special.eot, slots.limit - known)
        count = torch.where(ready, count, 0)

        slots.tokens.scatter_(1, (known + accepted)[:, None], choice.gather(1, accepted[:, None]))
        no_speech = self._no_speech(logits) if heard else torch.zeros_like(logprob[:, 0])
        few = torch.stack([ready, accepted, count, finished, _bits(no_speech)], 1)
        slots.facts.copy_(torch.cat([few, proposed, choice, _bits(logprob)], 1))
        slots.cached.copy_(torch.where(ready, known + count - 1, torch.where(slots.active, start + width, start)))
        slots.known.add_(count)

    def _choose(
        self, logits: Tensor, start: Tensor, rows: Tensor, proposed: Tensor, offered: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(S, W, V) logits -> what the target wants at the places that `rows` (S, W) picks, and how likely that was."""
        slots = self.slots
        place = places(slots.tokens, slots.begin, start, logits.shape[1], self.rules.special.timestamp_begin)
        if not slots.sampling:
            choice, logprob = self.rules.best(logits, place)
            return choice.gather(1, rows), logprob.gather(1, rows)
        scores = self.rules(logits, place)
        if slots.chances is not None:
            scores = scores.gather(1, rows[..., None].expand_as(scores))
            choice = self._by_rejection(scores, place.index.gather(1, rows), proposed, offered)
            return choice, log_probability(scores, choice)
        choice = perturbed(scores, slots.temperature, slots.key, place.index).argmax(dim=-1)
        return choice.gather(1, rows), log_probability(scores, choice).gather(1, rows)

    def _by_rejection(self, scores: Tensor, index: Tensor, proposed: Tensor, offered: Tensor) -> Tensor:
        """The choices of slots that sample, by the rejection rule; the likeliest tokens in the others."""
        slots = self.slots
        assert slots.chances is not None
        kept = verify.chosen_by_rejection(
            heated(scores, slots.temperature).softmax(-1),
            slots.chances,
            proposed,
            offered,
            uniform(separate(slots.key, COIN), index),
            gumbel(separate(slots.key, REDRAWN), index, scores.shape[-1]),
        )
        return torch.where((slots.temperature > 0)[:, None], kept, scores.argmax(-1))

    def _no_speech(self, logits: Tensor) -> Tensor:
        """(S,) P(no speech) after start-of-transcript, from the raw logits; anything where it is not in the block."""
        row = (self.slots.start - self.slots.cached).clamp_(0, logits.shape[1] - 1)[:, None, None]
        after_start = logits.gather(1, row.expand(-1, 1, logits.shape[-1]))[:, 0]
        return after_start.float().softmax(-1)[:, self.rules.special.no_speech]

    def _outcome(self, slot: int, facts: np.ndarray, offered: int) -> Outcome | None:
        """The device's numbers as an outcome, and the host's counts moved on by them.

        What a draft proposed behind its own end-of-text could never be written, and does not count as proposed.
        """
        counts, width, eot = self.slots.counts[slot], self.slots.width, self.rules.special.eot
        ready, accepted, count, finished, _ = facts[:FACTS].tolist()
        position = counts.known
        if not ready:
            counts.cached += width if self.slots.windows[slot] is not None else 0
            return None
        counts.known, counts.cached = position + count, position + count - 1
        rows = facts[FACTS:].reshape(3, width)
        proposed, choice = rows[0, :offered].tolist(), rows[1, :count].tolist()
        return Outcome(
            position=position,
            proposed=tuple(proposed[: proposed.index(eot) + 1] if eot in proposed else proposed),
            accepted=min(accepted, count),
            written=tuple(choice),
            logprobs=tuple(_floats(rows[2, :count])),
            finished=bool(finished),
        )


def _bits(numbers: Tensor) -> Tensor:
    """float32 numbers as whole ones, to be read back beside others; `_floats` undoes it."""
    return numbers.float().view(torch.int32).long()


def _floats(bits: np.ndarray) -> list[float]:
    found: list[float] = bits.astype(np.int32).view(np.float32).tolist()
    return found
