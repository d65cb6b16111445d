"""One stream of one container, decoded with FFmpeg (PyAV): packets -> pieces of sound without a gap between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from whisper_magic.audio.container import Container, reason_of
from whisper_magic.audio.notes import Notes
from whisper_magic.audio.resample import Joiner
from whisper_magic.audio.samples import LOUDEST, Samples, scaled
from whisper_magic.audio.seek import CONSTANT, Landing
from whisper_magic.audio.sound import Span
from whisper_magic.audio.timeline import Timeline
from whisper_magic.errors import AudioInvalid

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.packet import Packet

SILENCE = 1 << 16  # sample frames of silence made at a time
GATHERED = 1 << 14  # sample frames of a piece
MAX_PLANES = 8  # of a frame with more, PyAV (18.1) reads some that are not there
FLOATS = ("flt", "fltp")  # sample formats of 32-bit floats; of one channel they are the same
GAPLESS = frozenset({"flac", "ogg"})  # a hole in the timestamps of these is damage
MISSING = "data is missing"

Piece = tuple[int, Samples]  # the position of a block in the recording, and the block


class StreamDecoder:
    """Decodes from one packet on to the end.

    Attributes:
        rate: Hz of the pieces; 0 until the first frame is decoded, unless it was given.
        failure: What went wrong last; "" where nothing did.
    """

    def __init__(self, container: Container, rate: int, begin: int, notes: Notes, span: Span) -> None:
        """Prepare to decode.

        Args:
            container: Not read yet.
            rate: Hz wanted; 0 for that of the first frame.
            begin: Position in the recording of this container's zero.
            notes: Gets what is noticed within `span`.
            span: The part that is wanted.
        """
        self.rate, self.failure = rate, ""
        self._container, self._begin, self._notes, self._span = container, begin, notes, span
        self._timeline: Timeline | None = None
        self._joiner = Joiner(rate)
        self._plain = container.codec.startswith("pcm_")  # NaN, and integers that became floats, are the user's own
        self._channels = 1
        self._step = 0  # sample frames of the last packet
        self._lost = 0  # sample frames of packets that could not be decoded, not yet replaced by silence

    @property
    def seconds(self) -> float:
        """Seconds of the recording decoded so far."""
        return self._position / self.rate if self.rate else 0.0

    @property
    def _position(self) -> int:
        return self._begin + (self._timeline.position if self._timeline else 0)

    def pieces(self, landed: Landing | None = None) -> Iterator[Piece]:
        """Decode.

        Args:
            landed: Where to begin; None for the beginning.

        Yields:
            Pieces, each beginning where the one before it ends. Their channels may change on the way.
        """
        return _gathered(self._pieces(landed))

    def _pieces(self, landed: Landing | None) -> Iterator[Piece]:
        if landed is not None:
            self._start(landed.timeline)
        packets = self._container.packets() if landed is None else landed.packets
        for packet in _ordered(packets):
            for frame in self._decoded(packet):
                yield from self._frame(frame)
        for frame in self._decoded(None):
            yield from self._frame(frame)
        for block in self._joiner.finish():
            yield from self._sound(block)
        if self._container.trouble or self._lost:
            self.failure = self._container.trouble or self.failure
            self._note_damage(self.seconds, None)

    def _start(self, timeline: Timeline) -> None:
        self._timeline, self.rate = timeline, timeline.rate
        self._joiner = Joiner(self.rate)

    def _decoded(self, packet: Packet[AudioStream] | None) -> list[AudioFrame]:
        """The frames of a packet; None stands for what is left in the decoder."""
        from av import FFmpegError

        try:
            frames = self._container.stream.decode(packet)
        except FFmpegError as error:
            if packet is not None:
                self._lose(packet, reason_of(error))
            return []
        if not frames and packet is not None and self._timeline is not None:
            self._lose(packet, MISSING)
        return frames

    def _lose(self, packet: Packet[AudioStream], reason: str) -> None:
        """Count a packet that could not be decoded."""
        self.failure = reason
        seconds = (packet.duration or 0) * self._container.tick
        constant = self._container.codec in CONSTANT or not seconds
        self._lost += self._step if constant else round(seconds * self.rate)

    def _frame(self, frame: AudioFrame) -> Iterator[Piece]:
        time = self._container.time(frame)
        if self._timeline is None:
            container, rate = self._container, self.rate or frame.sample_rate
            self._start(Timeline(rate, container.origin(time), container.duration, container.counted))
        assert self._timeline is not None
        self._step = round(frame.samples * self.rate / frame.sample_rate)
        samples = self._samples(frame)
        if samples is None:
            self._lost += self._step
            return
        self._channels = samples.shape[1]
        yield from self._silence(time)
        for block in self._joiner.feed(samples, frame.sample_rate):
            yield from self._sound(block)

    def _samples(self, frame: AudioFrame) -> Samples | None:
        """One decoded frame -> (n, channels); None where it is damaged."""
        from av import FFmpegError

        try:
            if frame.format.is_planar and frame.layout.nb_channels > MAX_PLANES:
                frame = _packed(frame)
            mono = frame.layout.nb_channels == 1 and frame.format.name in FLOATS
            samples = _mono_float(frame) if mono else _array(frame)
        except (FFmpegError, ValueError, AudioInvalid) as error:  # a sample format that PyAV or numpy cannot hold
            self.failure = str(error)
            return None
        flat = samples.ravel()
        if self._plain or np.dot(flat, flat) <= LOUDEST**2:  # false for NaN; quicker than to look for the loudest one
            return samples
        self.failure = "its samples are out of range"
        return None if not np.abs(samples).max() <= LOUDEST else samples

    def _sound(self, block: Samples) -> Iterator[Piece]:
        assert self._timeline is not None
        if len(block):
            yield self._position, block
            self._timeline.add(sound=len(block))

    def _silence(self, time: float | None) -> Iterator[Piece]:
        """Silence for packets that were lost, and for a hole before a frame at `time`."""
        assert self._timeline is not None
        lost, self._lost = self._lost, 0
        if lost:
            self._note_damage(self.seconds, self.seconds + lost / self.rate)
            yield from self._zeros(lost)
            self._timeline.add(sound=lost)
        restarts = len(self._timeline.restarts)
        missing = self._timeline.missing(time)
        if len(self._timeline.restarts) > restarts and self._container.format not in GAPLESS:
            self._notes.restarted(self.seconds)
        if missing:
            end = self.seconds + missing / self.rate
            if lost or self._container.trouble or (self._container.format in GAPLESS and self.seconds):
                self._note_damage(self.seconds, end)
            elif self._overlaps(self.seconds, end):
                self._notes.silent(self.seconds, end)
            yield from self._zeros(missing)
            self._timeline.add(silence=missing)
        self._container.trouble = ""

    def _zeros(self, count: int) -> Iterator[Piece]:
        position = self._position
        for at in range(0, count, SILENCE):
            yield position + at, np.zeros((min(SILENCE, count - at), self._channels), np.float32)

    def _note_damage(self, start: float, end: float | None) -> None:
        if self._overlaps(start, end):
            self._notes.damaged(start, end)

    def _overlaps(self, start: float, end: float | None) -> bool:
        """Whether a place is in the part that is wanted."""
        begins = self._span.end is None or start < self._span.end
        return begins and (end is None or end > self._span.start)


def _mono_float(frame: AudioFrame) -> Samples:
    """As `_array`, quicker: Vorbis and Opus have a frame every few milliseconds."""
    return np.frombuffer(memoryview(frame.planes[0]), np.float32, count=frame.samples)[:, None]


def _array(frame: AudioFrame) -> Samples:
    """(n, channels) of a frame, planar or packed."""
    array = frame.to_ndarray()  # planar: (channels, n); packed: (1, n * channels)
    return scaled(array.T if frame.format.is_planar else array.reshape(-1, frame.layout.nb_channels))


def _packed(frame: AudioFrame) -> AudioFrame:
    """The frame with its channels interleaved."""
    import av

    packed = av.AudioResampler("flt", frame.layout.name, frame.sample_rate).resample(frame)
    if len(packed) != 1:
        raise ValueError("its channels could not be interleaved")
    return packed[0]


def _gathered(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces, as fewer and longer ones: frames hold some hundred samples."""
    blocks: list[Samples] = []
    begin = have = 0
    for position, block in pieces:
        if blocks and (have >= GATHERED or block.shape[1] != blocks[0].shape[1]):
            yield begin, np.concatenate(blocks)
            blocks, have = [], 0
        if not blocks:
            begin = position
        blocks.append(block)
        have += len(block)
    if blocks:
        yield begin, np.concatenate(blocks)


def _ordered(packets: Iterator[Packet[AudioStream]]) -> Iterator[Packet[AudioStream]]:
    """The packets, without timestamps that lie after the next packet's: sound is stored in order."""
    first = next(packets, None)
    if first is None:
        return
    for second in packets:
        if first.pts is not None and second.pts is not None and first.pts > second.pts:
            first.pts = None
        yield first
        first = second
    yield first
