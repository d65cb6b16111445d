"""Encoded sound -> blocks of samples: libsndfile (soundfile) for what it knows, FFmpeg (PyAV) for the rest.

Knows nothing of paths, URLs, channel choice or resampling. Headers are not believed: blocks are read until they
end, so memory does not grow with what a damaged header promises. Both libraries are imported when used.
"""

from __future__ import annotations

import itertools
import math
import os
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from whisper_magic.audio.samples import Samples, scaled
from whisper_magic.audio.sound import Sound, Span
from whisper_magic.errors import AudioInvalid, AudioUnreadable
from whisper_magic.wording import one_line, shown

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

BLOCK = 8192  # frames read at a time; also how finely the place of a damage is known
SHORTFALL = 0.5  # seconds by which a file may end before its header says so, and still count as whole
WARM_UP = 0.5  # seconds decoded and dropped after a seek: AAC needs a frame, Opus 80 ms (RFC 7845, section 4.6)
STREAMED = 0x7FFFF000  # bytes; a WAV that was written to a pipe promises about this much or more
UNCOUNTED = 2**62  # frames; libsndfile's answer for a FLAC that was written to a pipe is beyond this


@contextmanager
def decoded(file: BinaryIO, name: str, span: Span) -> Iterator[Sound]:
    """The sound in an unbuffered, seekable file. Its blocks must be read inside the `with`.

    Raises:
        AudioUnreadable: where it is not audio, is damaged, or has no audio stream.
        AudioInvalid: where `span` begins after the end.
    """
    if not file.seek(0, os.SEEK_END):
        raise AudioUnreadable(f"{shown(name)} is empty (0 bytes)")
    reasons = []
    for library in (_libsndfile, _ffmpeg):
        file.seek(0)
        with ExitStack() as stack:
            try:
                sound = stack.enter_context(library(file, name, span))
            except _NotReadable as refusal:
                reasons.append(str(refusal))
                continue
            yield sound
            return
    why = "; ".join(reason for reason in reasons if reason) or "neither libsndfile nor FFmpeg knows what it is"
    raise AudioUnreadable(f"{shown(name)} cannot be read as sound: {why}")


class _NotReadable(Exception):
    """This library cannot open it; the next one may."""


def _damaged(name: str, span: Span, good: float, total: float | None, why: str) -> AudioUnreadable:
    """The error for sound that breaks off. good: seconds decoded from the span's start on."""
    end = math.floor((span.start + good) * 100) / 100
    of = f" of {total:.2f} s" if total else ""
    if end <= span.start:
        return AudioUnreadable(f"{shown(name)} is damaged at {span.start:.2f} s{of} ({why}): nothing could be decoded")
    advice = f"pass end={end:g} to use what can be read"
    return AudioUnreadable(f"{shown(name)} is damaged after {end:.2f} s{of} ({why}): {advice}")


# libsndfile


@contextmanager
def _libsndfile(file: BinaryIO, name: str, span: Span) -> Iterator[Sound]:
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: the package without its library
        raise _NotReadable("soundfile is not installed (pip install soundfile)") from error
    # By descriptor, so that no Python runs inside libsndfile: cffi would swallow Ctrl-C there. A descriptor has no
    # name either, so that the contents alone decide. Windows has one table of descriptors per C runtime.
    source = file if os.name == "nt" else file.fileno()
    try:
        with _QUIET:
            handle = soundfile.SoundFile(source, closefd=False)
    except soundfile.LibsndfileError as error:
        raise _NotReadable(_says("libsndfile", error.error_string)) from error
    with handle:
        if handle.frames >= UNCOUNTED:  # its decoder ends with an error then, as if it were damaged
            raise _NotReadable("libsndfile cannot tell its length")
        promised = _promised(handle)
        seconds = span.of(None if promised is None else promised / handle.samplerate)
        blocks = _libsndfile_blocks(handle, name, span)
        yield Sound(name, handle.samplerate, handle.channels, blocks, seconds=seconds)


def _libsndfile_blocks(handle: Any, name: str, span: Span) -> Iterator[Samples]:
    from soundfile import LibsndfileError

    rate = handle.samplerate
    promised = _promised(handle)
    total = None if promised is None else promised / rate
    first, last = span.frames(rate)
    span.check(name, handle.frames / rate)
    position = first
    try:
        with _QUIET:
            handle.seek(first)
        for block in _read(handle, (handle.frames if last is None else min(handle.frames, last)) - first):
            position += len(block)
            yield block
    except LibsndfileError as error:
        why = _reason(error.error_string)
        raise _damaged(name, span, (position - first) / rate, total, why) from error
    wanted = min(math.inf if last is None else last, promised or 0)
    if wanted - position > SHORTFALL * rate:
        raise _damaged(name, span, (position - first) / rate, total, "the file is cut short")


def _read(handle: Any, frames: int) -> Iterator[Samples]:
    """Blocks of `frames` frames in all, fewer where the sound ends; then the error, where there is one."""
    from soundfile import LibsndfileError

    while frames > 0:
        # soundfile does not say how much was decoded before an error: it is what is not NaN any more.
        room = np.full((min(BLOCK, frames), handle.channels), np.nan, np.float32)
        try:
            with _QUIET:
                block = handle.read(out=room)
        except LibsndfileError:
            decoded_rows = np.flatnonzero(~np.isnan(room[:, 0]))
            yield room[: decoded_rows[-1] + 1 if len(decoded_rows) else 0]
            raise
        if not len(block):
            return
        yield block
        frames -= len(block)


def _promised(handle: Any) -> float | None:
    """Frames that the header promises; None where it does not know (sound written to a pipe)."""
    cut = re.search(r"\b(?:data|SSND)\s*: (\d+) \(should be (\d+)\)", handle.extra_info)
    if not cut:
        return float(handle.frames)
    said, there = int(cut[1]), int(cut[2])  # bytes of the sound; libsndfile counts frames by what is there
    return None if said >= STREAMED else handle.frames * said / max(there, 1)


def _reason(text: str | None) -> str:
    reason = one_line(text or "").removeprefix("Error : ").rstrip(".")
    return _PLAINER.get(reason, reason) or "no reason given"


def _says(library: str, text: str | None) -> str:
    """Why a library refuses a file; '' where it only says that it does not know it."""
    reason = _reason(text)
    return "" if reason in _VAGUE else f"{library} says {reason!r}"


_VAGUE = {
    "Format not recognised",
    "File does not exist or is not a regular file (possibly a pipe?)",  # libsndfile, of MP3 without a whole frame
    "Invalid data found when processing input",
    "End of file",
    "Input/output error",
}
_PLAINER = {
    "Internal psf_fseek() failed": "its coding breaks off",
    "Internal error : SF_INFO struct incomplete": "its header gives a rate of zero, or no channels",
}


class _Quiet:
    """While inside, file descriptor 2 goes nowhere: libmpg123 writes its warnings straight there, even for whole
    files after a seek, and has no other switch that libsndfile offers. Threads may be inside together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._kept: int | None = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._redirect()
            self._inside += 1

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside and self._kept is not None:
                os.dup2(self._kept, 2)
                os.close(self._kept)
                self._kept = None

    def _redirect(self) -> None:
        try:
            kept = os.dup(2)
        except OSError:  # no standard error to keep quiet
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        self._kept = kept


_QUIET = _Quiet()


# FFmpeg


@contextmanager
def _ffmpeg(file: BinaryIO, name: str, span: Span) -> Iterator[Sound]:
    try:
        import av
    except ImportError as error:
        raise _NotReadable("PyAV is not installed (pip install av)") from error
    # Without protocols, a playlist that is named talk.mp3 cannot make FFmpeg open other files or addresses.
    options = {"protocol_whitelist": "none"}
    try:
        container = av.open(file, mode="r", options=options, metadata_errors="ignore")
    except av.FFmpegError as error:
        raise _NotReadable(_says("FFmpeg", error.strerror)) from error
    with container:
        if not container.streams.audio:
            raise AudioUnreadable(f"{shown(name)} has no audio stream: it holds {_contents(container)}")
        try:
            yield _ffmpeg_sound(container, name, span)
        except av.FFmpegError as error:
            raise _damaged(name, span, 0.0, None, _reason(error.strerror)) from error


def _contents(container: InputContainer) -> str:
    """What a file without sound holds, for people."""
    if container.format.name == "tty":
        return "text"
    if container.format.name.endswith("_pipe") or container.format.name == "image2":
        return "a picture"
    return " and ".join(sorted({stream.type for stream in container.streams}) or ["unknown"]) + " streams only"


def _ffmpeg_sound(container: InputContainer, name: str, span: Span) -> Sound:
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise AudioUnreadable(f"{shown(name)} has an audio stream in a coding that FFmpeg here does not know")
    duration = None if container.duration is None else container.duration / 1_000_000
    if duration is not None:
        span.check(name, duration)
    frames = _frames_from(container, stream, name, span.start)
    head = next(frames, None)
    if head is None:
        if span.start:
            raise AudioInvalid(f"{shown(name)} holds no sound from start={span.start:g} on")
        raise AudioUnreadable(f"{shown(name)} has an audio stream, but no sound in it")
    rate, channels = head[1].sample_rate, head[1].layout.nb_channels
    # Only MP4 counts its sound exactly; other durations are estimates, or those of the picture.
    promised = None
    if "mp4" in container.format.name and stream.duration and stream.time_base:
        promised = float(stream.duration * stream.time_base)
    blocks = _ffmpeg_blocks(itertools.chain([head], frames), name, span, promised)
    return Sound(name, rate, channels, blocks, seconds=span.of(duration))


def _ffmpeg_blocks(
    frames: Iterator[tuple[int, AudioFrame]], name: str, span: Span, promised: float | None
) -> Iterator[Samples]:
    from av import FFmpegError

    form: tuple[int, int] | None = None
    seconds = span.start  # decoded up to here
    try:
        for position, frame in frames:
            form = form or (frame.sample_rate, frame.layout.nb_channels)
            if form != (frame.sample_rate, frame.layout.nb_channels):
                raise _damaged(name, span, seconds - span.start, promised, "its rate or channels change there")
            first, last = span.frames(frame.sample_rate)
            if last is not None and position >= last:
                return
            block = _frame_samples(frame)[max(0, first - position) : None if last is None else last - position]
            seconds = max(seconds, (position + frame.samples) / frame.sample_rate)
            if len(block):
                yield block
    except (FFmpegError, ValueError) as error:  # ValueError: a sample format that PyAV cannot give as an array
        why = _reason(error.strerror if isinstance(error, FFmpegError) else str(error))
        raise _damaged(name, span, seconds - span.start, promised, why) from error
    if promised is not None and min(span.end or math.inf, promised) - seconds > SHORTFALL:
        raise _damaged(name, span, seconds - span.start, promised, "the file is cut short")


def _frame_samples(frame: AudioFrame) -> Samples:
    """One decoded frame -> (n, channels)."""
    array = frame.to_ndarray()  # planar: (channels, n); packed: (1, n * channels)
    return scaled(array.T if frame.format.is_planar else array.reshape(-1, frame.layout.nb_channels))


def _frames_from(
    container: InputContainer, stream: AudioStream, name: str, start: float
) -> Iterator[tuple[int, AudioFrame]]:
    """Decoded frames with the sample at which each begins, counted from the first that a whole decoding gives;
    from a little before `start` (seconds) on."""
    frames = container.decode(stream)
    head = list(itertools.islice(frames, 2))
    position = 0
    if start > WARM_UP and len(head) == 2 and head[0].time is not None and stream.time_base:
        container.seek(int((head[0].time + start - WARM_UP) / stream.time_base), stream=stream)
        frames = container.decode(stream)
        landed = next(frames, None)
        if landed is None:
            return
        position = _position(landed, head[0], head[1])
        if position > start * landed.sample_rate:
            raise AudioUnreadable(
                f"{shown(name)} cannot be read from the middle: load it whole, then .clip(start, end)"
            )
        head = [landed]
    for frame in itertools.chain(head, frames):
        yield position, frame
        position += frame.samples


def _position(landed: AudioFrame, first: AudioFrame, second: AudioFrame) -> int:
    """The sample at which `landed` begins, from its time. Matroska rounds times to milliseconds, so the time is
    moved to the grid of the codec's frames where it lies that near to it."""
    rate, step = landed.sample_rate, second.samples
    if landed.time is None:  # unknown place: as far off as can be
        return 2**62
    told = round((landed.time - (first.time or 0.0)) * rate)
    grid = first.samples + round((told - first.samples) / max(step, 1)) * step
    return grid if abs(grid - told) <= 0.0015 * rate else told
