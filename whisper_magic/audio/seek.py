"""Where to begin decoding for a part of a container, so that the part is what the whole decoding gives there.

Containers' own seeking is not exact: MP3 guesses, Matroska rounds, and timestamps have holes. Reading packets without
decoding them is fast (an hour of MP3 takes 0.2 s), and shows whether every sample up to a packet can be counted. Where
it cannot, there is no landing, and decoding begins at the beginning.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whisper_magic.audio.container import PLAIN, Container
from whisper_magic.audio.timeline import Timeline

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.packet import Packet

WARM_UP = 0.5  # seconds decoded and dropped: AAC needs a frame, Opus 80 ms (RFC 7845, section 4.6), MP3 its reservoir
ROUNDED = 0.0015  # seconds by which timestamps of a coarse clock may be off
# Decoders that need nothing of what came more than WARM_UP before, with one frame a packet.
CONSTANT = frozenset({"aac", "mp3", "mp3float", "mp2", "mp2float", "ac3", "eac3"})  # all packets are equally long
INDEPENDENT = CONSTANT | {"opus", "vorbis", "flac", "alac", "gsm_ms", "adpcm_ms", "adpcm_ima_wav"}
COARSE = CONSTANT | {"opus"}  # their lengths are known although timestamps are rounded


@dataclass(frozen=True)
class Landing:
    """Where decoding begins.

    Attributes:
        timeline: It stands at the first of the packets.
        packets: What to decode.
    """

    timeline: Timeline
    packets: Iterator[Packet[AudioStream]]


def landing(container: Container, start: float) -> Landing | None:
    """Find where to begin.

    Args:
        container: At its beginning; nothing was decoded yet.
        start: Seconds of the recording from which on sound is wanted.

    Returns:
        The landing, at least WARM_UP before `start`; None where decoding has to begin at the beginning.
    """
    if start <= WARM_UP:
        return None
    if container.codec.startswith("pcm_") and container.format in PLAIN:  # it seeks to the sample
        return _sought(container, start - WARM_UP)
    if container.codec not in INDEPENDENT:
        return None
    packets = container.packets()
    head = _head(container, packets)
    return None if head is None else _counted(container, packets, head, start - WARM_UP)


def _sought(container: Container, time: float) -> Landing | None:
    from av import FFmpegError

    try:
        container.input.seek(int(time / container.tick), stream=container.stream)
    except FFmpegError:
        return None
    packets = container.packets()
    first = next(packets, None)
    if first is None or first.pts is None:
        return None
    rate = container.stream.rate
    timeline = Timeline(rate, 0.0, container.duration)
    timeline.land(round(first.pts * container.tick * rate))
    return Landing(timeline, itertools.chain([first], packets))


@dataclass(frozen=True)
class _Head:
    """The first two frames. The second one is that of the last packet read, and is as long as those to come.

    Attributes:
        times: Their timestamps in seconds.
        samples: Their lengths.
        rate: Hz.
    """

    times: tuple[float, float]
    samples: tuple[int, int]
    rate: int


def _head(container: Container, packets: Iterator[Packet[AudioStream]]) -> _Head | None:
    """Decode the first two frames; None where that is not as simple as it is in nearly all files."""
    from av import FFmpegError

    frames: list[AudioFrame] = []
    for packet in packets:
        try:
            decoded = container.stream.decode(packet)
        except FFmpegError:
            return None
        if len(decoded) > 1 or (frames and not decoded) or packet.pts is None:
            return None
        frames += decoded
        if len(frames) == 2:
            first, second = frames
            begin, then = container.time(first), container.time(second)
            if begin is None or then is None or first.sample_rate != second.sample_rate:
                return None
            head = _Head((begin, then), (first.samples, second.samples), first.sample_rate)
            return head if abs(then - packet.pts * container.tick) <= ROUNDED else None
    return None


def _counted(container: Container, packets: Iterator[Packet[AudioStream]], head: _Head, until: float) -> Landing | None:
    """Count packets up to the one that plays at `until` (seconds)."""
    rate, step = head.rate, head.samples[1]
    fine = container.tick * rate <= 1.0
    if not fine and container.codec not in COARSE:
        return None
    timeline = Timeline(rate, container.origin(head.times[0]), container.duration, container.counted)
    timeline.add(silence=timeline.missing(head.times[0]), sound=head.samples[0])
    if timeline.restarts or timeline.missing(head.times[1]):
        return None
    slack = 1.0 if fine else ROUNDED * rate
    shift = timeline.position - timeline.position_of(head.times[1])
    timeline.add(sound=step)
    for packet in packets:
        if packet.pts is None or not packet.duration:
            return None
        time, length = packet.pts * container.tick, packet.duration * container.tick * rate
        if container.codec in CONSTANT:
            if container.counted and abs(length - step) > slack:  # another rate
                return None
            length = step
        if abs(timeline.position_of(time) + shift - timeline.position) > slack:
            return None
        if timeline.position > until * rate:
            return None  # nothing lies so early
        if timeline.position + length > until * rate:
            container.stream.codec_context.flush_buffers()
            timeline.land(timeline.position)
            return Landing(timeline, itertools.chain([packet], packets))
        timeline.add(sound=round(length))
    return None
