"""Sound at an http(s) address -> an open temporary file. Standard library only.

A user name and password in the address are sent to that host alone, and no message holds them.
"""

from __future__ import annotations

import base64
import http.client
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from time import monotonic
from typing import IO, Any

from whisper_magic.errors import AudioNotFound, AudioUnreadable
from whisper_magic.wording import one_line, shown

TIMEOUT = 5.0  # seconds without an answer
SLOWEST = 1000  # bytes a second; a server that sends fewer is given up
PATIENCE = 20.0  # seconds before its speed is judged
MAX_BYTES = 4 << 30  # bytes
CHUNK = 1 << 16
ADVICE = {  # by status
    401: "check the user name and password (https://USER:PASSWORD@host/...)",
    403: "check the user name and password, or get a new signed URL",
}


def fetch(url: str) -> IO[bytes]:
    """Download to a temporary file.

    Args:
        url: An http or https address.

    Returns:
        The open file; it is deleted when closed.

    Raises:
        AudioNotFound: The host cannot be reached, refuses, or has nothing there.
        AudioUnreadable: The answer is a web page, stalls or breaks off, or is larger than 4 GiB.
    """
    host = ""
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or "no host"
        host = host if parts.port is None else f"{host}:{parts.port}"
        opener = urllib.request.build_opener(*([_Login(parts)] if parts.username is not None else []))
        with opener.open(_request(parts), timeout=TIMEOUT) as answer:
            return _saved(answer, shown(url))
    except urllib.error.HTTPError as error:
        error.close()
        answered = f"{shown(host)} answered {error.code} {one_line(error.reason)}"
        raise AudioNotFound(f"{shown(url)}: {answered}: {ADVICE.get(error.code, 'check the address')}") from error
    except urllib.error.URLError as error:
        raise _unreachable(url, host, error.reason) from error
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(url, host, error) from error
    except ValueError:  # its message, and the error itself, may hold a part of a password
        wrong = f"{shown(url)} is not a valid URL: check host and port, and write / : @ in a password as %2F %3A %40"
        raise AudioNotFound(wrong) from None


def _request(parts: urllib.parse.SplitResult) -> urllib.request.Request:
    """The request, without user name and password."""
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
    address = urllib.parse.quote(bare, safe="%/:=&?~#+!$,;'@()*[]")
    return urllib.request.Request(address, headers={"User-Agent": "whisper_magic"})


class _Login(urllib.request.BaseHandler):
    """Sends the user name and password of an address to its host, not to where that redirects."""

    def __init__(self, parts: urllib.parse.SplitResult) -> None:
        user, password = (urllib.parse.unquote(part or "") for part in (parts.username, parts.password))
        self._token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._place = parts.scheme, parts.netloc.rpartition("@")[2]

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """urllib calls this for every request, redirected ones too."""
        if (request.type, request.host) == self._place:
            request.add_unredirected_header("Authorization", f"Basic {self._token}")
        return request

    https_request = http_request


def _saved(answer: Any, url: str) -> IO[bytes]:
    kind = answer.headers.get_content_type()
    if kind == "text/html":
        raise AudioUnreadable(f"{url} is a web page, not audio: pass the URL of the file itself")
    file = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
    try:
        _copy(answer, file, url)
    except BaseException:
        file.close()
        raise
    return file


def _copy(answer: Any, file: IO[bytes], url: str) -> None:
    length, began = answer.length or 0, monotonic()
    while chunk := _next_chunk(answer, file, url):
        file.write(chunk)
        if file.tell() > MAX_BYTES:
            raise AudioUnreadable(f"{url} is larger than {MAX_BYTES >> 30} GiB: download the part that you need")
        seconds = monotonic() - began
        if seconds > PATIENCE and file.tell() < SLOWEST * seconds:
            sent = f"{file.tell():,} bytes in {seconds:.0f} s"
            raise AudioUnreadable(f"{url} is too slow ({sent}): download it first, or try again")
    if file.tell() < length:
        raise AudioUnreadable(f"{url} broke off after {file.tell()} of {length} bytes: try again")


def _next_chunk(answer: Any, file: IO[bytes], url: str) -> bytes:
    """What has arrived; b"" at the end."""
    try:
        return bytes(answer.read1(CHUNK))
    except TimeoutError as error:
        sent = f"{file.tell():,} bytes, then nothing for {TIMEOUT:g} s"
        raise AudioUnreadable(f"{url} stalled ({sent}): try again") from error
    except http.client.HTTPException as error:  # a chunk that was cut off
        raise AudioUnreadable(f"{url} broke off after {file.tell()} bytes: try again") from error


def _unreachable(url: str, host: str, reason: object) -> AudioNotFound:
    why = "no answer in time" if isinstance(reason, TimeoutError) else one_line(reason)
    return AudioNotFound(f"{shown(url)}: cannot reach {shown(host)} ({why}): check the address and the network")
