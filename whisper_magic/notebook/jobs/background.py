"""`--background`: transcriptions that run in a thread, one after the other, while the kernel is free for other cells.

    job = %whisper talk.mp3 --background
    job                                   # its player: the words as they are accepted, a stop button
    transcript = await job

The engine serves one call at a time, so that several at once would gain nothing.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeAlias

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import DisplayHandle, display

from whisper_magic.errors import Interrupted, TranscriptError, WhisperMagicError
from whisper_magic.notebook.live.progress import Frame
from whisper_magic.notebook.live.surfaces import View, bundle_of
from whisper_magic.notebook.results import TranscriptList
from whisper_magic.notebook.views.registry import in_notebook
from whisper_magic.transcript import Event, Finished, Transcript

if TYPE_CHECKING:
    from whisper_magic.library.library import Library

Result: TypeAlias = "Transcript | TranscriptList | Library"


class Job:
    """A transcription in the background. In a notebook it is shown as its progress, and in the end as its result.

    `await job` gives the transcript, or the list of several; of a job that was stopped, what was written until then.

    Attributes:
        name: what is transcribed.
    """

    def __init__(self, name: str, shell: InteractiveShell, live: View | None = None) -> None:
        """Make one; `Queue.add` runs it.

        Args:
            name: what is transcribed.
            shell: where it is shown.
            live: the widget that shows it; None for its static output.
        """
        self.name = name
        self._shell, self._live = shell, live
        self._future: Future[Result] = Future()
        self._stopping = live.stopping if live is not None else threading.Event()
        self._handle: DisplayHandle | None = None
        self._frame = Frame("waiting for its turn", source=name)
        self._anchored = False  # whether the frame has the widget's anchor

    @property
    def state(self) -> str:
        """ "waiting", "running", "done", "stopped" or "failed"."""
        if self._future.cancelled():
            return "stopped"
        if not self._future.done():
            return "running" if self._future.running() else "waiting"
        if self._future.exception() is not None:
            return "failed"
        return "stopped" if self._stopping.is_set() and not _complete(self._future.result()) else "done"

    @property
    def done(self) -> bool:
        """Whether it has ended: done, stopped or failed."""
        return self._future.done()

    def stop(self) -> None:
        """End it at its next event, and keep what was written; one that waits for its turn never begins."""
        self._stopping.set()
        if self._future.cancel():
            self._show_frame(Frame("stopped before it began", source=self.name))

    def result(self, timeout: float | None = None) -> Result:
        """Wait for the end.

        Args:
            timeout: seconds; None waits as long as it takes.

        Returns:
            The transcript of one source; of several a list.

        Raises:
            WhisperMagicError: what made it fail, or that it was stopped before anything was written.
            TimeoutError: where it has not ended by then.
        """
        if self._future.cancelled():
            raise TranscriptError(f"{self.name} was stopped before it began")
        return self._future.result(timeout)

    def __await__(self) -> Generator[Any, None, Result]:
        """The result; Ctrl-C ends the wait, not the job."""
        if not self._future.done():
            try:
                yield from asyncio.shield(asyncio.wrap_future(self._future)).__await__()
            except asyncio.CancelledError:
                if not self._future.cancelled():  # the wait was, not the job
                    raise
        return self.result()

    def __repr__(self) -> str:
        return f"<Job {self.name}: {self.state}>"

    def _ipython_display_(self) -> None:
        if self.done and not self._future.cancelled() and self._future.exception() is None:
            display(self._future.result())
        elif not in_notebook(self._shell):
            print(repr(self))
        elif self._handle is None:
            self._handle = DisplayHandle()
            self._handle.display(bundle_of(self._frame, self._live), raw=True)
        else:  # one more view of it
            display(bundle_of(self._frame, self._live), raw=True, display_id=self._handle.display_id)

    # -- a surface of its progress -----------------------------------------------------------------------------------

    def draw(self, frame: Frame) -> None:
        """Show how far it is."""
        if not (self._anchored and self._live is not None and self._live.draw(frame)):
            self._show_frame(frame)

    def clear(self) -> None:
        """The result takes the place of the progress (`run`)."""

    def on_event(self, event: Event) -> None:
        """Take an event of the engine.

        Raises:
            KeyboardInterrupt: after `stop`: the engine takes it for Ctrl-C.
        """
        if self._live is not None:
            self._live.update(event)
        elif self._stopping.is_set() and not isinstance(event, Finished):
            raise KeyboardInterrupt

    # -- its run -----------------------------------------------------------------------------------------------------

    def run(self, work: Callable[[], Result]) -> None:
        """Do the work, unless it was stopped by now."""
        if not self._future.set_running_or_notify_cancel():
            return
        try:
            result = work()
        except WhisperMagicError as error:
            self._fail(error)
        except (KeyboardInterrupt, Interrupted):
            self._fail(TranscriptError(f"{self.name} was stopped before anything was written"))
        except Exception as error:  # an internal error: whoever awaits the job must get an answer
            self._fail(error)
            raise
        else:
            if self._handle is not None:
                self._handle.update(result)
            self._future.set_result(result)

    def _fail(self, error: Exception) -> None:
        if self._live is not None:
            self._live.fail(str(error))
        self._show_frame(Frame(f"{type(error).__name__}: {error}", source=self.name))
        self._future.set_exception(error)

    def _show_frame(self, frame: Frame) -> None:
        self._frame = frame
        self._anchored = self._live is not None and self._live.anchor is not None
        if self._handle is not None:
            self._handle.update(bundle_of(frame, self._live), raw=True)


def _complete(result: Result) -> bool:
    if isinstance(result, Transcript | TranscriptList):
        return all(transcript.complete for transcript in ([result] if isinstance(result, Transcript) else result))
    return True  # what a library keeps is whole


class Queue:
    """Runs jobs in a thread, in the order in which they were added.

    Attributes:
        current: the job that runs, or None.
    """

    def __init__(self) -> None:
        self.current: Job | None = None
        self._waiting: queue.SimpleQueue[tuple[Job, Callable[[], Result], contextvars.Context]]
        self._waiting = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def add(self, job: Job, work: Callable[[], Result]) -> None:
        """Run a job as soon as those before it have ended.

        What it prints goes to the cell that runs now.
        """
        self._waiting.put((job, work, contextvars.copy_context()))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="whisper-jobs", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop the job that runs, and those that wait."""
        jobs = [self.current] if self.current is not None else []
        while True:
            try:
                jobs.append(self._waiting.get_nowait()[0])
            except queue.Empty:
                break
        for job in jobs:
            job.stop()

    def _run(self) -> None:
        while True:
            self.current, work, context = self._waiting.get()
            try:
                context.run(self.current.run, work)
            except Exception:
                context.run(self.current._shell.showtraceback)
            finally:
                self.current = None


JOBS = Queue()
