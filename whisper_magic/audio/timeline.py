"""Where decoded frames stand in a recording: timestamps and sample counts -> positions. Arithmetic only.

A container's timestamps say where sound begins and where there is none; within a stretch of sound, samples are counted,
because timestamps are rounded (Matroska and FLV to 1 ms) or follow a recorder's own clock.
"""

from __future__ import annotations

JITTER = 0.05  # seconds; a timestamp this near to the count is the count
LONG = 60.0  # seconds; a longer hole is one only if it fits into the container's duration
LONG_HOLES = 16  # a container with more long holes than this has damaged timestamps
SPARSE = 30  # silence per sound in short holes; Opus that skips silence (DTX) has up to 20


class Timeline:
    """Positions of the frames of one stream.

    Attributes:
        position: Sample frames placed so far, silence included; negative while before the recording's zero.
        restarts: Positions at which the timestamps jump to somewhere else, and were ignored.
    """

    def __init__(self, rate: int, origin: float, end: float | None = None, counted: bool = False) -> None:
        """Begin a stream.

        Args:
            rate: Hz of the positions.
            origin: Timestamp in seconds that is the recording's zero.
            end: Seconds from the origin that the container claims to last; None where it does not.
            counted: Timestamps were made up by counting: only the first one means something.
        """
        self.rate, self.position = rate, 0
        self.restarts: list[int] = []
        self._origin, self._end, self._counted = origin, end, counted
        self._begun = False
        self._shift = self._sound = self._silence = self._long_holes = 0

    def position_of(self, time: float) -> int:
        """Return the position of a timestamp (seconds)."""
        return round((time - self._origin) * self.rate) + self._shift

    def missing(self, time: float | None) -> int:
        """How much silence comes before a frame. `add` it before the frame.

        Args:
            time: Timestamp of the frame in seconds, if it has one.

        Returns:
            Sample frames, 0 or more.
        """
        first, self._begun = not self._begun, True
        if time is None or (self._counted and not first):
            return 0
        missing = self.position_of(time) - self.position
        if first and missing < 0:  # what an encoder puts before the recording's zero
            self.position += missing
            return 0
        if abs(missing) <= JITTER * self.rate and not first:
            return 0
        if missing >= 0 and self._believes(missing):
            return missing
        self._shift -= missing
        self.restarts.append(self.position)
        return 0

    def land(self, position: int) -> None:
        """Move to a position, as if everything before it had been added."""
        self._begun, self.position, self._sound = True, position, position

    def add(self, sound: int = 0, silence: int = 0) -> None:
        """Advance by this many sample frames."""
        self.position += sound + silence
        self._sound += sound
        if silence > LONG * self.rate:
            self._long_holes += 1
        else:
            self._silence += silence

    def _believes(self, missing: int) -> bool:
        """Whether a gap of this many sample frames is plausible: a damaged timestamp may point anywhere."""
        if missing > LONG * self.rate:
            fits = self._end is not None and self.position + missing <= (self._end + 1) * self.rate
            return fits and self._long_holes < LONG_HOLES
        return self._silence + missing <= LONG * self.rate + SPARSE * self._sound
