"""The round loop over slots: schedule, propose, verify, record, until every window has ended.

This module knows nothing of recordings: it asks `next_window` for a window whenever a slot is free, and returns what
was decoded. Target-only decoding is the same loop with nothing proposed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch

from whisper_magic.engine.decode.draft_length import DraftLengthController, RoundLoad, SlotAcceptance
from whisper_magic.engine.decode.drafters import Drafter
from whisper_magic.engine.decode.encode_ahead import EncodeAhead, NextWindow
from whisper_magic.engine.decode.probabilities import token_probs, with_probs
from whisper_magic.engine.decode.word_timestamps import attention_of, token_spans
from whisper_magic.engine.runtime.backend import AfterStart, RoundOutput
from whisper_magic.engine.runtime.model_runner import ModelRunner
from whisper_magic.engine.runtime.slots import BLOCK, DETECT, Window
from whisper_magic.engine.sample.logits_processor import LogitsProcessor
from whisper_magic.transcript import Round


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
        """Add another clock's seconds, phase by phase."""
        for phase in fields(self):
            setattr(self, phase.name, getattr(self, phase.name) + getattr(other, phase.name))


@dataclass(frozen=True)
class Decoded:
    """What a window held.

    Attributes:
        window: The window.
        tokens: Generated ids without end-of-text.
        logprobs: Of each, end-of-text included, before any temperature.
        after_start: What the target predicts after start-of-transcript, whatever language the prompt names.
        language: Token of the detected language; None where the prompt named one.
        language_probability: Of the detected language.
        clock: Wall seconds per phase.
        times: Where word times are wanted: encoder states at which each token begins and ends.
        rounds: Where probabilities are wanted: the rounds of this attempt, with them.
    """

    window: Window
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    after_start: AfterStart
    language: int | None
    language_probability: float | None
    clock: Clock
    times: tuple[tuple[int, int], ...] = ()
    rounds: tuple[Round, ...] = ()

    @property
    def no_speech_prob(self) -> float:
        """P(no speech) after start-of-transcript."""
        return self.after_start.no_speech_prob

    @property
    def avg_logprob(self) -> float:
        """Mean log-probability per token, end-of-text counted, as openai/whisper `decoding.py` has it."""
        return sum(self.logprobs) / max(1, len(self.logprobs))


@dataclass(frozen=True)
class Detected:
    """The language detected in a window, as soon as it is known."""

    window: Window
    language: int
    probability: float


DecodingEvent = tuple[Window, Round] | Detected | Decoded


@dataclass
class _Progress:
    """What one occupied slot has gathered so far."""

    language: int | None = None
    language_probability: float | None = None
    after_start: AfterStart = field(default_factory=AfterStart)
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    rounds: list[Round] = field(default_factory=list)


@dataclass(frozen=True)
class _Proposal:
    """A round's first half.

    Attributes:
        began, ended: When the device did.
        load: What the round is of.
        prefilling: Slots whose prompt is not cached.
        num_drafted: Tokens proposed in each slot.
        drafters: What proposed them, by slot.
    """

    began: Any
    ended: Any
    load: RoundLoad
    prefilling: frozenset[int]
    num_drafted: list[int]
    drafters: dict[int, str]


class Speculator:
    """Decodes windows speculatively over the slots of a model runner."""

    def __init__(
        self,
        runner: ModelRunner,
        processor: LogitsProcessor,
        drafter: Drafter,
        slot_count: int = 1,
        *,
        align: bool = False,
        trace: bool = False,
        controller: DraftLengthController | None = None,
        rejection: bool = False,
    ) -> None:
        """Allocate the slots.

        Args:
            runner: The models.
            processor: The logit rules.
            drafter: Proposes.
            slot_count: Windows decoded at once; fewer where memory is short.
            align: Whether to find when each token of a window is said, at its end.
            trace: Whether to find what both models thought of each token, at its end.
            controller: Chooses each round's draft length; None takes the drafter's own.
            rejection: Whether samples are accepted by the rejection rule instead of shared noise.
        """
        self.align, self.trace, self.controller = align, trace, controller
        self.runner, self.processor, self.drafter = runner, processor, drafter
        self.slots = slots = runner.allocate(slot_count)
        if rejection:
            shape = (slots.count, drafter.length, processor.special.vocab)
            slots.draft_probs = torch.zeros(shape, device=runner.device)
        self._most = min(slot_count, slots.count)
        self._ahead = EncodeAhead(runner, slots.count)
        self._stored: list[list[torch.Tensor] | None] = [None] * slots.count  # whose cross_kv each slot holds
        self._progress = [_Progress() for _ in range(slots.count)]
        self._proposal: _Proposal | None = None  # of the next round, which the device computes meanwhile

    def run(self, next_window: NextWindow) -> Iterator[DecodingEvent]:
        """Decode until there are no more windows: each round of each slot, and each window's end, as it happens.

        `next_window` returns None when no window is ready; it is asked again after every window that ends, and after
        every language that was detected.
        """
        while True:
            with torch.inference_mode():  # not across a yield: the mode would leak to the caller
                events: Sequence[DecodingEvent] = self._fill(next_window)
            if not events and not self.slots.occupied:
                return
            if not events:
                with torch.inference_mode():
                    events = self._round(self._proposal or self._propose())
            yield from events

    def unfinished(self) -> list[Decoded]:
        """What the occupied slots have written so far: for a run that was stopped."""
        return [self._decoded(slot, window) for slot, window in self.slots.occupied]

    # -- filling slots -----------------------------------------------------------------------------------------------

    def _fill(self, next_window: NextWindow) -> list[Detected]:
        """Put waiting windows into free slots, until there is no slot, no window, or a language to be reported."""
        detected: list[Detected] = []
        while not detected and (free := self.slots.free[: self._most - len(self.slots.occupied)]):
            began = self.runner.timestamp()
            windows = self._ahead.take(len(free), next_window)
            if not windows:
                break
            detected = self._admit(list(zip(free, windows, strict=False)), began)
        return detected

    def _admit(self, admitted: Sequence[tuple[int, Window]], began: Any) -> list[Detected]:
        """Put windows into these slots, and detect languages where asked. began: When work on them did."""
        for slot, window in admitted:
            if self._stored[slot] is not window.encoded:  # one decoded again in its slot still has its cross_kv there
                self.runner.store(slot, window.encoded)
                self._stored[slot] = window.encoded
            self._progress[slot] = _Progress()
            self.drafter.admit(slot)
            # A language is detected from start-of-transcript alone; the whole prompt follows.
            self._put(slot, window, (self.processor.special.sot,) if DETECT in window.prompt else window.prompt)
        detected = self._detect_languages([(slot, window) for slot, window in admitted if DETECT in window.prompt])
        spent = self.runner.elapsed(began, self.runner.timestamp()) / len(admitted)
        for slot, _ in admitted:
            self._progress[slot].clock.encode += spent
        return detected

    def _put(self, slot: int, window: Window, prompt: tuple[int, ...]) -> None:
        sot = self.processor.special.sot
        self.slots.put(slot, window, prompt, max(i for i, token in enumerate(prompt) if token == sot))

    def _detect_languages(self, windows: Sequence[tuple[int, Window]]) -> list[Detected]:
        """Complete prompts with the likeliest language after start-of-transcript (openai/whisper `detect_language`)."""
        if not windows:
            return []
        chosen = [slot for slot, _ in windows]
        found = self.runner.backend.detect_round(self.slots, self.processor, chosen)
        detected = []
        for (slot, window), after_start in zip(windows, found, strict=True):
            progress = self._progress[slot]
            progress.language, progress.language_probability = after_start.language, after_start.language_probability
            self._put(slot, window, tuple(progress.language if t == DETECT else t for t in window.prompt))
            detected.append(Detected(window, progress.language, progress.language_probability))
        return detected

    # -- a round -----------------------------------------------------------------------------------------------------

    def _round(self, proposal: _Proposal) -> list[DecodingEvent]:
        """One round of every occupied slot: its rounds, and the windows that end with it."""
        slots, runner = self.slots, self.runner
        self._proposal = None
        proposed = runner.timestamp()
        outputs = runner.backend.verify_round(slots, self.processor, proposal.num_drafted)
        verified = runner.timestamp()
        draft_seconds = runner.elapsed(proposal.began, proposal.ended)
        verify_seconds = runner.elapsed(proposed, verified)
        warmed_up = runner.backend.warmed_up()
        if self.controller is not None and not proposal.prefilling:  # rounds that prefill cost more
            judged = [SlotAcceptance(len(o.proposed), o.accepted) for o in outputs if o is not None and o.written]
            self.controller.update(judged, None if warmed_up else draft_seconds + verify_seconds, proposal.load)
        if runner.asynchronous and self._same_windows_next(outputs):
            self._proposal = self._propose()
        share, events = 1 / len(slots.occupied), list[DecodingEvent]()
        for slot, window in slots.occupied:
            output = outputs[slot]
            assert output is not None
            spent = Clock(draft=draft_seconds * share)
            setattr(spent, "prefill" if slot in proposal.prefilling else "verify", verify_seconds * share)
            events += self._record(slot, window, output, spent, proposal)
        return events

    def _propose(self) -> _Proposal:
        """Let the drafter write in every occupied slot."""
        slots, began = self.slots, self.runner.timestamp()
        load = RoundLoad(len(slots.occupied), sum(window.temperature > 0 for _, window in slots.occupied))
        num_wanted, prefilling = self._schedule(load)
        num_drafted = self.drafter.propose(slots, num_wanted)
        drafters = {slot: self.drafter.name(slot) for slot, _ in slots.occupied if num_drafted[slot]}
        return _Proposal(began, self.runner.timestamp(), load, prefilling, num_drafted, drafters)

    def _same_windows_next(self, outputs: Sequence[RoundOutput | None]) -> bool:
        """Whether the next round is certain to be of the same windows: none has ended, and no slot is free."""
        full = len(self.slots.occupied) == self._most
        return full and not any(output is not None and output.finished for output in outputs)

    def _schedule(self, load: RoundLoad) -> tuple[list[int], frozenset[int]]:
        """How many tokens to propose in each slot, and the slots whose prompt is not cached."""
        slots = self.slots
        longest = self.drafter.length if self.controller is None else self.controller.next_length(load)
        num_wanted, prefilling = [0] * slots.count, set[int]()
        for slot, _ in slots.occupied:
            state = slots.states[slot]
            uncached = state.num_tokens - state.num_cached  # more than a block while prefilling
            remaining = state.max_tokens - state.num_tokens - 1
            num_wanted[slot] = max(0, min(longest, remaining, BLOCK - uncached))
            if uncached > 1:
                prefilling.add(slot)
        if slots.sampling and slots.draft_probs is not None:
            slots.draft_probs.zero_()
        return num_wanted, frozenset(prefilling)

    def _record(
        self, slot: int, window: Window, output: RoundOutput, spent: Clock, proposal: _Proposal
    ) -> Iterator[DecodingEvent]:
        """Add a round to a slot's text; its event, and the window's end."""
        progress = self._progress[slot]
        progress.clock.add(spent)
        if output.after_start is not None:
            progress.after_start = output.after_start
        if not output.written:
            return
        progress.tokens += output.written
        progress.logprobs += output.logprobs
        drafter = proposal.drafters.get(slot) if output.proposed else None
        written = replace(_as_round(window, output, spent, drafter), batch=proposal.load.active)
        if self.trace:
            progress.rounds.append(written)
        yield window, written
        if output.finished:
            yield self._finish(slot, window)

    def _finish(self, slot: int, window: Window) -> Decoded:
        decoded = self._decoded(slot, window)
        if self.align and decoded.tokens:
            began = self.runner.timestamp()
            decoded = replace(decoded, times=self._token_times(slot, window, decoded.tokens))
            decoded.clock.align += self.runner.elapsed(began, self.runner.timestamp())
        if self.trace:
            decoded = replace(decoded, rounds=self._judged(slot, window, decoded.tokens))
        self.slots.release(slot)
        return decoded

    def _judged(self, slot: int, window: Window, tokens: tuple[int, ...]) -> tuple[Round, ...]:
        """The rounds of a window that has ended, with what both models thought of the tokens."""
        backend, num_prompt = self.runner.backend, self.slots.states[slot].num_prompt
        text = self._text(slot, tokens)
        probs = [
            token_probs(decoder, slot, text, num_prompt, self.processor, window.temperature)
            for decoder in (backend.target, backend.draft)
            if decoder is not None
        ]
        return with_probs(self._progress[slot].rounds, num_prompt, probs[0], probs[1] if len(probs) > 1 else None)

    def _text(self, slot: int, tokens: Sequence[int]) -> list[int]:
        """A slot's prompt, and what was generated."""
        return [*self.slots.texts[slot][: self.slots.states[slot].num_prompt], *tokens]

    def _token_times(self, slot: int, window: Window, tokens: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
        target, num_prompt = self.runner.backend.target, self.slots.states[slot].num_prompt
        text = self._text(slot, tokens)
        attention = attention_of(target.network, text, target.cross_kv(slot), self.processor.special.alignment_heads)
        # A text with timestamps begins with one, at 0; without, the last of the prompt attends to where it begins.
        first = num_prompt if self.processor.timestamps else num_prompt - 1
        states = max(1, window.content_frames // 2)
        spans = token_spans(attention[:, first:], states, self.runner.median_width)
        return tuple(spans[num_prompt - first :])

    def _decoded(self, slot: int, window: Window) -> Decoded:
        progress, eot = self._progress[slot], self.processor.special.eot
        tokens = progress.tokens[:-1] if progress.tokens[-1:] == [eot] else progress.tokens
        return Decoded(
            window,
            tuple(tokens),
            tuple(progress.logprobs),
            progress.after_start,
            progress.language,
            progress.language_probability,
            progress.clock,
        )


def _as_round(window: Window, output: RoundOutput, spent: Clock, drafter: str | None) -> Round:
    own = output.written[output.accepted] if len(output.written) > output.accepted else None
    return Round(
        window=window.index,
        position=output.position,
        proposed=output.proposed,
        accepted=output.accepted,
        token=own,
        draft_seconds=spent.draft,
        verify_seconds=spent.prefill + spent.verify,
        temperature=window.temperature,
        drafter=drafter,
    )
