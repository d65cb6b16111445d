"""A recording's sound, chunk by chunk, with the probability of speech in it; another thread reads it for a GPU.

Decoding the audio and detecting voice take a processor longer than the windows of the same sound take a GPU. What is
computed here does not depend on which thread does it, and needs no GPU.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import numpy.typing as npt

from whisper_magic.audio.load import AudioStream
from whisper_magic.audio.vad import Amplified, Probabilities
from whisper_magic.errors import AudioError
from whisper_magic.wording import one_line

WHOLE_SECONDS = 1200.0  # up to here a recording is read whole
CHUNK_SECONDS = 120.0  # of a longer one, read at a time

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Chunk:
    """Part of a recording.

    Attributes:
        samples: (n,) float32.
        speech: Probabilities of the frames that they complete; None where voice is not looked for.
        last: Whether there are no more.
        damage: Why the recording could not be read further; "" where it could.
        detect_seconds: Wall seconds that finding `speech` took.
    """

    samples: Samples
    speech: Probabilities | None
    last: bool
    damage: str
    detect_seconds: float


class SoundReader:
    """Reads one recording.

    Attributes:
        stream: Its audio.
        detector: Of voice; None where it is not looked for (yet).
    """

    def __init__(self, stream: AudioStream, detect_voice: bool = False, pool: Executor | None = None) -> None:
        """pool: Reads each chunk while the one before it is used; None reads it when it is asked for."""
        self.stream = stream
        self.detector = Amplified(stream.sample_rate) if detect_voice else None
        self._pool = pool
        self._coming: Future[Chunk] | None = None
        self._num_reads = self._num_samples = 0

    def read_ahead(self) -> None:
        """Let the pool read the next chunk."""
        if self._pool is not None and self._coming is None:
            with suppress(RuntimeError):  # it was shut down: nobody will ask for the chunk
                self._coming = self._pool.submit(self.load)

    def detect_voice(self) -> None:
        """Look for voice, from the beginning."""
        if self.detector is None:
            assert not self._num_reads, "too late: a part was read without"
            self.detector = Amplified(self.stream.sample_rate)

    def read(self) -> Chunk:
        """The next chunk.

        Raises:
            AudioError: There is none at all; later it is `Chunk.damage`.
        """
        chunk = self.load() if self._coming is None else self._coming.result()
        self._coming = None  # not before: where the wait is interrupted, the audio is still being read
        if not chunk.last:
            self.read_ahead()
        return chunk

    def load(self) -> Chunk:
        """Read the next chunk here and now, whatever is read ahead; errors as of `read`."""
        samples, damage = self._samples()
        last = self.stream.ended or bool(damage)
        self._num_reads += 1
        self._num_samples += len(samples)
        began = perf_counter()
        speech = None if self.detector is None else self.detector.feed(samples, last)
        return Chunk(samples, speech, last, damage, perf_counter() - began)

    def close(self) -> None:
        """Close the audio, as soon as nobody reads it."""
        if self._coming is None or self._coming.cancel():
            self.stream.close()
        else:
            self._coming.add_done_callback(lambda done: self.stream.close())
        self._coming = None

    def _samples(self) -> tuple[Samples, str]:
        """The next chunk; nothing, with the reason, where the rest cannot be read."""
        stream = self.stream
        long = stream.expected is not None and stream.expected > WHOLE_SECONDS  # a header may state too little
        seconds = CHUNK_SECONDS if self._num_reads or long else WHOLE_SECONDS
        count = round(seconds * stream.sample_rate)
        try:
            samples = stream.read(count)
            if not self._num_reads and len(samples) < count and not stream.ended:
                stream.read()  # short and damaged: it says how
        except AudioError as error:
            if not self._num_samples:
                raise
            return np.zeros(0, np.float32), one_line(error)
        return samples, ""
