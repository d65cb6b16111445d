"""The round loop over slots: propose, verify, accept, until every window has ended.

This module knows nothing of recordings: it asks `feed` for a window whenever a slot is free and hands back what was
decoded. Target-only decoding is the same loop with nothing proposed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from time import perf_counter

import torch

from whisper_magic.engine import verify
from whisper_magic.engine.align import attention_of, token_ends
from whisper_magic.engine.draft import Draft
from whisper_magic.engine.pace import Offer, Pace
from whisper_magic.engine.rules import Rules, places
from whisper_magic.engine.runtime import BLOCK, Runtime
from whisper_magic.engine.sampling import COIN, REDRAWN, gumbel, heated, perturbed, separate, uniform
from whisper_magic.engine.slots import DETECT, Slots, Window
from whisper_magic.transcript import Round

Tensor = torch.Tensor


@dataclass
class Clock:
    """Wall seconds per phase. What several windows shared is divided among them."""

    encode: float = 0.0
    prefill: float = 0.0
    draft: float = 0.0
    verify: float = 0.0
    align: float = 0.0

    @property
    def total(self) -> float:
        return self.encode + self.prefill + self.draft + self.verify + self.align

    def add(self, other: Clock) -> None:
        for phase in fields(self):
            setattr(self, phase.name, getattr(self, phase.name) + getattr(other, phase.name))


@dataclass(frozen=True)
class Decoded:
    """What a window held. tokens: generated ids without end-of-text. logprobs: of each, end-of-text included, before
    any temperature."""

    window: Window
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    no_speech_prob: float
    language: int | None  # the detected language's token, where the prompt asked for it
    language_probability: float | None
    clock: Clock
    times: tuple[int, ...] = ()  # where words are wanted: encoder state at which the first token begins, and each ends

    @property
    def avg_logprob(self) -> float:
        """Mean log-probability per token, end-of-text counted, as openai/whisper `decoding.py` has it."""
        return sum(self.logprobs) / max(1, len(self.logprobs))


@dataclass(frozen=True)
class Detected:
    """The language that a window was found to be in, as soon as it is known."""

    window: Window
    language: int
    probability: float


@dataclass
class _Progress:
    """What one occupied slot has gathered so far."""

    language: int | None = None
    language_probability: float | None = None
    sot_position: int = 0
    no_speech_prob: float = 0.0
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)


@dataclass(frozen=True)
class _Outcome:
    """One round of one slot, read back from the device."""

    position: int
    proposed: tuple[int, ...]
    accepted: int
    written: tuple[int, ...]
    logprobs: tuple[float, ...]
    finished: bool


class Speculator:
    """Decodes windows speculatively over `slot_count` slots of a runtime, or as many as it has memory for."""

    def __init__(
        self,
        runtime: Runtime,
        rules: Rules,
        draft: Draft,
        slot_count: int = 1,
        *,
        align: bool = False,
        pace: Pace | None = None,
        rejection: bool = False,
    ) -> None:
        """align: find out when each token of a window is said, at its end. pace: chooses each round's draft length;
        None takes the draft's own. rejection: samples are accepted by the rejection rule, not by shared noise."""
        self.align, self.pace = align, pace
        self.runtime, self.rules, self.draft = runtime, rules, draft
        self.block = max(BLOCK, draft.length + 1)
        slot_count = runtime.allocate(slot_count, self.block)  # fewer, where memory is short
        shape = (slot_count, draft.length, rules.special.vocab)
        chances = torch.zeros(shape, device=runtime.device) if rejection else None
        self.slots = Slots(slot_count, runtime.length, runtime.device, chances)
        self._heard: list[Tensor | None] = [None] * slot_count  # the features whose cross-attention each slot holds
        self._progress = [_Progress() for _ in range(slot_count)]

    @torch.inference_mode()
    def run(self, feed: Callable[[], Window | None]) -> Iterator[tuple[Window, Round] | Detected | Decoded]:
        """Decode until `feed` has no more windows: each round of each slot, and each window's end, as it happens.

        `feed` returns None when no window is ready; it is asked again after every window that ends, and after every
        language that was detected.
        """
        while True:
            while detected := self._fill(feed):
                yield from detected
            if not self.slots.occupied:
                return
            yield from self._round()

    def _now(self) -> float:
        """The time, once the device has done what it was told."""
        if self.runtime.device.type == "cuda":
            torch.cuda.synchronize(self.runtime.device)
        return perf_counter()

    def _fill(self, feed: Callable[[], Window | None]) -> list[Detected]:
        """Put waiting windows into free slots: encode them together, and detect languages where asked."""
        admitted: list[tuple[int, Window]] = []
        for slot in self.slots.free:
            window = feed()
            if window is None:
                break
            admitted.append((slot, window))
        if not admitted:
            return []
        began = self._now()
        self._encode(admitted)
        for slot, window in admitted:
            self._progress[slot] = _Progress()
            self.draft.admit(slot)
            # A language is detected from the start token alone; the whole prompt follows.
            self.slots.put(slot, window, (self.rules.special.sot,) if DETECT in window.prompt else window.prompt)
        detected = self._detect_languages([(slot, window) for slot, window in admitted if DETECT in window.prompt])
        for slot, window in admitted:
            sot = self.rules.special.sot
            progress = self._progress[slot]
            progress.sot_position = max(i for i, token in enumerate(window.prompt) if token == sot)
            progress.clock.encode += (self._now() - began) / len(admitted)
        return detected

    def _encode(self, admitted: list[tuple[int, Window]]) -> None:
        """Hear what has not been heard: a window tried again in its slot still has its cross-attention there."""
        new = [(slot, window) for slot, window in admitted if self._heard[slot] is not window.features]
        if not new:
            return
        self.runtime.admit([slot for slot, _ in new], torch.stack([window.features for _, window in new]))
        for slot, window in new:
            self._heard[slot] = window.features

    def _detect_languages(self, asking: list[tuple[int, Window]]) -> list[Detected]:
        """Complete prompts with the likeliest language after start-of-transcript (openai/whisper `detect_language`)."""
        if not asking:
            return []
        special, slots = self.rules.special, self.slots
        ids = torch.tensor(sorted(special.languages.values()), device=self.runtime.device)
        start = slots.known - 1  # asking slots: their start-of-transcript token; others redo what they have
        logits = self.runtime.target.forward(slots.block(start, self.block), start)
        detected = []
        for slot, window in asking:
            chances = logits[slot, 0, ids].float().softmax(-1)
            best = int(chances.argmax())
            progress = self._progress[slot]
            progress.language, progress.language_probability = int(ids[best]), float(chances[best])
            slots.put(slot, window, tuple(progress.language if t == DETECT else t for t in window.prompt))
            detected.append(Detected(window, progress.language, progress.language_probability))
        return detected

    def _round(self) -> Iterator[tuple[Window, Round] | Decoded]:
        """One round of every occupied slot."""
        slots, width = self.slots, self.block
        began = self._now()
        open_rows = slots.known - slots.cached  # known tokens to feed; more than a block while prefilling
        room = torch.minimum(slots.limit - slots.known - 1, width - open_rows)
        longest = self.draft.length if self.pace is None else self.pace.length()
        offered = torch.where(slots.active, room.clamp(0, longest), 0)
        filling = (open_rows > 1).tolist()
        if slots.sampling and slots.chances is not None:
            slots.chances.zero_()
        offered = self.draft.propose(slots, offered)
        drafted = self._now()
        outcomes = self._verify(offered)
        verified = self._now()
        if self.pace is not None and not any(filling[slot] for slot, _ in slots.occupied):  # those cost more
            offers = [Offer(len(found.proposed), found.accepted) for found in outcomes if found is not None]
            self.pace.learn(offers, drafted - began, verified - drafted)
        share = 1 / len(slots.occupied)
        draft_share, target_share = (drafted - began) * share, (verified - drafted) * share
        for slot, window in slots.occupied:
            spent = Clock(draft=draft_share)
            setattr(spent, "prefill" if filling[slot] else "verify", target_share)
            self._progress[slot].clock.add(spent)
            outcome = outcomes[slot]
            if outcome is None:
                continue
            yield window, _as_round(window, outcome, spent)
            if self._keep(slot, outcome):
                yield self._finish(slot, window)

    def _verify(self, offered: Tensor) -> list[_Outcome | None]:
        """One target pass over a block of every slot; commits what it decides and reads it back."""
        slots, width, special = self.slots, self.block, self.rules.special
        start, known = slots.cached, slots.known
        block = slots.block(start, width)
        logits = self.runtime.target.forward(block, start)
        self._note_no_speech(logits)
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
        slots.cached = torch.where(ready, known + count - 1, torch.where(slots.active, start + width, start))
        slots.known = known + count
        facts = torch.cat([torch.stack([ready, known, offered, accepted, count, finished], 1), proposed, choice], 1)
        return _read_back(facts.tolist(), logprob.tolist(), width, special.eot)

    def _choose(
        self, logits: Tensor, start: Tensor, rows: Tensor, proposed: Tensor, offered: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(S, W, V) logits -> what the target wants at the places that `rows` (S, W) picks, and how likely that was."""
        slots = self.slots
        place = places(slots.tokens, slots.begin, start, logits.shape[1], self.rules.special.timestamp_begin)
        scores = self.rules(logits, place)
        if slots.sampling and slots.chances is not None:
            scores = scores.gather(1, rows[..., None].expand_as(scores))
            choice = self._by_rejection(scores, place.index.gather(1, rows), proposed, offered)
            return choice, _log_probability(scores, choice)
        drawn = perturbed(scores, slots.temperature, slots.key, place.index) if slots.sampling else scores
        choice = drawn.argmax(dim=-1)
        return choice.gather(1, rows), _log_probability(scores, choice).gather(1, rows)

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

    def _note_no_speech(self, logits: Tensor) -> None:
        """P(no speech) after start-of-transcript, from the raw logits, for slots whose block holds that place."""
        token = self.rules.special.no_speech
        if token is None:
            return
        for slot, _ in self.slots.occupied:
            progress = self._progress[slot]
            if progress.tokens:
                continue
            row = progress.sot_position - int(self.slots.cached[slot])
            if 0 <= row < self.block:
                progress.no_speech_prob = float(logits[slot, row].float().softmax(-1)[token])

    def _keep(self, slot: int, outcome: _Outcome) -> bool:
        """Add a round to a slot's text; whether the window ended."""
        progress = self._progress[slot]
        progress.tokens += outcome.written
        progress.logprobs += outcome.logprobs
        return outcome.finished

    def unfinished(self) -> list[Decoded]:
        """What the occupied slots have written so far: for a run that was stopped."""
        return [self._decoded(slot, window) for slot, window in self.slots.occupied]

    def _finish(self, slot: int, window: Window) -> Decoded:
        decoded = self._decoded(slot, window)
        if self.align and decoded.tokens:
            began = self._now()
            decoded = replace(decoded, times=self._token_times(slot, window, decoded.tokens))
            decoded.clock.align += self._now() - began
        self.slots.release(slot)
        return decoded

    def _token_times(self, slot: int, window: Window, tokens: tuple[int, ...]) -> tuple[int, ...]:
        side, begin = self.runtime.target, int(self.slots.begin[slot])
        prompt = self.slots.tokens[slot, :begin].tolist()
        cross_kv = side.cross_kv[:, :, slot : slot + 1]
        attention = attention_of(side.network, [*prompt, *tokens], cross_kv, self.rules.special.alignment_heads)
        # A text with timestamps begins with one, at 0; without, the last of the prompt attends to where it begins.
        first = begin if self.rules.timestamps else begin - 1
        states = max(1, window.content_frames // 2)
        ends = token_ends(attention[:, first:], states, self.runtime.median_width).tolist()
        return (0, *ends) if self.rules.timestamps else tuple(ends)

    def _decoded(self, slot: int, window: Window) -> Decoded:
        progress, eot = self._progress[slot], self.rules.special.eot
        tokens = progress.tokens[:-1] if progress.tokens[-1:] == [eot] else progress.tokens
        return Decoded(
            window,
            tuple(tokens),
            tuple(progress.logprobs),
            progress.no_speech_prob,
            progress.language,
            progress.language_probability,
            progress.clock,
        )


def _read_back(facts: list[list[int]], logprobs: list[list[float]], width: int, eot: int) -> list[_Outcome | None]:
    """The device's numbers as one outcome a slot; None for slots that decided nothing.

    What a draft proposed behind its own end-of-text could never be written, and does not count as proposed.
    """
    outcomes: list[_Outcome | None] = []
    for row, chances in zip(facts, logprobs, strict=True):
        ready, position, offered, accepted, count, finished = row[:6]
        proposed, choice = row[6 : 6 + offered], row[6 + width :]
        if not ready:
            outcomes.append(None)
            continue
        outcomes.append(
            _Outcome(
                position=position,
                proposed=tuple(proposed[: proposed.index(eot) + 1] if eot in proposed else proposed),
                accepted=min(accepted, count),
                written=tuple(choice[:count]),
                logprobs=tuple(chances[:count]),
                finished=bool(finished),
            )
        )
    return outcomes


def _log_probability(scores: Tensor, choice: Tensor) -> Tensor:
    """(S, W, V) scores, (S, W) ids -> (S, W)."""
    return scores.gather(-1, choice[..., None])[..., 0] - scores.logsumexp(dim=-1)


def _as_round(window: Window, outcome: _Outcome, spent: Clock) -> Round:
    own = outcome.written[outcome.accepted] if len(outcome.written) > outcome.accepted else None
    return Round(
        window=window.index,
        position=outcome.position,
        proposed=outcome.proposed,
        accepted=outcome.accepted,
        token=own,
        draft_seconds=spent.draft,
        verify_seconds=spent.prefill + spent.verify,
        temperature=window.temperature,
    )
