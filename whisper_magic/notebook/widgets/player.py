"""The player: sound and words in step, in a notebook whose kernel is alive.

The model holds one trait, its anchor: the page asks for all else by messages (`messages`), so that nothing of the
recording is in the notebook's file. What is shown in the cell is the transcript's static view, which carries the
anchor; the page puts the player in its place (frontend/src/player/player.ts).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whisper_magic import speakers
from whisper_magic.audio.excerpt import Excerpt
from whisper_magic.errors import TranscriptError
from whisper_magic.notebook.views import transcript as view
from whisper_magic.notebook.widgets import messages
from whisper_magic.notebook.widgets.document import document, file_of, segments_of
from whisper_magic.notebook.widgets.messages import Answer
from whisper_magic.notebook.widgets.page import PageWidget, answers
from whisper_magic.notebook.widgets.rounds import timed_rounds
from whisper_magic.notebook.widgets.sound import SoundSource
from whisper_magic.notebook.widgets.work import Task, Work, span_of, spliced
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Event, Segment, Transcript, Word

if TYPE_CHECKING:
    from whisper_magic.engine.engine import Engine

WINDOW = 30.0  # seconds of sound that a text can be aligned in


class Player(PageWidget):
    """A transcript with its sound, for a notebook.

    Attributes:
        transcript: what was transcribed; it never changes, but grows while it is being written.
        edited: what is shown: the transcript with the corrections that were made in the page.
        shown: whether a page has asked for the text.
        changed: called with the text after each correction.
    """

    requests = messages.PLAYER
    _esm = Path(__file__).parent / "static" / "player.js"

    def __init__(
        self,
        transcript: Transcript,
        sound: Excerpt | None,
        engine: Callable[[Transcript], Engine | None] = lambda transcript: None,
        *,
        stop: Callable[[], None] | None = None,
        several: bool = False,
    ) -> None:
        """Make one.

        Args:
            transcript: what was said.
            sound: of the whole recording; None where it cannot be read any more.
            engine: the resident one, where its target is the one that wrote the transcript.
            stop: stops the transcription, where the transcript is still being written; `finish` ends that.
            several: whether it only shows how far several recordings are.
        """
        self.transcript = self.edited = transcript
        self._engine = engine
        self._before: list[Transcript] = []  # what `undo` goes back to
        self._reading: tuple[Transcript, float, float] | None = None  # of a stretch, not kept yet
        self._sound = SoundSource(sound) if sound is not None else None
        self._work = Work(self._transcribed, lambda notice: self.send(notice))
        self._stop_writing, self._several = stop, several
        self._sent = 0  # segments that went out with notices
        self._order = threading.Lock()  # what is sent is as old as its place among the messages says
        self.shown = False
        self.changed: Callable[[Transcript], None] = lambda transcript: None
        super().__init__()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/plain": view.text(self.edited), "text/html": view.html(self.edited, self.anchor)}

    # -- while the transcript is being written -----------------------------------------------------------------------

    @property
    def writing(self) -> bool:
        """Whether the transcript still grows."""
        return self._stop_writing is not None

    def write(self, segment: Segment) -> None:
        """Add a segment."""
        with self._order:
            self.transcript = self.edited = replace(self.transcript, segments=(*self.transcript.segments, segment))

    def notify(self, state: str, fraction: float | None, tail: str) -> None:
        """Show how far it is, and what was written since the last call.

        Args:
            state: in words.
            fraction: done, 0 to 1; None where that is not known.
            tail: text that may still change.
        """
        with self._order:
            new = segments_of(self.transcript, self._sent) if len(self.transcript.segments) > self._sent else []
            notice = {"notice": "live", "state": state, "fraction": fraction, "tail": tail}
            self.send({**notice, "first": self._sent, "segments": new})
            self._sent += len(new)

    def finish(self, transcript: Transcript | None, problem: str = "") -> None:
        """Nothing is written any more.

        Args:
            transcript: what was written; None where it failed: what is shown stays.
            problem: why, in a line.
        """
        with self._order:
            self._stop_writing = None
            if transcript is not None:
                self.transcript = self.edited = transcript
            if self.shown:  # else there is no page, and the sound need not be looked at
                self.send({"notice": "finished", "document": self._document(), "problem": problem})

    # -- messages ----------------------------------------------------------------------------------------------------

    def _held(self, request: messages.Request) -> AbstractContextManager[object]:
        if isinstance(request, messages.DocumentRequest):
            _ = self._whole  # looked up, perhaps fetched, before others wait for it
            return self._order
        return super()._held(request)

    @answers(messages.DocumentRequest)
    def _show(self, request: messages.DocumentRequest) -> Answer:
        self.shown = True
        return Answer(self._document())

    @answers(messages.PeaksRequest)
    def _peaks(self, request: messages.PeaksRequest) -> Answer:
        return self._recording.peaks(request.level, request.start, request.count)

    @answers(messages.MelRequest)
    def _mel(self, request: messages.MelRequest) -> Answer:
        return self._recording.mel(request.start, request.end, self._resident)

    @answers(messages.SoundRequest)
    def _encoded(self, request: messages.SoundRequest) -> Answer:
        return self._recording.encoded(request.offset)

    @answers(messages.ClipRequest)
    def _clip(self, request: messages.ClipRequest) -> Answer:
        start, end = request.start, request.end
        name = f"{Path(self.transcript.source).stem or 'clip'} {start:.2f}-{end:.2f}.flac"
        return Answer({"name": name, "mime": "audio/flac"}, [self._recording.clip(start, end)])

    @answers(messages.TraceRequest)
    def _trace(self, request: messages.TraceRequest) -> Answer:
        self._require_the_whole_text()
        rounds = timed_rounds(self.transcript, self._resident.token_text, self.edited)
        left = len(self.transcript.trace.rounds) - len(rounds)
        note = f"{left} rounds of attempts that were decoded again are not drawn." if left else None
        return Answer({"rounds": rounds, "note": note})

    @answers(messages.FileRequest)
    def _file(self, request: messages.FileRequest) -> Answer:
        return file_of(self.edited, request.format)

    @answers(messages.EditRequest)
    def _edit(self, request: messages.EditRequest) -> Answer:
        self._require_the_whole_text()
        self._change(self._corrected(request.segment, request.text))
        return Answer(self._document())

    @answers(messages.KeepRequest)
    def _keep(self, request: messages.KeepRequest) -> Answer:
        if self._reading is None:
            raise TranscriptError("nothing was transcribed again")
        self._change(spliced(self.edited, *self._reading))
        self._reading = None
        return Answer(self._document())

    @answers(messages.UndoRequest)
    def _undo(self, request: messages.UndoRequest) -> Answer:
        if not self._before:
            raise TranscriptError("nothing was changed")
        self.edited = self._before.pop()
        self.changed(self.edited)
        return Answer(self._document())

    @answers(messages.WordsRequest)
    def _words(self, request: messages.WordsRequest) -> Answer:
        self._require_the_whole_text()
        options = self._options(words=True)
        self._work.start(Task(self._recording.source, options, self.transcript.duration, self._with_words))
        return Answer()

    @answers(messages.AgainRequest)
    def _again(self, request: messages.AgainRequest) -> Answer:
        self._require_the_whole_text()
        start, end = span_of(self.edited, request.start, request.end)
        part = {"start": start, "end": end, "clips": (), "mode": "sequential", "words": bool(self.edited.words)}
        options = self._options(language=request.language, task=request.task, **part)
        done = partial(self._read_again, start=start, end=end)
        self._work.start(Task(self._recording.source, options, end - start, done))
        return Answer()

    @answers(messages.StopRequest)
    def _stop(self, request: messages.StopRequest) -> Answer:
        self._work.stop()
        if (stop := self._stop_writing) is not None:
            stop()
        return Answer()

    def _require_the_whole_text(self) -> None:
        if self.writing:
            raise TranscriptError("the text is still being written; wait for its end, or stop it")

    # -- the text ----------------------------------------------------------------------------------------------------

    def _document(self) -> dict[str, Any]:
        shown, options, changes = self.edited, self.transcript.options, len(self._before)
        reached = shown.segments[-1].end if shown.segments else 0.0
        duration = max(self.transcript.duration + (options.start or 0.0), reached)
        part = options.start is not None or options.end is not None
        if self._sound is not None and part:  # the whole recording is played
            duration = max(self._whole, duration)
        sound = None if self._sound is None else self._sound.described
        return {**document(shown, sound, duration, changes, writing=self.writing), "several": self._several}

    @cached_property
    def _whole(self) -> float:
        """Seconds of the whole recording, where a part of it was transcribed; else 0, as the transcript says."""
        options = self.transcript.options
        part = options.start is not None or options.end is not None
        return (self._sound.duration or 0.0) if part and self._sound is not None else 0.0

    def _change(self, edited: Transcript) -> None:
        self._before.append(self.edited)
        turns = speakers.turns_of(self.edited.words)
        if turns and edited.words:  # a new word gets the speaker of its time
            edited = edited.with_speakers((turn.start, turn.end, turn.speaker) for turn in turns)
        self.edited = edited
        self.changed(edited)

    def take(self, edited: Transcript) -> None:
        """Show corrections that were kept elsewhere; they can be undone."""
        with self._lock:
            if edited == self.edited:
                return
            self._before.append(self.edited)
            self.edited = edited
            if self.shown:
                self.send({"notice": "finished", "document": self._document(), "problem": ""})

    def _corrected(self, index: int, text: str) -> Transcript:
        """With another text in a segment; its words are found anew where the model and the sound are at hand."""
        if not 0 <= index < len(self.edited.segments):
            raise TranscriptError(f"there is no segment {index}")
        segment, plain = self.edited.segments[index], " " + " ".join(text.split())
        words = self._aligned(segment, plain) if segment.words else segment.words
        changed = replace(segment, text=plain, tokens=(), words=words, flags=())
        segments = (*self.edited.segments[:index], changed, *self.edited.segments[index + 1 :])
        return replace(self.edited, segments=segments)

    def _aligned(self, segment: Segment, text: str) -> tuple[Word, ...]:
        """The words of a segment's text; () where they cannot be found."""
        engine, sound = self._engine(self.transcript), self._sound
        if engine is None or sound is None or self.transcript.task == "translate":
            return ()
        if segment.end - segment.start > WINDOW or engine.busy:  # "Find words" finds them later
            return ()
        language = segment.language or self.transcript.language
        return engine.align(sound.audio(segment.start, segment.end), text, language=language)

    def _with_aligned(self, segment: Segment) -> Segment:
        return replace(segment, words=self._aligned(segment, segment.text))

    # -- the engine --------------------------------------------------------------------------------------------------

    def _options(self, **overrides: Any) -> TranscribeOptions:
        """Those of the transcript, of its one channel."""
        return self.transcript.options.override(channel=self._recording.excerpt.channel, **overrides)

    def _transcribed(self, source: Any, options: TranscribeOptions, on_event: Callable[[Event], None]) -> Transcript:
        return self._resident.transcribe(source, options, on_event=on_event)

    def _with_words(self, made: Transcript) -> dict[str, Any]:
        """The target writes the same text again, now with words; segments that were changed since are aligned."""
        shown, segments = self.edited, made.segments
        if shown is not self.transcript:
            same = len(made.segments) == len(self.transcript.segments)
            read = dict(zip(map(id, self.transcript.segments), made.segments, strict=True)) if same else {}
            segments = tuple(read.get(id(segment)) or self._with_aligned(segment) for segment in shown.segments)
        with self._lock:
            if self.edited is not shown and len(shown.segments) == len(segments):  # a segment was changed meanwhile
                by_id = dict(zip(map(id, shown.segments), segments, strict=True))
                segments = tuple(by_id.get(id(segment), segment) for segment in self.edited.segments)
            self._change(replace(self.edited, segments=segments))
            return {"kind": "words", "document": self._document()}

    def _read_again(self, transcript: Transcript, start: float, end: float) -> dict[str, Any]:
        with self._lock:
            self._reading = (transcript, start, end)
            before = " ".join(
                segment.text.strip() for segment in self.edited.segments if segment.start < end and segment.end > start
            )
        return {
            "kind": "again",
            "start": start,
            "end": end,
            "text": transcript.text,
            "before": before,
            "language": transcript.language,
        }

    @property
    def _resident(self) -> Engine:
        engine = self._engine(self.transcript)
        if engine is None:
            raise TranscriptError(f"{self.transcript.models.target} is not loaded any more: %whisper load it first")
        return engine

    @property
    def _recording(self) -> SoundSource:
        if self._sound is None:
            raise TranscriptError("the recording is not here any more")
        return self._sound
