"""MPEG audio: how long a file is by its Xing or Info header, whether its bit rate is constant, and tags between frames.
Bytes only; no decoding.

The header counts the frames of the file it was written for; a file that was cut, or joined with others, still has it.
"""

from __future__ import annotations

from typing import BinaryIO

SEARCHED = 1 << 12  # bytes after the tags in which the first frame begins
RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}  # Hz, by MPEG version
# Kilobits a second of layer III by index, in MPEG 1 and in the others; index 0 is "free".
BIT_RATES = (
    (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
LOOKED_AT = 64  # places of a file at which the bit rate is read
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
    tag = next((at for name in (b"Xing", b"Info") if (at := head.find(name, start, start + 48)) >= 0), None)
    if tag is None or version not in RATES or rate_index == 3 or not head[tag + 7] & FRAMES_FLAG:
        return None
    frames = int.from_bytes(head[tag + 8 : tag + 12], "big")
    return frames * (1152 if version == 3 else 576) / RATES[version][rate_index]


def constant(file: BinaryIO, size: int) -> float | None:
    """Estimate the duration of a layer III file with a constant bit rate, from frames all over it.

    Args:
        file: Seekable; its position changes.
        size: Bytes of the file.

    Returns:
        Seconds that it lasts by its size; None where the bit rate or the sample rate changes on the way.
    """
    file.seek(0)
    begin = tag_size(file.read(TAG))
    frames: set[tuple[int, int]] = set()
    for place in range(1, LOOKED_AT):  # not the beginning: the frame that is the header may be larger
        file.seek(begin + (size - begin) * place // LOOKED_AT)
        frame = _frame(file.read(SEARCHED))
        if frame is not None:
            frames.add(frame)
    return (size - begin) * 8 / frames.pop()[0] if len(frames) == 1 else None


def _frame(content: bytes) -> tuple[int, int] | None:
    """Returns the bit rate and the sample rate of the first frame that another one like it follows."""
    for at in range(len(content) - 3):
        form = _form(content[at : at + 4])
        if form is None:
            continue
        bit_rate, rate, length = form
        following = _form(content[at + length : at + length + 4])
        if following is not None and following[1] == rate:
            return bit_rate, rate
    return None


def _form(header: bytes) -> tuple[int, int, int] | None:
    """Returns bit rate, sample rate and bytes of a frame of layer III by its header; None where it is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, index, rate_index = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version not in RATES or rate_index == 3 or not 0 < index < 15:
        return None
    bit_rate, rate = BIT_RATES[version != 3][index - 1] * 1000, RATES[version][rate_index]
    return bit_rate, rate, (144 if version == 3 else 72) * bit_rate // rate + (header[2] >> 1 & 1)
