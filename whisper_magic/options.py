"""TranscribeOptions: how to transcribe. Every default is stated here, once, and every value is checked when the object
is built. This module does not know the checkpoint: the engine refuses what a checkpoint cannot do.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, Literal, TypeGuard, get_args, get_origin, get_type_hints

from whisper_magic.errors import OptionError
from whisper_magic.wording import near

Task = Literal["transcribe", "translate"]
DraftKind = Literal["auto", "model", "ngram", "none"]
Acceptance = Literal["coupled", "rejection"]
Mode = Literal["sequential", "batched"]
Dtype = Literal["float32", "float16", "bfloat16"]  # of the models' weights
Attention = Literal["flash_attention_2", "sdpa", "eager"]  # how torch computes it

PER_WINDOW = "per-window"  # as a language: detected anew in every window
AUTO = "auto"  # as a language: the same as None
CHANNELS = ("mix", "left", "right", "split")  # by name; an index is a channel too
MAX_DRAFT_LENGTH = 7  # with the token before them, proposals fill the 8 rows of a verify pass; in float16 and bfloat16
# a wider pass may break a near-tie differently, and the text would depend on the draft length


@dataclass(frozen=True)
class TranscribeOptions:
    """How to transcribe one recording.

    Times are in seconds, lengths in tokens. An option marked (Whisper) means what the option of that name means in
    openai/whisper (`transcribe.py`, `decoding.py`). Lists are accepted for tuples and stored as tuples.

    Attributes:
        language: code ("en"), tag ("en-US") or English name ("english") of the language spoken (Whisper). None or
            "auto" detects it in the first window with voice, "per-window" in every window.
        task: "transcribe" writes the language spoken, "translate" writes English (Whisper).
        timestamps: predict segment times. Needed in sequential mode for recordings longer than one window. The
            opposite of Whisper's `without_timestamps`.
        words: compute the times of each word from the attention of the alignment heads. Whisper's `word_timestamps`.
        prompt: text placed before every window, which sets names, spelling and style. Whisper's `initial_prompt`,
            which is placed before the first window only.
        hotwords: words to expect, placed before every window and before any other text. faster-whisper's `hotwords`.
        condition_on_previous: place the text of earlier windows before each window. Whisper's
            `condition_on_previous_text`, where it is on by default. In sequential mode only.
        suppress_tokens: token ids that are never written (Whisper). -1 stands for the tokens that are not speech, such
            as brackets and musical notes (`tokenizer.py`, `non_speech_tokens`). None takes the checkpoint's list.
        max_initial_timestamp: latest start of a window's first segment, in seconds from the window's start (Whisper).
            None takes the checkpoint's limit.
        max_tokens: most tokens in a window, prompt included. None takes the checkpoint's limit.
        temperature: 0 writes the most probable token, higher values sample (Whisper). Several are tried in order
            (temperature fallback): a window whose text fails `compression_ratio_threshold` or `logprob_threshold` is
            decoded again at the next.
        compression_ratio_threshold: a window's text fails where its zlib compression ratio is above this, because it
            repeats itself (Whisper). None turns the test off.
        logprob_threshold: a window's text fails where its mean log-probability per token is below this (Whisper). None
            turns the test off.
        no_speech_threshold: a window is silence where the probability of the no-speech token is above this and its
            text fails `logprob_threshold` (Whisper); where no voice is detected in it, one of the two is enough, and
            any other text is flagged. None turns all this off, and the first window decides the language, voice or not.
        seed: of the noise of sampling. With "coupled" acceptance the text depends on the seed, never on the draft, the
            draft length or the batch size.
        acceptance: how samples are verified. "coupled": draft and target share their Gumbel noise, and a proposal is
            accepted where it equals the target's own sample. "rejection": the rule of Leviathan et al. 2023
            (arXiv:2211.17192) and Chen et al. 2023 (arXiv:2302.01318), which accepts more and samples from the same
            distribution, but the text depends on the draft too.
        draft: what proposes tokens. "model": the draft model. "ngram": tokens copied from the text so far. "none":
            nothing, the target decodes alone. "auto": the previous transcript of the same audio where there is one,
            then the draft model.
        draft_length: most tokens proposed in a round, 1 to 7. "auto" chooses the fastest length as it measures them.
        trace: record the probabilities of target and draft for each token (`Round.target_probs`, `.draft_probs`,
            `.alternatives`), by one more pass of each over every window.
        batch_size: most windows decoded at once, of one or several recordings.
        mode: "sequential": each window begins at the last timestamp of the one before, as in Whisper. "batched":
            windows are cut at pauses, and several of one recording are decoded at once. "auto": batched where that is
            faster.
        vad: skip what a voice activity detector takes for silence. Batched mode runs it in any case, to find pauses.
        clips: (start, end) pairs of the parts to transcribe, in order and without overlap, in seconds of the source.
            () is the whole recording. Whisper's `clip_timestamps`.
        start: second of the source at which reading begins. None is its beginning.
        end: second of the source at which reading ends. None is its end.
        channel: "mix" (the mean of all), "left", "right", or an index from 0. "split" gives one transcript per channel.
        stream: number of the audio stream of a file that has several, from 0. None is the file's default one.
    """

    # Text
    language: str | None = None
    task: Task = "transcribe"
    timestamps: bool = True
    words: bool = False

    # Context
    prompt: str | None = None
    hotwords: str | None = None
    condition_on_previous: bool = False

    # Logits processing
    suppress_tokens: tuple[int, ...] | int | None = None
    max_initial_timestamp: float | None = None
    max_tokens: int | None = None

    # Sampling and fallback thresholds
    temperature: float | tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    compression_ratio_threshold: float | None = 2.4
    logprob_threshold: float | None = -1.0
    no_speech_threshold: float | None = 0.6
    seed: int = 0
    acceptance: Acceptance = "coupled"

    # Speculation: changes the time it takes, never the text
    draft: DraftKind = "auto"
    draft_length: int | Literal["auto"] = 5
    trace: bool = False
    batch_size: int = 8

    # Order of the windows
    mode: Mode | Literal["auto"] = "auto"
    vad: bool = False

    # Part of the recording
    clips: tuple[tuple[float, float], ...] = ()
    start: float | None = None
    end: float | None = None
    channel: str | int = "mix"
    stream: int | None = None

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            OptionError: for the first value that makes no sense.
        """
        for field in fields(self):  # equal and hashable, however they were given
            object.__setattr__(self, field.name, _plain(getattr(self, field.name)))
        if isinstance(self.language, str) and self.language.strip().lower() == AUTO:
            object.__setattr__(self, "language", None)
        if _whole(self.suppress_tokens, -1):
            object.__setattr__(self, "suppress_tokens", (self.suppress_tokens,))
        for problem in _problems(self):
            raise OptionError(problem)

    @property
    def temperatures(self) -> tuple[float, ...]:
        """The temperatures in the order of fallback, as a tuple."""
        return self.temperature if isinstance(self.temperature, tuple) else (self.temperature,)

    def override(self, **changes: Any) -> TranscribeOptions:
        """A copy with some fields changed.

        Args:
            **changes: new values by the names of the fields.

        Raises:
            OptionError: for a name that is not an option (the near ones are listed) or a bad value.
        """
        names = {field.name for field in fields(self)}
        for name in changes:
            if name not in names:
                advice = near(name, names) or f"; the options are: {', '.join(sorted(names))}"
                raise OptionError(f"no option is called {name!r}{advice}")
        return replace(self, **changes)


# These change how long it takes, never the text: a library does not transcribe again where only they differ.
SPEED_ONLY_OPTIONS = frozenset({"draft", "draft_length", "batch_size"})

Check = tuple[bool, str]  # whether it holds, and the message where it does not


def _problems(options: TranscribeOptions) -> list[str]:
    """Every reason why these options make no sense, each one line. Those of one option's own come first."""
    checks = itertools.chain(
        _text_checks(options),
        _fallback_checks(options),
        _speculation_checks(options),
        _part_checks(options),
        _type_checks(options),
    )
    return [message for holds, message in checks if not holds]


def _type_checks(options: TranscribeOptions) -> Iterator[Check]:
    """What the annotation of a field says: a bool, text, a number, or one of some names."""
    for name, kind in _kinds().items():
        value, names = getattr(options, name), _names_in(kind)
        if kind is bool:
            yield isinstance(value, bool), f"{name} must be True or False, got {value!r}"
        elif kind == str | None:
            yield value is None or isinstance(value, str), f"{name} must be text, got {type(value).__name__}"
        elif kind == float | None:
            yield value is None or _number(value), f"{name} must be a number or None, got {value!r}"
        elif names:
            yield _is_one_of(value, names), f"{name} must be one of {', '.join(map(repr, names))}, got {value!r}"


@cache
def _kinds() -> dict[str, Any]:
    return get_type_hints(TranscribeOptions)


def _names_in(kind: Any) -> tuple[str, ...]:
    """The names that a field may hold; () where it may hold other things too."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    parts = [_names_in(part) for part in get_args(kind)]
    return tuple(itertools.chain.from_iterable(parts)) if all(parts) else ()


def _text_checks(options: TranscribeOptions) -> Iterator[Check]:
    language, tokens = options.language, options.suppress_tokens
    named = language is None or isinstance(language, str)
    yield named, f"language must be a code such as 'en' or a name such as 'english', got {language!r}"
    allowed = tokens is None or (isinstance(tokens, tuple) and all(_whole(token, -1) for token in tokens))
    yield allowed, f"suppress_tokens must be token ids (from 0), or -1 for the non-speech tokens, got {tokens!r}"
    longest = options.max_tokens
    yield longest is None or _whole(longest, 1), f"max_tokens must be at least 1, got {longest!r}"


def _fallback_checks(options: TranscribeOptions) -> Iterator[Check]:
    values = options.temperatures
    numbers = bool(values) and all(_number(value) and 0 <= value <= 2 for value in values)
    yield numbers, f"temperature must be a number from 0 to 2, or several of them, got {options.temperature!r}"
    yield _whole(options.seed, 0, 2**63 - 1), f"seed must be a whole number from 0, got {options.seed!r}"


def _speculation_checks(options: TranscribeOptions) -> Iterator[Check]:
    length, batch = options.draft_length, options.batch_size
    allowed = f"'auto' or a whole number from 1 to {MAX_DRAFT_LENGTH}"
    fits = _is_one_of(length, ("auto",)) or _whole(length, 1, MAX_DRAFT_LENGTH)
    yield fits, f"draft_length must be {allowed}, got {length!r}"
    yield _whole(batch, 1, 256), f"batch_size must be a whole number from 1 to 256, got {batch!r}"
    clash = _is_one_of(options.mode, ("batched",)) and options.condition_on_previous is True
    yield not clash, "mode='batched' has no previous text: condition_on_previous needs mode='sequential'"


def _part_checks(options: TranscribeOptions) -> Iterator[Check]:
    for name in ("start", "end", "max_initial_timestamp"):
        value = getattr(options, name)
        yield value is None or _seconds(value), f"{name} must be seconds (0 or more), got {value!r}"
    start, end, clips, channel = options.start, options.end, options.clips, options.channel
    if _seconds(start) and _seconds(end):
        yield start < end, f"start must come before end, got start={start} and end={end}"
    paired = isinstance(clips, tuple) and all(_clip(clip) for clip in clips)
    yield paired, f"clips must be (start, end) pairs of seconds, start before end, got {clips!r}"
    if paired:
        ordered = all(before[1] <= after[0] for before, after in itertools.pairwise(clips))
        yield ordered, f"clips must be in order and not overlap, got {clips!r}"
    index_or_name = _is_one_of(channel, CHANNELS) or _whole(channel, 0)
    names = ", ".join(map(repr, CHANNELS))
    yield index_or_name, f"channel must be {names} or an index from 0, got {channel!r}"
    number = options.stream is None or _whole(options.stream, 0)
    yield number, f"stream must be the number of an audio stream, from 0, got {options.stream!r}"


def _is_one_of(value: object, names: tuple[str, ...]) -> bool:
    """Text alone is compared: an array, or pandas' NA, has no single answer to `==`."""
    return isinstance(value, str) and value in names


def _clip(value: object) -> bool:
    ends = value if isinstance(value, tuple) and len(value) == 2 else (None, None)
    return _seconds(ends[0]) and _seconds(ends[1]) and ends[0] < ends[1]


def _plain(value: Any) -> Any:
    """Lists as tuples, numpy's scalars as Python's."""
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    return value.item() if getattr(value, "shape", None) == () else value


def _whole(value: object, minimum: int, maximum: float = math.inf) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= maximum


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _seconds(value: object) -> TypeGuard[float]:
    return _number(value) and value >= 0
