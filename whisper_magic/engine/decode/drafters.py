"""Who proposes. A draft writes guesses behind the known tokens of each slot; none of them can change the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch

from whisper_magic.engine.runtime.model_runner import Runtime
from whisper_magic.engine.runtime.slots import BLOCK, Slots, Window
from whisper_magic.engine.sample.logits_processor import Place, Rules, places
from whisper_magic.engine.sample.noise import DRAFTED, heated, perturbed, separate

Tensor = torch.Tensor


class Draft(Protocol):
    """Proposes up to `length` tokens a round for every slot."""

    length: int

    def admit(self, slot: int) -> None:
        """A new window was put into this slot: forget the old one."""

    def propose(self, slots: Slots, wanted: Sequence[int]) -> list[int]:
        """Write up to wanted[s] ids at slots.tokens[s, known[s]:]; how many were written, of each slot.

        wanted: 0 for slots where nothing is.
        """


class NoDraft:
    """The target alone."""

    length = 0

    def admit(self, slot: int) -> None:
        pass

    def propose(self, slots: Slots, wanted: Sequence[int]) -> list[int]:
        return [0] * len(wanted)


class ModelDraft:
    """A small decoder, one token after another, under the target's own rules.

    `slots.read` counts the tokens of a slot whose keys and values the draft's cache holds. Rejected guesses are
    forgotten by counting less. A steady slot is one or two tokens behind (two when every guess was accepted: the last
    guess was never fed); a fresh one is its whole prompt behind and catches up in blocks.
    """

    def __init__(self, runtime: Runtime, rules: Rules, length: int) -> None:
        assert runtime.draft is not None
        self.runtime, self.side, self.rules, self.length = runtime, runtime.draft, rules, length

    def admit(self, slot: int) -> None:
        pass

    def propose(self, slots: Slots, wanted: Sequence[int]) -> list[int]:
        for one in slots.counts:
            one.read = min(one.read, one.known - 1)  # the last known token is the target's
        steps = max(wanted)
        if steps == 0:
            return list(wanted)
        proposed = self.side.guess(self.rules, slots, wanted)
        if proposed is None:
            self._catch_up(slots, wanted)
            slots.offer(wanted)
            key = ("draft", self.rules, steps, slots.sampling) if slots.chances is None else None
            self.runtime.graphs.run(key, lambda: self._guess_all(slots, steps))
            proposed = list(wanted)
        for one, count in zip(slots.counts, proposed, strict=True):
            if count:
                one.read = one.known + count - 1
        return proposed

    def _guess_all(self, slots: Slots, steps: int) -> None:
        """On the device: `steps` guesses in every slot, of which the offered ones are written."""
        stamp, last, offered = self.rules.special.timestamp_begin, slots.known - 1, slots.offered
        reach = max(one.known for one in slots.counts)
        logits, place = self._read_last(slots, reach), places(slots.tokens, slots.begin, last, 1, stamp)
        guesses: list[Tensor] = []
        for step in range(steps):
            if guesses:  # a slot that wants no more is fed too: what it reads there is never relied upon
                logits = self.side.forward(guesses[-1], last + step, reach + step, self.runtime.live)
                place = place.then(guesses[-1], stamp)
            guesses.append(_guess(self.rules, logits, place, slots, step))
        at = slots.known[:, None] + torch.arange(steps, device=offered.device)
        mine = torch.arange(steps, device=offered.device) < offered[:, None]
        slots.tokens.scatter_(1, at, torch.where(mine, torch.cat(guesses, 1), slots.tokens.gather(1, at)))

    def _read_last(self, slots: Slots, reach: int) -> Tensor:
        """Feed the last two known tokens; (S, 1, V) logits after the last one."""
        start = (slots.known - 2).clamp_(min=0)
        logits = self.side.forward(slots.block(start, 2), start, max(2, reach), self.runtime.live)
        last = (slots.known - 1 - start)[:, None, None]
        return logits.gather(1, last.expand(-1, 1, logits.shape[-1]))

    def _catch_up(self, slots: Slots, wanted: Sequence[int]) -> None:
        """Read what is known, in blocks, until every slot in need is at most two tokens behind."""
        in_need = [one for one, count in zip(slots.counts, wanted, strict=True) if count]
        while any(one.known - one.read > 2 for one in in_need):
            slots.tell_read()
            self.runtime.graphs.run("draft catches up", lambda: self._read_block(slots))
            for one in in_need:
                one.read = min(one.read + BLOCK, one.known - 1)

    def _read_block(self, slots: Slots) -> None:
        reach = max(one.read for one in slots.counts) + BLOCK
        self.side.forward(slots.block(slots.read, BLOCK), slots.read, reach, self.runtime.live)


def _guess(rules: Rules, logits: Tensor, place: Place, slots: Slots, step: int) -> Tensor:
    """(S, 1, V) logits -> (S, 1) ids: the likeliest, or a sample; the distribution of the slots that want so many
    guesses is kept where the rejection rule asks for it."""
    if not slots.sampling:
        return rules.best(logits, place)[0]
    scores = rules(logits, place)
    if slots.chances is None:  # the noise is the target's own
        return perturbed(scores, slots.temperature, slots.key, place.index).argmax(dim=-1)
    chances = heated(scores, slots.temperature)[:, 0].softmax(-1)
    slots.chances[:, step] = torch.where((step < slots.offered)[:, None], chances, slots.chances[:, step])
    return perturbed(scores, slots.temperature, separate(slots.key, DRAFTED), place.index).argmax(dim=-1)


class LookupDraft:
    """Copies what was said before: no model, nearly free (prompt lookup decoding: Saxena 2023).

    `expected(window)` is what this window is thought to say, such as the previous transcript of the same sound. Where
    the last tokens are found in it, what followed them there is proposed; else, with `own_text`, where they are found
    in the slot's own text: the prompt, the text of the windows before, and the window's own.
    """

    def __init__(
        self,
        length: int,
        expected: Callable[[Window], Sequence[int]] = lambda window: (),
        *,
        own_text: bool = True,
    ) -> None:
        self.length, self._expected, self._own_text = length, expected, own_text
        self._corpus: dict[int, tuple[int, ...]] = {}

    def admit(self, slot: int) -> None:
        self._corpus.pop(slot, None)

    def propose(self, slots: Slots, wanted: Sequence[int]) -> list[int]:
        counts = list(wanted)
        for slot, window in slots.occupied:
            if not counts[slot]:
                continue
            if slot not in self._corpus:
                self._corpus[slot] = tuple(self._expected(window))
            corpus = self._corpus[slot]
            if not corpus and not self._own_text:
                counts[slot] = 0
                continue
            begin, known = slots.counts[slot].begin, slots.counts[slot].known
            text = slots.tokens[slot, :known].tolist()
            guesses = continuation(corpus, text[:begin], text[begin:], self._own_text)[: counts[slot]]
            counts[slot] = len(guesses)
            slots.tokens[slot, known : known + len(guesses)] = torch.tensor(guesses, device=slots.tokens.device)
        return counts


LONGEST_MATCH = 4  # tokens looked up together


def continuation(
    corpus: Sequence[int], before: Sequence[int], written: Sequence[int], own_text: bool = True
) -> list[int]:
    """What followed the end of a text where it stood before: in `corpus` if it is there, else in the text itself.

    before: the prompt and what it tells of earlier windows. written: what was generated since; while that is nothing,
    the corpus is proposed from its start.
    """
    if corpus and not written:
        return list(corpus)
    for size in range(min(LONGEST_MATCH, len(written)), 0, -1):
        if ends := _ends(corpus, written[-size:]):
            return list(corpus[min(ends, key=lambda end: abs(end - len(written))) :])  # the one nearest in place
    text = [*before, *written] if own_text else []
    for size in range(LONGEST_MATCH, 1, -1):  # a single token says too little of what follows
        if ends := _ends(text[:-1], text[-size:]):
            return list(text[ends[-1] :])
    return []


def _ends(text: Sequence[int], tail: Sequence[int]) -> list[int]:
    """Every place of `text` just behind an occurrence of `tail`."""
    size, wanted = len(tail), list(tail)
    return [end for end in range(size, len(text) + 1) if list(text[end - size : end]) == wanted]


class FirstDraft:
    """Several drafts in order: each slot takes what the first one that has something proposes."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self.drafts = tuple(drafts)
        self.length = max(draft.length for draft in drafts)

    def admit(self, slot: int) -> None:
        for draft in self.drafts:
            draft.admit(slot)

    def propose(self, slots: Slots, wanted: Sequence[int]) -> list[int]:
        total = [0] * len(wanted)
        for draft in self.drafts:  # all are asked, if for nothing: each keeps count of what it has read
            rest = [0 if has else min(count, draft.length) for has, count in zip(total, wanted, strict=True)]
            total = [has + more for has, more in zip(total, draft.propose(slots, rest), strict=True)]
        return total


class ScriptedDraft:
    """Proposes what a function says: for tests and lessons.

    script(window, position, count) -> ids for the places position.. of that window's context (up to `count` of them;
    missing ones are filled with id 0).
    """

    def __init__(self, script: Callable[[Window, int, int], Sequence[int]], length: int) -> None:
        self.script, self.length = script, length

    def admit(self, slot: int) -> None:
        pass

    def propose(self, slots: Slots, wanted: Sequence[int]) -> list[int]:
        for slot, window in slots.occupied:
            at, count = slots.counts[slot].known, wanted[slot]
            guesses = list(self.script(window, at, count))[:count] if count else []
            for i in range(count):
                slots.tokens[slot, at + i] = guesses[i] if i < len(guesses) else 0
        return list(wanted)
