"""A recording for the page: its file where a browser plays it, its peaks, and an encoding of it."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import soundfile

from whisper_magic.audio.encode import BLOCK, CODINGS, encoded
from whisper_magic.audio.excerpt import Excerpt
from whisper_magic.audio.fetch import fetch
from whisper_magic.audio.load import Audio, load
from whisper_magic.audio.peaks import WaveformPeaks, fill
from whisper_magic.audio.playable import playable
from whisper_magic.audio.sound import SAMPLE_RATE
from whisper_magic.errors import AudioError, AudioInvalid
from whisper_magic.notebook.widgets.messages import Answer

if TYPE_CHECKING:
    from whisper_magic.engine.engine import Engine

CHUNK = 768 * 1024  # bytes of sound in a message: servers limit what passes at once
MAX_MEL_SECONDS = 120.0  # seconds
MEL_RANGE = 2.0  # of features: eight powers of ten, a quarter each (openai/whisper `audio.py`)
MAX_COLUMNS = 2_000  # of a spectrogram: as many as a wide page has pixels
MAX_CLIP_SECONDS = 300.0  # seconds: at most 10 MB, which is what a comm carries in one message
PATIENCE = 0.25  # seconds that a request for sound waits for the encoder


class SoundSource:
    """One recording. Peaks and encoding are made once, each by a thread of its own, when they are first asked for."""

    def __init__(self, excerpt: Excerpt) -> None:
        self.excerpt = excerpt
        self._peaks: WaveformPeaks | None = None
        self._encoded: _Growing | None = None
        self._fetching = threading.Lock()
        self._fetched: IO[bytes] | None = None

    @cached_property
    def described(self) -> dict[str, Any]:
        """For the page (`Sound` there)."""
        path = self._path()
        plain = self.excerpt.channel == "mix" and self.excerpt.stream is None
        mime = playable(path) if path is not None and plain else None
        return {
            "path": str(path) if path is not None else None,
            "home": str(Path.home()),
            "size": path.stat().st_size if path is not None else 0,
            "mime": mime,
        }

    @property
    def duration(self) -> float | None:
        """Seconds, as the container says; None where it does not."""
        opened = self.local().opened(SAMPLE_RATE)
        expected = opened.expected
        opened.close()
        return expected

    def local(self) -> Excerpt:
        """The recording where it can be read again and again: of an address a copy on the disk, fetched once.

        Raises:
            AudioError: where it cannot be fetched.
        """
        source = self.excerpt.source
        if not isinstance(source, str) or "://" not in source:
            return self.excerpt
        with self._fetching:
            if self._fetched is None:
                copy = tempfile.NamedTemporaryFile(prefix="whisper-")  # noqa: SIM115 (deleted with this object)
                with fetch(source) as file:
                    shutil.copyfileobj(file, copy)
                copy.flush()
                self._fetched = copy
        return replace(self.excerpt, source=self._fetched.name)

    def peaks(self, level: int, start: int, count: int) -> Answer:
        """A part of the waveform, as far as it is read."""
        if self._peaks is None:
            self._peaks = WaveformPeaks()
            threading.Thread(target=self._fill, args=(self._peaks,), name="whisper-peaks", daemon=True).start()
        window = self._peaks.window(level, start, count)
        complete = self._peaks.complete or len(window) == 2 * count
        return Answer({"complete": complete, "count": len(window) // 2}, [window])

    def _fill(self, peaks: WaveformPeaks) -> None:
        """Where the sound breaks off, so do its peaks."""
        with suppress(AudioError):
            for _ in fill(peaks, self.local()):
                pass
        peaks.finish()

    def mel(self, start: float, end: float, engine: Engine) -> Answer:
        """What the model sees of a stretch: its log-mel features, a byte each, column by column.

        Args:
            start: seconds.
            end: seconds.
            engine: whose target's features they are.

        Raises:
            AudioError: where the sound cannot be read, or the stretch is too long.
        """
        if not 0 < end - start <= MAX_MEL_SECONDS:
            raise AudioInvalid(f"the spectrogram shows up to {MAX_MEL_SECONDS:g} s at a time")
        features = engine.log_mel(self.audio(start, end))
        return Answer({"bins": len(features)}, [_columns(features).T.tobytes()])

    def encoded(self, offset: int) -> Answer:
        """The next bytes of the encoding; perhaps none yet.

        Raises:
            AudioError: where the sound cannot be read.
        """
        if self._encoded is None:
            self._encoded = _Growing(self._encode())
        part, done = self._encoded.read(offset, CHUNK, PATIENCE)
        seconds = self._encoded.steps * BLOCK
        return Answer({"mime": CODINGS["opus"].mime, "done": done, "seconds": seconds}, [part])

    def _encode(self) -> Iterator[bytes]:
        yield from encoded(self.local())

    @property
    def source(self) -> Any:
        """What `Engine.transcribe` takes."""
        local = self.local()
        return local.source if local.rate is None else (local.source, local.rate)

    def audio(self, start: float, end: float) -> Audio:
        """A stretch."""
        return load(self.source, channel=self.excerpt.channel, start=start, end=end, stream=self.excerpt.stream)

    def clip(self, start: float, end: float) -> bytes:
        """A stretch as a FLAC file.

        Raises:
            AudioError: where it cannot be read, is empty, or is longer than a message carries.
        """
        if end - start > MAX_CLIP_SECONDS:
            raise AudioInvalid(
                f"{end - start:.0f} s are too long to be sent in one piece: mark {MAX_CLIP_SECONDS:g} s at most"
            )
        audio, file = self.audio(start, end), io.BytesIO()
        soundfile.write(file, audio.samples, audio.sample_rate, format="FLAC", subtype="PCM_16")
        return file.getvalue()

    def _path(self) -> Path | None:
        source = self.excerpt.source
        if not isinstance(source, str | os.PathLike) or "://" in os.fspath(source):
            return None
        path = Path(source).expanduser().resolve()
        return path if path.is_file() else None


def _columns(features: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """(bins, frames) log-mel -> (bins, columns): the loudest frame of each, over the range that Whisper keeps."""
    together = -(-features.shape[1] // MAX_COLUMNS)
    missing = -features.shape[1] % together
    padded = np.pad(features, ((0, 0), (0, missing)), mode="edge")
    loudest = padded.reshape(len(features), -1, together).max(axis=2)
    columns: npt.NDArray[np.uint8] = np.rint(255 * np.clip((loudest - features.max()) / MEL_RANGE + 1, 0, 1)).astype(
        "u1"
    )
    return columns


class _Growing:
    """Bytes that a thread goes on making while others read them."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self.steps = 0  # parts by now
        self._content = bytearray()
        self._error: AudioError | None = None
        self._done = False
        self._grown = threading.Condition()
        threading.Thread(target=self._run, name="whisper-encoder", daemon=True).start()

    def read(self, offset: int, count: int, patience: float) -> tuple[bytes, bool]:
        """Bytes from `offset` on, and whether they are the last ones; waits up to `patience` seconds for some."""
        with self._grown:
            self._grown.wait_for(lambda: self._done or len(self._content) >= offset + count, patience)
            if self._error is not None:
                raise self._error
            part = bytes(self._content[offset : offset + count])
            return part, self._done and offset + len(part) >= len(self._content)

    def _run(self) -> None:
        try:
            for part in self._parts:
                with self._grown:
                    self.steps += 1
                    self._content += part
                    self._grown.notify_all()
        except AudioError as error:
            self._error = error
        with self._grown:
            self._done = True
            self._grown.notify_all()
