"""What stays the same over a recording's windows, made of options and a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from whisper_magic.audio.features import LogMel
from whisper_magic.engine.decode.speculator import Decoded
from whisper_magic.engine.model.checkpoint import Checkpoint, SpecialTokens
from whisper_magic.engine.runtime.slots import DETECT
from whisper_magic.engine.windows.prompt import forced_prompt, previous_text
from whisper_magic.engine.windows.stream import Part
from whisper_magic.errors import OptionError
from whisper_magic.options import PER_WINDOW, TranscribeOptions

GUESS = "is a guess"  # flags an improbable text
STRIDE = 2  # feature frames per encoder state, and per timestamp step: Whisper's second convolution


@dataclass(frozen=True)
class FallbackThresholds:
    """When a window fails and is decoded again at the next temperature (openai/whisper `transcribe.py`,
    `decode_with_fallback`). None: not checked."""

    temperatures: tuple[float, ...] = (0.0,)
    compression_ratio: float | None = None
    logprob: float | None = None
    no_speech: float | None = None

    def is_silence(self, decoded: Decoded, voiced: bool = True) -> bool:
        """Whether two witnesses agree that there is no speech: of P(no speech), an improbable text, and a voice
        activity detector that found no voice (voiced=False). The first two alone are openai/whisper's rule."""
        if self.no_speech is None:
            return False
        likely = decoded.no_speech_prob > self.no_speech
        improbable = self.logprob is not None and decoded.avg_logprob < self.logprob
        return likely and (improbable or self.logprob is None) if voiced else likely or improbable

    def failures(self, avg_logprob: float, compression_ratio: float) -> tuple[str, ...]:
        """Why a window's text fails; nothing where it passes."""
        failures = []
        if self.compression_ratio is not None and compression_ratio > self.compression_ratio:
            failures.append(f"repeats itself (compression ratio {compression_ratio:.1f})")
        if self.logprob is not None and avg_logprob < self.logprob:
            failures.append(f"{GUESS} (mean log-probability {avg_logprob:.2f})")
        return tuple(failures)


@dataclass(frozen=True)
class Plan:
    """What stays the same over a recording's windows.

    Attributes:
        special: The checkpoint's special tokens.
        window_frames: Feature frames of a window.
        context: Tokens that the decoder's context holds.
        forced: Prompt from start-of-transcript on; DETECT for an unknown language.
        previous: Ids of the user's prompt, given to every window; with `condition_on_previous` it comes before the text
            of earlier windows, and scrolls away.
        condition_on_previous: Whether a window is given the text before it.
        max_length: Tokens that may be written in a window.
        max_tokens: Tokens that a window may hold, prompt included.
        frame_seconds: Duration of a feature frame.
        offset: Seconds of the source at which the recording begins.
        thresholds: When a window is decoded again.
        seed: Of sampling.
        hotwords: Ids given to every window, before all else.
        per_window: Whether each window's language is detected.
        clips: What to read; () for everything.
    """

    special: SpecialTokens
    window_frames: int
    context: int
    forced: tuple[int, ...]
    previous: tuple[int, ...]
    condition_on_previous: bool
    max_length: int
    max_tokens: int
    frame_seconds: float
    offset: float = 0.0
    thresholds: FallbackThresholds = FallbackThresholds()
    seed: int = 0
    hotwords: tuple[int, ...] = ()
    per_window: bool = False
    clips: tuple[Part, ...] = ()

    @classmethod
    def build(cls, target: Checkpoint, front_end: LogMel, offset: float, options: TranscribeOptions) -> Plan:
        """The plan of a recording that begins `offset` seconds into its source.

        Raises:
            OptionError: For what this checkpoint cannot do.
        """
        special, context = target.special, int(target.config.max_target_positions)
        plan = cls(
            special=special,
            window_frames=target.window_frames,
            context=context,
            forced=forced_prompt(special, options, target.name),
            previous=previous_text(target.tokenizer, special, options.prompt, context),
            condition_on_previous=options.condition_on_previous,
            max_length=special.max_length,
            max_tokens=options.max_tokens or context,
            frame_seconds=front_end.frame_seconds,
            offset=offset,
            thresholds=FallbackThresholds(
                options.temperatures,
                options.compression_ratio_threshold,
                options.logprob_threshold,
                options.no_speech_threshold,
            ),
            seed=options.seed,
            hotwords=previous_text(target.tokenizer, special, options.hotwords, context, "hotwords"),
            per_window=options.language == PER_WINDOW,
            clips=_clips(options, offset, front_end.frame_seconds),
        )
        _check(plan, options, int(target.config.decoder_layers))
        return plan

    @property
    def has_timestamps(self) -> bool:
        """Whether windows are decoded with timestamps."""
        return self.special.has_timestamps and self.special.no_timestamps not in self.forced

    @property
    def window_seconds(self) -> float:
        """Duration of a window."""
        return self.window_frames * self.frame_seconds

    def seconds(self, frame: float) -> float:
        """When in the source a feature frame begins, to the microsecond: 11.4 and not 11.399999999999999."""
        return round(self.offset + frame * self.frame_seconds, 6)

    def prompt(self, language: int | None, history: Sequence[int] = ()) -> tuple[int, ...]:
        """What a window's text is forced to begin with.

        Args:
            language: The language's token, once it is known.
            history: Ids of the text before, which come after those of the user's prompt.
        """
        forced = self.forced
        if language is not None and not self.per_window:
            forced = tuple(language if token == DETECT else token for token in forced)
        before = [*self.previous, *history]
        if not (before or self.hotwords) or self.special.prev_sot is None:
            return forced
        remaining = self.max_tokens - len(forced) - 2  # start-of-previous, and one token to be written
        keep = min(self.context // 2 - 1, remaining)  # openai/whisper `decoding.py`: half the context at most
        hot = self.hotwords[: max(0, keep)]
        rest = keep - len(hot)
        return (self.special.prev_sot, *hot, *(before[-rest:] if rest > 0 else ()), *forced) if keep > 0 else forced

    def token_limit(self, prompt: tuple[int, ...]) -> int:
        """Tokens that a window may hold: the checkpoint's `max_length` counts what is written, as in transformers'
        `_set_max_new_tokens_and_length`; `max_tokens` counts the prompt too."""
        return min(self.max_length + min(len(prompt), self.context // 2 - 1), self.context, self.max_tokens)


def _clips(options: TranscribeOptions, offset: float, frame_seconds: float) -> tuple[Part, ...]:
    """The clips, in seconds of the source, as feature frames."""
    clips = [tuple(max(0, round((second - offset) / frame_seconds)) for second in clip) for clip in options.clips]
    return tuple(Part(first, last, number) for number, (first, last) in enumerate(clips))


def _check(plan: Plan, options: TranscribeOptions, layers: int) -> None:
    if options.words and not plan.special.alignment_heads:
        raise OptionError("this checkpoint names no alignment_heads in generation_config.json; leave words off")
    if len(plan.forced) >= plan.max_tokens:
        needed = len(plan.forced) + 1
        raise OptionError(f"max_tokens={plan.max_tokens} leaves nothing after the prompt; it must be {needed} or more")
    beyond = [head for head in plan.special.alignment_heads if head[0] >= layers]
    if options.words and beyond:
        raise OptionError(f"alignment_heads name layer {beyond[0][0]} of {layers} decoder layers; leave words off")
