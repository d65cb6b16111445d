"""Ogg pages (RFC 3533): where the links of a chained file begin. Bytes only; no decoding.

A chained file is several whole Ogg files, one after the other, as internet radio writes them. Each has its own headers,
rate and channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAGIC = b"OggS"
HEADER = 27  # bytes; the lacing values follow
FIRST = 0x02  # flag: the first page of a logical stream
SEARCHED = 1 << 16  # bytes read at a time where a page is not where it should be


@dataclass(frozen=True)
class Link:
    """Bytes begin..end of a file, which are an Ogg file of their own."""

    begin: int
    end: int


@dataclass(frozen=True)
class _Page:
    begin: int
    end: int
    first: bool


def links(file: BinaryIO, size: int) -> tuple[list[Link], bool]:
    """Find the links of an Ogg file.

    Args:
        file: Seekable; its position changes.
        size: Bytes of the file.

    Returns:
        The links, none where the file is not Ogg; and whether the last page is cut.
    """
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC:
        return [], False
    begins: list[int] = []
    in_headers, end = False, 0
    for page in _pages(file, size):
        if page.first and not in_headers:  # several streams that play together have their first pages together
            begins.append(page.begin)
        in_headers, end = page.first, page.end
    begins = [0, *(begin for begin in begins if begin)]
    ends = [*begins[1:], size]
    return [Link(begin, end) for begin, end in zip(begins, ends, strict=True)], end > size


def _pages(file: BinaryIO, size: int) -> Iterator[_Page]:
    at = 0
    while at + HEADER <= size:
        file.seek(at)
        header = file.read(HEADER)
        if len(header) < HEADER or header[:4] != MAGIC or header[4]:  # damaged: find the next one
            next_page = _next_page(file, at + 1)
            if next_page is None:
                return
            at = next_page
            continue
        lacing = file.read(header[26])
        end = at + HEADER + header[26] + sum(lacing)
        yield _Page(at, end, bool(header[5] & FIRST))
        at = end


def _next_page(file: BinaryIO, begin: int) -> int | None:
    """Returns where the next page begins, from `begin` on."""
    at, overlap = begin, b""
    file.seek(begin)
    while chunk := file.read(SEARCHED):
        index = (overlap + chunk).find(MAGIC)
        if index >= 0:
            return at - len(overlap) + index
        at += len(chunk)
        overlap = (overlap + chunk)[-3:]
    return None
