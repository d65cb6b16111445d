"""Training windows: utterances laid out in time with pauses, and the tokens that Whisper would produce for them.

Times are in positions of 0.02 s (the encoder's), so that every timestamp is exact. A sentence that the window cuts off
gives its start timestamp and nothing else, right after the end of the last whole one: a reader that seeks to the last
pair of timestamps then reads the cut sentence again, in full. Nothing here depends on features or the network.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from recipes.demo_pair.recipe import PACKED, WindowKind
from recipes.demo_pair.tokenizer import SpecialIds

Task = Literal["transcribe", "translate"]

IGNORE_INDEX = -100
"""Label of a token that is given rather than predicted, as torch's cross-entropy names it."""
NO_POSITION = -1
"""Position of a token that stands for no sound."""


@dataclass(frozen=True)
class TokenizedUtterance:
    """What a window needs to know of an utterance.

    Attributes:
        index: Its place in the corpus.
        positions: Its length, in positions of 0.02 s.
        tokens: Of its text.
        english: Tokens of its English translation.
    """

    index: int
    positions: int
    tokens: tuple[int, ...]
    english: tuple[int, ...] = ()
    language: str = "en"

    @property
    def max_tokens(self) -> int:
        """Tokens of the text or of its translation, whichever has more."""
        return max(len(self.tokens), len(self.english))


@dataclass(frozen=True)
class PlacedUtterance:
    """An utterance that starts at a position of the window, and may run over the window's end."""

    utterance: TokenizedUtterance
    start: int

    @property
    def end(self) -> int:
        """The position where it ends, in the window or past it."""
        return self.start + self.utterance.positions


@dataclass(frozen=True)
class Layout:
    """One window in time.

    Attributes:
        positions: Length of the window.
        placed: Its utterances, in order.
        offset: Where the window lies in the encoder's positions: short windows are placed anywhere in the 30 s, so
            that every position is trained.
        tail: Frames of an earlier utterance's end at the start of the window, which are not transcribed.
        audio_end: Position where the recording ends and padding begins.
    """

    positions: int
    placed: tuple[PlacedUtterance, ...]
    offset: int = 0
    tail: int = 0
    audio_end: int = 0


@dataclass(frozen=True)
class TokenRow:
    """The decoder's training row for one window.

    Attributes:
        tokens: What the decoder reads.
        labels: The next token at each place; `IGNORE_INDEX` where none is predicted.
        attend_from: First position in the window at which the next token is spoken; `NO_POSITION` for what is not
            spoken.
        attend_to: Last such position.
        ctc_tokens: The window's bare text, for CTC.
    """

    tokens: tuple[int, ...]
    labels: tuple[int, ...]
    attend_from: tuple[int, ...]
    attend_to: tuple[int, ...]
    ctc_tokens: tuple[int, ...]


_FEW = (1, 1, 1, 1, 2, 3, 5, 7)
"""Upper limits of sentences in windows that are not packed: one before a long silence is the most common input."""
_LATE = 0.1
"""Share of windows in which the first sentence may start late, and of pauses that are long."""


def draw_layout(
    kind: WindowKind,
    draw_utterance: Callable[[], TokenizedUtterance],
    full: int,
    rng: random.Random,
    packed: float = PACKED,
) -> Layout:
    """Draw a window. Some have no speech, some end early in padding.

    Args:
        kind: Its size. Short kinds hold whole sentences; one of `full` positions may cut its last.
        draw_utterance: Draws the next utterance.
        full: Positions of a full window.
        rng: Source of randomness.
        packed: Share of windows that are filled with sentences to the end.
    """
    is_full = kind.positions == full
    if rng.random() < (0.06 if is_full else 0.02):
        return Layout(kind.positions, (), _offset(kind, full, rng), 0, rng.randint(0, kind.positions))
    wanted = 99 if rng.random() < packed else rng.choice(_FEW)
    placed: list[PlacedUtterance] = []
    cursor = _lead(kind, rng)
    budget = kind.tokens - 16
    while len(placed) < wanted:
        utterance = draw_utterance()
        budget -= utterance.max_tokens + 2
        fits = cursor + utterance.positions <= kind.positions
        if budget < 0 or not (fits or is_full) or cursor >= kind.positions - 2:
            break
        placed.append(PlacedUtterance(utterance, cursor))
        if not fits:
            break
        cursor = placed[-1].end + _pause(kind, rng)
    if not placed:
        return draw_layout(kind, draw_utterance, full, rng, packed)
    end = placed[-1].end
    audio_end = kind.positions if end >= kind.positions else rng.randint(end, kind.positions)
    tail = rng.randint(2, 14) if is_full and placed[0].start >= 10 and rng.random() < 0.5 else 0
    return Layout(kind.positions, tuple(placed), _offset(kind, full, rng), tail, audio_end)


def _offset(kind: WindowKind, full: int, rng: random.Random) -> int:
    return 0 if rng.random() < 0.4 else rng.randint(0, full - kind.positions)


def _lead(kind: WindowKind, rng: random.Random) -> int:
    if rng.random() < _LATE:
        return rng.randint(0, int(0.9 * kind.positions))
    return rng.randint(0, 16) if rng.random() < 0.7 else rng.randint(0, 48)


def _pause(kind: WindowKind, rng: random.Random) -> int:
    if rng.random() < _LATE:
        return rng.randint(60, max(200, kind.positions // 3))
    return rng.randint(12, 60)


@dataclass(frozen=True)
class PromptOptions:
    """What the decoder's prompt states.

    Attributes:
        timestamps: Whether timestamps are predicted.
        previous: Tokens of the previous text, which are given and not predicted.
        language: The language named; None names that of the first sentence.
    """

    timestamps: bool
    task: Task = "transcribe"
    previous: tuple[int, ...] = ()
    language: str | None = None


def token_row(layout: Layout, ids: SpecialIds, options: PromptOptions) -> TokenRow:
    """Build the decoder's row for a window.

    The start token predicts the language of the first sentence, whatever language the prompt names; in a window without
    speech it predicts ``<|nospeech|>``.
    """
    given = (ids.startofprev, *options.previous) if options.previous else ()
    first = ids.languages[layout.placed[0].utterance.language] if layout.placed else ids.nospeech
    prompt = (ids.sot, ids.languages[options.language] if options.language else first, getattr(ids, options.task))
    if options.timestamps:
        content = _timestamped(layout, ids, options.task)
    else:
        content = (_AlignedToken(ids.notimestamps), *_text(layout, options.task))
    tokens = (*given, *prompt, *(aligned.token for aligned in content), ids.eot)
    unspoken = [NO_POSITION] * (len(given) + 2)
    labels = [IGNORE_INDEX] * len(given) + list(tokens[len(given) + 1 :])
    labels[len(given)] = first
    labels[len(given) + 1] = IGNORE_INDEX
    if not options.timestamps:
        labels[len(given) + 2] = IGNORE_INDEX
    return TokenRow(
        tokens=tokens[:-1],
        labels=tuple(labels),
        attend_from=(*unspoken, *(aligned.first for aligned in content), NO_POSITION),
        attend_to=(*unspoken, *(aligned.last for aligned in content), NO_POSITION),
        ctc_tokens=tuple(aligned.token for aligned in _text(layout, "transcribe")),
    )


class _AlignedToken(NamedTuple):
    """A token, and the first and last position at which it is spoken."""

    token: int
    first: int = NO_POSITION
    last: int = NO_POSITION


def _timestamped(layout: Layout, ids: SpecialIds, task: Task) -> tuple[_AlignedToken, ...]:
    """Segments between timestamps. A window without speech has a start and no more."""
    zero = ids.timestamp_begin + layout.offset
    tokens: list[_AlignedToken] = []
    for placed in layout.placed:
        tokens.append(_AlignedToken(zero + placed.start, placed.start, placed.start))
        if placed.end <= layout.positions:
            tokens += [*_aligned(placed, task), _AlignedToken(zero + placed.end, placed.end, placed.end)]
    return tuple(tokens) or (_AlignedToken(ids.timestamp_begin),)


def _text(layout: Layout, task: Task) -> list[_AlignedToken]:
    """The text of every sentence that the window holds whole."""
    return [aligned for placed in layout.placed if placed.end <= layout.positions for aligned in _aligned(placed, task)]


def _aligned(placed: PlacedUtterance, task: Task) -> list[_AlignedToken]:
    """Spread a sentence's tokens evenly over its time, which is right to a few tenths of a second.

    A word of a translation may render any part of its sentence.
    """
    start, utterance = placed.start, placed.utterance
    if task == "translate":
        return [_AlignedToken(token, start, placed.end) for token in utterance.english]
    count = len(utterance.tokens)
    places = [start + int((k + 0.5) * utterance.positions / count) for k in range(count)]
    return [_AlignedToken(token, at, at) for token, at in zip(utterance.tokens, places, strict=True)]
