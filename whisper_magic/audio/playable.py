"""Which files a browser can play and seek in without re-encoding. Headers only; no decoding.

What counts is that Chromium, Firefox and Safari all know container and coding, that they play the file to its end, and
that they seek to where a word is: Chromium seeks in an MP3 of variable bit rate by a table of 100 places, half a second
beside after ten minutes, and more in longer ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from whisper_magic.audio import mp3, ogg, wav
from whisper_magic.audio.container import ByteWindow, Container, opened
from whisper_magic.audio.notes import Notes
from whisper_magic.audio.sound import Undecodable

# By FFmpeg's names of format and decoder.
TYPES = {
    ("wav", "pcm_u8"): "audio/wav",
    ("wav", "pcm_s16le"): "audio/wav",
    ("wav", "pcm_s24le"): "audio/wav",
    ("wav", "pcm_f32le"): "audio/wav",
    ("mp3", "mp3"): "audio/mpeg",
    ("mp3", "mp3float"): "audio/mpeg",
    ("flac", "flac"): "audio/flac",
    ("ogg", "vorbis"): "audio/ogg; codecs=vorbis",
    ("ogg", "opus"): "audio/ogg; codecs=opus",
    ("ogg", "libopus"): "audio/ogg; codecs=opus",
    ("mov,mp4,m4a,3gp,3g2,mj2", "aac"): "audio/mp4; codecs=mp4a.40.2",
    ("matroska,webm", "opus"): "audio/webm; codecs=opus",
    ("matroska,webm", "libopus"): "audio/webm; codecs=opus",
    ("matroska,webm", "vorbis"): "audio/webm; codecs=vorbis",
}
QUICKTIME = "qt  "  # major brand of .mov files, which Firefox refuses
WEBM = b"webm"  # document type; that of Matroska is another
HEAD = 64  # bytes that hold it
SLACK = 0.5  # seconds by which the header of an MP3 may be beside


def playable(path: str | Path) -> str | None:
    """Find out whether a browser can play a file as it is.

    Args:
        path: A file.

    Returns:
        Its MIME type, for `HTMLMediaElement.canPlayType` and the `type` of a source; None where some common browser
        does not know it, would play another audio stream or only a part, or would seek to the wrong place, and where
        there is no such file.
    """
    try:
        expanded = Path(path).expanduser()
        if not expanded.is_file():  # a pipe would wait for its writer
            return None
        with expanded.open("rb", buffering=0) as file:
            return _type(file, expanded.stat().st_size, str(path))
    except (OSError, ValueError, RuntimeError, Undecodable):  # no permission; a NUL in the name; ~ of nobody
        return None


def _type(file: BinaryIO, size: int, name: str) -> str | None:
    with opened(ByteWindow(file, 0, size), name, None, Notes()) as container:
        mime = TYPES.get((container.format, container.codec))
        sole = len(container.input.streams.audio) == 1
        return mime if mime and sole and _whole(file, size, container) else None


def _whole(file: BinaryIO, size: int, container: Container) -> bool:
    """Whether a browser would play all of it, and find each second."""
    if container.format == "wav":
        data = wav.data(file, size)
        return data is not None and data.claimed is not None and not data.goes_on
    if container.format == "mp3":
        seconds, claimed = mp3.constant(file, size), mp3.claimed(file)
        return seconds is not None and (claimed is None or abs(claimed - seconds) <= SLACK)
    if container.format == "ogg":
        return len(ogg.links(file, size)[0]) == 1
    if container.format == "matroska,webm":
        file.seek(0)
        return WEBM in file.read(HEAD) and container.duration is not None  # a browser's own recordings have none
    return container.duration is not None and container.input.metadata.get("major_brand") != QUICKTIME
