"""The bytes of a file -> `Sound`, by the first decoder that can read them.

FFmpeg comes first: it knows nearly every format, and goes on after damage. libsndfile knows some more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

from whisper_magic.audio import ffmpeg, sndfile
from whisper_magic.audio.notes import Notes
from whisper_magic.audio.sound import Sound, Span, Undecodable
from whisper_magic.errors import AudioUnreadable
from whisper_magic.wording import shown

DECODERS = (ffmpeg.decoded, sndfile.decoded)


@contextmanager
def decoded(file: BinaryIO, name: str, span: Span) -> Iterator[Sound]:
    """Decode a file.

    Args:
        file: Unbuffered and seekable.
        name: The source, for messages.
        span: The part to decode.

    Yields:
        The sound; its blocks must be read inside the `with`.

    Raises:
        AudioUnreadable: It is not audio, has no audio stream, or nothing of it can be decoded.
        AudioInvalid: The span begins after the end, or there is no such stream.
    """
    if not file.seek(0, os.SEEK_END):
        raise AudioUnreadable(f"{shown(name)} is empty (0 bytes)")
    refusals: list[Undecodable] = []
    for decoder in DECODERS:
        with ExitStack() as stack:
            try:
                sound = stack.enter_context(decoder(file, name, span, Notes()))
            except Undecodable as refusal:
                refusals.append(refusal)
                continue
            yield sound
            return
    raise AudioUnreadable(_message(file, name, refusals))


def _message(file: BinaryIO, name: str, refusals: list[Undecodable]) -> str:
    whole = next((refusal.reason for refusal in refusals if refusal.whole), None)
    if whole is not None:
        return whole
    why = "; ".join(refusal.reason for refusal in refusals if refusal.reason)
    file.seek(4)
    if not why and file.read(4) == b"ftyp":
        why = "it is an MP4 file without its index (moov): the recording or download was cut off"
    return f"{shown(name)} cannot be decoded as audio: {why or 'neither FFmpeg nor libsndfile recognizes the format'}"
