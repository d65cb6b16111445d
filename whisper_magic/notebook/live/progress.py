"""Progress while a transcription runs: how far it is, how long it will take, and the words as they are accepted.

It shows after a second, draws at most fifteen frames a second and none twice, and leaves nothing behind. `Recordings`
holds what the events reported, a `Frame` is one picture of it, and a `Surface` draws frames: a terminal's line, a
notebook's output.
"""

from __future__ import annotations

import contextvars
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

from whisper_magic.notebook.views.facts import length
from whisper_magic.transcript import Event, Finished, Round, Segment, Started

DELAY = 1.0  # seconds before anything shows
BETWEEN_FRAMES = 1 / 15  # seconds
_TICK = 0.25  # seconds between looks at the clock while no event comes
_TAIL = 400  # characters of text that a frame carries

Clock = Callable[[], float]
Decode = Callable[[Sequence[int]], str]


@dataclass(frozen=True)
class Frame:
    """The state of the work at one moment.

    Attributes:
        state: how far it is, in words.
        settled: the end of the text that will not change.
        tail: text that may still change.
        fraction: done, 0 to 1; None where that is not known.
        source: name of the one recording that is read; "" of several.
    """

    state: str
    settled: str = ""
    tail: str = ""
    fraction: float | None = None
    source: str = ""

    @property
    def line(self) -> str:
        """The source and the state."""
        return f"{self.source} · {self.state}" if self.source else self.state


class Surface(Protocol):
    """Draws frames."""

    def draw(self, frame: Frame) -> None:
        """Replace what is shown."""

    def clear(self) -> None:
        """Remove what is shown."""


class OpenWindows:
    """The tokens of the windows that are being decoded: several where a recording is decoded in batches."""

    def __init__(self) -> None:
        self._texts: dict[int, list[int]] = {}
        self._reached: dict[int, int] = {}  # position of each one's last round, in the order of those rounds
        self._covered: dict[int, float] = {}  # seconds, also of those that have ended behind one that has not
        self._settling = False

    @property
    def covered(self) -> float:
        """Seconds that their text covers, together."""
        return sum(self._covered.values())

    @property
    def first(self) -> list[int]:
        """The tokens of the window that comes first in the recording."""
        return self._texts[min(self._texts)] if self._texts else []

    def update(self, event: Round) -> None:
        """Add a round. All windows take turns: one that was passed over has ended."""
        window, self._settling = event.window, False
        passed = list(itertools.takewhile(lambda other: other != window, self._reached))
        for other in passed if window in self._reached else ():
            self._forget(other)
        goes_on = event.position > self._reached.pop(window, event.position)  # else it is decoded again
        self._texts[window] = [*(self._texts[window] if goes_on else ()), *event.tokens]
        self._reached[window] = event.position
        self._covered[window] = event.covered

    def settle(self) -> None:
        """Note a segment: the first one after a round ends the first window."""
        if self._texts and not self._settling:
            self._forget(min(self._texts))
        self._settling = True
        first = min(self._texts, default=None)
        self._covered = {window: s for window, s in self._covered.items() if first is not None and window >= first}

    def _forget(self, window: int) -> None:
        del self._texts[window], self._reached[window]


class Progress:
    """How far one recording is."""

    def __init__(self, source: str, duration: float, start: float, now: float) -> None:
        """Begin.

        Args:
            source: its path.
            duration: seconds to transcribe; 0 where that is not known yet.
            start: the second of the source at which the work begins.
            now: the clock, in seconds.
        """
        self.source, self.duration, self.start = Path(source).name, duration, start
        self.done = 0.0  # seconds; what is being decoded counts as far as its text is
        self.began = self._settled_at = now
        self._settled = 0.0  # seconds up to the end of the last segment
        self.settled = ""
        self.open = OpenWindows()

    def update(self, event: Round | Segment, now: float) -> None:
        """Add one event."""
        if isinstance(event, Segment):
            self._settled, self._settled_at = max(self._settled, event.end - self.start), now
            self.open.settle()
            self.settled = (self.settled + event.text)[-_TAIL:]
        else:
            self.open.update(event)
        so_far = self._settled + self.open.covered
        self.done = max(self.done, min(so_far, self.duration) if self.duration else so_far)  # the bar never goes back

    @property
    def fraction(self) -> float | None:
        """Done, 0 to 1; None where the length is not known."""
        return min(1.0, self.done / self.duration) if self.duration else None

    def frame(self, decode: Decode, now: float) -> Frame:
        """The current frame.

        Args:
            decode: token ids -> text.
            now: the clock, in seconds.
        """
        so_far = f"{length(self.done)} read"  # a stream's length is known at its end
        if self.duration:
            so_far = f"{length(self.done, self.duration)} of {length(self.duration)}{self._remaining(now)}"
        return Frame(so_far, self.settled.lstrip(), self.tail(decode), self.fraction, self.source)

    def tail(self, decode: Decode) -> str:
        """The text of the window that is being decoded."""
        return decode(self.open.first) if self.open.first else ""

    def _remaining(self, now: float) -> str:
        if not 0 < self._settled < self.duration:
            return ""
        rate = (self._settled_at - self.began) / self._settled
        return _left(rate * (self.duration - self._settled) - (now - self._settled_at))


def _left(seconds: float) -> str:
    return f" · about {length(seconds) if seconds >= 10 else f'{max(1, round(seconds))} s'} left"


class Recordings:
    """How far a job is. Several recordings run at once; the text is that of the one that began first."""

    def __init__(self, total: int, start: float, seconds: float = 0.0) -> None:
        """Begin.

        Args:
            total: number of recordings.
            start: the second of each at which the work begins.
            seconds: of all of them; 0 where that is not known.
        """
        self.total, self.start, self.expected = total, start, seconds
        self.ended: set[int] = set()  # sources
        self.seconds = 0.0  # of the recordings that are finished
        self.began: float | None = None
        self.stage = ""  # shown while no recording is running
        self.running: dict[int, Progress] = {}

    def update(self, index: int, event: Event, now: float) -> None:
        """Add one event of the source at `index`."""
        if isinstance(event, Started):
            self.running[index] = Progress(event.source, event.duration, self.start, now)
            self.began = now if self.began is None else self.began
            self.stage = ""
        elif isinstance(event, Finished):
            self.running.pop(index, None)
            self.ended.add(index)
            self.seconds += event.transcript.timing.audio
        elif index in self.running:
            self.running[index].update(event, now)

    def frame(self, decode: Decode, now: float) -> Frame:
        """The current frame."""
        if self.stage or not self.running:
            return Frame(self.stage)
        shown = next(iter(self.running.values()))
        return shown.frame(decode, now) if self.total == 1 else self._job(shown, decode, now)

    def _job(self, shown: Progress, decode: Decode, now: float) -> Frame:
        """The frame of several recordings: how many of them, and how many seconds, are done."""
        files = max(len(self.ended), min(self.running))  # sources before one that runs have ended, or failed
        read = self.seconds + sum(recording.done for recording in self.running.values())
        fraction = (files + sum(recording.fraction or 0.0 for recording in self.running.values())) / self.total
        if self.expected:  # recordings differ in length: their seconds tell more than their number
            fraction = min(1.0, read / self.expected)
        elapsed = 0.0 if self.began is None else now - self.began
        left = _left(elapsed * (1 - fraction) / fraction) if fraction and elapsed else ""
        speed = f" · {read / elapsed:.3g}× real time" if elapsed >= 1 and read else ""
        state = f"{files:,} of {self.total:,} recordings · {length(read)} read{speed}{left} · {shown.source}"
        return Frame(state, shown.settled.lstrip(), shown.tail(decode), fraction)


class LiveProgress:
    """Shows progress on a surface while its `with` block runs.

    A thread redraws while no event comes. It carries the cell's context, so that ipykernel sends its output to the
    right cell.
    """

    def __init__(
        self,
        surface: Surface | None,
        total: int = 1,
        *,
        start: float = 0.0,
        clock: Clock = time.monotonic,
        ticking: bool = True,
        delay: float = DELAY,
    ) -> None:
        """Make one for one job.

        Args:
            surface: where it shows; None shows nothing.
            total: number of recordings.
            start: the second of each recording at which the work begins.
            clock: seconds, monotonic.
            ticking: whether the thread runs; without it only events redraw.
            delay: seconds before anything shows.
        """
        self.surface, self.clock, self.ticking, self.delay = surface, clock, ticking, delay
        self.recordings = Recordings(total, start)
        self.decode: Decode = lambda tokens: ""
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._began = clock()
        self._drawn: float | None = None
        self._last: Frame | None = None

    def __enter__(self) -> LiveProgress:
        if self.surface is not None and self.ticking:
            context = contextvars.copy_context()
            self._thread = threading.Thread(
                target=context.run, args=(self._tick,), name="whisper-progress", daemon=True
            )
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self.surface is not None and self._drawn is not None:
            self.surface.clear()

    def expect(self, total: int, seconds: float) -> None:
        """Set the amount of work, where it is known only after the start.

        Args:
            total: number of recordings.
            seconds: of all of them, as far as they are known.
        """
        with self._lock:
            self.recordings = Recordings(total, self.recordings.start, seconds)

    def stage(self, message: str) -> None:
        """Show a message until the next recording starts."""
        with self._lock:
            self.recordings.stage = message
        self._draw()

    def update(self, index: int, event: Event) -> None:
        """Show an event of the source at `index`."""
        with self._lock:
            self.recordings.update(index, event, self.clock())
        self._draw()

    def _tick(self) -> None:
        while not self._stop.wait(_TICK):
            self._draw()

    def _draw(self) -> None:
        with self._lock:
            now = self.clock()
            early = now - self._began < self.delay or (self._drawn is not None and now - self._drawn < BETWEEN_FRAMES)
            if self.surface is None or early or self._stop.is_set():
                return
            frame = self.recordings.frame(self.decode, now)
            if frame != self._last:
                self._drawn, self._last = now, frame
                self.surface.draw(frame)
