"""MPEG audio headers: how long a Xing or Info header says that the file is. Bytes only; no decoding.

The header counts the frames of the file it was written for; a file that was cut, or joined with others, still has it.
"""

from __future__ import annotations

from typing import BinaryIO

SEARCHED = 1 << 12  # bytes after the tags in which the first frame begins
RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}  # Hz, by MPEG version
FRAMES_FLAG = 1


def claimed(file: BinaryIO) -> float | None:
    """Read the Xing or Info header.

    Args:
        file: Seekable; its position changes.

    Returns:
        Seconds that it claims; None where there is no such header.
    """
    file.seek(0)
    tag = file.read(10)
    begin = 0
    if tag[:3] == b"ID3" and len(tag) == 10:  # its size is in 7-bit bytes
        begin = 10 + ((tag[6] & 127) << 21 | (tag[7] & 127) << 14 | (tag[8] & 127) << 7 | (tag[9] & 127))
    file.seek(begin)
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
