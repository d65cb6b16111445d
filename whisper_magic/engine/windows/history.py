"""What this kernel has heard before: the segments of each sound, by its samples.

Running a recording again with other settings, or with another target, is a notebook's daily case; the transcript of
last time is then a draft that is nearly free.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from whisper_magic.engine.model.checkpoint import SpecialTokens
from whisper_magic.transcript import Segment

CAPACITY = 256  # sounds; the oldest is forgotten first


@dataclass(frozen=True)
class Heard:
    """What was written of a sound, and the vocabulary that its token ids belong to."""

    segments: tuple[Segment, ...]
    vocabulary: SpecialTokens | None


class Memory:
    """Thread-safe; holds text, never sound."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._heard: OrderedDict[bytes, Heard] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, key: bytes) -> Heard | None:
        """What was written of this sound last time."""
        with self._lock:
            return self._heard.get(key)

    def keep(self, key: bytes, heard: Heard) -> None:
        with self._lock:
            self._heard[key] = heard
            self._heard.move_to_end(key)
            while len(self._heard) > self._capacity:
                self._heard.popitem(last=False)

    def forget(self) -> None:
        """Forget everything."""
        with self._lock:
            self._heard.clear()


def fingerprint(sound: bytes, task: str) -> bytes:
    """The key of a sound, by its digest, and of what is done with it: a translation is no draft of a transcript."""
    return sound + task.encode()


MEMORY = Memory()  # one for the kernel, so that another engine finds it too
