"""Sound for a browser that cannot reach a file or play it: mono Opus or MP3, encoded block by block with FFmpeg (PyAV).

A sample of the source plays at the second at which it stands in the source: what encoder and decoder put before the
sound is declared in the file, Opus's pre-skip (RFC 7845, section 4.2) and MP3's Info header, and decoders drop it.

Opus comes in Ogg: its duration and where to seek are in its pages, so that it can be sent as it is written. WebM
cannot: its duration and its index are known at the end. Chromium and Firefox play and seek in both, Safari in Ogg since
18.4. MP3 plays everywhere; a browser that seeks in it lands some hundredths of a second beside, in Ogg it does not.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from typing import IO, TYPE_CHECKING, cast

from whisper_magic.audio.container import reason_of
from whisper_magic.audio.excerpt import Excerpt
from whisper_magic.audio.samples import Samples
from whisper_magic.errors import AudioInvalid
from whisper_magic.wording import near

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import OutputContainer

CHUNK = 1 << 18  # bytes of a chunk: a minute of sound
BLOCK = 4  # seconds of sound encoded at a time
IN_MEMORY = 1 << 24  # bytes of an MP3 above which it is on the disk until it is whole


@dataclass(frozen=True)
class Coding:
    """How sound is encoded.

    Attributes:
        mime: Its MIME type, as `HTMLMediaElement.canPlayType` takes it.
        container: FFmpeg's name of the container.
        encoder: FFmpeg's name of the encoder.
        rate: Hz.
        bit_rate: Bits a second, as set for the encoder.
        options: Of the encoder.
        in_order: Whether the file is written from its beginning to its end, without going back.
    """

    mime: str
    container: str
    encoder: str
    rate: int
    bit_rate: int
    options: dict[str, str] = field(default_factory=dict)
    in_order: bool = True


CODINGS = {
    # At complexity 5 it is three times as fast as at 10, and exceeds its bit rate: some 28,000 a second.
    "opus": Coding("audio/ogg; codecs=opus", "ogg", "libopus", 48_000, 20_000, {"compression_level": "5"}),
    # A constant bit rate, so that browsers find each second; with it the header that counts the frames.
    "mp3": Coding("audio/mpeg", "mp3", "libmp3lame", 24_000, 32_000, {"compression_level": "7"}, in_order=False),
}


def encode(excerpt: Excerpt, codec: str = "opus") -> bytes:
    """Encode a source.

    Args:
        excerpt: What to encode.
        codec: "opus" or "mp3".

    Returns:
        A whole file, mono; its MIME type is `CODINGS[codec].mime`.

    Raises:
        AudioError: The source cannot be read, or there is no such codec.
    """
    return b"".join(encoded(excerpt, codec))


def encoded(excerpt: Excerpt, codec: str = "opus") -> Iterator[bytes]:
    """Encode a source block by block; memory holds a block and a chunk, however long it is.

    A thread stops by leaving its loop, which closes the source.

    Args:
        excerpt: What to encode.
        codec: "opus" or "mp3".

    Yields:
        The bytes of a file in order, once for some seconds of sound: chunks of `CHUNK` bytes and a last one of at most
        that many, and b"" where nothing is ready. An MP3 is ready only when all of it is: its header counts its frames.

    Raises:
        AudioError: As `encode`; a source that cannot be read further fails where that is reached.
    """
    coding = CODINGS.get(codec)
    if coding is None:
        raise AudioInvalid(f"codec must be 'opus' or 'mp3', got {codec!r}{near(str(codec), CODINGS)}")
    yield from _as_written(excerpt, coding) if coding.in_order else _when_whole(excerpt, coding)


def _as_written(excerpt: Excerpt, coding: Coding) -> Iterator[bytes]:
    pipe = _Pipe()
    for _ in _written(excerpt, coding, cast("IO[bytes]", pipe)):
        yield pipe.take(CHUNK) if len(pipe) >= CHUNK else b""
    while len(pipe):
        yield pipe.take(CHUNK)


def _when_whole(excerpt: Excerpt, coding: Coding) -> Iterator[bytes]:
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
        for _ in _written(excerpt, coding, cast("IO[bytes]", file)):
            yield b""
        file.seek(0)
        while chunk := file.read(CHUNK):
            yield chunk


class _Pipe:
    """Takes what is written, in order. FFmpeg sees that it cannot seek."""

    def __init__(self) -> None:
        self._content = bytearray()

    def write(self, content: bytes) -> int:
        self._content += content
        return len(content)

    def take(self, count: int) -> bytes:
        taken = bytes(self._content[:count])
        del self._content[:count]
        return taken

    def __len__(self) -> int:
        return len(self._content)


def _written(excerpt: Excerpt, coding: Coding, file: IO[bytes]) -> Iterator[None]:
    """Write the file, some seconds of sound at a time."""
    try:
        import av
    except ImportError as error:
        raise AudioInvalid("encoding needs PyAV: pip install av") from error
    with closing(excerpt.opened(coding.rate)) as sound:
        position = 0
        block = sound.read(BLOCK * coding.rate)  # before anything is written, as it may fail
        try:
            with av.open(file, "w", format=coding.container) as container:
                stream = _stream(container, coding)
                while len(block):
                    container.mux(stream.encode(_frame(block, coding.rate, position)))
                    position += len(block)
                    yield
                    block = sound.read(BLOCK * coding.rate)
                container.mux(stream.encode(None))
        except (av.FFmpegError, av.codec.codec.UnknownCodecError) as error:
            raise AudioInvalid(f"cannot encode with {coding.encoder}: FFmpeg reports {reason_of(error)!r}") from error


def _stream(container: OutputContainer, coding: Coding) -> AudioStream:
    stream = cast("AudioStream", container.add_stream(coding.encoder, rate=coding.rate, options=coding.options))
    stream.layout = "mono"
    stream.bit_rate = coding.bit_rate
    return stream


def _frame(block: Samples, rate: int, position: int) -> AudioFrame:
    """A block of samples as FFmpeg takes it; `position`: samples before it."""
    from av.audio.frame import AudioFrame

    frame = AudioFrame.from_ndarray(block[None], format="flt", layout="mono")
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), position
    return frame
