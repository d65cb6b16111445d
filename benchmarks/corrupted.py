"""A draft that is right exactly as often as it is told to be.

Random weights agree with nobody. So the real draft is computed at its full cost, and then its choice is replaced by
what the target is known to write (a transcript recorded before), in which a share of the tokens, 1 - alpha, was
replaced by wrong ones. The cost per round is the draft's own; the acceptance is alpha by construction. The same is
done to our draft and to transformers' assistant.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from whisper_magic.engine.decode.drafters import Draft
from whisper_magic.engine.runtime.slots import Slots, Window

Tensor = torch.Tensor


def corrupt(tokens: Sequence[int], alpha: float, words: int, seed: int = 0) -> tuple[int, ...]:
    """The transcript with round((1 - alpha) * n) of its n tokens, at random places, replaced by other ordinary ones.

    words: ordinary tokens have ids below.
    """
    dice = random.Random(seed)
    wrong = set(dice.sample(range(len(tokens)), round((1 - alpha) * len(tokens))))
    others = [(token + 1 + dice.randrange(words - 1)) % words for token in tokens]
    return tuple(others[i] if i in wrong else token for i, token in enumerate(tokens))


class CorruptedDraft:
    """Our draft, at its own cost, with its guesses replaced. scripts: what is proposed, by the window's index."""

    def __init__(self, draft: Draft, scripts: Mapping[int, Sequence[int]]) -> None:
        self.draft, self.length = draft, draft.length
        self._scripts = scripts
        self._heard: dict[int, Window] = {}
        self._rows: Tensor | None = None

    def admit(self, slot: int) -> None:
        self._heard.pop(slot, None)
        self.draft.admit(slot)

    def propose(self, slots: Slots, wanted: Sequence[int]) -> list[int]:
        offered = self.draft.propose(slots, wanted)
        assert offered == list(wanted), "the draft ended a text by itself: that was not its full cost"
        slots.offer(offered)
        rows = self._prepared(slots)
        steps = torch.arange(self.length, device=rows.device)
        at = slots.known[:, None] + steps
        old = slots.tokens.gather(1, at)
        slots.tokens.scatter_(1, at, torch.where(steps < slots.offered[:, None], rows.gather(1, at), old))
        return offered

    def _prepared(self, slots: Slots) -> Tensor:
        """(S, T): each slot's script, where it belongs in the slot's text."""
        if self._rows is None:
            self._rows = torch.zeros_like(slots.tokens)
        for slot, window in slots.occupied:
            if self._heard.get(slot) is not window:
                self._heard[slot] = window
                script, begin = torch.tensor(self._scripts[window.index]), slots.counts[slot].begin
                self._rows[slot, begin : begin + len(script)] = script.to(self._rows.device)
        return self._rows


class CorruptedAssistant:
    """transformers' candidate generator, at its own cost, with its candidates replaced. script: what is proposed,
    in its place behind `begin` prompt tokens."""

    def __init__(self, generator: Any, script: Sequence[int], begin: int) -> None:
        self.generator, self.script, self.begin = generator, script, begin
        self.judged = self.accepted = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.generator, name)

    def get_candidates(self, input_ids: Tensor, **kwargs: Any) -> tuple[Tensor, Tensor | None]:
        candidates, logits = self.generator.get_candidates(input_ids, **kwargs)
        known, total = input_ids.shape[1], candidates.shape[1]
        guesses = self.script[known - self.begin : total - self.begin]
        candidates[0, known : known + len(guesses)] = torch.tensor(guesses, device=candidates.device)
        return candidates, logits

    def update_candidate_strategy(self, input_ids: Tensor, scores: Tensor, num_matches: int) -> None:
        offered = scores.shape[1] - 1
        self.judged += min(num_matches + 1, offered)
        self.accepted += num_matches
        self.generator.update_candidate_strategy(input_ids, scores, num_matches)
