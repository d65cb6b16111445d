"""Notes on a source: damage, gaps, choices that were made while it was read. Each note is one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from whisper_magic.wording import counted

NEAR = 0.1  # seconds; places nearer than this to one another are one place
LISTED = 3  # places of one kind that are named one by one


@dataclass
class _Place:
    start: float  # seconds
    end: float | None  # seconds; None: to the end of the recording

    def __str__(self) -> str:
        if self.start == self.end:
            return f"at {self.start:.2f} s"
        until = "to the end" if self.end is None else f"to {self.end:.2f} s"
        return f"from {self.start:.2f} s {until}"


@dataclass
class _Places:
    """Places of one kind in order, of which the first ones are kept and the others counted."""

    kept: list[_Place] = field(default_factory=list)
    others: int = 0
    seconds: float = 0.0
    last: _Place | None = None

    def add(self, place: _Place) -> None:
        length = 0.0 if place.end is None else place.end - place.start
        if self.last is not None and self.last.end is not None and place.start <= self.last.end + NEAR:
            self.last.end = place.end
            self.seconds += length
            return
        self.last = place
        self.seconds += length
        if len(self.kept) < LISTED:
            self.kept.append(place)
        else:
            self.others += 1

    def __str__(self) -> str:
        named = ", ".join(map(str, self.kept))
        if not self.others:
            return named
        length = f", {self.seconds:.1f} s in all" if self.seconds else ""
        return f"{named} and in {counted(self.others, 'more place')}{length}"


class Notes:
    """The notes of one source. They grow while it is read."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        """Start with these notes."""
        self._lines = list(dict.fromkeys(lines))
        self._damage, self._holes, self._restarts = _Places(), _Places(), _Places()

    def add(self, line: str) -> None:
        """Add a note; the same one twice counts once."""
        if line not in self._lines:
            self._lines.append(line)

    def damaged(self, start: float, end: float | None) -> None:
        """Note a place that could not be decoded.

        Args:
            start: Seconds.
            end: Seconds; None where nothing follows.
        """
        self._damage.add(_Place(start, end))

    def silent(self, start: float, end: float) -> None:
        """Note a place for which the container holds no sound (seconds)."""
        self._holes.add(_Place(start, end))

    def restarted(self, at: float) -> None:
        """Note a place at which the container's clock starts anew (seconds)."""
        self._restarts.add(_Place(at, at))

    def lines(self) -> tuple[str, ...]:
        """Return all notes so far."""
        lines = list(self._lines)
        if self._restarts.kept:
            lines.append(f"its timestamps restart {self._restarts}: times continue from there")
        if self._holes.kept:
            lines.append(f"has no audio {self._holes}: silence is inserted there")
        if self._damage.kept:
            only_the_end = len(self._damage.kept) == 1 and self._damage.kept[0].end is None
            lines.append(f"damaged {self._damage}" + ("" if only_the_end else ": silence is inserted there"))
        return tuple(lines)
