"""A recording as it is opened: what is decoded of it, and whether its windows are read in sequence or cut at pauses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter

from whisper_magic.audio.load import AudioStream
from whisper_magic.audio.vad import Pauses
from whisper_magic.engine.runtime.loaded_model import LoadedModel
from whisper_magic.engine.windows.batched import batch_pauses
from whisper_magic.engine.windows.plan import Plan
from whisper_magic.engine.windows.sound_reader import SoundReader
from whisper_magic.engine.windows.stream import FeatureStream
from whisper_magic.errors import OptionError
from whisper_magic.options import Mode, TranscribeOptions

SILENCE = Pauses(pause=2.0, margin=0.4, longest=300.0)  # what vad=True leaves out where windows are read in sequence
MIN_VOICED_SHARE = 0.4  # where less of the recording is found to be voice, windows are not cut by that
BATCHED_FROM = 2.0  # windows: a shorter recording has nothing to be batched
BATCHED_ON = ("cuda",)  # where several windows at once are faster; on two CPU cores they are not (71 s, demo pair)


@dataclass(frozen=True, eq=False)
class OpenRecording:
    """A recording whose beginning was read: what is decoded of it, and how.

    Attributes:
        stream: Its audio.
        sound: Reads it, perhaps ahead.
        options: As asked for.
        plan: What stays the same over its windows.
        features: Its features on demand.
        mode: How it is cut into windows.
        began: When work on it began, by `perf_counter`.
        open_seconds: Wall seconds that opening its source took.
    """

    stream: AudioStream
    sound: SoundReader
    options: TranscribeOptions
    plan: Plan
    features: FeatureStream
    mode: Mode
    began: float
    open_seconds: float


def open_recording(
    model: LoadedModel,
    sound: SoundReader,
    options: TranscribeOptions,
    *,
    open_seconds: float = 0.0,
    single_source: bool = True,
) -> OpenRecording:
    """Check the options against the checkpoint, read the recording's beginning, and decide how to cut it.

    Args:
        model: The models.
        sound: Reads the recording's audio.
        options: How to transcribe it.
        open_seconds: Wall seconds spent on it already.
        single_source: Whether no other recording is decoded at the same time.

    Raises:
        OptionError: For what this checkpoint cannot do.
        AudioError: For audio that cannot be read.
    """
    began, stream = perf_counter() - open_seconds, sound.stream
    plan = Plan.build(model.target, model.front_end, stream.start, options)
    mode = _choose_mode(options, stream, plan, single_source, model.runner.device.type)
    pauses = batch_pauses(plan.window_seconds) if mode == "batched" else SILENCE if options.vad else None
    detect_voice = options.no_speech_threshold is not None  # for what is silence, and which window decides the language
    features = FeatureStream(stream, model.front_end, pauses, detect_voice, sound)
    features.read_until(1)
    requested = options.mode == "batched" or options.vad or not options.timestamps
    if mode == "batched" and not requested and features.voiced_share < MIN_VOICED_SHARE:
        mode = "sequential"  # singing, or a voice that the detector does not know: read all of it
        features.ignore_pauses()
    opened = OpenRecording(stream, sound, options, plan, features, mode, began, open_seconds)
    _check_length(opened)
    return opened


def wants_voice(options: TranscribeOptions) -> bool:
    """Whether voice may have to be detected."""
    return options.no_speech_threshold is not None or options.vad or options.mode != "sequential"


def _choose_mode(options: TranscribeOptions, stream: AudioStream, plan: Plan, single_source: bool, device: str) -> Mode:
    """How a recording is cut where that is left open: at pauses where slots would stand empty otherwise and batches
    are faster, or where there are no timestamps to continue from; else as the reference does."""
    if options.mode != "auto":
        return options.mode
    windows = math.inf if stream.expected is None else stream.expected / plan.window_seconds
    pays = single_source and options.batch_size > 1 and windows > BATCHED_FROM and device in BATCHED_ON
    wanted = pays or (windows > 1 and not options.timestamps)
    return "batched" if wanted and not options.condition_on_previous else "sequential"


def _check_length(opened: OpenRecording) -> None:
    """One window is all that can be read in sequence without timestamps."""
    plan, features = opened.plan, opened.features
    frames = plan.window_frames
    if opened.options.timestamps or opened.mode == "batched" or features.read_until(frames + 1) <= frames:
        return
    raise OptionError(
        f"timestamps=False works up to one window ({plan.window_seconds:.0f} s), and {opened.stream.source} has "
        f"{features.duration:.1f} s; leave timestamps on, cut with start and end, or pass mode='batched'"
    )
