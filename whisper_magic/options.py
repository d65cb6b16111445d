"""TranscribeOptions: how to transcribe. Every default is stated here, once, and every check is made when
the object is built. Knows nothing of models: whether a checkpoint can do it is the engine's to say."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeGuard, get_args

from whisper_magic.errors import OptionError
from whisper_magic.wording import near

Task = Literal["transcribe", "translate"]
DraftKind = Literal["auto", "model", "ngram", "none"]
Acceptance = Literal["coupled", "rejection"]
Mode = Literal["sequential", "batched"]

PER_WINDOW = "per-window"  # as a language: detected anew in every window


@dataclass(frozen=True)
class TranscribeOptions:
    """How to transcribe one recording.

    Seconds and token counts throughout; `None` always means "as the checkpoint says" or "not used".
    """

    # What is said, and what to write
    language: str | None = None  # code ("en") or name ("english"); None: detect from the first window;
    # "per-window": detect in every window
    task: Task = "transcribe"  # "translate" writes English
    timestamps: bool = True  # predict segment times; needed for recordings longer than a window
    words: bool = False  # find when each word is said, from the attention of the alignment heads

    # Context
    prompt: str | None = None  # text that comes before: names, spelling, style
    hotwords: str | None = None  # words to expect: told to every window, before any other text
    condition_on_previous: bool = False  # feed each window the text of those before it

    # Whisper's logit rules
    suppress_tokens: tuple[int, ...] | int | None = None  # None: the checkpoint's own list; -1 stands for all
    # tokens that are no speech, such as brackets and notes (openai/whisper `tokenizer.py`)
    max_initial_timestamp: float | None = None  # seconds; None: the checkpoint's own limit
    max_tokens: int | None = None  # tokens a window may hold, prompt included; None: the checkpoint's

    # Guards: a window that fails one is decoded again at the next temperature of the ladder (openai/whisper)
    temperature: float | tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # 0: the likeliest token; above: samples
    compression_ratio_threshold: float | None = 2.4  # a text that packs better than this repeats itself
    logprob_threshold: float | None = -1.0  # a mean log-probability below this is a guess
    no_speech_threshold: float | None = 0.6  # beyond this, and with a doubtful text, a window is silence
    seed: int = 0  # of sampling; the text depends on it alone, not on draft, draft length or batch
    acceptance: Acceptance = "coupled"  # how samples are verified. "coupled": draft and target share the noise;
    # "rejection": Leviathan's and Chen's rule: accepts more, same distribution, but the text depends on the draft too

    # Speculation: changes the time it takes, never the text
    draft: DraftKind = "auto"  # who proposes: "model"; "ngram" (what was said before); "none": the target alone;
    # "auto": the previous transcript of the same sound where there is one, then the model
    draft_length: int | Literal["auto"] = 5  # tokens proposed a round, 1 to 32; "auto": whatever is fastest here.
    # Beyond 7 the target's passes widen; in float16 and bfloat16 another width may break a near-tie differently.
    batch_size: int = 8  # windows decoded at once

    # The order of the windows
    mode: Mode | Literal["auto"] = "auto"  # "sequential": each begins where the text of the last one ended, as in the
    # reference; "batched": cut at pauses, several of one recording at once; "auto": batched where that is faster
    vad: bool = False  # read only where voice is detected; "batched" cuts there in any case

    # The part of the recording to use
    clips: tuple[tuple[float, float], ...] = ()  # (start, end) in seconds, in order; (): everything
    start: float | None = None  # seconds
    end: float | None = None  # seconds
    channel: str | int = "mix"  # "mix", "left", "right", an index, or "split": one transcript per channel
    stream: int | None = None  # which audio stream of a file that has several, from 0; None: the file's default one

    def __post_init__(self) -> None:
        for name in ("suppress_tokens", "temperature", "clips"):  # equal and hashable, however they were listed
            value = getattr(self, name)
            if isinstance(value, list):
                object.__setattr__(self, name, tuple(tuple(x) if isinstance(x, list) else x for x in value))
        if _whole(self.suppress_tokens, -1):
            object.__setattr__(self, "suppress_tokens", (self.suppress_tokens,))
        for problem in _problems(self):
            raise OptionError(problem)

    @property
    def temperatures(self) -> tuple[float, ...]:
        """The ladder, first rung first."""
        return self.temperature if isinstance(self.temperature, tuple) else (self.temperature,)

    def override(self, **changes: Any) -> TranscribeOptions:
        """A copy with these fields changed.

        Raises:
            OptionError: for a name that is not an option (the near ones are listed) or a bad value.
        """
        known = {field.name for field in fields(self)}
        for name in changes:
            if name not in known:
                advice = near(name, known) or f"; the options are: {', '.join(sorted(known))}"
                raise OptionError(f"no option is called {name!r}{advice}")
        return replace(self, **changes)


Check = tuple[bool, str]  # whether it holds, and what to say where it does not


def _problems(options: TranscribeOptions) -> list[str]:
    """Every reason why these options make no sense, each one line."""
    checks = [*_text_checks(options), *_guard_checks(options), *_speed_checks(options), *_part_checks(options)]
    return [message for holds, message in checks if not holds]


def _text_checks(o: TranscribeOptions) -> Iterator[Check]:
    named = o.language is None or isinstance(o.language, str)
    yield named, f"language must be a code such as 'en' or a name such as 'english', got {o.language!r}"
    yield o.task in ("transcribe", "translate"), f"task must be 'transcribe' or 'translate', got {o.task!r}"
    for name in ("timestamps", "words", "condition_on_previous"):
        value = getattr(o, name)
        yield isinstance(value, bool), f"{name} must be True or False, got {value!r}"
    for name in ("prompt", "hotwords"):
        value = getattr(o, name)
        yield value is None or isinstance(value, str), f"{name} must be text, got {type(value).__name__}"
    listed = isinstance(o.suppress_tokens, tuple) and all(_whole(token, -1) for token in o.suppress_tokens)
    allowed = o.suppress_tokens is None or listed
    yield allowed, f"suppress_tokens must be token ids (from 0), or -1 for what is no speech, got {o.suppress_tokens!r}"
    yield o.max_tokens is None or _whole(o.max_tokens, 1), f"max_tokens must be at least 1, got {o.max_tokens!r}"


def _guard_checks(o: TranscribeOptions) -> Iterator[Check]:
    rungs = o.temperatures
    ladder = bool(rungs) and all(_number(rung) and 0 <= rung <= 2 for rung in rungs)
    yield ladder, f"temperature must be from 0 to 2, or several such, got {o.temperature!r}"
    for name in ("compression_ratio_threshold", "logprob_threshold", "no_speech_threshold"):
        value = getattr(o, name)
        yield value is None or _number(value), f"{name} must be a number or None, got {value!r}"
    kinds = get_args(Acceptance)
    yield o.acceptance in kinds, f"acceptance must be one of {', '.join(map(repr, kinds))}, got {o.acceptance!r}"
    yield _whole(o.seed, 0, 2**63 - 1), f"seed must be a whole number from 0, got {o.seed!r}"


def _speed_checks(o: TranscribeOptions) -> Iterator[Check]:
    kinds = get_args(DraftKind)
    yield o.draft in kinds, f"draft must be one of {', '.join(map(repr, kinds))}, got {o.draft!r}"
    length = o.draft_length == "auto" or _whole(o.draft_length, 1, 32)
    yield length, f"draft_length must be 'auto' or a whole number from 1 to 32, got {o.draft_length!r}"
    yield _whole(o.batch_size, 1, 256), f"batch_size must be a whole number from 1 to 256, got {o.batch_size!r}"
    kinds = ("auto", *get_args(Mode))
    yield o.mode in kinds, f"mode must be one of {', '.join(map(repr, kinds))}, got {o.mode!r}"
    clash = o.mode == "batched" and o.condition_on_previous is True
    yield not clash, "mode='batched' has no previous text: condition_on_previous needs mode='sequential'"
    yield isinstance(o.vad, bool), f"vad must be True or False, got {o.vad!r}"


def _part_checks(o: TranscribeOptions) -> Iterator[Check]:
    for name in ("start", "end", "max_initial_timestamp"):
        value = getattr(o, name)
        yield value is None or _seconds(value), f"{name} must be seconds (0 or more), got {value!r}"
    start, end = o.start, o.end
    if _seconds(start) and _seconds(end):
        yield start < end, f"start must come before end, got start={start} and end={end}"
    paired = isinstance(o.clips, tuple) and all(_clip(clip) for clip in o.clips)
    yield paired, f"clips must be (start, end) pairs of seconds, start before end, got {o.clips!r}"
    if paired:
        before = [clip for clip, after in itertools.pairwise(o.clips) if after[0] < clip[1]]
        yield not before, f"clips must be in order and not overlap, got {o.clips!r}"
    known = o.channel in ("mix", "left", "right", "split") or _whole(o.channel, 0)
    yield known, f"channel must be 'mix', 'left', 'right', 'split' or an index from 0, got {o.channel!r}"
    number = o.stream is None or _whole(o.stream, 0)
    yield number, f"stream must be the number of an audio stream, from 0, got {o.stream!r}"


def _clip(value: object) -> bool:
    ends = value if isinstance(value, tuple) and len(value) == 2 else (None, None)
    return _seconds(ends[0]) and _seconds(ends[1]) and ends[0] < ends[1]


def _whole(value: object, least: int, most: float = math.inf) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _seconds(value: object) -> TypeGuard[float]:
    return _number(value) and value >= 0
