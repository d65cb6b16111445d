"""A recording's features on demand: its audio is read, its log-mel computed, and voice detected in it, as far as asked.

Short recordings are read whole before the first window, as in the reference. Long ones are read two minutes at a time,
so that the first window does not wait and memory stays bounded; the features' dynamic range then depends on the loudest
moment so far, instead of in all.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import numpy as np
import torch

from whisper_magic.audio.features import LogMel, LogMelStream
from whisper_magic.audio.load import AudioStream
from whisper_magic.audio.vad import Pauses, Stretch, Voice
from whisper_magic.engine.windows.sound_reader import SoundReader

MIN_GAP = 2.0  # seconds without voice from which on they are reported
LEVEL_FRAMES = 10  # feature frames of which one peak is kept
ALL_FRAMES = 1 << 60


@dataclass(frozen=True)
class Part:
    """Frames first..last of a recording. clip: index of the clip that it lies in."""

    first: int
    last: int
    clip: int = 0


class FeatureSource(Protocol):
    """Where a reader takes its features from."""

    @property
    def num_content_frames(self) -> int:
        """Frames of the recording that were read, without the padding of a short one."""

    def read_until(self, frame: int) -> int:
        """Read on until `frame`. Returns how far there are features: `frame`, or the end of the recording.

        A recording shorter than a window ends where the window does: it is padded with silence before its features are
        computed, as `WhisperFeatureExtractor` does.
        """

    def features(self, first: int, last: int) -> torch.Tensor:
        """(n_mels, last - first) features of frames that were read."""

    def forget(self, before: int) -> None:
        """Free the frames before this one."""

    def peak(self, part: Part) -> float:
        """The largest sample within a part that was read, by its absolute value."""

    def voiced_seconds(self, part: Part) -> float | None:
        """How long voice was detected within a part that was read; None where it is not looked for."""


class FeatureStream:
    """The features of one recording.

    Attributes:
        read_seconds: Wall seconds of reading and decoding the audio.
        features_seconds: Wall seconds of features and voice detection.
        damage: Why the recording could not be read to its end; "" where it could.
        ended: Whether all of it was read.
        fingerprint: Digest of what was read first, which identifies the recording.
        gaps: What `parts` has left out so far, because no voice was detected in it.
    """

    def __init__(
        self,
        stream: AudioStream,
        front_end: LogMel,
        pauses: Pauses | None = None,
        detect_voice: bool = False,
        sound: SoundReader | None = None,
    ) -> None:
        """Begin to read.

        Args:
            stream: The audio.
            front_end: Computes the features.
            pauses: Detect voice, and part the recording where there is none; None reads everything.
            detect_voice: Detect voice in any case, for `voiced_seconds`.
            sound: Reads the audio; None makes one.
        """
        self._sound = sound or SoundReader(stream)
        if detect_voice := detect_voice or pauses is not None:
            self._sound.detect_voice()
        self.stream, self.front_end = stream, front_end
        self.read_seconds = self.features_seconds = 0.0
        self.damage = ""
        self.ended = False
        self.fingerprint = b""
        self._mels = LogMelStream(front_end)
        self._voice = Voice(front_end.sample_rate, pauses, self._sound.detector) if detect_voice else None
        self._parted = pauses is not None
        self._voiced: deque[Stretch] = deque()
        self._voiced_samples = 0
        self._num_reads = 0
        self._peaks = Peaks(LEVEL_FRAMES * front_end.hop_length)
        self.gaps: list[Part] = []

    @property
    def detector(self) -> str | None:
        """Name of what finds the pauses; None where everything is read."""
        return self._voice.found_by if self._voice and self._parted else None

    @property
    def voiced_share(self) -> float:
        """Share of what was read so far in which voice was detected, 0 to 1."""
        return self._voiced_samples / max(1, self._mels.samples)

    def ignore_pauses(self) -> None:
        """Read everything, wherever voice was detected."""
        self._parted = False
        self._voiced.clear()

    @property
    def in_parts(self) -> bool:
        """Whether the recording was too long to be read whole."""
        return self._num_reads > 1 or not self.ended

    @property
    def num_content_frames(self) -> int:
        return min(self._mels.ready, self.front_end.frames(self._mels.samples))

    @property
    def num_frames(self) -> int:
        """Frames that were read, with the padding of a recording shorter than a window; 0 where it fills no frame."""
        return self._mels.ready if self.num_content_frames else 0

    @property
    def duration(self) -> float:
        """Seconds of the recording, as far as is known."""
        read = self._mels.samples / self.front_end.sample_rate
        return read if self.ended else max(read, self.stream.expected or 0.0)

    def read_until(self, frame: int) -> int:
        while not self.ended and self.num_frames < frame:
            self._read_chunk()
        return min(frame, self.num_frames)

    def features(self, first: int, last: int) -> torch.Tensor:
        began = perf_counter()
        part = self._mels.part(first, last - first)
        self.features_seconds += perf_counter() - began
        return part

    def forget(self, before: int) -> None:
        self._mels.forget(before)

    def parts(self, clips: Sequence[Part] = ()) -> Iterator[Part]:
        """What is to be read, in order: everything, or where voice is; of that, what lies within `clips`."""
        whole = self._voiced_parts() if self._parted else iter([Part(0, ALL_FRAMES)])
        asked, at = list(clips) or [Part(0, ALL_FRAMES)], 0
        for part in whole:
            self._note_gap(at, part.first, asked)
            at = part.last
            shared = (Part(max(part.first, c.first), min(part.last, c.last), c.clip) for c in asked)
            yield from (clipped for clipped in shared if clipped.first < clipped.last)
            asked = [clip for clip in asked if clip.last > part.last]
            if not asked:
                return
        self._note_gap(at, self.num_content_frames, asked)

    def _note_gap(self, first: int, last: int, asked: Sequence[Part]) -> None:
        """Keep the parts of frames first..last that were asked for, and are long enough."""
        shared = (Part(max(first, c.first), min(last, c.last), c.clip) for c in asked)
        self.gaps += [gap for gap in shared if (gap.last - gap.first) * self.front_end.frame_seconds >= MIN_GAP]

    def peak(self, part: Part) -> float:
        return self._peaks.within(part.first * self.front_end.hop_length, part.last * self.front_end.hop_length)

    def voiced_seconds(self, part: Part) -> float | None:
        seconds = self.front_end.frame_seconds
        return self._voice.seconds(part.first * seconds, part.last * seconds) if self._voice else None

    def _voiced_parts(self) -> Iterator[Part]:
        hop = self.front_end.hop_length
        while True:
            if self._voiced:
                stretch = self._voiced.popleft()
                yield Part(stretch.start // hop, -(-stretch.end // hop))
            elif self.ended:
                return
            else:
                self._read_chunk()

    def _read_chunk(self) -> None:
        began = perf_counter()
        chunk = self._sound.read()
        self.damage, self.ended = chunk.damage, chunk.last
        self._num_reads += 1
        read = perf_counter()
        if not self.fingerprint:
            self.fingerprint = hashlib.blake2b(chunk.samples.data, digest_size=16).digest()
        self._mels.feed(chunk.samples, last=chunk.last)
        self._peaks.feed(chunk.samples)
        if self._voice:
            assert chunk.speech is not None
            stretches = self._voice.take(chunk.speech, len(chunk.samples), chunk.last)
            self._voiced += stretches if self._parted else []
            self._voiced_samples += sum(stretch.end - stretch.start for stretch in stretches)
        detecting = min(chunk.detect_seconds, read - began)  # less where it was done ahead
        self.read_seconds += read - began - detecting
        self.features_seconds += perf_counter() - read + detecting


class Peaks:
    """The largest absolute sample of every `size` samples of a recording, as they come."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._peaks: list[np.ndarray] = []
        self._rest = np.zeros(0, np.float32)

    def feed(self, samples: np.ndarray) -> None:
        """(n,) more samples."""
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // self._size * self._size
        self._peaks.append(np.abs(samples[:whole]).reshape(-1, self._size).max(axis=1, initial=0.0))
        self._rest = samples[whole:]

    def within(self, first: int, last: int) -> float:
        """The largest absolute sample around samples first..last."""
        peaks = np.concatenate([*self._peaks, np.abs(self._rest[:, None]).max(axis=0, initial=0.0)])
        self._peaks = [peaks[:-1]]
        return float(peaks[first // self._size : -(-last // self._size)].max(initial=0.0))
