"""MPEG audio: how long a file is by its Xing or Info header, and tags between frames. Bytes only; no decoding.

The header counts the frames of the file it was written for; a file that was cut, or joined with others, still has it.
"""

from __future__ import annotations

from typing import BinaryIO

SEARCHED = 1 << 12  # bytes after the tags in which the first frame begins
RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}  # Hz, by MPEG version
FRAMES_FLAG = 1
TAG = 32  # bytes by which a tag and its size are known


def tag_size(data: bytes) -> int:
    """Returns how many bytes a tag (ID3, ID3v1, APE) takes that `data` begins with; 0 where it begins with none."""
    if data[:3] == b"ID3" and len(data) >= 10:  # its size is in 7-bit bytes
        return 10 + ((data[6] & 127) << 21 | (data[7] & 127) << 14 | (data[8] & 127) << 7 | (data[9] & 127))
    if data[:3] == b"TAG":
        return 128
    if data[:8] == b"APETAGEX" and len(data) >= 16:
        return 32 + int.from_bytes(data[12:16], "little")
    return 0


def claimed(file: BinaryIO) -> float | None:
    """Read the Xing or Info header.

    Args:
        file: Seekable; its position changes.

    Returns:
        Seconds that it claims; None where there is no such header.
    """
    file.seek(0)
    file.seek(tag_size(file.read(TAG)))
    head = file.read(SEARCHED)
    start = next((i for i in range(len(head) - 3) if head[i] == 0xFF and head[i + 1] & 0xE6 == 0xE2), None)  # layer III
    if start is None:
        return None
    version, rate_index = head[start + 1] >> 3 & 3, head[start + 2] >> 2 & 3
    found = next((at for name in (b"Xing", b"Info") if (at := head.find(name, start, start + 48)) >= 0), None)
    if found is None or version not in RATES or rate_index == 3 or not head[found + 7] & FRAMES_FLAG:
        return None
    frames = int.from_bytes(head[found + 8 : found + 12], "big")
    return frames * (1152 if version == 3 else 576) / RATES[version][rate_index]
