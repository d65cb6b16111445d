"""Sources on their way through the models: which recording each became, and what became of it.

Sources are read when a slot is free for them. One that fails is noted, and the others are finished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from time import perf_counter
from typing import Any

from whisper_magic.audio import load as sound
from whisper_magic.audio.features import LogMel
from whisper_magic.audio.load import Audio
from whisper_magic.engine.checkpoint import Checkpoint
from whisper_magic.engine.run import Decoding, Recording
from whisper_magic.engine.runtime import Runtime
from whisper_magic.errors import Interrupted, WhisperMagicError
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Event, Finished, Models, Transcript

Source = Any  # what `audio.load` takes: a path, bytes, an array with a rate, an Audio, ...


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
        self._decoding = Decoding(self.target, self.runtime, self.options, self.front.frame_seconds, self._slots())
        for recording, event in self._decoding.events(self._recordings()):
            yield recording.index, event
            yield from self._collect()
        yield from self._collect()

    def _slots(self) -> int:
        """No more than there is work for."""
        if self.options.channel == "split" or not isinstance(self.sources, Sized):
            return self.options.batch_size
        return max(1, min(self.options.batch_size, len(self.sources)))

    def _recordings(self) -> Iterator[Recording]:
        for index, source in enumerate(self.sources):
            try:
                for recording in self._read(index, source):
                    self._begun[recording] = len(self.transcripts)
                    self.transcripts.append(None)
                    yield recording
            except WhisperMagicError as error:
                self.errors[index] = error
                self.transcripts.append(None)

    def _read(self, index: int, source: Source) -> Iterator[Recording]:
        began = perf_counter()
        sounds = self._sounds(source)
        seconds = (perf_counter() - began) / len(sounds)
        for audio in sounds:
            yield Recording(
                self.target,
                self.front,
                audio,
                self.options,
                load_seconds=seconds,
                index=index,
                alone=self._slots() == 1,
            )

    def _sounds(self, source: Source) -> Sequence[Audio]:
        rate, options = self.front.sample_rate, self.options
        if options.channel == "split":
            return sound.load_channels(source, sample_rate=rate, start=options.start, end=options.end)
        return [sound.load(source, sample_rate=rate, channel=options.channel, start=options.start, end=options.end)]

    def _collect(self, all_of_them: bool = False) -> Iterator[tuple[int, Finished]]:
        """Turn recordings that are done into transcripts, and let go of their features."""
        for recording in [r for r in self._begun if r.done or all_of_them]:
            place = self._begun.pop(recording)
            transcript = recording.transcript(self.models, self._decoding.notes if self._decoding else ())
            self.transcripts[place] = transcript
            yield recording.index, Finished(transcript, place)


def _to_nobody(index: int, event: Event) -> None:
    pass


def _stopped(transcripts: Sequence[Transcript]) -> str:
    if len(transcripts) != 1:
        done = sum(transcript.complete for transcript in transcripts)
        return f"stopped after {done} whole recordings; what was written is kept"
    (only,) = transcripts
    return f"stopped at {only.timing.audio:.1f} s of {only.duration:.1f} s; the transcript so far is kept"
