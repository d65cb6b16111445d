"""`%whisper record`: the page's microphone, transcribed while one speaks.

While it is recorded, what was said since the last settled segment is transcribed again and again. When it ends, all of
it is transcribed once more, so that the transcript is the one that `%whisper` makes of the saved sound.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import soundfile
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from whisper_magic.audio.sound import Audio
from whisper_magic.errors import TranscriptError
from whisper_magic.formats import ENDINGS
from whisper_magic.notebook.jobs.background import Job, Result
from whisper_magic.notebook.jobs.context import Context
from whisper_magic.notebook.jobs.save import Saver
from whisper_magic.notebook.jobs.session import SESSION
from whisper_magic.notebook.jobs.transcribe import Planned, options_of, reading
from whisper_magic.notebook.line.requests import RecordRequest
from whisper_magic.notebook.line.sources import Source
from whisper_magic.notebook.live.progress import Frame, LiveProgress
from whisper_magic.notebook.views.registry import in_notebook
from whisper_magic.notebook.widgets.recorder import Recorder
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Event, Finished, Segment, Transcript

if TYPE_CHECKING:
    from whisper_magic.engine.engine import Engine

EVERY = 1.5  # seconds of new sound between two transcriptions
WINDOW = 30.0  # seconds that one covers at most
SETTLED = 25.0  # seconds from which on its first segments are not transcribed again
PAGE_GONE = 20.0  # seconds without a chunk, after which the page is taken for gone
SOUND = (".flac", ".wav", ".ogg")


def record(request: RecordRequest, context: Context) -> MicrophoneRecording:
    """Show a recorder.

    Raises:
        UsageError: where no page can show it, or for options that make no sense.
    """
    if not in_notebook(context.shell):
        raise UsageError("%whisper record uses the microphone of a notebook page; use %whisper FILE for a file")
    options, saver = options_of(request.overrides, context.options), Saver(request.save)
    saver.check(several=False)
    recording = MicrophoneRecording(context.shell, options, saver)
    context.assign(request.output, recording)
    recording.begin()
    return recording


class MicrophoneRecording(Job):
    """A recording from the microphone. Shown in a notebook, it is the recorder, and in the end the transcript.

    `await recording` gives the transcript.
    """

    def __init__(self, shell: InteractiveShell, options: TranscribeOptions, saver: Saver) -> None:
        """Make one.

        Args:
            shell: where it is shown.
            options: how it is transcribed.
            saver: writes the transcript.
        """
        self._recorder = Recorder()
        self._options, self._saver = options, saver
        self._whole: Audio | None = None  # once it has ended
        super().__init__("microphone", shell, _LiveRecorder(self._recorder))
        self._frame, self._anchored = Frame("A recorder, where the notebook's kernel runs."), True

    def begin(self) -> None:
        """Load the models, and transcribe what comes, in a thread."""
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self.run, self._work), name="whisper-record", daemon=True).start()

    @property
    def audio(self) -> Audio:
        """The audio so far, 16 kHz mono.

        Raises:
            TranscriptError: where nothing was recorded yet.
        """
        if self._whole is None and not self._recorder.capture.seconds:
            raise TranscriptError("nothing was recorded")
        return self._recorder.capture.audio() if self._whole is None else self._whole

    @property
    def transcript(self) -> Transcript | None:
        """What was said; None before the end."""
        result = self._future.result() if self.state in ("done", "stopped") and self.done else None
        return result if isinstance(result, Transcript) else None

    def stop(self) -> None:
        """End the recording; once it has ended, end its transcription."""
        if self._recorder.capture.ended:
            super().stop()
        else:
            self._recorder.capture.end()

    def save(self, path: str | Path) -> Path:
        """Write the sound, or the transcript.

        Args:
            path: ending in .flac, .wav or .ogg for the sound; in a transcript's ending for the text.

        Raises:
            TranscriptError: for another ending, or where there is nothing to write yet.
        """
        path = Path(path).expanduser()
        if path.suffix.lower() in SOUND:
            audio = self.audio
            soundfile.write(path, audio.samples, audio.sample_rate)
            return path
        if path.suffix.lower() not in ENDINGS:
            raise TranscriptError(f"a recording is saved as {', '.join((*SOUND, *ENDINGS))}, got {path.name}")
        if self.transcript is None:
            raise TranscriptError("the recording is not transcribed yet")
        return self.transcript.save(path)

    def _work(self) -> Result:
        try:
            with LiveProgress(self, delay=0.0) as progress:
                self._follow(lambda: SESSION.using(None, progress.stage))
                self._whole = self.audio
                planned = Planned((Source(self._whole, self.name),), self._options, None)
                with reading(planned, self._saver, progress, self.on_event) as results:
                    results.engine.transcribe_many(planned.values, planned.options, on_event=results.on_event)
            results.report()
            return results.collected()
        finally:
            self._recorder.capture.forget()
            self._recorder.close()

    def _follow(self, using: Callable[[], AbstractContextManager[Engine]]) -> None:
        """Show the transcript so far, until the recording ends. using: the engine that is resident then."""
        capture, options = self._recorder.capture, self._options.override(mode="sequential", words=False)
        settled: tuple[Segment, ...] = ()
        begin = reached = 0.0
        with using():  # loaded before anything is said
            self._recorder.notify("")
        while True:
            while not capture.wait(reached + EVERY, EVERY):
                if capture.idle > PAGE_GONE:
                    capture.end()
            if capture.ended:
                return
            reached = min(capture.seconds, begin + WINDOW)
            with using() as engine:
                transcript = engine.transcribe(capture.audio(begin, reached), options)
            rest = transcript.segments
            if reached - begin > SETTLED:
                new, rest = (rest[:-1], rest[-1:]) if len(rest) > 1 else (rest, ())
                settled, begin = (*settled, *new), new[-1].end if new else reached
            self._recorder.notify("", settled, "".join(segment.text for segment in rest))


class _LiveRecorder:
    """A recorder as the view of a job: it is there from the beginning to the end."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.stopping = threading.Event()

    @property
    def anchor(self) -> str:
        return self._recorder.anchor

    def update(self, event: Event) -> None:
        if self.stopping.is_set() and not isinstance(event, Finished):
            raise KeyboardInterrupt

    def draw(self, frame: Frame) -> bool:
        self._recorder.notify(frame.line)
        return True

    def fail(self, problem: str) -> None:
        self._recorder.fail(problem)
