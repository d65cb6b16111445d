"""Any source of sound -> `Audio`, mono float32 at the checkpoint's rate. No models, no torch.

A source is opened as a `Sound` (rate, channels, blocks of samples); every source then takes the same way: check, pick
a channel, resample. `load` reads it to its end; memory holds the result and one block, however large the source.
`stream` reads it on demand.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from whisper_magic.audio.channels import columns, mixed, picked
from whisper_magic.audio.notes import Notes
from whisper_magic.audio.resample import resampled
from whisper_magic.audio.samples import LOUDEST, MAX_CHANNELS, Samples
from whisper_magic.audio.sound import SAMPLE_RATE, Audio, Sound, Span
from whisper_magic.audio.sources import checked_rate, find, from_samples, opened, refuse_rate
from whisper_magic.audio.stream import AudioStream
from whisper_magic.errors import AudioInvalid
from whisper_magic.wording import shown

__all__ = ["Audio", "AudioStream", "find", "load", "load_channels", "stream"]

MAX_SECONDS = 24 * 3600.0  # seconds; some kilobytes can unpack to weeks of silence


def load(
    source: Any,
    rate: float | None = None,
    *,
    sample_rate: int = SAMPLE_RATE,
    channel: str | int = "mix",
    start: float | None = None,
    end: float | None = None,
    stream: int | None = None,
) -> Audio:
    """Read any source of sound.

    Args:
        source: A path, http(s) URL, bytes, binary file object, numpy or torch array with its `rate`, an
            (array, rate) pair, a row of a `datasets` audio column, or an `Audio`. Arrays are (n,), (n, channels)
            or (channels, n).
        rate: Hz of an array; files carry theirs.
        sample_rate: Hz of the result.
        channel: "mix" (the mean), "left", "right" or an index.
        start: Seconds; only the part from here is used.
        end: Seconds; only the part up to here is used.
        stream: Which audio stream of a file that has several, from 0; None for the default one.

    Returns:
        Mono sound.

    Raises:
        AudioNotFound: No such file, a folder, an unreachable URL.
        AudioUnreadable: Not audio, or no sound can be decoded from it.
        AudioInvalid: Samples, shape, rate, channel or part that make no sense.
    """
    if channel == "split":
        raise AudioInvalid("channel='split' gives one Audio per channel: call load_channels(source) for them")
    return _load(source, rate, sample_rate, channel, _span(start, end, stream))[0]


def load_channels(
    source: Any,
    rate: float | None = None,
    *,
    sample_rate: int = SAMPLE_RATE,
    start: float | None = None,
    end: float | None = None,
    stream: int | None = None,
) -> tuple[Audio, ...]:
    """Read every channel of a source: what channel="split" means.

    Arguments and errors are those of `load`.

    Returns:
        One `Audio` per channel.
    """
    return _load(source, rate, sample_rate, "split", _span(start, end, stream))


def stream(
    source: Any,
    rate: float | None = None,
    *,
    sample_rate: int = SAMPLE_RATE,
    channel: str | int = "mix",
    start: float | None = None,
    end: float | None = None,
    stream: int | None = None,
) -> AudioStream:
    """Open any source of sound, to be read on demand.

    Arguments and errors are those of `load`; errors inside the sound are raised when they are reached.

    Returns:
        Mono sound; close it, or read it to its end.
    """
    if channel == "split":
        raise AudioInvalid("channel='split' gives one Audio per channel: call load_channels(source) for them")
    wanted = checked_rate(sample_rate, "sample_rate")
    with ExitStack() as stack:
        prepared = _prepared(source, rate, wanted, channel, _span(start, end, stream), stack)
        (label,) = prepared.labels
        nothing = Audio(np.zeros(0, np.float32), wanted, prepared.sound.name, label, prepared.begin)
        sound = prepared.sound
        return AudioStream(prepared.pieces, nothing, sound.seconds, stack.pop_all(), sound.notes)


def _load(source: Any, rate: float | None, sample_rate: int, channel: str | int, span: Span) -> tuple[Audio, ...]:
    wanted = checked_rate(sample_rate, "sample_rate")
    with ExitStack() as stack:
        prepared = _prepared(source, rate, wanted, channel, span, stack)
        pieces = list(prepared.pieces)
    samples = np.concatenate(pieces)
    name, notes = prepared.sound.name, prepared.sound.notes.lines()
    return tuple(
        Audio(np.ascontiguousarray(samples[:, index]), wanted, name, label, prepared.begin, notes)
        for index, label in enumerate(prepared.labels)
    )


@dataclass(frozen=True)
class _Prepared:
    """A source, ready to be read.

    Attributes:
        sound: The source as it was opened.
        labels: What each column of the pieces is called.
        pieces: (n, len(labels)) each, at the wanted rate.
        begin: Second of the original source at which they begin.
    """

    sound: Sound
    labels: tuple[str | int, ...]
    pieces: Iterator[Samples]
    begin: float


def _prepared(
    source: Any, rate: float | None, wanted: int, channel: str | int, span: Span, stack: ExitStack
) -> _Prepared:
    """Open a source and set up all stages; `stack` closes it."""
    sound = _sound(source, rate, span, stack)
    checked_rate(sound.rate, shown(sound.name))
    if sound.channels > MAX_CHANNELS:
        raise AudioInvalid(f"{shown(sound.name)} claims {sound.channels} channels: its header is damaged")
    picks = columns(channel, sound)
    position = span.wide.frames(sound.rate)[0]
    if channel == "mix":
        blocks = mixed(_checked(sound.blocks, sound, span), sound.rate, position, sound.notes)
    else:
        indices = [index for pick in picks.values() for index in pick]
        blocks = _checked(picked(sound.blocks, indices, sound.channels), sound, span)
    pieces = _cut(resampled(blocks, sound.rate, wanted, len(picks)), wanted, span)
    whole = _some(_limited(pieces, wanted), sound.name, span)
    return _Prepared(sound, tuple(picks), whole, sound.origin + span.frames(wanted)[0] / wanted)


def _sound(source: Any, rate: float | None, span: Span, stack: ExitStack) -> Sound:
    if isinstance(source, Audio):
        refuse_rate(rate, "an Audio")
        sound = from_samples(source.samples, source.sample_rate, source.source, span)
        return replace(sound, channel=source.channel, origin=source.start, notes=Notes(source.notes))
    return opened(source, rate, span, stack)


# Checks


def _span(start: float | None, end: float | None, stream: int | None) -> Span:
    for name, value in (("start", start), ("end", end)):
        number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if value is not None and not (number and math.isfinite(value) and value >= 0):
            raise AudioInvalid(f"{name} must be seconds (0 or more), got {value!r}")
    if end is not None and end <= (start or 0):
        raise AudioInvalid(f"start must come before end, got start={start or 0:g} and end={end:g}")
    if stream is not None and (not isinstance(stream, int | np.integer) or isinstance(stream, bool) or stream < 0):
        raise AudioInvalid(f"stream must be the number of an audio stream, from 0, got {stream!r}")
    return Span(float(start or 0), None if end is None else float(end), None if stream is None else int(stream))


def _checked(blocks: Iterator[Samples], sound: Sound, span: Span) -> Iterator[Samples]:
    """The blocks up to the first one with NaN or Inf in the span, then an error that counts every such sample."""
    begin, end = span.frames(sound.rate)
    position = span.wide.frames(sound.rate)[0]
    nans, infs, first = 0, 0, -1
    for block in blocks:
        finite = np.isfinite(block)
        if not finite.all():
            inside = slice(max(0, begin - position), None if end is None else max(0, end - position))
            bad = block[inside][~finite[inside]]
            if len(bad) and first < 0:
                first = position + (inside.start or 0) + int(np.argmin(finite[inside].all(axis=1)))
            nans += int(np.isnan(bad).sum())
            infs += int(np.isinf(bad).sum())
        if first < 0:
            sane = block if finite.all() else np.where(finite, block, np.float32(0))
            _check_loudness(sane, position, sound)
            yield sane
        position += len(block)
    if first >= 0:
        counts = " and ".join(f"{count} {kind}" for count, kind in ((nans, "NaN"), (infs, "Inf")) if count)
        where = f"the first at {first / sound.rate:.3f} s (sample {first})"
        raise AudioInvalid(f"{shown(sound.name)} holds {counts} samples, {where}: replace or cut them out")


def _check_loudness(block: Samples, position: int, sound: Sound) -> None:
    peak = max(float(block.max(initial=0)), -float(block.min(initial=0)))
    if peak > LOUDEST:
        raise AudioInvalid(
            f"{shown(sound.name)}: samples reach {peak:g} after {position / sound.rate:.2f} s, but floats lie within "
            "-1..1: divide them by the full scale (32768 for int16)"
        )


def _cut(pieces: Iterator[Samples], rate: int, span: Span) -> Iterator[Samples]:
    """Pieces of `span.wide` -> those of the span."""
    first, last = span.frames(rate)
    position = span.wide.frames(rate)[0]
    for piece in pieces:
        part = piece[max(0, first - position) : None if last is None else max(0, last - position)]
        position += len(piece)
        if len(part):
            yield part
        if last is not None and position >= last:
            return


def _limited(pieces: Iterator[Samples], rate: int) -> Iterator[Samples]:
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > MAX_SECONDS * rate:
            raise AudioInvalid(
                f"the audio is longer than {MAX_SECONDS / 3600:g} hours: read parts of it, with start and end"
            )
        yield piece


def _some(pieces: Iterator[Samples], name: str, span: Span) -> Iterator[Samples]:
    """The pieces; raises an error at the end if they hold no samples."""
    empty = True
    for piece in pieces:
        empty = empty and not len(piece)
        yield piece
    if empty:
        until = "" if span.end is None else f" to end={span.end:g}"
        part = f" from start={span.start:g}{until}" if span.start or until else ""
        raise AudioInvalid(f"{shown(name)} holds no samples{part}")
