"""Sound at an address, from a server of our own."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from whisper_magic.audio import fetch
from whisper_magic.audio.load import load
from whisper_magic.errors import AudioError, AudioNotFound, AudioUnreadable


def one_line(error: pytest.ExceptionInfo[AudioError]) -> str:
    message = str(error.value)
    assert len(message.splitlines()) == 1
    return message


class Server(http.server.BaseHTTPRequestHandler):
    """Serves one clip in several ways."""

    content = b""

    def do_GET(self) -> None:
        if self.path == "/slow.wav":
            time.sleep(1.0)
        status = {"/missing.wav": 404, "/moved.wav": 302}.get(self.path, 200)
        self.send_response(status)
        self.send_header("Location", "/clip.wav")
        self.send_header("Content-Type", "text/html; charset=utf-8" if self.path == "/page" else "audio/wav")
        length = len(self.content) + (1000 if self.path == "/broken.wav" else 0)
        self.send_header("Content-Length", str(length if status == 200 else 0))
        self.end_headers()
        if status == 200:
            self.wfile.write(self.content)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site(clips: dict[str, Path]) -> Iterator[str]:
    """Address of a local server."""
    Server.content = clips["wav"].read_bytes()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("page", ["/clip.wav", "/moved.wav", "/mit Umlaut ü.wav"])
def test_an_address(site: str, tone: np.ndarray, page: str) -> None:
    audio = load(site + page, start=0.5)
    assert audio.source == site + page
    np.testing.assert_allclose(audio.samples, tone[8000:], atol=1e-4)


@pytest.mark.parametrize(
    ("page", "kind", "message"),
    [
        ("/missing.wav", AudioNotFound, "127.0.0.1:.* answered 404 Not Found"),
        ("/page", AudioUnreadable, "is a web page"),
        ("/broken.wav", AudioUnreadable, "broke off after 48044 of 49044 bytes"),
        ("/slow.wav", AudioNotFound, r"cannot reach 127.0.0.1:\d+ \(no answer in time\)"),
    ],
)
def test_answers_without_sound(
    site: str, page: str, kind: type[AudioError], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "TIMEOUT", 0.3)
    with pytest.raises(kind, match=message) as error:
        load(site + page)
    one_line(error)


def test_more_than_is_sane(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "LARGEST", 10_000)
    with pytest.raises(AudioUnreadable, match="is larger than"):
        load(site + "/clip.wav")


def test_nobody_answers() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    for address in (
        f"http://127.0.0.1:{port}/a.wav",
        "http://no.such.host.invalid/a.wav",
        "http://[bad/a.wav",
        "http:///a",
    ):
        with pytest.raises(AudioNotFound, match="cannot reach") as error:
            load(address)
        one_line(error)
