"""Decoding with libsndfile (soundfile) of formats that FFmpeg lacks: XI, NMS ADPCM, G.721 in WAV, HTK, MATLAB, ...

Its way of reading is the simplest: from the beginning, in order. It cannot seek in most of these codings.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from whisper_magic.audio.notes import Notes
from whisper_magic.audio.samples import Samples
from whisper_magic.audio.sound import Sound, Span, Undecodable
from whisper_magic.errors import AudioInvalid, AudioUnreadable
from whisper_magic.wording import one_line, shown

BLOCK = 8192  # frames read at a time
HEAD = 32  # bytes
MPEG_IN_WAV = frozenset({0x50, 0x55})  # format tags
UNKNOWN = frozenset(
    {
        "Format not recognised",
        "bad resource fork",  # of what could be Sound Designer II
        "File does not exist or is not a regular file (possibly a pipe?)",  # of MP3 without a whole frame
    }
)
CLEARER = {
    "Internal psf_fseek() failed": "its data end unexpectedly",
    "Internal error : SF_INFO struct incomplete": "its header gives a rate of zero, or no channels",
}


@contextmanager
def decoded(file: BinaryIO, name: str, span: Span, notes: Notes) -> Iterator[Sound]:
    """Decode a file with libsndfile.

    Arguments, result and errors are those of `ffmpeg.decoded`.
    """
    if _prints(file):
        raise Undecodable("")
    file.seek(0)
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: the package without its library
        raise Undecodable("soundfile is not installed (pip install soundfile)") from error
    # By descriptor, so that no Python runs inside libsndfile: cffi would swallow Ctrl-C there. A descriptor has no
    # name either, so that the contents alone decide. Windows has one table of descriptors per C runtime.
    source = file if os.name == "nt" else file.fileno()
    try:
        handle = soundfile.SoundFile(source, closefd=False)
    except soundfile.LibsndfileError as error:
        reason = _reason(error)
        raise Undecodable("" if reason in UNKNOWN else f"libsndfile reports {reason!r}") from error
    with handle:
        if span.stream:
            raise AudioInvalid(f"{shown(name)} has one audio stream: there is no stream {span.stream}")
        blocks = _blocks(handle, name, span, notes)
        seconds = span.of(handle.frames / handle.samplerate)
        yield Sound(name, handle.samplerate, handle.channels, blocks, seconds=seconds, notes=notes)


def _blocks(handle: Any, name: str, span: Span, notes: Notes) -> Iterator[Samples]:
    """The blocks of the span, and a little more."""
    import soundfile

    rate, position = handle.samplerate, 0
    first, last = span.wide.frames(rate)
    try:
        while last is None or position < last:
            block = handle.read(BLOCK, dtype="float32", always_2d=True)
            if not len(block):
                break
            part = block[max(0, first - position) : None if last is None else last - position]
            position += len(block)
            if len(part):
                yield part
    except soundfile.LibsndfileError as error:
        if not position:
            raise AudioUnreadable(f"{shown(name)} cannot be decoded: libsndfile reports {_reason(error)!r}") from error
        notes.damaged(position / rate, None)
    span.check(name, math.inf if position == last else position / rate)


def _prints(file: BinaryIO) -> bool:
    """Whether libsndfile would give the file to a decoder that writes to standard output or error, with no switch for
    it: libmpg123, and its own for ALAC. FFmpeg knows all that they know."""
    file.seek(0)
    head = file.read(HEAD)
    mpeg = head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0")
    mpeg_in_wav = head[:4] == b"RIFF" and int.from_bytes(head[20:22], "little") in MPEG_IN_WAV
    return mpeg or mpeg_in_wav or (head[:4] == b"caff" and head[28:32] == b"alac")


def _reason(error: Any) -> str:
    reason = one_line(error.error_string or "").removeprefix("Error : ").rstrip(".")
    return CLEARER.get(reason, reason) or "no reason given"
