"""Training windows: sentences laid out in time with pauses, and the tokens that Whisper would want for them.

Times are in positions of 0.02 s (the encoder's), so that every timestamp is exact. A sentence that the window cuts
off gives its start timestamp and nothing else, right after the end of the last whole one: a reader that seeks to the
last pair of timestamps then meets the cut sentence again, in full. Nothing here knows of mels or the network.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from recipes.demo_pair.recipe import CROWDED, WindowKind
from recipes.demo_pair.tokenizer import SpecialIds

Task = Literal["transcribe", "translate"]

IGNORED = -100
"""Label of a token that is given, not asked."""
NOWHERE = -1
"""Where a token is heard that stands for no sound."""


@dataclass(frozen=True)
class Said:
    """What a window needs to know of an utterance: which it is, how long, its text tokens and its English ones."""

    index: int
    positions: int
    tokens: tuple[int, ...]
    english: tuple[int, ...] = ()
    language: str = "en"

    @property
    def most_tokens(self) -> int:
        """Of the text or of its English, whichever has more."""
        return max(len(self.tokens), len(self.english))


@dataclass(frozen=True)
class Placed:
    """An utterance that starts at ``start`` (positions in the window) and may run over the window's end."""

    said: Said
    start: int

    @property
    def end(self) -> int:
        """Where it ends, in the window or past it."""
        return self.start + self.said.positions


@dataclass(frozen=True)
class Layout:
    """One window in time. ``offset`` is where the window itself lies in the encoder's positions (short windows
    are placed anywhere in the 30 s, so that every position is learnt); ``tail`` is the number of frames of an
    earlier utterance's end that are heard at the start, untold; ``sound_end`` is where the recording ends and
    padding begins."""

    positions: int
    placed: tuple[Placed, ...]
    offset: int = 0
    tail: int = 0
    sound_end: int = 0


@dataclass(frozen=True)
class TokenRow:
    """What the decoder reads, what it should say next at each place, about where in the window that is heard
    (first and last position; ``NOWHERE`` for what is not sound), and the window's bare text for CTC."""

    tokens: tuple[int, ...]
    labels: tuple[int, ...]
    heard_from: tuple[int, ...]
    heard_to: tuple[int, ...]
    text: tuple[int, ...]


_FEW = (1, 1, 1, 1, 2, 3, 5, 7)
"""How many sentences the others hold at most: one alone before long silence is what readers bring most."""
_LATE = 0.1
"""Share of windows in which the first sentence may come late, and of pauses that are long."""


def lay_out(
    kind: WindowKind, speaker: Callable[[], Said], full: int, rng: random.Random, crowded: float = CROWDED
) -> Layout:
    """Draw a window of ``kind``: short kinds hold whole sentences, one of ``full`` positions may cut its last.

    crowded: the share of windows that are filled to the end.

    Every twentieth full window or so is empty of speech, and some end early in padding.
    """
    is_full = kind.positions == full
    if rng.random() < (0.06 if is_full else 0.02):
        return Layout(kind.positions, (), _offset(kind, full, rng), 0, rng.randint(0, kind.positions))
    wanted = 99 if rng.random() < crowded else rng.choice(_FEW)
    placed: list[Placed] = []
    cursor = _lead(kind, rng)
    budget = kind.tokens - 16
    while len(placed) < wanted:
        said = speaker()
        budget -= said.most_tokens + 2
        fits = cursor + said.positions <= kind.positions
        if budget < 0 or not (fits or is_full) or cursor >= kind.positions - 2:
            break
        placed.append(Placed(said, cursor))
        if not fits:
            break
        cursor = placed[-1].end + _pause(kind, rng)
    if not placed:
        return lay_out(kind, speaker, full, rng, crowded)
    end = placed[-1].end
    sound_end = kind.positions if end >= kind.positions else rng.randint(end, kind.positions)
    tail = rng.randint(2, 14) if is_full and placed[0].start >= 10 and rng.random() < 0.5 else 0
    return Layout(kind.positions, tuple(placed), _offset(kind, full, rng), tail, sound_end)


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
class Asked:
    """What is asked of a window: the task, timestamps or none, ``previous`` text that is given and not asked, and
    the ``language`` named in the prompt (None: the first sentence's)."""

    timestamps: bool
    task: Task = "transcribe"
    previous: tuple[int, ...] = ()
    language: str | None = None


def token_row(layout: Layout, ids: SpecialIds, asked: Asked) -> TokenRow:
    """Whisper's tokens for a window. The start token asks for its first sentence's language, whatever the prompt
    then says; in an empty window it asks for no-speech.
    """
    given = (ids.startofprev, *asked.previous) if asked.previous else ()
    first = ids.languages[layout.placed[0].said.language] if layout.placed else ids.nospeech
    prompt = (ids.sot, ids.languages[asked.language] if asked.language else first, getattr(ids, asked.task))
    if asked.timestamps:
        content = _timed(layout, ids, asked.task)
    else:
        content = (_Heard(ids.notimestamps), *_text_of(layout, asked.task))
    tokens = (*given, *prompt, *(heard.token for heard in content), ids.eot)
    nowhere = [NOWHERE] * (len(given) + 2)
    labels = [IGNORED] * len(given) + list(tokens[len(given) + 1 :])
    labels[len(given)] = first
    labels[len(given) + 1] = IGNORED
    if not asked.timestamps:
        labels[len(given) + 2] = IGNORED
    text = tuple(heard.token for heard in _text_of(layout, "transcribe"))
    return TokenRow(
        tokens=tokens[:-1],
        labels=tuple(labels),
        heard_from=(*nowhere, *(heard.first for heard in content), NOWHERE),
        heard_to=(*nowhere, *(heard.last for heard in content), NOWHERE),
        text=text,
    )


class _Heard(NamedTuple):
    token: int
    first: int = NOWHERE
    last: int = NOWHERE


def _timed(layout: Layout, ids: SpecialIds, task: Task) -> tuple[_Heard, ...]:
    """Segments between timestamps. An empty window has a start and no more."""
    zero = ids.timestamp_begin + layout.offset
    tokens: list[_Heard] = []
    for placed in layout.placed:
        tokens.append(_Heard(zero + placed.start, placed.start, placed.start))
        if placed.end <= layout.positions:
            tokens += [*_spread(placed, task), _Heard(zero + placed.end, placed.end, placed.end)]
    return tuple(tokens) or (_Heard(ids.timestamp_begin),)


def _text_of(layout: Layout, task: Task) -> list[_Heard]:
    """The text of every sentence that the window holds whole."""
    return [heard for placed in layout.placed if placed.end <= layout.positions for heard in _spread(placed, task)]


def _spread(placed: Placed, task: Task) -> list[_Heard]:
    """A sentence's tokens, spread evenly over its time: right to a few tenths of a second. What a word of a translation
    renders may be heard anywhere in the sentence."""
    start, positions = placed.start, placed.said.positions
    if task == "translate":
        return [_Heard(token, start, placed.end) for token in placed.said.english]
    places = [start + int((k + 0.5) * positions / len(placed.said.tokens)) for k in range(len(placed.said.tokens))]
    return [_Heard(token, at, at) for token, at in zip(placed.said.tokens, places, strict=True)]
