"""One recording on its way through the resident models: its events, and the transcript that they add up to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from time import perf_counter

import torch

from whisper_magic.audio.features import LogMel
from whisper_magic.audio.load import Audio
from whisper_magic.engine.checkpoint import Checkpoint
from whisper_magic.engine.draft import Draft, ModelDraft, NoDraft
from whisper_magic.engine.longform import Piece, Plan, SequentialReader
from whisper_magic.engine.prompt import forced_prompt, previous_text
from whisper_magic.engine.rules import Rules
from whisper_magic.engine.runtime import Runtime
from whisper_magic.engine.speculate import Decoded, Speculator
from whisper_magic.errors import OptionError
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Event, Models, Round, Segment, Started, Timing, Trace, Transcript


class Run:
    """Iterate `events`; ask for `transcript` at any time."""

    def __init__(
        self, target: Checkpoint, runtime: Runtime, front: LogMel, audio: Audio, options: TranscribeOptions
    ) -> None:
        """Raises OptionError for what this checkpoint cannot do, before any work."""
        self.target, self.runtime, self.front, self.audio, self.options = target, runtime, front, audio, options
        self.began = perf_counter()
        self.plan = _plan(target, front, audio, options)
        self.rounds: list[Round] = []
        self.segments: list[Segment] = []
        self.features_seconds = 0.0
        self.reader: SequentialReader | None = None
        self.speculator: Speculator | None = None

    def events(self) -> Iterator[Event]:
        yield Started(self.audio.source, self.audio.duration)
        if not len(self.audio.samples):
            return
        began = perf_counter()
        features = self.front(self.audio.samples)
        self.features_seconds = perf_counter() - began
        self.reader = SequentialReader(features, self.front.frames(len(self.audio.samples)), self.plan)
        self.speculator = Speculator(self.runtime, self._rules(), self._draft())
        for event in self.speculator.run(self.reader.next_window):
            if isinstance(event, Decoded):
                for piece in self.reader.accept(event):
                    yield from self._keep(piece, event)
            else:
                self.rounds.append(event[1])
                yield event[1]

    def transcript(self, models: Models, load_seconds: float, complete: bool = True) -> Transcript:
        """What is written by now. An incomplete one ends with the unfinished window's text, flagged."""
        if not complete:
            self._keep_unfinished()
        return Transcript(
            segments=tuple(self.segments),
            language=self._language(),
            language_probability=self.reader.language_probability if self.reader else None,
            task=self.options.task,
            duration=self.audio.duration,
            source=self.audio.source,
            options=self.options,
            trace=Trace(tuple(self.rounds)),
            timing=self._timing(load_seconds),
            models=models,
            complete=complete,
        )

    def _timing(self, load_seconds: float) -> Timing:
        total = load_seconds + perf_counter() - self.began
        timing = Timing(load=load_seconds, features=self.features_seconds, total=total, audio=self.audio.duration)
        if self.speculator is None:
            return timing
        clock = self.speculator.clock
        return replace(timing, encode=clock.encode, prefill=clock.prefill, draft=clock.draft, verify=clock.verify)

    def _keep(self, piece: Piece, decoded: Decoded, flags: tuple[str, ...] = ()) -> Iterator[Segment]:
        """Add a piece as a segment; one without a word is silence, and is left out."""
        assert self.reader is not None
        text = text_of(self.target, piece.tokens)
        if text.strip():
            segment = self.reader.segment(piece, text, decoded, flags)
            self.segments.append(segment)
            yield segment

    def _keep_unfinished(self) -> None:
        if self.speculator is None or self.reader is None:
            return
        for decoded in self.speculator.unfinished():
            if decoded.tokens:
                for piece in self.reader.accept(decoded):
                    list(self._keep(piece, decoded, ("cut short",)))

    def _rules(self) -> Rules:
        options, special = self.options, self.target.special
        step = 2 * self.plan.frame_seconds
        first = options.max_initial_timestamp
        return Rules.build(
            special,
            self.runtime.device,
            timestamps=options.timestamps,
            suppress=options.suppress_tokens,
            max_initial_index=None if first is None else round(first / step),
        )

    def _draft(self) -> Draft:
        side = self.runtime.draft
        if side is None or self.options.draft == "none":
            return NoDraft()
        return ModelDraft(side, self._rules(), self.options.draft_length, slots=1)

    def _language(self) -> str | None:
        codes = {token: code for code, token in self.target.special.languages.items()}
        for token in (self.reader.language if self.reader else None, *self.plan.forced):
            if token in codes:
                return codes[token]
        return None if codes else "en"


def text_of(target: Checkpoint, tokens: Sequence[int]) -> str:
    """Token ids -> text; special tokens and timestamps (all ids from end-of-text on) are left out."""
    words = [token for token in tokens if token < target.special.eot]
    return str(target.tokenizer.decode(words, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _plan(target: Checkpoint, front: LogMel, audio: Audio, options: TranscribeOptions) -> Plan:
    special, context = target.special, int(target.config.max_target_positions)
    limit = min(special.max_length, options.max_tokens or special.max_length)
    plan = Plan(
        special=special,
        window_frames=target.window_frames,
        context=context,
        forced=forced_prompt(special, options, target.name),
        previous=previous_text(target.tokenizer, special, options.prompt, context),
        condition_on_previous=options.condition_on_previous,
        limit=limit,
        frame_seconds=front.hop_length / front.sample_rate,
        offset=audio.start,
    )
    longest = len(plan.forced) + (1 + len(plan.previous) if plan.previous else 0)
    if longest >= limit:
        raise OptionError(f"max_tokens={limit} leaves no room after a prompt of {longest} tokens; raise it")
    if not options.timestamps and front.frames(len(audio.samples)) > plan.window_frames:
        window = plan.window_frames * plan.frame_seconds
        raise OptionError(
            f"timestamps=False works up to one window ({window:.0f} s), and {audio.source} has {audio.duration:.1f} s; "
            "leave timestamps on, or cut with start and end"
        )
    return plan


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
