"""The identity of a recording, independent of its file name: a digest of its encoded audio.

Of a file, the packets of its audio streams are hashed as they are, without decoding: another name, folder, tag or
container changes nothing. Of samples, the samples.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from whisper_magic.audio.container import ByteWindow, open_input
from whisper_magic.audio.fetch import CHUNK
from whisper_magic.audio.load import load
from whisper_magic.audio.samples import from_array
from whisper_magic.audio.sound import Audio, Undecodable
from whisper_magic.audio.sources import checked_rate, open_bytes
from whisper_magic.errors import AudioUnreadable
from whisper_magic.wording import shown

if TYPE_CHECKING:
    from av.audio.stream import AudioStream

SIZE = 20  # bytes of a digest


def identity(source: Any) -> str:
    """The digest of a recording.

    Args:
        source: What `audio.load.load` takes.

    Returns:
        40 hexadecimal digits. The same for every file that holds the same encoded sound.

    Raises:
        AudioError: For a source that cannot be opened.
    """
    if isinstance(source, Mapping) and source.get("array") is not None:  # as it is read: samples first
        source = (source["array"], source.get("sampling_rate"))
    elif isinstance(source, Mapping):
        source = next((found for key in ("bytes", "path") if (found := source.get(key)) is not None), source)
    if hasattr(source, "get_all_samples"):  # an AudioDecoder of torchcodec
        source = load(source)
    if isinstance(source, Audio):
        source = (source.samples, source.sample_rate)
    if isinstance(source, tuple) and len(source) == 2:
        samples = np.ascontiguousarray(from_array(source[0]))
        rate = checked_rate(source[1], "array")
        return _digest(f"{samples.dtype} {samples.shape} {rate}".encode(), samples.tobytes())
    with closing(open_bytes(source)) as file:
        length = file.seek(0, 2)
        if length == 0:
            name = os.fsdecode(source) if isinstance(source, str | os.PathLike) else "the source"
            raise AudioUnreadable(f"{shown(name)} is empty (0 bytes)")
        return _of_packets(ByteWindow(file, 0, length)) or _of_bytes(file)


def _digest(*parts: bytes) -> str:
    digest = hashlib.blake2b(digest_size=SIZE)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _of_packets(file: ByteWindow) -> str | None:
    """Of the encoded sound; None where FFmpeg does not know the format, or finds no sound in it."""
    try:
        container = open_input(file, {})
    except Undecodable:
        return None
    from av import FFmpegError

    any_packet, streams = False, container.streams.audio
    with container:
        try:
            digests = {stream.index: hashlib.blake2b(_coding(stream), digest_size=SIZE) for stream in streams}
            for packet in container.demux(*streams) if streams else ():
                if packet.size:  # how large packets are, and how they are interleaved, is the container's business
                    any_packet = True
                    digests[packet.stream_index].update(memoryview(packet))
        except (FFmpegError, ValueError, OSError, LookupError):
            return None  # of a damaged file, all bytes count
    return _digest(*(digest.digest() for digest in digests.values())) if any_packet else None


def _coding(stream: AudioStream) -> bytes:
    context = stream.codec_context
    if context is None:
        return b"unknown"
    return f"{context.name} {context.sample_rate} {context.layout.nb_channels}".encode()


def _of_bytes(file: BinaryIO) -> str:
    digest = hashlib.blake2b(digest_size=SIZE)
    file.seek(0)
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
