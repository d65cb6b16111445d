"""What a recording is, whatever its file is called: a digest of the sound that it holds.

Of a file, the packets of its audio streams are hashed as they are, without decoding: another name, folder, tag or
container changes nothing. Of samples, the samples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import closing
from typing import Any, BinaryIO

import numpy as np

from whisper_magic.audio.container import Window
from whisper_magic.audio.fetch import CHUNK
from whisper_magic.audio.samples import from_array
from whisper_magic.audio.sound import Audio
from whisper_magic.audio.sources import open_bytes
from whisper_magic.errors import AudioUnreadable

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
    if isinstance(source, Mapping):
        source = next((source[key] for key in ("bytes", "path") if source.get(key) is not None), source)
    if isinstance(source, Mapping) and source.get("array") is not None:
        source = (source["array"], source.get("sampling_rate"))
    if isinstance(source, Audio):
        source = (source.samples, source.sample_rate)
    if isinstance(source, tuple) and len(source) == 2:
        samples = np.ascontiguousarray(from_array(source[0]))
        return _digest(f"{samples.dtype} {samples.shape} {source[1]}".encode(), samples.tobytes())
    with closing(open_bytes(source)) as file:
        length = file.seek(0, 2)
        if length == 0:
            raise AudioUnreadable(f"{source if isinstance(source, str) else 'the source'} is empty (0 bytes)")
        return _of_packets(Window(file, 0, length)) or _of_bytes(file)


def _digest(*parts: bytes) -> str:
    made = hashlib.blake2b(digest_size=SIZE)
    for part in parts:
        made.update(part)
    return made.hexdigest()


def _of_packets(file: Window) -> str | None:
    """Of the encoded sound; None where FFmpeg does not know the format, or finds no sound in it."""
    import av
    from av.error import FFmpegError

    made, found = hashlib.blake2b(digest_size=SIZE), False
    try:
        with av.open(file, "r", metadata_errors="replace") as container:
            if not (streams := container.streams.audio):
                return None
            for place, stream in enumerate(streams):
                context = stream.codec_context
                made.update(f"{place} {context.name} {context.sample_rate} {context.channels}".encode())
            places = {stream.index: place.to_bytes(4, "little") for place, stream in enumerate(streams)}
            for packet in container.demux(*streams):
                if packet.size:
                    found = True
                    made.update(places[packet.stream_index])
                    made.update(memoryview(packet))
    except (FFmpegError, ValueError, OSError, UnicodeDecodeError):
        return None  # of a damaged file, all bytes count
    return made.hexdigest() if found else None


def _of_bytes(file: BinaryIO) -> str:
    made = hashlib.blake2b(digest_size=SIZE)
    file.seek(0)
    while chunk := file.read(CHUNK):
        made.update(chunk)
    return made.hexdigest()
