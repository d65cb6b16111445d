"""Recordings decoded together: whose window goes into a free slot, and what happens to each, as events."""

from __future__ import annotations

from collections.abc import Iterator

from whisper_magic.engine.decode.draft_length import Pace
from whisper_magic.engine.decode.speculator import Decoded, Detected, Speculator
from whisper_magic.engine.model.checkpoint import Checkpoint
from whisper_magic.engine.runtime.model_runner import Runtime
from whisper_magic.engine.runtime.slots import Window
from whisper_magic.engine.windows.planning import draft_for, rules_for
from whisper_magic.engine.windows.recording import Recording
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Event, Round, Started


class Decoding:
    """Recordings decoded together: their windows share the slots."""

    def __init__(
        self, target: Checkpoint, runtime: Runtime, options: TranscribeOptions, frame_seconds: float, slots: int
    ) -> None:
        rules = rules_for(target, runtime, options, frame_seconds)
        draft = draft_for(runtime, rules, options)
        self.pace = Pace(draft.length) if options.draft_length == "auto" and draft.length else None
        self.speculator = Speculator(
            runtime,
            rules,
            draft,
            slots,
            align=options.words,
            pace=self.pace,
            rejection=options.acceptance == "rejection",
        )
        self._open: list[Recording] = []

    def events(self, recordings: Iterator[Recording]) -> Iterator[tuple[Recording, Event]]:
        """Decode them all; each is asked for only when a slot is free."""
        waiting: list[Recording] = []  # begun, not announced yet

        def feed() -> Window | None:
            for recording in self._open:
                if (window := recording.next_window()) is not None:
                    return window
            for recording in recordings:
                self._open.append(recording)
                waiting.append(recording)
                if (window := recording.next_window()) is not None:
                    return window
            return None

        first = next(recordings, None)
        if first is None:
            return
        self._open.append(first)
        yield first, _started(first)  # before the work, for whoever watches
        for event in self.speculator.run(feed):
            while waiting:
                begun = waiting.pop(0)
                yield begun, _started(begun)
            yield from self._one(event)
            self._open = [recording for recording in self._open if not recording.done]
        for begun in waiting:  # too short for a window
            yield begun, _started(begun)

    def _one(self, event: tuple[Window, Round] | Detected | Decoded) -> Iterator[tuple[Recording, Event]]:
        if isinstance(event, Detected):
            event.window.owner.heard_language(event)
        elif isinstance(event, Decoded):
            recording: Recording = event.window.owner
            for segment in recording.accept(event):
                yield recording, segment
        else:
            recording = event[0].owner
            recording.rounds.append(event[1])
            yield recording, event[1]

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of how it went."""
        runtime = self.speculator.runtime
        notes = (runtime.note, runtime.graphs.note, self.pace.note if self.pace else "")
        return tuple(note for note in notes if note)

    def keep_unfinished(self) -> None:
        """Take, flagged, what the windows in the slots hold by now: the run was stopped."""
        for decoded in self.speculator.unfinished():
            if decoded.tokens:
                decoded.window.owner.accept(decoded, final=True)


def _started(recording: Recording) -> Started:
    return Started(recording.sound.source, recording.hearing.duration)
