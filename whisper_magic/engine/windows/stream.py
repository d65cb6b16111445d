"""A recording as it is heard: its sound read on, its features made, and where voice is found in it, as far as asked.

Short recordings are heard whole before the first window is read, as in the reference. Long ones are heard two minutes
at a time, so that the first window does not wait and memory stays bounded; the features' dynamic range then hangs on
the loudest moment so far, instead of in all.
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
from whisper_magic.errors import AudioError
from whisper_magic.wording import one_line

WHOLE = 1200.0  # seconds: up to here a recording is heard whole
CHUNK = 120.0  # seconds of a longer one that are heard at a time
FOREVER = 1 << 60  # frames


@dataclass(frozen=True)
class Part:
    """Frames first..last of a recording, to be read. clip: which of the clips asked for it lies in."""

    first: int
    last: int
    clip: int = 0


class Ear(Protocol):
    """What a reader listens with."""

    def hear(self, frame: int) -> int:
        """Listen on until `frame`; how far there is something to hear: `frame`, or the end of the recording."""

    def features(self, first: int, last: int) -> torch.Tensor:
        """(n_mels, last - first) of frames that were heard."""

    def forget(self, before: int) -> None:
        """Frames before this one will not be asked for again."""


def heard_first(sound: AudioStream) -> int | None:
    """How many samples of a recording are heard before its first window; None: all of them."""
    if sound.expected is not None and sound.expected <= WHOLE:
        return None
    return round((WHOLE if sound.expected is None else CHUNK) * sound.sample_rate)


class Hearing:
    """The ear of one recording."""

    def __init__(self, sound: AudioStream, front: LogMel, pauses: Pauses | None = None) -> None:
        """pauses: voice is looked for, and parted there."""
        self.sound, self.front = sound, front
        self.seconds = self.features_seconds = 0.0  # wall time: of reading and decoding the sound; of the rest
        self.damage = ""  # why the recording could not be read to its end
        self.ended = False
        self._mels = LogMelStream(front)
        self._voice = Voice(front.sample_rate, pauses) if pauses else None
        self._voiced: deque[Stretch] = deque()
        self._voice_samples = 0
        self.fingerprint = b""  # tells this sound from others, by what was heard first
        self._listens = 0

    @property
    def voice_found_by(self) -> str | None:
        """What looks for voice, if anything does."""
        return self._voice.found_by if self._voice else None

    @property
    def voiced(self) -> float:
        """Share of what was heard so far in which voice was found, 0 to 1."""
        return self._voice_samples / max(1, self._mels.samples)

    def everything(self) -> None:
        """Forget about pauses: all of it is to be read."""
        self._voice = None
        self._voiced.clear()

    @property
    def in_parts(self) -> bool:
        """Whether the recording was too long to be heard whole."""
        return self._listens > 1 or not self.ended

    @property
    def heard(self) -> int:
        """Frames of the recording that were heard, padding left out."""
        return min(self._mels.ready, self.front.frames(self._mels.samples))

    @property
    def duration(self) -> float:
        """Seconds: of the recording, as far as is known."""
        read = self._mels.samples / self.front.sample_rate
        return read if self.ended else max(read, self.sound.expected or 0.0)

    def hear(self, frame: int) -> int:
        while not self.ended and self.heard < frame:
            self._listen()
        return min(frame, self.heard)

    def features(self, first: int, last: int) -> torch.Tensor:
        began = perf_counter()
        part = self._mels.part(first, last - first)
        self.features_seconds += perf_counter() - began
        return part

    def forget(self, before: int) -> None:
        self._mels.forget(before)

    def parts(self, clips: Sequence[Part] = ()) -> Iterator[Part]:
        """What is to be read, in order: everything, or where voice is; of that, what lies within `clips`."""
        whole = self._voiced_parts() if self._voice else iter([Part(0, FOREVER)])
        if not clips:
            yield from whole
            return
        left = list(clips)
        for part in whole:
            shared = (Part(max(part.first, c.first), min(part.last, c.last), c.clip) for c in left)
            yield from (one for one in shared if one.first < one.last)
            left = [clip for clip in left if clip.last > part.last]
            if not left:
                return

    def _voiced_parts(self) -> Iterator[Part]:
        hop = self.front.hop_length
        while True:
            if self._voiced:
                stretch = self._voiced.popleft()
                yield Part(stretch.start // hop, -(-stretch.end // hop))
            elif self.ended:
                return
            else:
                self._listen()

    def _listen(self) -> None:
        """Read the next chunk, and take it in."""
        began = perf_counter()
        count = round(CHUNK * self.sound.sample_rate) if self._listens else heard_first(self.sound)
        try:
            samples = self.sound.read(count)
            if not self._listens and count is not None and len(samples) < count and not self.sound.ended:
                self.sound.read()  # short and damaged: it says how
        except AudioError as error:
            if not self._mels.samples:
                raise
            self.damage, samples = one_line(error), np.zeros(0, np.float32)
        self.ended = self.sound.ended or bool(self.damage)
        self._listens += 1
        read = perf_counter()
        if not self.fingerprint:
            self.fingerprint = hashlib.blake2b(samples.data, digest_size=16).digest()
        self._mels.feed(samples, last=self.ended)
        if self._voice:
            found = self._voice.feed(samples, last=self.ended)
            self._voiced += found
            self._voice_samples += sum(stretch.end - stretch.start for stretch in found)
        self.seconds += read - began
        self.features_seconds += perf_counter() - read
