"""Previous transcripts of this kernel: the segments of each recording, by a digest of its samples.

Running a recording again with other settings, or with another target, is daily work in a notebook; the last transcript
is then a draft that is nearly free.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from whisper_magic.engine.model.checkpoint import SpecialTokens
from whisper_magic.transcript import Segment

CAPACITY = 256  # recordings; the oldest is dropped first


@dataclass(frozen=True)
class PreviousTranscript:
    """The segments of a recording, and the vocabulary that their token ids belong to."""

    segments: tuple[Segment, ...]
    vocabulary: SpecialTokens | None


class TranscriptHistory:
    """Thread-safe; holds text, never audio."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._transcripts: OrderedDict[bytes, PreviousTranscript] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> PreviousTranscript | None:
        """The last transcript under this key."""
        with self._lock:
            return self._transcripts.get(key)

    def put(self, key: bytes, transcript: PreviousTranscript) -> None:
        """Keep a transcript in place of the last one."""
        with self._lock:
            self._transcripts[key] = transcript
            self._transcripts.move_to_end(key)
            while len(self._transcripts) > self._capacity:
                self._transcripts.popitem(last=False)

    def clear(self) -> None:
        """Drop every transcript."""
        with self._lock:
            self._transcripts.clear()


def history_key(fingerprint: bytes, task: str) -> bytes:
    """The key of a recording and of what is done with it: a translation is no draft of a transcript."""
    return fingerprint + task.encode()


HISTORY = TranscriptHistory()  # one for the kernel, so that another engine finds it too
