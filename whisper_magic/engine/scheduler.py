"""Sources on their way through the models: which recording each became, and what became of it.

Sources are read when a slot is free for them; where a GPU decodes, the next one is read meanwhile. One that fails is
noted, and the others are finished.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

from whisper_magic.audio import load as sound
from whisper_magic.audio.features import LogMel
from whisper_magic.audio.load import AudioStream
from whisper_magic.engine.decoding import Decoding
from whisper_magic.engine.model.checkpoint import Checkpoint
from whisper_magic.engine.runtime.model_runner import Runtime
from whisper_magic.engine.windows.recording import Recording
from whisper_magic.engine.windows.stream import heard_first
from whisper_magic.errors import Interrupted, WhisperMagicError
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Event, Finished, Models, Transcript

AHEAD_ON = ("cuda",)  # where the next source is read while this one is decoded; a CPU has no time to spare
ROOM = 2.5e9  # bytes that the slots of one recording may take where nobody asked for batches

Source = Any  # what `audio.load` takes: a path, bytes, an array with a rate, an Audio, ...


@dataclass(frozen=True)
class _Sounds:
    """What a source holds. seconds: that it took to open, of each stream."""

    streams: Sequence[AudioStream]
    seconds: float


class Batch:
    """transcripts: one per recording in the order of the sources, None where one failed or is not finished.
    errors: by the source's index."""

    def __init__(
        self,
        target: Checkpoint,
        runtime: Runtime,
        front: LogMel,
        models: Models,
        sources: Iterable[Source],
        options: TranscribeOptions,
    ) -> None:
        self.target, self.runtime, self.front, self.models = target, runtime, front, models
        self.sources, self.options = sources, options
        self.transcripts: list[Transcript | None] = []
        self.errors: dict[int, WhisperMagicError] = {}
        self._begun: dict[Recording, int] = {}  # -> the place of its transcript
        self._decoding: Decoding | None = None
        self._next: Future[_Sounds] | None = None  # what is read ahead

    def close(self) -> None:
        """Let go of the sources that are open still."""
        for recording in self._begun:
            recording.sound.close()
        if self._next is not None:
            self._next.add_done_callback(_close_all)
            self._next = None

    @property
    def finished(self) -> list[Transcript]:
        return [transcript for transcript in self.transcripts if transcript is not None]

    def run(self, tell: Callable[[int, Event], None] | None) -> None:
        """Do it all. tell: called with the index of the source and each event.

        Raises:
            Interrupted: on Ctrl-C, after what there is by then was told as Finished.
        """
        tell = tell or _to_nobody
        try:
            for index, event in self.events():
                tell(index, event)
        except KeyboardInterrupt as stop:
            if self._decoding is not None:
                self._decoding.keep_unfinished()
            for index, event in self._collect(all_of_them=True):
                tell(index, event)
            raise Interrupted(_stopped(self.finished), self.transcripts) from stop

    def events(self) -> Iterator[tuple[int, Event]]:
        """Everything that happens, with the index of the source that it happens to."""
        recordings = self._recordings()
        first = next(recordings, None)
        if first is None:
            return
        slots = self._slots(first)
        self._decoding = Decoding(self.target, self.runtime, self.options, self.front.frame_seconds, slots)
        for recording, event in self._decoding.events(itertools.chain([first], recordings)):
            yield recording.index, event
            yield from self._collect()
        yield from self._collect()

    def _slots(self, first: Recording) -> int:
        """No more than there is work for."""
        most = self.options.batch_size
        if self._alone:
            if self.options.mode == "auto":
                most = min(most, max(1, int(ROOM // _slot_bytes(self.runtime))))
            duration = first.sound.expected
            windows = math.inf if duration is None else duration / first.window_seconds
            return int(min(most, math.ceil(windows) + 1)) if first.mode == "batched" else 1
        return most if not isinstance(self.sources, Sized) else max(1, min(most, len(self.sources)))

    @property
    def _alone(self) -> bool:
        """Whether there is one recording, and no more."""
        return isinstance(self.sources, Sized) and len(self.sources) == 1 and self.options.channel != "split"

    def _recordings(self) -> Iterator[Recording]:
        ahead = isinstance(self.sources, Sized) and self.front.filters.device.type in AHEAD_ON
        for index, open_next in enumerate(self._ahead() if ahead else self._in_turn()):
            try:
                for recording in self._read(index, open_next()):
                    self._begun[recording] = len(self.transcripts)
                    self.transcripts.append(None)
                    yield recording
            except WhisperMagicError as error:
                self.errors[index] = error
                self.transcripts.append(None)

    def _in_turn(self) -> Iterator[Callable[[], _Sounds]]:
        """Each source, to be opened."""
        for source in self.sources:
            yield partial(self._sounds, source)

    def _ahead(self) -> Iterator[Callable[[], _Sounds]]:
        """The same, but each is opened and read by another thread as soon as the one before it is in use."""
        pool = ThreadPoolExecutor(1, "whisper-magic-reads-ahead")
        try:
            for source in self.sources:
                coming, self._next = self._next, pool.submit(self._fetched, source)
                if coming is not None:
                    yield coming.result
            if self._next is not None:
                coming, self._next = self._next, None
                yield coming.result
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _fetched(self, source: Source) -> _Sounds:
        sounds = self._sounds(source)
        for one in sounds.streams:
            one.fetch(heard_first(one))
        return sounds

    def _read(self, index: int, sounds: _Sounds) -> Iterator[Recording]:
        for one in sounds.streams:
            try:
                recording = Recording(
                    self.target,
                    self.front,
                    one,
                    self.options,
                    load_seconds=sounds.seconds,
                    index=index,
                    alone=self._alone,
                )
            except BaseException:  # what was refused, or stopped, is not left open
                one.close()
                raise
            yield recording

    def _sounds(self, source: Source) -> _Sounds:
        rate, options, began = self.front.sample_rate, self.options, perf_counter()
        streams: Sequence[AudioStream]
        if options.channel == "split":
            start, end = options.start, options.end
            every = sound.load_channels(source, sample_rate=rate, start=start, end=end, stream=options.stream)
            streams = [AudioStream.of(audio) for audio in every]
        else:
            channel, start, end = options.channel, options.start, options.end
            number = options.stream
            opened = sound.stream(source, sample_rate=rate, channel=channel, start=start, end=end, stream=number)
            streams = [opened]
        return _Sounds(streams, (perf_counter() - began) / len(streams))

    def _collect(self, all_of_them: bool = False) -> Iterator[tuple[int, Finished]]:
        """Turn recordings that are done into transcripts, and let go of their features."""
        for recording in [r for r in self._begun if r.done or all_of_them]:
            place = self._begun.pop(recording)
            recording.sound.close()
            transcript = recording.transcript(self.models, self._decoding.notes if self._decoding else ())
            self.transcripts[place] = transcript
            yield recording.index, Finished(transcript, place)


def _slot_bytes(runtime: Runtime) -> int:
    """Memory of one slot's keys and values."""
    networks = [side.network for side in (runtime.target, runtime.draft) if side is not None]
    width = sum(2 * len(network.layers) * network.embedding.shape[1] for network in networks)
    return width * (runtime.frames + runtime.context) * runtime.dtype.itemsize


def _close_all(opened: Future[_Sounds]) -> None:
    """Let go of what was read ahead in vain."""
    if not opened.cancelled() and opened.exception() is None:
        for one in opened.result().streams:
            one.close()


def _to_nobody(index: int, event: Event) -> None:
    pass


def _stopped(transcripts: Sequence[Transcript]) -> str:
    if len(transcripts) != 1:
        done = sum(transcript.complete for transcript in transcripts)
        return f"stopped after {done} whole recordings; what was written is kept"
    (only,) = transcripts
    return f"stopped at {only.timing.audio:.1f} s of {only.duration:.1f} s; the transcript so far is kept"
