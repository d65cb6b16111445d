"""Sources -> recordings -> free slots -> events.

A source is opened when a slot is free for it; where a GPU decodes, other threads read the next one, and what follows
in those that are open, and look for voice in it. One that fails is noted, and the others are finished.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

from whisper_magic.audio import load as audio
from whisper_magic.audio.load import AudioStream
from whisper_magic.engine.decode.draft_length import DraftLengthController
from whisper_magic.engine.decode.drafters import DraftRequest, Propose, make_drafter
from whisper_magic.engine.decode.speculator import Decoded, DecodingEvent, Detected, Speculator
from whisper_magic.engine.runtime.loaded_model import LoadedModel
from whisper_magic.engine.runtime.slots import Window
from whisper_magic.engine.sample.logits_processor import LogitsProcessor
from whisper_magic.engine.windows.opening import open_recording, wants_voice
from whisper_magic.engine.windows.plan import STRIDE, Plan
from whisper_magic.engine.windows.prompt import non_speech_tokens
from whisper_magic.engine.windows.recording import Recording
from whisper_magic.engine.windows.sound_reader import SoundReader
from whisper_magic.errors import Interrupted, WhisperMagicError
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Event, Finished, Started, Transcript
from whisper_magic.wording import counted

READ_AHEAD_ON = ("cuda",)  # where sound is read while another is decoded; a CPU has no time to spare
READERS = 2  # threads: one may be at the beginning of the next source, which is long
SLOT_MEMORY = 2.5e9  # bytes that the slots of one recording may take where nobody asked for batches

Source = Any  # what `audio.load` takes: a path, bytes, an array with a rate, an Audio, ...
OnEvent = Callable[[int, Event], None]


@dataclass(frozen=True)
class _Opened:
    """The audio of a source: one sound, or one a channel. seconds: wall time that opening took, of each."""

    sounds: Sequence[SoundReader]
    seconds: float


class Scheduler:
    """Decodes sources together: their windows share the slots.

    Attributes:
        transcripts: One a recording in the order of the sources, None where one failed or is not finished.
        errors: By the source's index.
    """

    def __init__(
        self,
        model: LoadedModel,
        sources: Iterable[Source],
        options: TranscribeOptions,
        propose: Propose | None = None,
    ) -> None:
        self.model, self.options, self._propose = model, options, propose
        self.transcripts: list[Transcript | None] = []
        self.errors: dict[int, WhisperMagicError] = {}
        self._sources = sources
        self._open: dict[int, Recording] = {}  # by id, which is the place of the transcript
        self._unannounced: list[Recording] = []
        self._arriving: Iterator[Recording] = iter(())
        self._speculator: Speculator | None = None
        self._next: Future[_Opened] | None = None  # the source that is being read ahead
        ahead = model.runner.device.type in READ_AHEAD_ON
        self._pool = ThreadPoolExecutor(READERS, "whisper-magic-reads-ahead") if ahead else None

    def close(self) -> None:
        """Close the sources that are still open."""
        for recording in self._open.values():
            recording.close()
        if self._next is not None:
            self._next.add_done_callback(_close_all)
            self._next = None
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def finished(self) -> list[Transcript]:
        """The transcripts that there are."""
        return [transcript for transcript in self.transcripts if transcript is not None]

    @property
    def processor(self) -> LogitsProcessor:
        """The logit rules, once there are events."""
        assert self._speculator is not None
        return self._speculator.processor

    def check(self) -> None:
        """Check the options against the checkpoint, before any source is opened.

        Raises:
            OptionError: For what this checkpoint cannot do with any recording.
        """
        Plan.build(self.model.target, self.model.front_end, 0.0, self.options)

    def run(self, on_event: OnEvent | None = None) -> None:
        """Decode every source. on_event: called with the index of the source and each event.

        Raises:
            Interrupted: On Ctrl-C, after what there is by then was reported as Finished.
        """
        on_event = on_event or (lambda index, event: None)
        try:
            for index, event in self.events():
                on_event(index, event)
        except KeyboardInterrupt as stop:
            for index, event in self._stop():
                on_event(index, event)
            raise Interrupted(_stopped(self.finished), self.transcripts) from stop

    def events(self) -> Generator[tuple[int, Event]]:
        """Everything that happens, with the index of the source that it happens to."""
        self._arriving = self._recordings()
        first = next(self._arriving, None)
        if first is None:
            return
        yield from self._announce()  # before the work
        self._speculator = self._make_speculator(first)
        for event in self._speculator.run(self.next_window):
            yield from self._announce()
            yield from self._dispatch(event)
            yield from self._finish()
        yield from self._announce()  # too short for a window
        yield from self._finish()

    def next_window(self) -> Window | None:
        """The window for a free slot: of an open recording, else of the next one; None where none is ready."""
        for recording in self._open.values():
            if (window := recording.next_window()) is not None:
                return window
        for recording in self._arriving:
            if (window := recording.next_window()) is not None:
                return window
        return None

    def _dispatch(self, event: DecodingEvent) -> Iterator[tuple[int, Event]]:
        """Hand what the speculator reports to its recording."""
        if isinstance(event, Detected):
            self._open[event.window.recording].set_language(event)
        elif isinstance(event, Decoded):
            recording = self._open[event.window.recording]
            for segment in recording.accept(event):
                yield recording.source_index, segment
        else:
            window, one_round = event
            recording = self._open[window.recording]
            yield recording.source_index, recording.add_round(window, one_round)

    def _announce(self) -> Iterator[tuple[int, Started]]:
        while self._unannounced:
            recording = self._unannounced.pop(0)
            yield recording.source_index, Started(recording.stream.source, recording.features.duration)

    def _finish(self, everything: bool = False) -> Iterator[tuple[int, Finished]]:
        """Make transcripts of the recordings that are done, and free their features."""
        for recording in [opened for opened in self._open.values() if opened.done or everything]:
            transcript = recording.transcript(self.model.models, self._notes)
            self.transcripts[recording.id] = transcript
            del self._open[recording.id]
            recording.close()
            yield recording.source_index, Finished(transcript, recording.id)

    def _stop(self) -> Iterator[tuple[int, Event]]:
        """After Ctrl-C: take, flagged, what the windows in the slots hold by now, and finish everything."""
        yield from self._announce()
        for decoded in self._speculator.unfinished() if self._speculator else ():
            if decoded.tokens and decoded.window.recording in self._open:
                self._open[decoded.window.recording].accept(decoded, final=True)
        yield from self._finish(everything=True)

    @property
    def _notes(self) -> tuple[str, ...]:
        """What people should know about how decoding went, a line each."""
        runner, speculator = self.model.runner, self._speculator
        controller = speculator.timer.controller if speculator else None
        notes = (runner.note, *runner.backend.notes, controller.note if controller else "")
        return tuple(note for note in notes if note)

    # -- slots -------------------------------------------------------------------------------------------------------

    def _make_speculator(self, first: Recording) -> Speculator:
        options, runner = self.options, self.model.runner
        processor = _processor(self.model, options)
        request = DraftRequest(
            runner.backend,
            processor,
            options,
            lambda window: self._open[window.recording].expected(window),
            self._propose,
        )
        drafter = make_drafter(request)
        auto = options.draft_length == "auto" and drafter.length
        return Speculator(
            runner,
            processor,
            drafter,
            self._slot_count(first),
            align=options.words,
            trace=options.trace,
            controller=DraftLengthController(drafter.length) if auto else None,
            rejection=options.acceptance == "rejection",
        )

    def _slot_count(self, first: Recording) -> int:
        """No more than there is work for."""
        most = self.options.batch_size
        if not self._single_source:
            return most if not isinstance(self._sources, Sized) else max(1, min(most, len(self._sources)))
        if self.options.mode == "auto" and not self.model.runner.in_buckets:  # a GPU's memory is known
            most = min(most, max(1, int(SLOT_MEMORY // self.model.runner.slot_bytes)))
        duration = first.stream.expected
        windows = math.inf if duration is None else duration / first.plan.window_seconds
        return int(min(most, math.ceil(windows) + 1)) if first.mode == "batched" else 1

    @property
    def _single_source(self) -> bool:
        """Whether there is one recording, and no more."""
        return isinstance(self._sources, Sized) and len(self._sources) == 1 and self.options.channel != "split"

    # -- sources -----------------------------------------------------------------------------------------------------

    def _recordings(self) -> Iterator[Recording]:
        """Each recording of each source, opened when it is asked for."""
        ahead = isinstance(self._sources, Sized) and self._pool is not None
        for index, open_next in enumerate(self._read_ahead() if ahead else self._in_turn()):
            try:
                opened = open_next()
                for sound in opened.sounds:
                    yield self._begin(index, sound, opened.seconds)
            except WhisperMagicError as error:
                self.errors[index] = error
                self.transcripts.append(None)

    def _begin(self, index: int, sound: SoundReader, seconds: float) -> Recording:
        single = self._single_source
        try:
            opened = open_recording(self.model, sound, self.options, open_seconds=seconds, single_source=single)
        except BaseException:  # what was refused, or stopped, is not left open
            sound.close()
            raise
        recording = Recording(self.model, opened, id=len(self.transcripts), source_index=index, single_source=single)
        self._open[recording.id] = recording
        self._unannounced.append(recording)
        self.transcripts.append(None)
        return recording

    def _in_turn(self) -> Iterator[Callable[[], _Opened]]:
        """Each source, to be opened."""
        for source in self._sources:
            yield partial(self._open_source, source)

    def _read_ahead(self) -> Iterator[Callable[[], _Opened]]:
        """The same, but each is opened and read by another thread as soon as the one before it is in use."""
        assert self._pool is not None
        for source in self._sources:
            coming, self._next = self._next, self._pool.submit(self._open_and_read, source)
            if coming is not None:
                yield coming.result
        if self._next is not None:
            coming, self._next = self._next, None
            yield coming.result

    def _open_and_read(self, source: Source) -> _Opened:
        opened = self._open_source(source)
        for sound in opened.sounds:
            sound.read_ahead()
        return opened

    def _open_source(self, source: Source) -> _Opened:
        rate, options, began = self.model.front_end.sample_rate, self.options, perf_counter()
        part: dict[str, Any] = {"start": options.start, "end": options.end, "stream": options.stream}
        streams: Sequence[AudioStream]
        if options.channel == "split":
            every = audio.load_channels(source, sample_rate=rate, **part)
            streams = [AudioStream.of(channel) for channel in every]
        else:
            streams = [audio.stream(source, sample_rate=rate, channel=options.channel, **part)]
        sounds = [
            SoundReader(stream, self._pool is not None and wants_voice(options), self._pool) for stream in streams
        ]
        return _Opened(sounds, (perf_counter() - began) / len(sounds))


def transcribe_one(
    model: LoadedModel, source: Source, options: TranscribeOptions, on_event: OnEvent | None = None
) -> Transcript:
    """One recording, from beginning to end.

    Raises:
        WhisperMagicError: What is wrong with the source or the options.
        Interrupted: On Ctrl-C.
    """
    with closing(Scheduler(model, [source], options)) as scheduler:
        scheduler.run(on_event)
    if scheduler.errors:
        raise scheduler.errors[0]
    return scheduler.finished[0]


def _processor(model: LoadedModel, options: TranscribeOptions) -> LogitsProcessor:
    """The logit rules that the options ask for."""
    first, suppress = options.max_initial_timestamp, options.suppress_tokens
    if isinstance(suppress, tuple) and -1 in suppress:
        others = (token for token in suppress if token >= 0)
        suppress = (*others, *non_speech_tokens(model.target.tokenizer, model.target.special))
    assert not isinstance(suppress, int)
    index = None if first is None else round(first / (STRIDE * model.front_end.frame_seconds))
    return model.logits_processor(options.timestamps, suppress, index)


def _close_all(opened: Future[_Opened]) -> None:
    """Close what was read ahead in vain."""
    if not opened.cancelled() and opened.exception() is None:
        for sound in opened.result().sounds:
            sound.close()


def _stopped(transcripts: Sequence[Transcript]) -> str:
    if not transcripts:
        return "stopped before anything was transcribed"
    if len(transcripts) != 1:
        done = counted(sum(transcript.complete for transcript in transcripts), "whole recording")
        return f"stopped after {done}; what was written is kept"
    (only,) = transcripts
    return f"stopped at {only.timing.audio:.1f} s of {only.duration:.1f} s; the transcript so far is kept"
