"""From options and a checkpoint to what a transcription goes by: plan, rules, draft, and how its windows are cut."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from whisper_magic.audio.features import LogMel
from whisper_magic.audio.load import AudioStream
from whisper_magic.engine.decode.drafters import Draft, FirstDraft, LookupDraft, ModelDraft, NoDraft
from whisper_magic.engine.model.checkpoint import Checkpoint
from whisper_magic.engine.runtime.model_runner import Runtime
from whisper_magic.engine.runtime.slots import BLOCK
from whisper_magic.engine.sample.logits_processor import Rules
from whisper_magic.engine.windows.prompt import forced_prompt, non_speech_tokens, previous_text
from whisper_magic.engine.windows.reader import STRIDE, Guards, Plan
from whisper_magic.engine.windows.stream import Part
from whisper_magic.errors import OptionError
from whisper_magic.options import PER_WINDOW, Mode, TranscribeOptions

BATCHED_FROM = 2.0  # windows: a recording shorter than that has nothing to be batched
PAYS_ON = ("cuda",)  # where several windows at once are faster; on two CPU cores they are not (71 s, demo pair)


def mode_for(options: TranscribeOptions, front: LogMel, sound: AudioStream, window_seconds: float, alone: bool) -> Mode:
    """How a recording is cut where that is left open: at pauses where slots would stand empty otherwise and batches
    are faster, or where there are no timestamps to go on from; else as the reference does."""
    if options.mode != "auto":
        return options.mode
    windows = math.inf if sound.expected is None else sound.expected / window_seconds
    pays = alone and options.batch_size > 1 and windows > BATCHED_FROM and front.filters.device.type in PAYS_ON
    wanted = pays or (windows > 1 and not options.timestamps)
    return "batched" if wanted and not options.condition_on_previous else "sequential"


def draft_for(runtime: Runtime, rules: Rules, options: TranscribeOptions) -> Draft:
    length = BLOCK - 1 if options.draft_length == "auto" else options.draft_length
    if options.draft == "ngram":
        return LookupDraft(length)
    drafts: list[Draft] = []
    if options.draft == "auto":
        drafts.append(LookupDraft(length, lambda window: window.owner.expected(window), own_text=False))
    if options.draft in ("auto", "model") and runtime.draft is not None:
        drafts.append(ModelDraft(runtime, rules, length))
    return FirstDraft(drafts) if drafts else NoDraft()


def rules_for(target: Checkpoint, runtime: Runtime, options: TranscribeOptions, frame_seconds: float) -> Rules:
    """The same object while the options that matter are the same: graphs go by it."""
    first = options.max_initial_timestamp
    suppress = options.suppress_tokens
    if isinstance(suppress, tuple) and -1 in suppress:
        others = (token for token in suppress if token >= 0)
        suppress = (*others, *non_speech_tokens(target.tokenizer, target.special))
    assert not isinstance(suppress, int)
    index = None if first is None else round(first / (STRIDE * frame_seconds))
    if (known := runtime.rules.get((options.timestamps, suppress, index))) is not None:
        return known
    rules = Rules.build(
        target.special, runtime.device, timestamps=options.timestamps, suppress=suppress, max_initial_index=index
    )
    runtime.rules[options.timestamps, suppress, index] = rules
    return rules


def text_of(target: Checkpoint, tokens: Sequence[int]) -> str:
    """Token ids -> text; special tokens and timestamps (all ids from end-of-text on) are left out."""
    return target.text(tokens)


def plan_for(target: Checkpoint, front: LogMel, sound: AudioStream, options: TranscribeOptions) -> Plan:
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
        offset=sound.start,
        guards=Guards(
            options.temperatures,
            options.compression_ratio_threshold,
            options.logprob_threshold,
            options.no_speech_threshold,
        ),
        seed=options.seed,
        hotwords=previous_text(target.tokenizer, special, options.hotwords, context, "hotwords"),
        per_window=options.language == PER_WINDOW,
        clips=_clips(options, sound.start, front.frame_seconds),
    )
    _check(plan, options, int(target.config.decoder_layers))
    return plan


def _clips(options: TranscribeOptions, offset: float, frame_seconds: float) -> tuple[Part, ...]:
    """The clips in feature frames, seconds of the source as they are."""
    clips = [tuple(max(0, round((second - offset) / frame_seconds)) for second in clip) for clip in options.clips]
    return tuple(Part(first, last, number) for number, (first, last) in enumerate(clips))


def _check(plan: Plan, options: TranscribeOptions, layers: int) -> None:
    if options.words and not plan.special.alignment_heads:
        raise OptionError("this checkpoint names no alignment_heads in generation_config.json; leave words off")
    if len(plan.forced) >= plan.max_tokens:
        needed = len(plan.forced) + 1
        raise OptionError(f"max_tokens={plan.max_tokens} leaves no room after the prompt; it must be {needed} or more")
    beyond = [head for head in plan.special.alignment_heads if head[0] >= layers]
    if options.words and beyond:
        raise OptionError(f"alignment_heads name layer {beyond[0][0]} of {layers} decoder layers; leave words off")


def front_end(target: Checkpoint, device: torch.device) -> LogMel:
    """The log-mel front end that the checkpoint's preprocessor configuration describes."""
    extractor = target.feature_extractor
    return LogMel.build(
        extractor.mel_filters,
        n_fft=extractor.n_fft,
        hop_length=extractor.hop_length,
        sample_rate=extractor.sampling_rate,
        window_samples=target.window_frames * extractor.hop_length,
        device=device,
    )
