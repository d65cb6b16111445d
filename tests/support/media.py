"""Files of sound, made as the tests need them: tones in every container, with holes, joined, damaged."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
import soundfile

Samples = npt.NDArray[np.float32]

# A picture codec for the containers that take one, and an audio codec for each.
CODECS = {
    "mp4": ("mp4", "aac", "mpeg4"),
    "mov": ("mov", "aac", "mpeg4"),
    "mkv": ("matroska", "aac", "mpeg4"),
    "ts": ("mpegts", "aac", "mpeg2video"),
    "flv": ("flv", "aac", "flv1"),
    "webm": ("webm", "libopus", "libvpx"),
}


def chirp(seconds: float, rate: int = 16_000, low: float = 300.0, high: float = 900.0, seed: int = 0) -> Samples:
    """(n,) a rising tone with a little noise: no two parts are alike."""
    times = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).standard_normal(len(times))
    phase = 2 * np.pi * (low + (high - low) / 2 / seconds * times) * times
    return (0.3 * np.sin(phase) + 0.01 * noise).astype(np.float32)


def encoded(sound: Samples, rate: int, container: str, coding: str, **options: object) -> bytes:
    """A file as libsndfile writes it. sound: (n,) or (n, channels)."""
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=container, subtype=coding, **options)
    return file.getvalue()


def mp3(sound: Samples, rate: int = 16_000, **options: object) -> bytes:
    """An MP3 with a header that counts its frames."""
    return encoded(sound, rate, "MP3", "MPEG_LAYER_III", **options)


def first_frame_end(content: bytes) -> int:
    """Where the second frame of an MP3 begins: the first one is its header."""
    sync = content[:2]
    return content.index(sync, 4)


@dataclass(frozen=True)
class Track:
    """One audio stream of a file. sound: (n,) at `rate`. late: seconds of container time at which it begins. hole:
    (at, length) in seconds; timestamps from `at` on are later by `length`. title: its metadata."""

    sound: Samples
    rate: int = 48_000
    late: float = 0.0
    hole: tuple[float, float] | None = None
    title: str = ""
    default: bool = False

    def shift(self, time: float) -> float:
        """Seconds by which the timestamp of what was encoded at `time` is later."""
        return self.late + (self.hole[1] if self.hole and time >= self.hole[0] else 0.0)


def muxed(kind: str, tracks: Sequence[Track], picture: bool = False) -> bytes:
    """A file as FFmpeg writes it. picture: with a video stream that begins at zero."""
    container_name, audio_codec, video_codec = CODECS[kind]
    file = io.BytesIO()
    with av.open(file, "w", format=container_name) as container:
        packets = []
        if picture:
            longest = max(len(t.sound) / t.rate + t.late + (t.hole[1] if t.hole else 0) for t in tracks)
            packets += _picture(container, video_codec, longest)
        streams = [_stream(container, audio_codec, track) for track in tracks]
        for stream, track in zip(streams, tracks, strict=True):
            packets += _sound(stream, track)
        for packet in sorted(packets, key=lambda one: float(one.dts * one.time_base)):
            container.mux(packet)
    return file.getvalue()


def _stream(container: av.container.OutputContainer, codec: str, track: Track) -> av.AudioStream:
    # Without noise substitution, whose noise depends on what was decoded before.
    options = {"aac_pns": "0"} if codec == "aac" else {}
    stream = container.add_stream(codec, rate=track.rate, options=options)
    stream.layout = "mono"
    stream.bit_rate = 96_000
    if track.title:
        stream.metadata["title"] = track.title
        stream.metadata["language"] = "deu"
    if track.default:
        stream.disposition = av.stream.Disposition.default
    return stream


def _sound(stream: av.AudioStream, track: Track) -> list[av.Packet]:
    frame = av.AudioFrame.from_ndarray(track.sound[None], format="fltp", layout="mono")
    frame.sample_rate, frame.time_base, frame.pts = track.rate, Fraction(1, track.rate), 0
    to_codec = av.AudioResampler(format=stream.format.name, layout="mono", rate=track.rate)
    packets = [p for f in [*to_codec.resample(frame), *to_codec.resample(None)] for p in stream.encode(f)]
    packets += stream.encode(None)
    for packet in packets:
        later = round(track.shift(float(packet.pts * packet.time_base)) / packet.time_base)
        packet.pts, packet.dts = packet.pts + later, packet.dts + later
    return packets


def _picture(container: av.container.OutputContainer, codec: str, seconds: float) -> list[av.Packet]:
    stream = container.add_stream(codec, rate=25)
    stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
    packets = []
    for number in range(round(seconds * 25)):
        grey = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number % 250, np.uint8), format="rgb24")
        grey.pts, grey.time_base = number, Fraction(1, 25)
        packets += stream.encode(grey)
    return packets + stream.encode(None)


def delay(found: Samples, expected: Samples, most: int) -> int:
    """By how many samples `found` is later than `expected`, from -most to most, by the best correlation."""
    reach = range(-most, most + 1)
    middle = slice(most, len(expected) - most)
    length = len(expected) - 2 * most
    scores = [float(np.dot(found[most + lag : most + lag + length], expected[middle])) for lag in reach]
    return reach[int(np.argmax(scores))]


def likeness(found: Samples, expected: Samples) -> float:
    """Correlation of two sounds of equal length."""
    return float(np.corrcoef(found, expected)[0, 1])
