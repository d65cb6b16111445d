"""The round loop over slots: propose, verify, accept, until every window has ended.

This module knows nothing of recordings: it asks `feed` for a window whenever a slot is free and hands back what was
decoded. Target-only decoding is the same loop with nothing proposed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace

import torch

from whisper_magic.engine.decode.draft_length import Offer, Pace
from whisper_magic.engine.decode.drafters import Draft
from whisper_magic.engine.decode.word_timestamps import attention_of, token_ends
from whisper_magic.engine.runtime.model_runner import Runtime
from whisper_magic.engine.runtime.slots import BLOCK, DETECT, Window
from whisper_magic.engine.runtime.target_pass import Outcome, TargetPass
from whisper_magic.engine.sample.logits_processor import Rules
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
    no_speech_prob: float = 0.0
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)


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
        self.slots = slots = runtime.allocate(slot_count, max(BLOCK, draft.length + 1))  # fewer, where memory is short
        if rejection:
            shape = (slots.count, draft.length, rules.special.vocab)
            slots.chances = torch.zeros(shape, device=runtime.device)
        self._target = TargetPass(runtime, rules, slots)
        self._heard: list[Tensor | None] = [None] * slots.count  # the features whose cross-attention each slot holds
        self._progress = [_Progress() for _ in range(slots.count)]

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
        began = self.runtime.mark()
        self._encode(admitted)
        for slot, window in admitted:
            self._progress[slot] = _Progress()
            self.draft.admit(slot)
            # A language is detected from the start token alone; the whole prompt follows.
            self._put(slot, window, (self.rules.special.sot,) if DETECT in window.prompt else window.prompt)
        detected = self._detect_languages([(slot, window) for slot, window in admitted if DETECT in window.prompt])
        spent = self.runtime.seconds(began, self.runtime.mark()) / len(admitted)
        for slot, _ in admitted:
            self._progress[slot].clock.encode += spent
        return detected

    def _put(self, slot: int, window: Window, prompt: tuple[int, ...]) -> None:
        sot = self.rules.special.sot
        self.slots.put(slot, window, prompt, max(i for i, token in enumerate(prompt) if token == sot))

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
        reach = max(one.known for one in slots.counts) - 1 + slots.width
        logits = self.runtime.target.forward(slots.block(start, slots.width), start, reach, self.runtime.live)
        detected = []
        for slot, window in asking:
            chances = logits[slot, 0, ids].float().softmax(-1)
            best = int(chances.argmax())
            progress = self._progress[slot]
            progress.language, progress.language_probability = int(ids[best]), float(chances[best])
            self._put(slot, window, tuple(progress.language if t == DETECT else t for t in window.prompt))
            detected.append(Detected(window, progress.language, progress.language_probability))
        return detected

    def _round(self) -> Iterator[tuple[Window, Round] | Decoded]:
        """One round of every occupied slot."""
        slots = self.slots
        began = self.runtime.mark()
        longest = self.draft.length if self.pace is None else self.pace.length()
        wanted, filling = [0] * slots.count, set[int]()
        for slot, _ in slots.occupied:
            counts = slots.counts[slot]
            open_rows = counts.known - counts.cached  # known tokens to feed; more than a block while prefilling
            wanted[slot] = max(0, min(longest, counts.limit - counts.known - 1, slots.width - open_rows))
            if open_rows > 1:
                filling.add(slot)
        if slots.sampling and slots.chances is not None:
            slots.chances.zero_()
        offered = self.draft.propose(slots, wanted)
        drafted = self.runtime.mark()
        outcomes, no_speech = self._target.run(offered)
        verified = self.runtime.mark()
        for slot, chance in no_speech.items():
            self._progress[slot].no_speech_prob = chance
        draft_seconds = self.runtime.seconds(began, drafted)
        target_seconds = self.runtime.seconds(drafted, verified)
        if self.pace is not None and not filling:  # those cost more
            offers = [Offer(len(found.proposed), found.accepted) for found in outcomes if found is not None]
            self.pace.learn(offers, draft_seconds, target_seconds)
        share = 1 / len(slots.occupied)
        draft_share, target_share = draft_seconds * share, target_seconds * share
        for slot, window in slots.occupied:
            spent = Clock(draft=draft_share)
            setattr(spent, "prefill" if slot in filling else "verify", target_share)
            self._progress[slot].clock.add(spent)
            outcome = outcomes[slot]
            if outcome is None:
                continue
            yield window, _as_round(window, outcome, spent)
            if self._keep(slot, outcome):
                yield self._finish(slot, window)

    def _keep(self, slot: int, outcome: Outcome) -> bool:
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
            began = self.runtime.mark()
            decoded = replace(decoded, times=self._token_times(slot, window, decoded.tokens))
            decoded.clock.align += self.runtime.seconds(began, self.runtime.mark())
        self.slots.release(slot)
        return decoded

    def _token_times(self, slot: int, window: Window, tokens: tuple[int, ...]) -> tuple[int, ...]:
        side, begin = self.runtime.target, self.slots.counts[slot].begin
        prompt = self.slots.tokens[slot, :begin].tolist()
        attention = attention_of(side.network, [*prompt, *tokens], side.heard(slot), self.rules.special.alignment_heads)
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


def _as_round(window: Window, outcome: Outcome, spent: Clock) -> Round:
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
