"""Decoding with FFmpeg (PyAV): the bytes of a file -> blocks of samples at the container's timestamps.

Headers are never limits: packets are decoded until there are no more. A packet that cannot be decoded is replaced by
silence and noted, and so is a hole in the timestamps.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import BinaryIO

from whisper_magic.audio import mp3, ogg, wav
from whisper_magic.audio.container import PLAIN, ByteWindow, Container, opened
from whisper_magic.audio.notes import Notes
from whisper_magic.audio.samples import Samples
from whisper_magic.audio.seek import Landing, landing
from whisper_magic.audio.sound import Sound, Span, Undecodable
from whisper_magic.audio.stream_decoder import Piece, StreamDecoder
from whisper_magic.wording import shown

WAV_PACKET = str(1 << 16)  # bytes, instead of some 1,000 samples
SHORTFALL = 0.5  # seconds by which a file may end before its header claims, and still count as whole
# Their headers count the sound; others estimate it from the size of the file, or have none.
EXACT_DURATION = frozenset({"flac", "mov,mp4,m4a,3gp,3g2,mj2"})
# (format, decoder): what FFmpeg takes for another coding, and libsndfile knows: G.721 and G.723, NMS ADPCM.
MISTAKEN = frozenset({("wav", "g726"), ("au", "g726le"), ("wav", "amrnb")})


@contextmanager
def decoded(file: BinaryIO, name: str, span: Span, notes: Notes) -> Iterator[Sound]:
    """Decode a file with FFmpeg.

    Args:
        file: Unbuffered and seekable.
        name: The source, for messages.
        span: The part to decode.
        notes: Gets what is noticed.

    Yields:
        The sound; its blocks must be read inside the `with`.

    Raises:
        Undecodable: FFmpeg cannot read it.
        AudioInvalid: The span begins after the end, or there is no such stream.
    """
    source = _Source(file, file.seek(0, os.SEEK_END), name, span, notes)
    with closing(source.pieces()) as pieces:
        yield _sound(source, pieces)


def _sound(source: _Source, pieces: Iterator[Piece]) -> Sound:
    head = next(pieces, None)
    if head is None:
        lacking = f"{shown(source.name)} has an audio stream, but no audio in it"
        raise Undecodable(lacking + (f" ({source.failure})" if source.failure else ""), whole=True)
    blocks = _cut(itertools.chain([head], pieces), *source.span.wide.frames(source.rate))
    first = next(blocks, None)
    if first is None:
        source.span.check(source.name, source.decoded)
    whole = blocks if first is None else itertools.chain([first], blocks)
    seconds = source.span.of(source.duration)
    return Sound(source.name, source.rate, head[1].shape[1], whole, seconds=seconds, notes=source.notes)


def _cut(pieces: Iterator[Piece], first: int, last: int | None) -> Iterator[Samples]:
    """The blocks of positions first..last."""
    for position, block in pieces:
        if last is not None and position >= last:
            return
        part = block[max(0, first - position) : None if last is None else last - position]
        if len(part):
            yield part


class _Source:
    """A file that is decoded.

    Attributes:
        rate: Hz of all pieces, from the first one on.
        duration: Seconds that it is expected to last; None where that is not known.
        decoded: Seconds decoded so far.
        failure: What went wrong last.
    """

    def __init__(self, file: BinaryIO, size: int, name: str, span: Span, notes: Notes) -> None:
        self.name, self.span, self.notes = name, span, notes
        self.rate, self.decoded, self.failure = 0, 0.0, ""
        self.duration: float | None = None
        self._file, self._size = file, size

    def pieces(self) -> Generator[Piece, None, None]:
        """All of the sound from the span's start or before, without a gap."""
        links, cut = ogg.links(self._file, self._size)
        if len(links) > 1:
            yield from self._chained(links)
        else:
            yield from self._single()
        if cut:
            self._breaks_off("its last page is truncated")

    def _single(self) -> Iterator[Piece]:
        data = wav.data(self._file, self._size)
        options = {} if data is None else {"ignore_length": str(int(data.goes_on)), "max_size": WAV_PACKET}
        start = self.span.wide.start
        for skipping in (True, False) if start else (False,):
            with self._opened(options) as container:
                landed = landing(container, start) if skipping else None
                if skipping and landed is None:
                    continue  # it has to be opened anew
                if (container.format, container.codec) in MISTAKEN:
                    raise Undecodable("FFmpeg does not support its codec")
                self.duration = self._expected(container, data)
                yield from self._run(container, 0, landed)
                claim = self._claim(container, data)
                if claim is not None and claim - self.decoded > SHORTFALL:
                    self._breaks_off(f"its header claims {claim:.2f} s")
                return

    def _expected(self, container: Container, data: wav.Data | None) -> float | None:
        """Seconds that the whole is expected to last."""
        if data is not None and data.goes_on:
            return data.present
        if container.counted:
            return self._count() if self.span.end is None else None
        return container.duration

    def _claim(self, container: Container, data: wav.Data | None) -> float | None:
        """Seconds that a header claims, where that is no estimate."""
        if data is not None:
            return data.claimed
        if container.format == "mp3":
            return mp3.claimed(self._file)
        stream = container.stream
        plain = container.format in PLAIN and container.codec.startswith("pcm_")
        exact = plain or container.format in EXACT_DURATION
        return stream.duration * container.tick if exact and stream.duration else None

    def _opened(self, options: dict[str, str]) -> AbstractContextManager[Container]:
        return opened(ByteWindow(self._file, 0, self._size), self.name, self.span.stream, self.notes, options)

    def _count(self) -> float:
        """Seconds by the packets, which takes 0.2 s an hour: durations of such files are estimates."""
        with self._opened({}) as container:
            before = container.stream.start_time or 0  # what the encoder put there, and the decoder drops
            return (sum(packet.duration or 0 for packet in container.packets()) - before) * container.tick

    def _chained(self, links: list[ogg.Link]) -> Iterator[Piece]:
        self.duration = sum(self._duration(link) for link in links)
        begin = 0
        for number, link in enumerate(links, 1):
            window = ByteWindow(self._file, link.begin, link.end)
            try:
                with opened(window, self.name, self.span.stream, self.notes) as container:
                    yield from self._run(container, begin)
            except Undecodable as error:
                self.failure = error.reason
                self.notes.add(f"part {number} of the {len(links)} that it was joined from cannot be decoded")
            begin = round(self.decoded * self.rate)

    def _duration(self, link: ogg.Link) -> float:
        """Seconds that a link claims to last; 0 where it cannot be opened."""
        try:
            with opened(ByteWindow(self._file, link.begin, link.end), self.name, None, Notes()) as container:
                return container.duration or 0.0
        except Undecodable:
            return 0.0

    def _run(self, container: Container, begin: int, landed: Landing | None = None) -> Iterator[Piece]:
        run = StreamDecoder(container, self.rate, begin, self.notes, self.span)
        for piece in run.pieces(landed):
            self.rate = run.rate
            yield piece
            self.decoded = run.seconds
        self.decoded, self.failure = max(self.decoded, run.seconds), run.failure or self.failure

    def _breaks_off(self, why: str) -> None:
        if self.span.end is None or self.decoded < self.span.end:
            self.notes.add(f"breaks off at {self.decoded:.2f} s: {why}")
