"""A made recording with its transcript, word by word and round by round, and an engine: for tests of the player."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.support import fake_engine
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Round, Segment, Trace, Transcript, Word

SECONDS = 20.0
TOKENS = {1: " one", 2: " two", 3: " three", 4: " four", 9: " five", 90: "<|0.00|>", 91: "<|4.00|>", 92: "<|9.00|>"}
FIRST = Segment(
    0.5,
    4.0,
    " one two",
    tokens=(90, 1, 2, 91),
    words=(Word(" one", 0.5, 1.5, 0.9), Word(" two", 2.0, 4.0, 0.3)),
)
SECOND = Segment(
    5.0,
    9.0,
    " three four",
    tokens=(91, 3, 4, 92),
    words=(Word(" three", 5.0, 6.0, 1.0), Word(" four", 6.5, 9.0, 1.0)),
)
ROUNDS = (
    Round(0, 4, (90, 1, 9), 2, 2, 0.001, 0.008, drafter="model"),
    Round(0, 7, (91, 91, 3, 4), 4, 92, 0.001, 0.008, drafter="ngram", drafter_label="n-gram drafter"),
)


def write(path: Path, length: float = SECONDS) -> Path:
    """A recording of so many seconds: a tone that swells and fades twice a second."""
    seconds = np.arange(int(length * 16_000)) / 16_000
    soundfile.write(path, 0.4 * np.sin(2 * np.pi * 220 * seconds) * np.abs(np.sin(2 * np.pi * seconds)), 16_000)
    return path


def transcript(
    source: str | Path, segments: tuple[Segment, ...] = (FIRST, SECOND), length: float = SECONDS
) -> Transcript:
    """What is said in it."""
    return replace(fake_engine.transcript(str(source), segments), trace=Trace(ROUNDS), duration=length)


class Engine(fake_engine.FakeEngine):
    """Reads a stretch as "Another reading." in German, and aligns words evenly.

    Attributes:
        aligned: (start, seconds, text) of each call of `align`.
        wait: until it is set, a transcription goes on; None for no wait.
    """

    def __init__(self) -> None:
        super().__init__(fake_engine)
        self.aligned: list[tuple[float, float, str]] = []
        self.wait: threading.Event | None = None

    def token_text(self, token: int) -> str:
        return TOKENS.get(token, "?")

    def log_mel(self, audio: Any) -> Any:
        """Of 80 frequencies up to 3.2 kHz, a column each 10 ms."""
        frames = np.lib.stride_tricks.sliding_window_view(np.pad(audio.samples, 200), 400)[:-1:160]
        power = np.abs(np.fft.rfft(frames * np.hanning(400), axis=1))[:, :80] ** 2
        return np.log10(np.maximum(power, 1e-10)).T.astype(np.float32) / 4

    def transcribe(self, source: Any, options: TranscribeOptions, *, on_event: Any) -> Transcript:
        self.calls.append((source, options))
        start, end = options.start or 0.0, options.end or SECONDS
        words = (Word(" Another", start, end, 0.5), Word(" reading.", end, end, 0.5)) if options.words else ()
        part = Segment(start, end, " Another reading.", words=words)
        while self.wait is not None and not self.wait.is_set():
            on_event(part)
            time.sleep(0.01)
        on_event(part)
        return replace(transcript(source, (part,)), options=options, language="de")

    def align(self, audio: Any, text: str, *, language: str | None) -> tuple[Word, ...]:
        self.aligned.append((audio.start, audio.duration, text))
        share = audio.duration / max(1, len(text.split()))
        begins = [audio.start + i * share for i in range(len(text.split()))]
        return tuple(Word(f" {word}", t, t + share, 1.0) for word, t in zip(text.split(), begins, strict=True))
