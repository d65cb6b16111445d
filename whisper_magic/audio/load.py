"""Sound in: any source -> `Audio`, mono float32 at the rate the checkpoint wants. Knows nothing of models or torch.

`load` opens a source as a `Sound` (rate, channels, blocks of samples); then every source goes the same way: check,
pick a channel, resample. Memory holds the result and one block, however long and rich the source.
"""

from __future__ import annotations

import io
import itertools
import math
import numbers
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from whisper_magic.audio.decode import Sound, Span, decoded
from whisper_magic.audio.fetch import fetch
from whisper_magic.audio.samples import MOST_CHANNELS, Samples, frames_first, from_array, is_tensor, scaled
from whisper_magic.errors import AudioInvalid, AudioNotFound, AudioUnreadable, near, one_line, shown

SAMPLE_RATE = 16_000  # Hz; the rate of `Audio` unless the checkpoint's preprocessor wants another
LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000  # Hz; a rate outside them is a damaged header or a slip
LOUDEST = 100.0  # floats beyond it were integers once
LONGEST = 24 * 3600.0  # seconds; some kilobytes can unpack to weeks of silence


@dataclass(frozen=True, eq=False)
class Audio:
    """Mono sound, ready for the engine.

    samples: (n,) float32, nominally within -1..1. source: where it came from, for people. channel: which
    channel of the source, for people ("mix", "left", 1, ...). start: second of the source at which it begins.
    """

    samples: npt.NDArray[np.float32]
    sample_rate: int = SAMPLE_RATE
    source: str = "array"
    channel: str | int = "mix"
    start: float = 0.0

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate

    def clip(self, start: float = 0.0, end: float | None = None) -> Audio:
        """The part from `start` to `end` (seconds of this audio), sharing memory with it."""
        first = max(0, round(start * self.sample_rate))
        last = len(self.samples) if end is None else round(end * self.sample_rate)
        part = self.samples[first : max(first, last)]
        return Audio(part, self.sample_rate, self.source, self.channel, self.start + first / self.sample_rate)


def load(
    source: Any,
    rate: float | None = None,
    *,
    sample_rate: int = SAMPLE_RATE,
    channel: str | int = "mix",
    start: float | None = None,
    end: float | None = None,
) -> Audio:
    """Any source of sound -> mono `Audio`.

    source: a path, http(s) URL, bytes, binary file object, numpy or torch array with its `rate`, an (array, rate)
    pair, a row of a `datasets` audio column, or an `Audio`. Arrays are (n,), (n, channels) or (channels, n).
    rate: Hz of an array; files carry theirs. sample_rate: Hz of the result.
    channel: "mix" (the mean), "left", "right" or an index. start, end: seconds; only that part is decoded.

    Raises:
        AudioNotFound: no such file, a folder, an unreachable URL.
        AudioUnreadable: not audio, damaged, or holding no audio stream.
        AudioInvalid: samples, shape, rate, channel or part that make no sense.
    """
    if channel == "split":
        raise AudioInvalid("channel='split' gives one Audio per channel: call load_channels(source) for them")
    return _load(source, rate, sample_rate, channel, _span(start, end))[0]


def find(source: Any) -> None:
    """Check that a source which is a path leads to something, without reading it. Other sources pass.

    Raises:
        AudioNotFound: no such file; the names near it are listed.
    """
    if not isinstance(source, str | os.PathLike) or "://" in os.fsdecode(source):
        return
    text = os.fsdecode(source)
    try:
        path = Path(text).expanduser()
        there = path.exists()
    except (OSError, ValueError, RuntimeError):  # what is wrong with it, opening it will say
        return
    if not there:
        raise AudioNotFound(_missing(text, path))


def load_channels(
    source: Any,
    rate: float | None = None,
    *,
    sample_rate: int = SAMPLE_RATE,
    start: float | None = None,
    end: float | None = None,
) -> tuple[Audio, ...]:
    """One `Audio` per channel of the source: what channel="split" means. Otherwise as `load`."""
    return _load(source, rate, sample_rate, "split", _span(start, end))


def _load(source: Any, rate: float | None, sample_rate: int, channel: str | int, span: Span) -> tuple[Audio, ...]:
    wanted = _checked_rate(sample_rate, "sample_rate")
    with ExitStack() as stack:
        sound = _sound(source, rate, span, stack)
        _checked_rate(sound.rate, shown(sound.name))
        if sound.channels > MOST_CHANNELS:
            raise AudioInvalid(f"{shown(sound.name)} claims {sound.channels} channels: its header is damaged")
        picks = _picks(channel, sound)
        columns = [column for pick in picks.values() for column in pick]
        blocks = _checked(sound, columns, span)
        if channel == "mix" and len(columns) > 1:
            blocks = (block.mean(axis=1, keepdims=True) for block in blocks)
        samples = _resampled(blocks, sound.rate, wanted, len(picks))
    if not len(samples):
        until = "" if span.end is None else f" to end={span.end:g}"
        part = f" from start={span.start:g}{until}" if span != Span() else ""
        raise AudioInvalid(f"{shown(sound.name)} holds no samples{part}")
    begin = sound.origin + span.frames(sound.rate)[0] / sound.rate
    return tuple(
        Audio(np.ascontiguousarray(samples[:, index]), wanted, sound.name, label, begin)
        for index, label in enumerate(picks)
    )


# Checks


def _span(start: float | None, end: float | None) -> Span:
    for name, value in (("start", start), ("end", end)):
        number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if value is not None and not (number and math.isfinite(value) and value >= 0):
            raise AudioInvalid(f"{name} must be seconds (0 or more), got {value!r}")
    if end is not None and end <= (start or 0):
        raise AudioInvalid(f"start must come before end, got start={start or 0:g} and end={end:g}")
    return Span(float(start or 0), None if end is None else float(end))


def _checked_rate(rate: object, what: str) -> int:
    if not isinstance(rate, numbers.Real) or isinstance(rate, bool):
        raise AudioInvalid(f"{what}: the rate must be a number of Hz, got {type(rate).__name__}")
    hertz = float(rate)
    if not LOWEST_RATE <= hertz <= HIGHEST_RATE:  # also false for NaN
        raise AudioInvalid(f"{what}: a rate of {hertz:g} Hz is not within {LOWEST_RATE} to {HIGHEST_RATE} Hz")
    if not hertz.is_integer():
        raise AudioInvalid(f"{what}: the rate must be a whole number of Hz, got {hertz}")
    return int(hertz)


def _picks(channel: object, sound: Sound) -> dict[str | int, list[int]]:
    """What each result is called -> the columns of the sound that it is made of."""
    every = list(range(sound.channels))
    if channel == "mix":
        return {sound.channel if sound.channels == 1 else "mix": every}
    if channel == "split":
        labels: dict[int, tuple[str | int, ...]] = {1: (sound.channel,), 2: ("left", "right")}
        return {label: [index] for index, label in enumerate(labels.get(sound.channels, every))}
    index = {"left": 0, "right": 1}.get(channel) if isinstance(channel, str) else channel
    if not isinstance(index, int | np.integer) or isinstance(index, bool) or index < 0:
        raise AudioInvalid(f"channel must be 'mix', 'left', 'right', 'split' or an index from 0, got {channel!r}")
    if index >= sound.channels:
        have = "1 channel" if sound.channels == 1 else f"{sound.channels} channels"
        raise AudioInvalid(f"{shown(sound.name)} has {have}: there is no channel {channel!r}")
    return {channel if isinstance(channel, str) else int(index): [int(index)]}


def _checked(sound: Sound, columns: list[int], span: Span) -> Iterator[Samples]:
    """The columns, (n, len(columns)) a block; none from the first bad block on, and at the end an error that
    counts all of them."""
    position, nans, infs, first = span.frames(sound.rate)[0], 0, 0, -1
    for whole in sound.blocks:
        block = whole if len(columns) == sound.channels else whole[:, columns]
        finite = np.isfinite(block)
        if not finite.all():
            if first < 0:
                first = position + int(np.argmin(finite.all(axis=1)))
            nans += int(np.isnan(block).sum())
            infs += int(np.isinf(block).sum())
        elif first < 0:
            _check_loudness(block, position, sound)
            yield block
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


def _resampled(blocks: Iterator[Samples], rate: int, wanted: int, channels: int) -> Samples:
    """Blocks of (n, channels) at `rate` -> (m, channels) at `wanted`, in the time it takes to read them."""
    pieces = []
    length = 0
    for piece in blocks if rate == wanted else _soxr(blocks, rate, wanted, channels):
        pieces.append(piece)
        length += len(piece)
        if length > LONGEST * wanted:
            raise AudioInvalid(f"the sound is longer than {LONGEST / 3600:g} hours: take parts, with start and end")
    return np.concatenate(pieces) if pieces else np.zeros((0, channels), np.float32)


def _soxr(blocks: Iterator[Samples], rate: int, wanted: int, channels: int) -> Iterator[Samples]:
    try:
        import soxr
    except ImportError as error:
        raise AudioInvalid(f"resampling from {rate} to {wanted} Hz needs soxr: pip install soxr") from error
    stream = soxr.ResampleStream(rate, wanted, channels, dtype="float32")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block))
    yield stream.resample_chunk(np.zeros((0, channels), np.float32), last=True)


# Sources


def _sound(source: Any, rate: float | None, span: Span, stack: ExitStack) -> Sound:
    """The source, opened; what it needs open stays so as long as `stack`."""
    if isinstance(source, tuple):
        source, rate = _pair(source, rate)
    if isinstance(source, str | bytes | bytearray | memoryview | os.PathLike) or hasattr(source, "read"):
        _refuse_rate(rate, "a file")
        name, open_file = _file(source)
        return stack.enter_context(decoded(stack.enter_context(open_file()), name, span))
    if isinstance(source, Audio):
        _refuse_rate(rate, "an Audio")
        sound = _from_samples(source.samples, source.sample_rate, source.source, span)
        return replace(sound, channel=source.channel, origin=source.start)
    if isinstance(source, Mapping):
        _refuse_rate(rate, "a row of an audio column")
        return _row(source, span, stack)
    if hasattr(source, "get_all_samples"):
        _refuse_rate(rate, "an AudioDecoder")
        return _from_decoder(source, span)
    if is_tensor(source) or hasattr(source, "__array__") or isinstance(source, list):
        return _from_samples(source, rate, "array", span)
    known = "a path, URL, bytes, file object, (array, rate), Audio or a row of an audio column"
    raise AudioInvalid(f"a {type(source).__name__} is no source of sound: pass {known}")


def _refuse_rate(rate: object, what: str) -> None:
    if rate is not None:
        raise AudioInvalid(f"rate={rate!r} is for arrays, {what} carries its own: pass sample_rate= for the result's")


def _pair(pair: tuple[Any, ...], rate: float | None) -> tuple[Any, float]:
    if len(pair) != 2 or isinstance(pair[0], numbers.Real | str | bytes):
        kinds = ", ".join(type(item).__name__ for item in pair)
        raise AudioInvalid(f"a tuple must be (array, rate), in this order, got ({kinds})")
    _refuse_rate(rate, "an (array, rate) pair")
    return pair[0], pair[1]


def _from_samples(source: Any, rate: object, name: str, span: Span) -> Sound:
    if rate is None:
        raise AudioInvalid("an array does not say its rate: pass (array, rate), for instance (array, 16000)")
    hertz = _checked_rate(rate, name)
    array = frames_first(from_array(source))
    span.check(name, len(array) / hertz)
    first, last = span.frames(hertz)
    return Sound(name, hertz, max(array.shape[1], 1), iter([scaled(array[first:last])]))


def _row(row: Mapping[str, Any], span: Span, stack: ExitStack) -> Sound:
    """A row of a `datasets` audio column, decoded or not."""
    name = str(row.get("path") or "array")
    if row.get("array") is not None:
        return _from_samples(row["array"], row.get("sampling_rate"), name, span)
    if row.get("bytes") is not None:
        return replace(_sound(row["bytes"], None, span, stack), name=name if row.get("path") else "bytes")
    if row.get("path") is not None:
        return _sound(row["path"], None, span, stack)
    keys = ", ".join(map(str, row)) or "none"
    advice = 'pass row["audio"]' if "audio" in row else "an audio row has array and sampling_rate, or bytes or path"
    raise AudioInvalid(f"no sound in a mapping with the keys {shown(keys)}: {advice}")


def _from_decoder(decoder: Any, span: Span) -> Sound:
    """torchcodec's AudioDecoder, which `datasets` gives for a row."""
    try:
        whole = decoder.get_all_samples()
    except (RuntimeError, ValueError, OSError) as error:  # what torchcodec raises for damaged sound
        raise AudioUnreadable(f"the AudioDecoder could not decode: {one_line(error)}") from error
    return _from_samples(whole.data, whole.sample_rate, "AudioDecoder", span)


def _file(source: Any) -> tuple[str, Callable[[], BinaryIO]]:
    """What to call a source of bytes, and how to open it: always as an unbuffered file that can be sought."""
    if isinstance(source, bytes | bytearray | memoryview):
        return "bytes", lambda: _spooled(io.BytesIO(source), "bytes")
    if hasattr(source, "read"):
        name = getattr(source, "name", None)
        label = name if isinstance(name, str) else "file object"
        return label, lambda: _spooled(source, label)
    text = os.fsdecode(source)
    scheme, separator, _ = text.partition("://")
    if separator and scheme.lower() in ("http", "https"):
        return text, lambda: _unbuffered(fetch(text))
    if separator:
        raise AudioNotFound(f"{shown(text)}: only http and https addresses can be fetched, not {shown(scheme)}")
    return text, lambda: _open_path(text)


def _spooled(source: Any, name: str) -> BinaryIO:
    """A file object's bytes from its beginning, where it can go back there, as a temporary file."""
    if isinstance(source, io.TextIOBase):
        raise AudioInvalid(f"{shown(name)} is open as text: open it with mode 'rb'")
    with ExitStack() as undo:
        file = undo.enter_context(tempfile.TemporaryFile())
        try:
            if not hasattr(source, "seekable") or source.seekable():
                source.seek(0)
            shutil.copyfileobj(source, file)
        except (OSError, ValueError, AttributeError, TypeError) as error:  # closed, gone, or not really a file
            raise AudioUnreadable(f"cannot read from {shown(name)}: {one_line(error)}") from error
        undo.pop_all()
        return _unbuffered(file)


def _unbuffered(file: Any) -> BinaryIO:
    """The raw file beneath: libsndfile moves the descriptor, which a Python buffer would not notice."""
    return cast(BinaryIO, file.detach())


def _open_path(text: str) -> BinaryIO:
    try:
        path = Path(text).expanduser()
        kind = path.stat().st_mode  # before opening: a pipe would wait for its writer
        if stat.S_ISREG(kind):
            return path.open("rb", buffering=0)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise AudioNotFound(_missing(text, path)) from error
    except (OSError, ValueError, RuntimeError) as error:  # no permission; a NUL in the name; ~ of nobody
        reason = getattr(error, "strerror", None) or error
        raise AudioUnreadable(f"cannot open {shown(text)}: {one_line(reason)}") from error
    if stat.S_ISDIR(kind):
        raise AudioNotFound(f"{shown(text) or 'the empty path'} is a folder: name a file in it")
    raise AudioUnreadable(f"{shown(text)} is a device or pipe, not a file: pass its bytes")


def _missing(text: str, path: Path) -> str:
    """The message for a file that is not there, with the names in its folder that are near it."""
    try:
        names = [entry.name for entry in itertools.islice(path.parent.iterdir(), 5000)]
    except OSError:
        return f"no such file: {shown(text)}, nor is there a folder {shown(str(path.parent))}"
    hint = near(path.name, names)
    return f"no such file: {shown(text)}{shown(hint)}"
