"""The round loop over slots: schedule, propose, verify, record, until every window has ended.

This module knows nothing of recordings: it asks `next_window` for a window whenever a slot is free, and returns what
was decoded. Target-only decoding is the same loop with nothing proposed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch

from whisper_magic.engine.decode.draft_length import DraftLengthController, RoundLoad
from whisper_magic.engine.decode.drafters import Drafter
from whisper_magic.engine.decode.encode_ahead import EncodeAhead, NextWindow
from whisper_magic.engine.decode.probabilities import token_probs, with_probs
from whisper_magic.engine.decode.round_timer import Clock, RoundTimer, Span
from whisper_magic.engine.decode.word_timestamps import attention_of, token_spans
from whisper_magic.engine.runtime.backend import AfterStart, RoundOutput
from whisper_magic.engine.runtime.model_runner import ModelRunner
from whisper_magic.engine.runtime.slots import BLOCK, DETECT, Window
from whisper_magic.engine.sample.logits_processor import LogitsProcessor
from whisper_magic.transcript import Round


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
class _Schedule:
    """What a round is to do.

    Attributes:
        load: What the round is of.
        num_wanted: Tokens to propose in each slot.
        prefilling: Slots whose prompt is not cached.
    """

    load: RoundLoad
    num_wanted: list[int]
    prefilling: frozenset[int]


@dataclass(frozen=True)
class _Proposal:
    """A round's first half.

    Attributes:
        schedule: What was asked for.
        num_drafted: Tokens proposed in each slot.
        drafters: What proposed them, by slot.
        time: The device's time of it.
    """

    schedule: _Schedule
    num_drafted: list[int]
    drafters: dict[int, Drafter]
    time: Span


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
            trace: Whether to find the probability of each token under both models, at its end.
            controller: Chooses each round's draft length; None takes the drafter's own.
            rejection: Whether samples are accepted by the rejection rule instead of shared noise.
        """
        self.align, self.trace = align, trace
        self.runner, self.processor, self.drafter = runner, processor, drafter
        self.timer = RoundTimer(runner, drafter.length, controller)
        self.slots = slots = runner.allocate(slot_count)
        if rejection:
            shape = (slots.count, drafter.length, processor.special.vocab)
            slots.draft_probs = torch.zeros(shape, device=runner.device)
        self._max_windows = min(slot_count, slots.count)
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
        while not detected and (free := self.slots.free[: self._max_windows - len(self.slots.occupied)]):
            with self.timer.span() as encoding:
                windows = self._ahead.take(len(free), next_window)
                detected = self._admit(list(zip(free, windows, strict=False)))
            if not windows:
                break
            share = encoding.seconds / len(windows)
            for slot in free[: len(windows)]:
                self._progress[slot].clock.encode += share
        return detected

    def _admit(self, admitted: Sequence[tuple[int, Window]]) -> list[Detected]:
        """Put windows into these slots, and detect languages where asked."""
        for slot, window in admitted:
            if self._stored[slot] is not window.encoded:  # one decoded again in its slot still has its cross_kv there
                self.runner.store(slot, window.encoded)
                self._stored[slot] = window.encoded
            self._progress[slot] = _Progress()
            self.drafter.admit(slot)
            # A language is detected from start-of-transcript alone; the whole prompt follows.
            self._put(slot, window, (self.processor.special.sot,) if DETECT in window.prompt else window.prompt)
        return self._detect_languages([(slot, window) for slot, window in admitted if DETECT in window.prompt])

    def _put(self, slot: int, window: Window, prompt: tuple[int, ...]) -> None:
        sot = self.processor.special.sot
        self.slots.put(slot, window, prompt, max(i for i, token in enumerate(prompt) if token == sot))

    def _detect_languages(self, windows: Sequence[tuple[int, Window]]) -> list[Detected]:
        """Complete prompts with the likeliest language after start-of-transcript (openai/whisper `detect_language`)."""
        if not windows:
            return []
        chosen = [slot for slot, _ in windows]
        after_starts = self.runner.backend.detect_round(self.slots, self.processor, chosen)
        detected = []
        for (slot, window), after_start in zip(windows, after_starts, strict=True):
            progress = self._progress[slot]
            progress.language, progress.language_probability = after_start.language, after_start.language_probability
            self._put(slot, window, tuple(progress.language if t == DETECT else t for t in window.prompt))
            detected.append(Detected(window, progress.language, progress.language_probability))
        return detected

    # -- a round -----------------------------------------------------------------------------------------------------

    def _round(self, proposal: _Proposal) -> list[DecodingEvent]:
        """Verify and record what was scheduled and proposed: the rounds of the slots, and the windows that end."""
        with self.timer.span() as verifying:
            outputs = self.runner.backend.verify_round(self.slots, self.processor, proposal.num_drafted)
        schedule = proposal.schedule
        clocks = self.timer.settle(schedule.load, schedule.prefilling, proposal.time, verifying, outputs)
        ahead = self.runner.asynchronous and self._same_windows_next(outputs)
        self._proposal = self._propose() if ahead else None  # the device computes it while the host records
        events: list[DecodingEvent] = []
        for slot, window in self.slots.occupied:
            events += self._record(slot, window, outputs[slot], clocks[slot], proposal)
        return events

    def _propose(self) -> _Proposal:
        """Let the drafter write in every occupied slot, as scheduled."""
        with self.timer.span() as drafting:
            schedule = self._schedule()
            num_drafted = self.drafter.propose(self.slots, schedule.num_wanted)
        drafters = {slot: self.drafter.proposer(slot) for slot, _ in self.slots.occupied if num_drafted[slot]}
        return _Proposal(schedule, num_drafted, drafters, drafting)

    def _schedule(self) -> _Schedule:
        """How many tokens to propose in each slot, and the slots whose prompt is not cached."""
        slots = self.slots
        load = RoundLoad(len(slots.occupied), sum(window.temperature > 0 for _, window in slots.occupied))
        length = self.timer.draft_length(load)
        num_wanted, prefilling = [0] * slots.count, set[int]()
        for slot, _ in slots.occupied:
            state = slots.states[slot]
            uncached = state.num_tokens - state.num_cached  # more than a block while prefilling
            remaining = state.max_tokens - state.num_tokens - 1
            num_wanted[slot] = max(0, min(length, remaining, BLOCK - uncached))
            if uncached > 1:
                prefilling.add(slot)
        if slots.sampling and slots.draft_probs is not None:
            slots.draft_probs.zero_()
        return _Schedule(load, num_wanted, frozenset(prefilling))

    def _record(
        self, slot: int, window: Window, output: RoundOutput | None, spent: Clock, proposal: _Proposal
    ) -> Iterator[DecodingEvent]:
        """Add a round to a slot's text; its event, and the window's end."""
        assert output is not None
        progress = self._progress[slot]
        progress.clock.add(spent)
        if output.after_start is not None:
            progress.after_start = output.after_start
        if not output.written:
            return
        progress.tokens += output.written
        progress.logprobs += output.logprobs
        drafter = proposal.drafters.get(slot) if output.proposed else None
        written = replace(_as_round(window, output, spent, drafter), batch=proposal.schedule.load.active)
        if self.trace:
            progress.rounds.append(written)
        yield window, written
        if output.finished:
            yield self._finish(slot, window)

    def _same_windows_next(self, outputs: Sequence[RoundOutput | None]) -> bool:
        """Whether the next round is certain to be of the same windows: none has ended, and no slot is free."""
        full = len(self.slots.occupied) == self._max_windows
        return full and not any(output is not None and output.finished for output in outputs)

    def _finish(self, slot: int, window: Window) -> Decoded:
        decoded = self._decoded(slot, window)
        if self.align and decoded.tokens:
            with self.timer.span() as aligning:
                decoded = replace(decoded, times=self._token_times(slot, window, decoded.tokens))
            decoded.clock.align += aligning.seconds
        if self.trace:
            decoded = replace(decoded, rounds=self._judged(slot, window, decoded.tokens))
        self.slots.release(slot)
        return decoded

    def _judged(self, slot: int, window: Window, tokens: tuple[int, ...]) -> tuple[Round, ...]:
        """The rounds of a window that has ended, with the probabilities of its tokens under both models."""
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


def _as_round(window: Window, output: RoundOutput, spent: Clock, drafter: Drafter | None) -> Round:
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
        drafter=None if drafter is None else drafter.name,
        drafter_label="" if drafter is None else drafter.label,
    )
