"""Sound at an http(s) address -> an open temporary file. Standard library only."""

from __future__ import annotations

import http.client
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from typing import IO, Any

from whisper_magic.errors import AudioNotFound, AudioUnreadable
from whisper_magic.wording import one_line, shown

TIMEOUT = 5.0  # seconds without an answer
LARGEST = 4 << 30  # bytes
CHUNK = 1 << 16


def fetch(url: str) -> IO[bytes]:
    """Download to a temporary file.

    Args:
        url: An http or https address.

    Returns:
        The open file; it is deleted when closed.

    Raises:
        AudioNotFound: The host cannot be reached, or has nothing there.
        AudioUnreadable: The answer is a web page, breaks off, or is larger than 4 GiB.
    """
    host = url.split("/")[2] or "no host"
    address = urllib.parse.quote(url, safe="%/:=&?~#+!$,;'@()*[]")
    try:
        request = urllib.request.Request(address, headers={"User-Agent": "whisper_magic"})
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return _saved(answer, shown(url))
    except urllib.error.HTTPError as error:
        error.close()
        answered = f"{shown(host)} answered {error.code} {one_line(error.reason)}"
        raise AudioNotFound(f"{shown(url)}: {answered}: check the address") from error
    except urllib.error.URLError as error:
        raise _unreachable(url, host, error.reason) from error
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a port that is no number
        raise _unreachable(url, host, error) from error


def _saved(answer: Any, url: str) -> IO[bytes]:
    kind = answer.headers.get_content_type()
    if kind == "text/html":
        raise AudioUnreadable(f"{url} is a web page, not sound: give the address of the file itself")
    length = int(answer.headers.get("Content-Length") or 0)
    file = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
    try:
        while chunk := answer.read(CHUNK):
            file.write(chunk)
            if file.tell() > LARGEST:
                raise AudioUnreadable(f"{url} is larger than {LARGEST >> 30} GiB: download the part that you need")
        if file.tell() < length:
            raise AudioUnreadable(f"{url} broke off after {file.tell()} of {length} bytes: try again")
    except BaseException:
        file.close()
        raise
    return file


def _unreachable(url: str, host: str, reason: object) -> AudioNotFound:
    why = "no answer in time" if isinstance(reason, TimeoutError) else one_line(reason)
    return AudioNotFound(f"{shown(url)}: cannot reach {shown(host)} ({why}): check the address and the network")
