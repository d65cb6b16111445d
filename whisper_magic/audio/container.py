"""A container opened with FFmpeg (PyAV): the audio stream that is read, its packets and its timestamps."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from whisper_magic.audio.mp3 import TAG, tag_size
from whisper_magic.audio.notes import Notes
from whisper_magic.audio.sound import Undecodable
from whisper_magic.errors import AudioInvalid
from whisper_magic.wording import counted, one_line, shown

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

BUFFER = 1 << 16  # bytes read at a time
FAILURES = 16  # errors in a row, with no packet between them, after which a container is not read further
LATE = 60.0  # seconds; where a container's first timestamp lies beyond it, it was cut out of something longer

# Their timestamps are counted by FFmpeg while it reads; the files hold none.
COUNTED = frozenset({"mp3", "aac", "ac3", "eac3", "dts", "amr", "loas"})
# Their timestamps count from the recording's zero. In others (MPEG-TS, Ogg) zero is wherever the first stream begins.
ABSOLUTE = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "flv", "asf"})
# Their sound has a constant number of bits per second: its duration is in the size of the file.
PLAIN = frozenset({"wav", "w64", "aiff", "au", "caf"})
# FFmpeg gives their durations from the first timestamp on, and not from zero.
DURATION_FROM_FIRST = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "flv"})
# By format and decoder. FLAC: else damaged frames are decoded, to noise at full scale. ALAC in CAF: else the end is cut
# twice.
DECODER_OPTIONS = {
    ("flac", "flac"): {"err_detect": "crccheck+explode"},
    ("caf", "alac"): {"flags2": "+skip_manual"},
}
# Streams of these may appear late, and only then be known.
PROBED_LONGER = frozenset({"flv", "mpegts", "mpeg"})
# What FFmpeg reports of any file that it does not know.
UNKNOWN = frozenset({"Invalid data found when processing input", "End of file", "Input/output error"})
LONG_PROBE = {"probesize": str(1 << 26), "analyzeduration": str(600 * 1_000_000)}  # bytes, microseconds


class ByteWindow(io.RawIOBase):
    """Bytes begin..end of a file as a file of their own, without a name: the contents alone decide the format."""

    def __init__(self, file: BinaryIO, begin: int, end: int) -> None:
        self._file, self._begin, self._length, self._at = file, begin, end - begin, 0

    def read(self, size: int = -1) -> bytes:
        left = self._length - self._at
        if left <= 0:  # where a damaged file points, the operating system may not even seek
            return b""
        self._file.seek(self._begin + self._at)
        content = self._file.read(left if size < 0 else min(size, left))
        self._at += len(content)
        return content

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        self._at = max(0, place)
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def __len__(self) -> int:
        return self._length


@dataclass
class Container:
    """An open container and the stream of it that is read.

    Attributes:
        input: PyAV's container.
        stream: PyAV's stream, of which the codec is known.
        size: Bytes.
        format: FFmpeg's name of the format.
        codec: FFmpeg's name of the decoder.
        tick: Seconds of one unit of the stream's timestamps.
        trouble: What went wrong when packets were read last; "" where nothing did.
    """

    input: InputContainer
    stream: AudioStream
    size: int
    trouble: str = ""

    def __post_init__(self) -> None:
        assert self.stream.time_base is not None
        self.format, self.codec = self.input.format.name, self.stream.codec_context.name
        self.tick = float(self.stream.time_base)

    @property
    def counted(self) -> bool:
        """Whether FFmpeg counts the timestamps itself."""
        return self.format in COUNTED

    def time(self, frame: AudioFrame) -> float | None:
        """Returns the timestamp of a frame in seconds; `frame.time` is NaN where the decoder forgot its unit."""
        return None if frame.pts is None else frame.pts * self.tick

    def origin(self, first: float | None) -> float:
        """Returns the timestamp that is the recording's zero.

        Args:
            first: Timestamp of the first decoded frame in seconds; None where it has none.
        """
        begin = (self.input.start_time or 0) / 1_000_000
        if self.counted or begin > LATE or (self.format not in ABSOLUTE and len(self.input.streams) == 1):
            return first or 0.0
        return 0.0 if self.format in ABSOLUTE else begin

    @property
    def duration(self) -> float | None:
        """Seconds from the recording's zero to its end, as the container claims; often an estimate."""
        if self.input.duration is None or self.input.duration <= 0:
            return None
        seconds = self.input.duration / 1_000_000
        if self.format in DURATION_FROM_FIRST:
            begin = (self.input.start_time or 0) / 1_000_000
            seconds += begin if 0 < begin <= LATE else 0.0
        rate = self.stream.bit_rate if self.format in PLAIN else None
        return min(seconds, self.size * 8 / rate) if rate else seconds

    def packets(self) -> Iterator[Packet[AudioStream]]:
        """The packets of the stream from the current position on. Unreadable ones are skipped where possible."""
        return _without_tags(self._packets()) if self.format == "mp3" else self._packets()

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        from av import FFmpegError

        failures = 0  # in a row
        while failures < FAILURES:
            try:
                for packet in self.input.demux(self.stream):
                    if packet.size:
                        failures = 0
                        yield packet
                return
            except IndexError:  # PyAV, of a packet of a stream that appeared just now
                continue
            except FFmpegError as error:
                failures += 1
                self.trouble = reason_of(error)


@contextmanager
def opened(
    window: ByteWindow, name: str, choice: int | None, notes: Notes, options: dict[str, str] | None = None
) -> Iterator[Container]:
    """Open a container.

    Args:
        window: The file.
        name: The source, for messages.
        choice: Which of the audio streams to read, from 0; None for the default one.
        notes: Gets a note where there are several.
        options: Options of FFmpeg's demuxer.

    Yields:
        The container with its stream.

    Raises:
        Undecodable: FFmpeg does not know the format, or finds no audio stream.
        AudioInvalid: There is no audio stream of that number.
    """
    container = open_input(window, options or {})
    if not container.streams.audio and container.format.name in PROBED_LONGER:
        container.close()
        container = open_input(window, (options or {}) | LONG_PROBE)
    with container:
        if not container.streams.audio:
            raise Undecodable(f"{shown(name)} has no audio stream: it holds {_contents(container)}", whole=True)
        stream = _chosen(container, name, choice, notes)
        if stream.codec_context is None or stream.time_base is None:
            reason = f"{shown(name)} has an audio stream with a codec that this FFmpeg does not support"
            raise Undecodable(reason, whole=True)
        opened_container = Container(container, stream, len(window))
        stream.codec_context.options = DECODER_OPTIONS.get((opened_container.format, opened_container.codec), {})
        yield opened_container


def reason_of(error: Exception) -> str:
    """Return FFmpeg's message for an error, on one line."""
    return one_line(getattr(error, "strerror", None) or error) or "no reason given"


def open_input(window: ByteWindow, options: dict[str, str]) -> InputContainer:
    """PyAV's container of a file; it reads no other file.

    Args:
        window: The file.
        options: Of FFmpeg's demuxer.

    Raises:
        Undecodable: FFmpeg does not know the format.
    """
    try:
        import av
    except ImportError as error:
        raise Undecodable("PyAV is not installed (pip install av)") from error
    window.seek(0)
    # Without protocols, a playlist that is named talk.mp3 cannot make FFmpeg open other files or addresses.
    safe = options | {"protocol_whitelist": "none"}
    try:
        # As options of the container only: PyAV before 18 crashes on those of streams that it does not know yet.
        return av.open(window, mode="r", container_options=safe, metadata_errors="ignore", buffer_size=BUFFER)
    except av.FFmpegError as error:
        reason = reason_of(error)
        raise Undecodable("" if reason in UNKNOWN else f"FFmpeg reports {reason!r}") from error


def _without_tags(packets: Iterator[Packet[AudioStream]]) -> Iterator[Packet[AudioStream]]:
    """The packets, without the tags of files that an MP3 was joined from: FFmpeg takes them for sound."""
    tag_end = 0  # byte of the file
    for packet in packets:
        content = bytes(packet)
        begin = packet.pos or 0
        cut = max(0, tag_end - begin)
        while size := tag_size(content[cut : cut + TAG]):
            cut += size
        if not cut:
            yield packet
            continue
        tag_end = begin + cut
        if cut < len(content):
            yield _shortened(packet, content[cut:])


def _shortened(packet: Packet[AudioStream], content: bytes) -> Packet[AudioStream]:
    """The packet with other bytes."""
    import av

    rest = cast("Packet[AudioStream]", av.Packet(content))
    rest.time_base, rest.pts, rest.dts, rest.duration = packet.time_base, packet.pts, packet.dts, packet.duration
    return rest


def _contents(container: InputContainer) -> str:
    """What a file without sound holds, for the message."""
    if container.format.name == "tty":
        return "text"
    if container.format.name.endswith("_pipe") or container.format.name == "image2":
        return "a picture"
    return " and ".join(sorted({stream.type for stream in container.streams}) or ["unknown"]) + " streams only"


def _chosen(container: InputContainer, name: str, choice: int | None, notes: Notes) -> AudioStream:
    streams = container.streams.audio
    if choice is not None:
        if choice >= len(streams):
            listed = "; ".join(_described(number, stream) for number, stream in enumerate(streams))
            raise AudioInvalid(f"{shown(name)} has no audio stream {choice}, only {listed}")
        return streams[choice]
    best = container.streams.best("audio")
    chosen = next((stream for stream in streams if best is not None and stream.index == best.index), streams[0])
    if len(streams) > 1:
        others = (_described(number, stream) for number, stream in enumerate(streams) if stream is not chosen)
        read = _described(streams.index(chosen), chosen)
        notes.add(f"has {len(streams)} audio streams: {read} is used; stream= selects another: {'; '.join(others)}")
    return chosen


def _described(number: int, stream: AudioStream) -> str:
    """An audio stream, for messages: '0 (aac, 2 channels, deu, Commentary)'."""
    codec = stream.codec_context
    facts = ["unknown codec" if codec is None else codec.codec.name]
    if codec is not None and codec.layout.nb_channels:
        facts.append(counted(codec.layout.nb_channels, "channel"))
    facts += [stream.metadata[key] for key in ("language", "title") if stream.metadata.get(key) not in (None, "und")]
    return shown(f"{number} ({', '.join(facts)})")
