"""Progress while a transcription runs: how far, how long still, and the words as they are accepted. It shows after a
second, draws at most fifteen times a second, and leaves nothing behind.

`Recordings` is what is known, `Frame` what is shown of it, a surface shows it: a terminal's line, a notebook's output.
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
    """One picture: where the work stands, the text that is settled, and the text that may still change."""

    state: str
    settled: str = ""
    tail: str = ""
    fraction: float | None = None


class Surface(Protocol):
    """Somewhere to show frames."""

    def draw(self, frame: Frame) -> None: ...

    def clear(self) -> None: ...


class OpenWindows:
    """What the windows being decoded have written by now. There are several where a recording is read in batches."""

    def __init__(self) -> None:
        self._texts: dict[int, list[int]] = {}
        self._reached: dict[int, int] = {}  # position of each one's last round, in the order of those rounds
        self._settling = False

    @property
    def first(self) -> list[int]:
        """The tokens of the one that comes first in the recording."""
        return self._texts[min(self._texts)] if self._texts else []

    def hear(self, event: Round) -> None:
        """Take in a round. All windows take turns: one that was passed over has ended."""
        window, self._settling = event.window, False
        passed = list(itertools.takewhile(lambda other: other != window, self._reached))
        for other in passed if window in self._reached else ():
            self._forget(other)
        goes_on = event.position > self._reached.pop(window, event.position)  # else it is read again
        self._texts[window] = [*(self._texts[window] if goes_on else ()), *event.tokens]
        self._reached[window] = event.position

    def settle(self) -> None:
        """A segment came; the first one after a round ends the first window."""
        if self._texts and not self._settling:
            self._forget(min(self._texts))
        self._settling = True

    def _forget(self, window: int) -> None:
        del self._texts[window], self._reached[window]


class Progress:
    """What the events have said so far about one recording."""

    def __init__(self, source: str, duration: float, start: float, now: float) -> None:
        """start: the second of the source at which the work begins. now: what the clock says."""
        self.source, self.duration, self.start = Path(source).name, duration, start
        self.done = 0.0  # seconds
        self.began = self.done_at = now
        self.settled = ""
        self.open = OpenWindows()

    def hear(self, event: Round | Segment, now: float) -> None:
        """Take in one event."""
        if isinstance(event, Segment):
            self.done, self.done_at = max(self.done, event.end - self.start), now
            self.open.settle()
            self.settled = (self.settled + event.text)[-_TAIL:]
        else:
            self.open.hear(event)

    def frame(self, decode: Decode, now: float, count: str = "") -> Frame:
        """The picture as of now; `count` goes before it."""
        fraction = min(1.0, self.done / self.duration) if self.duration else None
        so_far = f"{length(self.done)} read"  # where how much there is will be known at its end
        if self.duration:
            so_far = f"{length(self.done, self.duration)} of {length(self.duration)}{self._remaining(now)}"
        tail = decode(self.open.first) if self.open.first else ""
        return Frame(f"{count}{self.source} · {so_far}", self.settled.lstrip(), tail, fraction)

    def _remaining(self, now: float) -> str:
        if not 0 < self.done < self.duration:
            return ""
        pace = (self.done_at - self.began) / self.done
        seconds = pace * (self.duration - self.done) - (now - self.done_at)
        return f" · about {length(seconds) if seconds >= 10 else f'{max(1, round(seconds))} s'} left"


class Recordings:
    """What the events have said about all of them. Several run at once; the one begun first is shown."""

    def __init__(self, total: int, start: float) -> None:
        self.total, self.start = total, start
        self.finished = 0
        self.stage = ""  # what is being done where no recording is running
        self.running: dict[int, Progress] = {}

    def hear(self, index: int, event: Event, now: float) -> None:
        """Take in one event of one recording."""
        if isinstance(event, Started):
            self.running[index] = Progress(event.source, event.duration, self.start, now)
            self.stage = ""
        elif isinstance(event, Finished):
            self.running.pop(index, None)
            self.finished += 1
        elif index in self.running:
            self.running[index].hear(event, now)

    def frame(self, decode: Decode, now: float) -> Frame:
        """The picture as of now."""
        if self.stage or not self.running:
            return Frame(self.stage)
        count = f"{self.finished} of {self.total} done · " if self.total > 1 else ""
        return next(iter(self.running.values())).frame(decode, now, count)


class Live:
    """Shows progress on a surface while its `with` block runs. A clock thread keeps it honest through long silences;
    it carries the cell's context, so that ipykernel sends its output to the right cell."""

    def __init__(
        self,
        surface: Surface | None,
        total: int = 1,
        *,
        start: float = 0.0,
        clock: Clock = time.monotonic,
        ticking: bool = True,
    ) -> None:
        """total: how many recordings. start: the second of each at which the work begins."""
        self.surface, self.clock, self.ticking = surface, clock, ticking
        self.recordings = Recordings(total, start)
        self.decode: Decode = lambda tokens: ""
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._began = clock()
        self._drawn: float | None = None

    def __enter__(self) -> Live:
        if self.surface is not None and self.ticking:
            context = contextvars.copy_context()
            self._thread = threading.Thread(target=context.run, args=(self._tick,), name="whisper-live", daemon=True)
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

    def stage(self, message: str) -> None:
        """Say what is being done before the first recording starts."""
        with self._lock:
            self.recordings.stage = message
        self._draw()

    def __call__(self, index: int, event: Event) -> None:
        """Hear an event of a recording; `on_event` of `Engine.transcribe_many`."""
        with self._lock:
            self.recordings.hear(index, event, self.clock())
        self._draw()

    def _tick(self) -> None:
        while not self._stop.wait(_TICK):
            self._draw()

    def _draw(self) -> None:
        with self._lock:
            now = self.clock()
            early = now - self._began < DELAY or (self._drawn is not None and now - self._drawn < BETWEEN_FRAMES)
            if self.surface is None or early or self._stop.is_set():
                return
            self._drawn = now
            self.surface.draw(self.recordings.frame(self.decode, now))
