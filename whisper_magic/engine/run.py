"""Recordings on their way through the resident models: their events, and the transcripts that they add up to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from time import perf_counter

import torch

from whisper_magic.audio.features import LogMel
from whisper_magic.audio.load import Audio
from whisper_magic.engine.align import words_of
from whisper_magic.engine.checkpoint import Checkpoint
from whisper_magic.engine.draft import Draft, FirstDraft, LookupDraft, ModelDraft, NoDraft
from whisper_magic.engine.longform import STRIDE, Guards, Plan, SequentialReader, Verdict
from whisper_magic.engine.memory import MEMORY, Heard, fingerprint
from whisper_magic.engine.pace import Pace
from whisper_magic.engine.prompt import forced_prompt, previous_text
from whisper_magic.engine.rules import Rules
from whisper_magic.engine.runtime import BLOCK, Runtime
from whisper_magic.engine.slots import Window
from whisper_magic.engine.speculate import Clock, Decoded, Speculator
from whisper_magic.errors import OptionError
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Event, Models, Round, Segment, Started, Timing, Trace, Transcript, Word


class Recording:
    """One recording: what is to be read of it, and what has been written."""

    def __init__(
        self,
        target: Checkpoint,
        front: LogMel,
        audio: Audio,
        options: TranscribeOptions,
        *,
        load_seconds: float = 0.0,
        index: int = 0,
        alone: bool = True,
    ) -> None:
        """index: of the source, for whoever asked. alone: no other recording is decoded at the same time.

        Raises:
            OptionError: for what this checkpoint cannot do.
        """
        self.alone = alone
        self.index = index
        self._key = fingerprint(audio, options.task)
        self._before = MEMORY.recall(self._key) if options.draft == "auto" else None
        self.target, self.front, self.audio, self.options = target, front, audio, options
        self.plan = _plan(target, front, audio, options)
        self.load_seconds, self.features_seconds = load_seconds, 0.0
        self.began = perf_counter() - load_seconds
        self.total_seconds: float | None = None
        self.clock = Clock()
        self.rounds: list[Round] = []
        self.segments: list[Segment] = []
        self.skipped: list[Segment] = []
        self.reader: SequentialReader | None = None

    @property
    def done(self) -> bool:
        return self.total_seconds is not None

    def next_window(self) -> Window | None:
        """The next window that is ready, or None."""
        if self.reader is None:
            began = perf_counter()
            features = self.front(self.audio.samples)
            frames = self.front.frames(len(self.audio.samples))
            self.features_seconds = perf_counter() - began
            self.reader = SequentialReader(features, frames, self.plan, lambda ids: text_of(self.target, ids))
            self._note_end()  # a recording shorter than a frame has no window at all
        return self.reader.next_window(owner=self)

    def accept(self, decoded: Decoded, final: bool = False) -> list[Segment]:
        """Take a window that has ended; the segments that it adds. `final` takes an unfinished one, flagged so."""
        assert self.reader is not None
        self.clock.add(decoded.clock)
        verdict = self.reader.accept(decoded, final)
        flags = (*verdict.flags, "cut short") if final else verdict.flags
        segments = self._segments(verdict, decoded, flags)
        (self.skipped if verdict.silent else self.segments).extend(segments)
        if not final:
            self._note_end()
        return [] if verdict.silent else segments

    def _note_end(self) -> None:
        assert self.reader is not None
        if self.reader.done and self.total_seconds is None:
            self.total_seconds = perf_counter() - self.began
            MEMORY.keep(self._key, Heard(tuple(self.segments), self.target.special))

    def expected(self) -> list[int]:
        """What the window that is out says, going by the previous transcript: its tokens, timestamps included."""
        assert self.reader is not None
        if self._before is None:
            return []
        plan, special = self.plan, self.target.special
        step = STRIDE * plan.frame_seconds
        begin = plan.offset + self.reader.seek * plan.frame_seconds
        last = int(self.target.config.max_source_positions)
        tokens: list[int] = []
        for segment in self._before.segments:
            first, end = (round((second - begin) / step) for second in (segment.start, segment.end))
            if first < 0 or end > last:
                continue
            if self._before.vocabulary == special:
                text = [token for token in segment.tokens if token < special.eot]
            else:
                text = self.target.tokenizer(segment.text, add_special_tokens=False)["input_ids"]
            if self.options.timestamps:
                text = [special.timestamp_begin + first, *text, special.timestamp_begin + end]
            tokens += text
        return [*tokens, special.eot]

    def _segments(self, verdict: Verdict, decoded: Decoded, flags: tuple[str, ...]) -> list[Segment]:
        """A segment for every piece that holds a word; one that does not is silence."""
        assert self.reader is not None
        segments, first = [], 0
        for piece in verdict.pieces:
            text = text_of(self.target, piece.tokens)
            if text.strip():
                words = self._words(decoded, first, len(piece.tokens), verdict.seek) if decoded.times else ()
                segments.append(self.reader.segment(piece, text, decoded, flags, words))
            first += len(piece.tokens)
        return segments

    def _words(self, decoded: Decoded, first: int, count: int, seek: int) -> tuple[Word, ...]:
        """The words of the tokens first.. of a window that begins at frame `seek`. A token starts where the one
        before it ends."""
        step, origin = STRIDE * self.plan.frame_seconds, self.plan.offset + seek * self.plan.frame_seconds
        times = [origin + time * step for time in decoded.times]
        places = [i for i in range(first, first + count) if decoded.tokens[i] < self.target.special.eot]
        return words_of(
            self.target.tokenizer,
            [decoded.tokens[i] for i in places],
            [(times[i], times[i + 1]) for i in places],
            [math.exp(decoded.logprobs[i]) for i in places],
            self._language(),
        )

    def transcript(self, models: Models, notes: tuple[str, ...] = ()) -> Transcript:
        """What is written by now; of a recording that is not done, `timing.audio` counts the seconds that were read."""
        return Transcript(
            segments=tuple(self.segments),
            language=self._language(),
            language_probability=self.reader.language_probability if self.reader else None,
            task=self.options.task,
            duration=self.audio.duration,
            source=_name(self.audio, self.options),
            options=self.options,
            trace=Trace(tuple(self.rounds)),
            timing=self._timing(),
            models=models,
            skipped=tuple(self.skipped),
            complete=self.done,
            notes=notes,
        )

    def _timing(self) -> Timing:
        clock = self.clock
        return Timing(
            load=self.load_seconds,
            features=self.features_seconds,
            encode=clock.encode,
            prefill=clock.prefill,
            draft=clock.draft,
            verify=clock.verify,
            align=clock.align,
            total=self._total(),
            audio=self.audio.duration if self.done else self._seconds_read(),
        )

    def _total(self) -> float:
        """Wall seconds; of recordings decoded together, each one's share, so that they add up to the wall's."""
        if not self.alone:
            return self.load_seconds + self.features_seconds + self.clock.total
        return perf_counter() - self.began if self.total_seconds is None else self.total_seconds

    def _seconds_read(self) -> float:
        read = 0 if self.reader is None else min(self.reader.seek, self.reader.content_frames)
        return read * self.plan.frame_seconds

    def _language(self) -> str | None:
        codes = {token: code for code, token in self.target.special.languages.items()}
        for token in (self.reader.language if self.reader else None, *self.plan.forced):
            if token in codes:
                return codes[token]
        return None if codes else "en"


class Decoding:
    """Recordings decoded together: windows of different recordings share the slots."""

    def __init__(
        self, target: Checkpoint, runtime: Runtime, options: TranscribeOptions, frame_seconds: float, slots: int
    ) -> None:
        rules = _rules(target, runtime.device, options, frame_seconds)
        draft = _draft(runtime, rules, options, slots)
        self.pace = Pace(draft.length) if options.draft_length == "auto" and draft.length else None
        self.speculator = Speculator(
            runtime,
            rules,
            draft,
            slots,
            align=options.words,
            pace=self.pace,
            rejection=options.acceptance == "rejection",
        )
        self._open: list[Recording] = []

    def events(self, recordings: Iterator[Recording]) -> Iterator[tuple[Recording, Event]]:
        """Decode them all; each is asked for only when a slot is free."""
        waiting: list[Recording] = []  # begun, not announced yet

        def feed() -> Window | None:
            for recording in self._open:
                if (window := recording.next_window()) is not None:
                    return window
            for recording in recordings:
                self._open.append(recording)
                waiting.append(recording)
                if (window := recording.next_window()) is not None:
                    return window
            return None

        first = next(recordings, None)
        if first is None:
            return
        self._open.append(first)
        yield first, Started(first.audio.source, first.audio.duration)  # before the work, for whoever watches
        for event in self.speculator.run(feed):
            while waiting:
                begun = waiting.pop(0)
                yield begun, Started(begun.audio.source, begun.audio.duration)
            yield from self._one(event)
            self._open = [recording for recording in self._open if not recording.done]
        for begun in waiting:  # too short for a window
            yield begun, Started(begun.audio.source, begun.audio.duration)

    def _one(self, event: tuple[Window, Round] | Decoded) -> Iterator[tuple[Recording, Event]]:
        if isinstance(event, Decoded):
            recording: Recording = event.window.owner
            for segment in recording.accept(event):
                yield recording, segment
        else:
            recording = event[0].owner
            recording.rounds.append(event[1])
            yield recording, event[1]

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of how it went."""
        note = self.pace.note if self.pace else ""
        return (note,) if note else ()

    def keep_unfinished(self) -> None:
        """Take, flagged, what the windows in the slots hold by now: the run was stopped."""
        for decoded in self.speculator.unfinished():
            if decoded.tokens:
                decoded.window.owner.accept(decoded, final=True)


def _name(audio: Audio, options: TranscribeOptions) -> str:
    """The source, and which of its channels where each gives a transcript."""
    return f"{audio.source} ({audio.channel})" if options.channel == "split" else audio.source


def _draft(runtime: Runtime, rules: Rules, options: TranscribeOptions, slots: int) -> Draft:
    length = BLOCK - 1 if options.draft_length == "auto" else options.draft_length
    if options.draft == "ngram":
        return LookupDraft(length)
    drafts: list[Draft] = []
    if options.draft == "auto":
        drafts.append(LookupDraft(length, lambda window: window.owner.expected(), own_text=False))
    if options.draft in ("auto", "model") and runtime.draft is not None:
        drafts.append(ModelDraft(runtime.draft, rules, length, slots))
    return FirstDraft(drafts) if drafts else NoDraft()


def _rules(target: Checkpoint, device: torch.device, options: TranscribeOptions, frame_seconds: float) -> Rules:
    first = options.max_initial_timestamp
    return Rules.build(
        target.special,
        device,
        timestamps=options.timestamps,
        suppress=options.suppress_tokens,
        max_initial_index=None if first is None else round(first / (STRIDE * frame_seconds)),
    )


def text_of(target: Checkpoint, tokens: Sequence[int]) -> str:
    """Token ids -> text; special tokens and timestamps (all ids from end-of-text on) are left out."""
    words = [token for token in tokens if token < target.special.eot]
    return str(target.tokenizer.decode(words, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _plan(target: Checkpoint, front: LogMel, audio: Audio, options: TranscribeOptions) -> Plan:
    special, context = target.special, int(target.config.max_target_positions)
    plan = Plan(
        special=special,
        window_frames=target.window_frames,
        context=context,
        forced=forced_prompt(special, options, target.name),
        previous=previous_text(target.tokenizer, special, options.prompt, context),
        condition_on_previous=options.condition_on_previous,
        max_length=special.max_length,
        max_tokens=options.max_tokens or context,
        frame_seconds=front.frame_seconds,
        offset=audio.start,
        guards=Guards(
            options.temperatures,
            options.compression_ratio_threshold,
            options.logprob_threshold,
            options.no_speech_threshold,
        ),
        seed=options.seed,
    )
    _check(plan, front, audio, options, int(target.config.decoder_layers))
    return plan


def _check(plan: Plan, front: LogMel, audio: Audio, options: TranscribeOptions, layers: int) -> None:
    if options.words and not plan.special.alignment_heads:
        raise OptionError("this checkpoint names no alignment_heads in generation_config.json; leave words off")
    if len(plan.forced) >= plan.max_tokens:
        needed = len(plan.forced) + 1
        raise OptionError(f"max_tokens={plan.max_tokens} leaves no room after the prompt; it must be {needed} or more")
    beyond = [head for head in plan.special.alignment_heads if head[0] >= layers]
    if options.words and beyond:
        raise OptionError(f"alignment_heads name layer {beyond[0][0]} of {layers} decoder layers; leave words off")
    if not options.timestamps and front.frames(len(audio.samples)) > plan.window_frames:
        window = plan.window_frames * plan.frame_seconds
        raise OptionError(
            f"timestamps=False works up to one window ({window:.0f} s), and {audio.source} has {audio.duration:.1f} s; "
            "leave timestamps on, or cut with start and end"
        )


def front_end(target: Checkpoint, device: torch.device) -> LogMel:
    """The log-mel front end that the checkpoint's preprocessor configuration describes."""
    extractor = target.feature_extractor
    assert extractor is not None
    return LogMel.build(
        extractor.mel_filters,
        n_fft=extractor.n_fft,
        hop_length=extractor.hop_length,
        sample_rate=extractor.sampling_rate,
        window_samples=target.window_frames * extractor.hop_length,
        device=device,
    )
