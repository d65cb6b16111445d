"""Speakers: the turns of a diarizer, the speaker of each word, and the utterances of a text.

Works with any objects that have the fields of `Word` and `Segment`, and imports neither. Times are in seconds from the
start of the recording.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from whisper_magic.errors import OptionError
from whisper_magic.wording import one_line, shown

PAUSE = 1.0  # seconds between words of one voice that still are one turn
_MIN_WORD = 0.01  # seconds: what a word of no length counts as, to both sides
_NO_TURN = re.compile(  # the other lines of an RTTM file
    ";;.*|SPKR-INFO|SEGMENT|NOSCORE|NO_RT_METADATA|LEXEME|NON-LEX|NON-SPEECH|FILLER|EDIT|IP|SU|CB|A/P"
)


class SpokenWord(Protocol):
    """A `Word`."""

    @property
    def text(self) -> str: ...

    @property
    def start(self) -> float: ...

    @property
    def end(self) -> float: ...

    @property
    def speaker(self) -> str | None: ...


class Spoken(Protocol):
    """A `Segment`."""

    @property
    def text(self) -> str: ...

    @property
    def words(self) -> Sequence[SpokenWord]: ...


@dataclass(frozen=True)
class Turn:
    """A turn of one speaker.

    Attributes:
        start: seconds.
        end: seconds.
        speaker: name of the speaker.
    """

    start: float
    end: float
    speaker: str


@dataclass(frozen=True)
class Utterance:
    """Consecutive words of a segment by one speaker, or the whole segment if its words do not match its text.

    Attributes:
        speaker: name of the speaker, or None.
        text: text of the words.
        first: index of the first word.
    """

    speaker: str | None
    text: str
    first: int = 0


def read(turns: Any, source: str) -> list[Turn]:
    """Read turns, in order of time.

    Args:
        turns: (start, end, name) tuples; the path of an RTTM file; or an object with pyannote's `itertracks`.
        source: name of the recording, which selects its turns in an RTTM file for several recordings.

    Raises:
        OptionError: for another type, an invalid time, an end before its start, a name that is not text; a file that
            cannot be read, or that has only turns of other recordings.
    """
    if isinstance(turns, str | os.PathLike):
        read = _rttm(Path(turns).expanduser(), source)
    elif hasattr(turns, "itertracks"):
        tracks = turns.itertracks(yield_label=True)
        read = [_turn(f"turn {n}", (at.start, at.end, label)) for n, (at, _, label) in enumerate(tracks)]
    elif isinstance(turns, Iterable):
        read = [_turn(f"turn {n}", turn) for n, turn in enumerate(turns)]
    else:
        raise OptionError(
            f"turns must be (start, end, name), an RTTM file or a pyannote Annotation, got {type(turns).__name__}"
        )
    return sorted(read, key=lambda turn: turn.start)


def _turn(where: str, values: Any) -> Turn:
    try:
        start, end, speaker = values
        start, end = float(start), float(end)
    except (TypeError, ValueError):
        raise OptionError(f"{where} is not (start, end, name): {one_line(repr(values))[:60]}") from None
    if not (math.isfinite(start) and math.isfinite(end) and start <= end):
        raise OptionError(f"{where} goes from {start:g} to {end:g} s: it must end after it begins")
    if not isinstance(speaker, str) or not speaker.strip():
        raise OptionError(f"{where} has the speaker {one_line(repr(speaker))[:60]}: a name must be text")
    return Turn(start, end, speaker)


def _rttm(path: Path, source: str) -> list[Turn]:
    """Lines of `SPEAKER file channel start duration <NA> <NA> name <NA> <NA>` (NIST RT-09, appendix A)."""
    name = shown(str(path))
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise OptionError(f"cannot read {name}: {one_line(error.strerror)}") from error
    except UnicodeDecodeError as error:
        raise OptionError(f"{name} is not an RTTM file: it is not UTF-8 text") from error
    turns: dict[str, list[Turn]] = {}
    for number, line in enumerate(lines, start=1):
        values = line.split()
        if not values or _NO_TURN.fullmatch(values[0]):
            continue
        where = f"{name}, line {number}"
        if values[0] != "SPEAKER" or len(values) < 8:
            raise OptionError(f"{where} is not 'SPEAKER file 1 start duration <NA> <NA> name': {shown(line[:60])}")
        try:
            start, seconds = float(values[3]), float(values[4])
        except ValueError:
            raise OptionError(f"{where} has no start and duration: {shown(line[:60])}") from None
        turns.setdefault(values[1], []).append(_turn(where, (start, start + seconds, values[7])))
    stem = Path(source).stem
    if len(turns) > 1 and stem not in turns:
        raise OptionError(f"{name} has turns of {len(turns)} recordings, but none of {shown(stem)}")
    return turns.get(stem) or next(iter(turns.values()), [])


def names(words: Sequence[SpokenWord], turns: Sequence[Turn]) -> list[str | None]:
    """The speaker of each word: the one whose turns overlap it longest, the first of equals; None without a turn.

    Args:
        words: in any order.
        turns: in order of their start.
    """
    speakers: list[str | None] = [None] * len(words)
    current: list[Turn] = []  # turns that may reach into the next word
    begun = 0
    for index in sorted(range(len(words)), key=lambda i: words[i].start):
        start, end = words[index].start, words[index].end
        if end <= start:
            start, end = start - _MIN_WORD, start + _MIN_WORD
        while begun < len(turns) and turns[begun].start < end:
            current.append(turns[begun])
            begun += 1
        current = [turn for turn in current if turn.end > start - _MIN_WORD]
        shares: dict[str, float] = {}
        for turn in current:
            if (share := min(end, turn.end) - max(start, turn.start)) > 0:
                shares[turn.speaker] = shares.get(turn.speaker, 0.0) + share
        speakers[index] = max(shares, key=shares.__getitem__, default=None)
    return speakers


def turns_of(words: Iterable[SpokenWord]) -> list[Turn]:
    """The turns of words with speakers. A turn ends before another speaker, a word without one, or a pause."""
    turns: list[Turn] = []
    before: str | None = None
    for word in words:
        if word.speaker is not None:
            if word.speaker == before and word.start - turns[-1].end < PAUSE:
                turns[-1] = Turn(turns[-1].start, word.end, word.speaker)
            else:
                turns.append(Turn(word.start, word.end, word.speaker))
        before = word.speaker
    return turns


def voices(words: Sequence[SpokenWord]) -> list[list[int]]:
    """The indices of words, grouped by consecutive words of one speaker."""
    return [list(of) for _, of in groupby(range(len(words)), key=lambda index: words[index].speaker)]


def utterances(segment: Spoken) -> list[Utterance]:
    """A segment, split at changes of speaker."""
    words, cut = segment.words, voices(segment.words)
    if len(cut) < 2:
        return [Utterance(words[0].speaker if words else None, segment.text)]
    if "".join(word.text for word in words).split() != segment.text.split():
        return [Utterance(None, segment.text)]
    return [Utterance(words[of[0]].speaker, "".join(words[i].text for i in of), of[0]) for of in cut]


def lines(segments: Iterable[Spoken]) -> Iterator[list[Utterance]]:
    """The text of each segment, split wherever the name of another speaker is to be shown.

    `speaker` is None if no name is to be shown: the segment starts with the same speaker as the one before, or no
    speaker is known. Words without a speaker stay with the words before them.
    """
    latest: str | None = None
    for segment in segments:
        parts: list[Utterance] = []
        for part in utterances(segment):
            if part.speaker not in (None, latest):
                latest = part.speaker
                parts.append(part)
            elif parts:
                parts[-1] = replace(parts[-1], text=parts[-1].text + part.text)
            else:
                parts.append(replace(part, speaker=None))
        yield parts
