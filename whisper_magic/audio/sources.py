"""Paths, URLs, bytes, file objects, arrays, rows of a `datasets` audio column -> `Sound`.

Which kind a source is, is decided here; how its bytes are decoded, in `decode`. Nothing is mixed or resampled yet.
"""

from __future__ import annotations

import io
import itertools
import numbers
import os
import stat
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from whisper_magic.audio.decode import decoded
from whisper_magic.audio.fetch import CHUNK, MAX_BYTES, fetch
from whisper_magic.audio.samples import frames_first, from_array, is_tensor, scaled
from whisper_magic.audio.sound import Sound, Span
from whisper_magic.errors import AudioError, AudioInvalid, AudioNotFound, AudioUnreadable
from whisper_magic.wording import near, one_line, public, shown

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000  # Hz; a rate outside them is a damaged header or a slip


def find(source: Any) -> None:
    """Check that a path exists, without reading it. Sources of other kinds pass.

    Args:
        source: What `load` takes.

    Raises:
        AudioNotFound: No such file; the message lists near names.
    """
    if not isinstance(source, str | os.PathLike) or "://" in os.fsdecode(source):
        return
    text = os.fsdecode(source)
    try:
        path = Path(text).expanduser()
        there = path.exists()
    except (OSError, ValueError, RuntimeError):  # opening it gives the reason
        return
    if not there:
        raise AudioNotFound(_missing(text, path))


def opened(source: Any, rate: float | None, span: Span, stack: ExitStack) -> Sound:
    """Open a source.

    Args:
        source: What `load` takes.
        rate: Hz of an array; None for all other sources.
        span: The part to decode.
        stack: Closes the source.

    Returns:
        Its sound; the blocks must be read before `stack` closes.

    Raises:
        AudioError: As `load`.
    """
    if isinstance(source, tuple):
        source, rate = _pair(source, rate)
    if isinstance(source, str | bytes | bytearray | memoryview | os.PathLike) or hasattr(source, "read"):
        refuse_rate(rate, "a file")
        name, open_file = _file(source)
        return stack.enter_context(decoded(stack.enter_context(open_file()), name, span))
    if isinstance(source, Mapping):
        refuse_rate(rate, "a row of an audio column")
        return _row(source, span, stack)
    if hasattr(source, "get_all_samples"):
        refuse_rate(rate, "an AudioDecoder")
        return _from_decoder(source, span)
    if is_tensor(source) or hasattr(source, "__array__") or isinstance(source, list):
        return from_samples(source, rate, "array", span)
    accepted = "a path, URL, bytes, file object, (array, rate), Audio or a row of an audio column"
    raise AudioInvalid(f"{type(source).__name__} is not a source of audio: pass {accepted}")


def open_bytes(source: Any) -> BinaryIO:
    """Open a source of encoded sound as it is.

    Args:
        source: A path, an http(s) URL, bytes or a binary file object.

    Returns:
        An unbuffered file that can seek; close it.

    Raises:
        AudioError: It cannot be opened.
    """
    if not isinstance(source, str | bytes | bytearray | memoryview | os.PathLike) and not hasattr(source, "read"):
        raise AudioInvalid(f"{type(source).__name__} is not a source of encoded audio: pass a path, URL, bytes or file")
    return _file(source)[1]()


def refuse_rate(rate: object, what: str) -> None:
    """Raises AudioInvalid where a rate is given for a source that carries its own."""
    if rate is not None:
        raise AudioInvalid(f"rate={rate!r} is for arrays, {what} has its own: pass sample_rate= to resample the result")


def _pair(pair: tuple[Any, ...], rate: float | None) -> tuple[Any, float]:
    if len(pair) != 2 or isinstance(pair[0], numbers.Real | str | bytes):
        kinds = ", ".join(type(item).__name__ for item in pair)
        raise AudioInvalid(f"a tuple must be (array, rate), in this order, got ({kinds})")
    refuse_rate(rate, "an (array, rate) pair")
    return pair[0], pair[1]


def from_samples(source: Any, rate: object, name: str, span: Span) -> Sound:
    """Wrap an array or tensor of samples.

    Args:
        source: (n,), (n, channels) or (channels, n).
        rate: Hz.
        name: The source, for messages.
        span: The part to use.

    Returns:
        The part as one block.

    Raises:
        AudioInvalid: No rate, or samples or a part that make no sense.
    """
    if rate is None:
        raise AudioInvalid("an array needs a sample rate: pass (array, rate), for instance (array, 16000)")
    hertz = checked_rate(rate, name)
    if span.stream is not None:
        raise AudioInvalid(f"stream={span.stream} is for files with several audio streams, {shown(name)} has none")
    array = frames_first(from_array(source))
    span.check(name, len(array) / hertz)
    first, last = span.wide.frames(hertz)
    part = array[first:last]
    return Sound(name, hertz, max(array.shape[1], 1), iter([scaled(part)]), seconds=span.of(len(array) / hertz))


def _row(row: Mapping[str, Any], span: Span, stack: ExitStack) -> Sound:
    """A row of a `datasets` audio column, decoded or not."""
    name = str(row.get("path") or "array")
    if row.get("array") is not None:
        return from_samples(row["array"], row.get("sampling_rate"), name, span)
    if row.get("bytes") is not None:
        return replace(opened(row["bytes"], None, span, stack), name=name if row.get("path") else "bytes")
    if row.get("path") is not None:
        return opened(row["path"], None, span, stack)
    keys = ", ".join(map(str, row)) or "none"
    advice = 'pass row["audio"]' if "audio" in row else "an audio row has array and sampling_rate, or bytes or path"
    raise AudioInvalid(f"no audio in a mapping with the keys {shown(keys)}: {advice}")


def _from_decoder(decoder: Any, span: Span) -> Sound:
    """torchcodec's AudioDecoder, which `datasets` gives for a row."""
    try:
        whole = decoder.get_all_samples()
    except (RuntimeError, ValueError, OSError) as error:  # what torchcodec raises for damaged sound
        raise AudioUnreadable(f"the AudioDecoder could not decode: {one_line(error)}") from error
    return from_samples(whole.data, whole.sample_rate, "AudioDecoder", span)


def _file(source: Any) -> tuple[str, Callable[[], BinaryIO]]:
    """Returns the name of a source of bytes, and how to open it: as an unbuffered, seekable file."""
    if isinstance(source, bytes | bytearray | memoryview):
        return "bytes", lambda: _spooled(io.BytesIO(source), "bytes")
    if hasattr(source, "read"):
        name = getattr(source, "name", None)
        label = name if isinstance(name, str) else "file object"
        return label, lambda: _spooled(source, label)
    text = os.fsdecode(source)
    scheme, separator, _ = text.partition("://")
    if separator and scheme.lower() in ("http", "https"):
        return public(text), lambda: _unbuffered(fetch(text))
    if separator:
        raise AudioNotFound(f"{shown(text)}: only http and https addresses can be fetched, not {shown(scheme)}")
    return text, lambda: _open_path(text)


def _spooled(source: Any, name: str) -> BinaryIO:
    """Copy what has a read(n) to a temporary file, from its beginning where it can seek."""
    if isinstance(source, io.TextIOBase):
        raise AudioInvalid(f"{shown(name)} is open as text: open it with mode 'rb'")
    with ExitStack() as undo:
        file = undo.enter_context(tempfile.TemporaryFile())
        try:
            if source.seekable() if hasattr(source, "seekable") else hasattr(source, "seek"):
                source.seek(0)
            _copy(source, file, name)
        except AudioError:
            raise
        except Exception as error:  # somebody else's code: closed, gone, or not really a file
            reason = one_line(error) or type(error).__name__
            raise AudioUnreadable(f"cannot read from {shown(name)}: {reason}") from error
        undo.pop_all()
        return _unbuffered(file)


def _copy(source: Any, file: IO[bytes], name: str) -> None:
    """Copy to the end.

    Raises:
        AudioInvalid: What is read is not bytes.
        AudioUnreadable: A source that does not wait for its bytes has none now, or there are more than 4 GiB.
    """
    while True:
        chunk = source.read(CHUNK)
        if chunk is None:
            raise AudioUnreadable(f"{shown(name)} is non-blocking and has no bytes yet: make it blocking")
        if not isinstance(chunk, bytes | bytearray | memoryview):
            kind = type(chunk).__name__
            raise AudioInvalid(f"{shown(name)} returns {kind} instead of bytes: open it in binary mode")
        if not len(chunk):
            return
        file.write(chunk)
        if file.tell() > MAX_BYTES:
            raise AudioUnreadable(f"{shown(name)} has more than {MAX_BYTES >> 30} GiB: pass the part that you need")


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
    """Returns the message for a missing file, with near names of its folder."""
    try:
        names = [entry.name for entry in itertools.islice(path.parent.iterdir(), 5000)]
    except OSError:
        return f"no such file: {shown(text)}, and no folder {shown(str(path.parent))}"
    hint = near(path.name, names)
    return f"no such file: {shown(text)}{shown(hint)}"


def checked_rate(rate: object, what: str) -> int:
    """Check a sample rate.

    Args:
        rate: Hz.
        what: Whose rate it is, for the message.

    Returns:
        The rate as an int.

    Raises:
        AudioInvalid: Not a whole number of Hz, or out of range.
    """
    if not isinstance(rate, numbers.Real) or isinstance(rate, bool):
        raise AudioInvalid(f"{what}: the rate must be a number of Hz, got {type(rate).__name__}")
    hertz = float(rate)
    if not LOWEST_RATE <= hertz <= HIGHEST_RATE:  # also false for NaN
        raise AudioInvalid(f"{what}: a rate of {hertz:g} Hz is not within {LOWEST_RATE} to {HIGHEST_RATE} Hz")
    if not hertz.is_integer():
        raise AudioInvalid(f"{what}: the rate must be a whole number of Hz, got {hertz}")
    return int(hertz)
