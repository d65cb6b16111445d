"""RIFF WAVE headers: how much audio the header declares, and whether the file holds more. Bytes only; no decoding.

Programs that write to a pipe, or that were stopped, leave sizes that are zero, huge or too small.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

STREAMED = 0x7FFFF000  # bytes; a size from here on stands for "unknown"
SLACK = 0.5  # seconds by which a size may be wrong
CHUNKS = 1000  # chunks looked at before the sound


@dataclass(frozen=True)
class Data:
    """The data chunk.

    Attributes:
        claimed: Seconds of sound by the header; None where the header does not know.
        present: Seconds of sound up to the end of the file.
        goes_on: Whether sound, and no other chunk, follows the claimed end.
    """

    claimed: float | None
    present: float
    goes_on: bool


def data(file: BinaryIO, size: int) -> Data | None:
    """Read the header of a WAV file.

    Args:
        file: Seekable; its position changes.
        size: Bytes of the file.

    Returns:
        What it claims of its sound; None where this is not WAV, or no sound is found.
    """
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return None
    at, byte_rate = 12, 0
    for _ in range(CHUNKS):
        file.seek(at)
        chunk = file.read(24)
        if len(chunk) < 8:
            return None
        kind, length = struct.unpack("<4sI", chunk[:8])
        at += 8
        if kind == b"fmt " and len(chunk) >= 20:
            byte_rate = struct.unpack("<I", chunk[16:20])[0]
        if kind == b"data":
            return _data(file, at, length, byte_rate, size) if byte_rate else None
        at += length + length % 2
    return None


def _data(file: BinaryIO, begin: int, length: int, byte_rate: int, size: int) -> Data:
    known = 0 < length < STREAMED
    end = begin + length
    left = size - end
    goes_on = known and left > SLACK * byte_rate and not _is_chunk(file, end + length % 2, size)
    return Data(length / byte_rate if known else None, (size - begin) / byte_rate, goes_on)


def _is_chunk(file: BinaryIO, at: int, size: int) -> bool:
    """Whether a chunk begins there: a name of four letters, and a length that fits into the file."""
    file.seek(at)
    head = file.read(8)
    if len(head) < 8:
        return True
    kind, length = struct.unpack("<4sI", head)
    return all(32 <= letter < 127 for letter in kind) and at + 8 + length <= size + 1
