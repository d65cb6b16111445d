"""TranscribeOptions: how to transcribe. Every default is stated here, once, and every check is made when
the object is built. Knows nothing of models: whether a checkpoint can do it is the engine's to say."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from whisper_magic.errors import OptionError, near

Task = Literal["transcribe", "translate"]
DraftKind = Literal["model", "none"]


@dataclass(frozen=True)
class TranscribeOptions:
    """How to transcribe one recording.

    Seconds and token counts throughout; `None` always means "as the checkpoint says" or "not used".
    """

    # What is said, and what to write
    language: str | None = None  # code ("en") or name ("english"); None: detect from the first window
    task: Task = "transcribe"  # "translate" writes English
    timestamps: bool = True  # predict segment times; needed for recordings longer than a window

    # Context
    prompt: str | None = None  # text that comes before: names, spelling, style
    condition_on_previous: bool = False  # feed each window the text of those before it

    # Whisper's logit rules
    suppress_tokens: tuple[int, ...] | None = None  # None: the checkpoint's own list
    max_initial_timestamp: float | None = None  # seconds; None: the checkpoint's own limit
    max_tokens: int | None = None  # tokens a window may hold, prompt included; None: the checkpoint's

    # Speculation: changes the time it takes, never the text
    draft: DraftKind = "model"  # "none": the target alone
    draft_length: int = 5  # tokens proposed a round, 1 to 32

    # The part of the recording to use
    start: float | None = None  # seconds
    end: float | None = None  # seconds
    channel: str | int = "mix"  # "mix", "left", "right", an index, or "split": one transcript per channel

    def __post_init__(self) -> None:
        if isinstance(self.suppress_tokens, list):  # equal and hashable, however they were listed
            object.__setattr__(self, "suppress_tokens", tuple(self.suppress_tokens))
        for problem in _problems(self):
            raise OptionError(problem)

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


def _problems(options: TranscribeOptions) -> list[str]:
    """Every reason why these options make no sense, each one line."""
    o = options
    found: list[str] = []

    def need(ok: bool, message: str) -> None:
        if not ok:
            found.append(message)

    named = o.language is None or isinstance(o.language, str)
    need(named, f"language must be a code such as 'en' or a name such as 'english', got {o.language!r}")
    need(o.task in ("transcribe", "translate"), f"task must be 'transcribe' or 'translate', got {o.task!r}")
    need(isinstance(o.timestamps, bool), f"timestamps must be True or False, got {o.timestamps!r}")
    told = isinstance(o.condition_on_previous, bool)
    need(told, f"condition_on_previous must be True or False, got {o.condition_on_previous!r}")
    need(o.prompt is None or isinstance(o.prompt, str), f"prompt must be text, got {type(o.prompt).__name__}")
    need(o.draft in ("model", "none"), f"draft must be 'model' or 'none', got {o.draft!r}")
    need(_whole(o.draft_length, 1, 32), f"draft_length must be a whole number from 1 to 32, got {o.draft_length!r}")
    need(o.max_tokens is None or _whole(o.max_tokens, 1), f"max_tokens must be at least 1, got {o.max_tokens!r}")
    need(
        o.suppress_tokens is None
        or (isinstance(o.suppress_tokens, tuple) and all(_whole(token, 0) for token in o.suppress_tokens)),
        f"suppress_tokens must be token ids (whole numbers from 0), got {o.suppress_tokens!r}",
    )
    for name in ("start", "end", "max_initial_timestamp"):
        value = getattr(o, name)
        need(value is None or _seconds(value), f"{name} must be seconds (0 or more), got {value!r}")
    if not found and o.start is not None and o.end is not None:
        need(o.start < o.end, f"start must come before end, got start={o.start} and end={o.end}")
    channel_ok = o.channel in ("mix", "left", "right", "split") or _whole(o.channel, 0)
    need(channel_ok, f"channel must be 'mix', 'left', 'right', 'split' or an index from 0, got {o.channel!r}")
    return found


def _whole(value: object, least: int, most: float = math.inf) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
