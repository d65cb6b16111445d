"""Audio that is still being recorded: encoded bytes arrive in pieces, and what is decoded so far can be read.

A browser's MediaRecorder writes WebM or fragmented MP4: one stream, cut anywhere.
"""

from __future__ import annotations

import threading
import time

import av
import numpy as np

from whisper_magic.audio.samples import Samples
from whisper_magic.audio.sound import SAMPLE_RATE, Audio
from whisper_magic.errors import AudioInvalid, AudioUnreadable
from whisper_magic.wording import one_line

MAX_SECONDS = 4 * 3600  # seconds: 0.9 GB of samples
PROBED = {"probesize": "32", "analyzeduration": "0"}  # the header is enough; to look further is to wait for it


class Capture:
    """A growing recording: one thread adds bytes, another decodes them, and any thread can read samples.

    Attributes:
        name: for messages, and of the `Audio`.
    """

    def __init__(self, name: str = "microphone") -> None:
        """Begin to decode.

        Args:
            name: what it is called.
        """
        self.name = name
        self._incoming = _Incoming()
        self._samples: Samples = np.zeros(30 * SAMPLE_RATE, np.float32)  # room that doubles
        self._length = 0
        self._ended = False
        self._failure: AudioUnreadable | AudioInvalid | None = None
        self._grown = threading.Condition()
        threading.Thread(target=self._run, name="whisper-capture", daemon=True).start()

    @property
    def seconds(self) -> float:
        """Seconds decoded so far."""
        return self._length / SAMPLE_RATE

    @property
    def ended(self) -> bool:
        """Whether all of it is decoded."""
        return self._ended

    def add(self, piece: bytes) -> None:
        """Take the next bytes."""
        self._incoming.add(piece)

    def end(self) -> None:
        """Declare that no more bytes will come."""
        self._incoming.end()

    @property
    def idle(self) -> float:
        """Seconds since the last bytes came; 0 before the first."""
        return 0.0 if self._incoming.latest is None else time.monotonic() - self._incoming.latest

    def forget(self) -> None:
        """Free the samples."""
        with self._grown:
            self._samples, self._length = self._samples[:0].copy(), 0

    def wait(self, seconds: float, timeout: float | None = None) -> bool:
        """Wait until that much is decoded, or all of it.

        Returns:
            False where neither was so within `timeout` seconds.
        """
        with self._grown:
            return self._grown.wait_for(lambda: self._ended or self.seconds >= seconds, timeout)

    def audio(self, start: float = 0.0, end: float | None = None) -> Audio:
        """A part, 16 kHz mono.

        Args:
            start: seconds.
            end: seconds; None is what is decoded by now.

        Raises:
            AudioUnreadable: where nothing can be decoded.
            AudioInvalid: where it became longer than can be kept.
        """
        with self._grown:
            if self._failure is not None and not self._length:
                raise self._failure
            last = self._length if end is None else min(self._length, round(end * SAMPLE_RATE))
            first = min(last, round(start * SAMPLE_RATE))
            return Audio(self._samples[first:last].copy(), SAMPLE_RATE, self.name, "mix", first / SAMPLE_RATE)

    def _run(self) -> None:
        try:
            self._decode()
        except (av.FFmpegError, IndexError, ValueError) as error:  # the last two: no audio stream, a changed layout
            self._failure = AudioUnreadable(f"{self.name} cannot be decoded: {one_line(error)}")
        except AudioInvalid as error:
            self._failure = error
        finally:
            self._incoming.end()
            with self._grown:
                self._ended = True
                self._grown.notify_all()

    def _decode(self) -> None:
        with av.open(self._incoming, "r", options=PROBED) as container:
            resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
            for frame in container.decode(audio=0):
                for resampled in resampler.resample(frame):
                    self._append(resampled.to_ndarray()[0])
            for resampled in resampler.resample(None):
                self._append(resampled.to_ndarray()[0])

    def _append(self, samples: Samples) -> None:
        with self._grown:
            reached = self._length + len(samples)
            if reached > MAX_SECONDS * SAMPLE_RATE:
                raise AudioInvalid(f"{self.name}: a recording lasts at most {MAX_SECONDS // 3600} hours")
            if reached > len(self._samples):
                self._samples = np.concatenate([self._samples, np.zeros_like(self._samples)])
            self._samples[self._length : reached] = samples
            self._length = reached
            self._grown.notify_all()


class _Incoming:
    """A file that waits for the bytes that are not there yet."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ended = False
        self._grown = threading.Condition()
        self.latest: float | None = None  # when bytes came last

    def add(self, piece: bytes) -> None:
        with self._grown:
            self.latest = time.monotonic()
            if not self._ended:
                self._bytes += piece
            self._grown.notify_all()

    def end(self) -> None:
        with self._grown:
            self._ended = True
            self._grown.notify_all()

    def read(self, count: int) -> bytes:
        with self._grown:
            self._grown.wait_for(lambda: self._bytes or self._ended)
            part = bytes(self._bytes[:count])
            del self._bytes[:count]
            return part
