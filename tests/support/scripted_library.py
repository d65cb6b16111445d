"""A scripted engine for a library's tests: it writes what a recording's length and name say, event by event.

`python -m tests.support.scripted_library FILE FOLDER [SECONDS]` transcribes a folder into a library, SECONDS for each
recording, and says when the first is kept.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from whisper_magic.audio.load import load
from whisper_magic.errors import AudioError, Interrupted, SomeFailed
from whisper_magic.library.library import Library
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Finished, Models, Round, Segment, Started, Timing, Trace, Transcript, Word

ANIMALS = ("newt", "ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "owl")  # normalizers join numbers


@dataclass(frozen=True)
class Status:
    target: str = "demo"
    draft: str | None = "demo-draft"
    dtype: str = "float32"


@dataclass
class ScriptedEngine:
    """Reads each source when it is asked for, as the scheduler does; says how many samples it has, an animal a digit.

    Attributes:
        says: A source's sound -> what is said in it, where it is not that.
        damaged: Sources, by number, whose transcripts end early.
        stop_at: The source, by number, in which Ctrl-C comes.
        batch: Windows that are decoded together, as the rounds have it.
        pause: Seconds that a recording takes.
        read: The sounds that were transcribed, in order.
    """

    status: Status = field(default_factory=Status)
    says: Callable[[Any], str] | None = None
    damaged: tuple[int, ...] = ()
    stop_at: int | None = None
    batch: int = 1
    pause: float = 0.0
    read: list[Any] = field(default_factory=list)

    def transcribe_many(
        self, sources: Any, options: TranscribeOptions, *, on_event: Callable[[int, Any], None]
    ) -> list[Transcript]:
        made: list[Transcript | None] = []
        errors: dict[int, AudioError] = {}
        for index, source in enumerate(sources):
            try:
                audio = load(source)
            except AudioError as error:
                errors[index] = error
                made.append(None)
                continue
            self.read.append(audio)
            for event in self._events(index, audio, options, len(made)):
                on_event(index, event)
            made.append(event.transcript)
            if index == self.stop_at:
                raise Interrupted("stopped", made)
        if errors:
            raise SomeFailed(made, errors)
        return [one for one in made if one is not None]

    def _events(self, index: int, audio: Any, options: TranscribeOptions, place: int) -> Iterator[Any]:
        text = self.says(audio) if self.says is not None else " ".join(ANIMALS[int(d)] for d in str(len(audio.samples)))
        whole = index not in self.damaged and index != self.stop_at
        rounds = (Round(0, 4, (7, 8, 9), 2, 10, 0.001, 0.002, drafter="model", batch=self.batch),)
        yield Started(audio.source, audio.duration)
        yield rounds[0]
        segment = spoken(text, audio.start, audio.start + audio.duration)
        yield segment
        time.sleep(self.pause)
        yield Finished(
            Transcript(
                (segment,),
                "en",
                "transcribe",
                audio.duration,
                audio.source,
                options,
                Trace(rounds),
                Timing(verify=0.1, total=0.2, audio=audio.duration),
                Models(self.status.target, self.status.draft),
                complete=whole,
            ),
            place,
        )


def spoken(text: str, start: float, end: float, **others: Any) -> Segment:
    """A segment whose words are spread evenly over its time."""
    texts = [f" {word}" for word in text.split()]
    share = (end - start) / max(1, len(texts))
    words = tuple(
        Word(word, round(start + i * share, 3), round(start + (i + 1) * share, 3), 0.9) for i, word in enumerate(texts)
    )
    return Segment(start, end, "".join(texts), words=words, avg_logprob=-0.5, **others)


def saying(*texts: str, language: str = "en", source: str = "talk.wav", **others: Any) -> Transcript:
    """A transcript with a segment of two seconds for each text."""
    segments = tuple(spoken(text, 2.0 * place, 2.0 * place + 2.0) for place, text in enumerate(texts))
    return Transcript(segments, language, "transcribe", 2.0 * len(texts), source, **others)


def write_clips(folder: Path, count: int, ending: str = "wav") -> list[Path]:
    """Recordings of noise, each 1 ms longer than the one before, from 100 ms on; clip0, clip1, ..."""
    dice = np.random.default_rng(7)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"clip{number}.{ending}" for number in range(count)]
    for number, path in enumerate(paths):
        soundfile.write(path, dice.uniform(-0.5, 0.5, 1_600 + 16 * number), 16_000)
    return paths


class _Announced:
    """Writes a line as soon as the first transcript is kept."""

    def __init__(self) -> None:
        self._done = False

    def __call__(self, index: int, event: Any) -> None:
        if isinstance(event, Finished) and not self._done:
            self._done = True
            print("kept", flush=True)


if __name__ == "__main__":
    with Library(sys.argv[1]) as library:
        engine: Any = ScriptedEngine(pause=float(sys.argv[3]) if len(sys.argv) > 3 else 0.0)
        report = library.transcribe(engine, sys.argv[2], words=True, on_event=_Announced())
    print(report.written, report.known, report.elsewhere, len(report.failures))
