"""Sound at an address, from a server of our own."""

from __future__ import annotations

import base64
import contextlib
import http.server
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

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
    logins: ClassVar[list[str | None]] = []  # of every request

    def do_GET(self) -> None:
        if self.path == "/slow.wav":
            time.sleep(1.0)
        path = self.path.partition("?")[0]
        status = {"/missing.wav": 404, "/moved.wav": 302, "/away.wav": 302, "/expired.wav": 403}.get(path, 200)
        login = self.headers.get("Authorization")
        self.logins.append(login)
        if path == "/private.wav" and login != f"Basic {base64.b64encode(b'me@here:se/cret').decode()}":
            status = 401
        self.send_response(status)
        self.send_header(
            "Location", f"http://localhost:{self.server.server_port}/clip.wav" if path == "/away.wav" else "/clip.wav"
        )
        self.send_header("Content-Type", "text/html; charset=utf-8" if self.path == "/page" else "audio/wav")
        length = len(self.content) + (1000 if self.path == "/broken.wav" else 0)
        self.send_header("Content-Length", str(length if status == 200 else 0))
        self.end_headers()
        if status == 200 and path in ("/stalls.wav", "/trickles.wav"):
            self.send_slowly(100, 0.05 if path == "/trickles.wav" else 0.5)
        elif status == 200:
            self.wfile.write(self.content)

    def send_slowly(self, pieces: int, pause: float) -> None:
        """Until the client gives up."""
        with contextlib.suppress(OSError):
            for byte in self.content[:pieces]:
                self.wfile.write(bytes([byte]))
                time.sleep(pause)

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
        ("/stalls.wav", AudioUnreadable, r"stalled \(1 bytes, then nothing for 0\.3 s\): try again"),
        ("/trickles.wav", AudioUnreadable, r"is too slow \(\d+ bytes in 1 s\): download it first"),
        ("/private.wav", AudioNotFound, r"answered 401 Unauthorized: check the user name and password"),
        (
            "/expired.wav?X-Amz-Signature=secret",
            AudioNotFound,
            r"wav\?….* answered 403 Forbidden: .*get a new signed URL",
        ),
    ],
)
def test_answers_without_sound(
    site: str, page: str, kind: type[AudioError], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "TIMEOUT", 0.3)
    monkeypatch.setattr(fetch, "PATIENCE", 0.6)
    with pytest.raises(kind, match=message) as error:
        load(site + page)
    assert "secret" not in one_line(error)


def test_a_login_goes_to_its_host_and_is_never_shown(site: str, tone: np.ndarray) -> None:
    private = site.replace("//", "//me%40here:se%2Fcret@") + "/private.wav?token=secret#secret"
    audio = load(private)
    np.testing.assert_allclose(audio.samples, tone, atol=1e-4)
    assert audio.source == f"{site}/private.wav?…"
    assert "cret" not in repr(audio)
    wrong = private.replace("cret@", "crets@")
    with pytest.raises(AudioNotFound, match="answered 401") as error:
        load(wrong)
    assert "cret" not in one_line(error)


@pytest.mark.parametrize(("page", "logins"), [("/moved.wav", 2), ("/away.wav", 1)])
def test_a_login_does_not_follow_to_another_host(site: str, page: str, logins: int) -> None:
    Server.logins.clear()
    load(site.replace("//", "//me:secret@") + page)
    assert [login is not None for login in Server.logins] == [True] * logins + [False] * (2 - logins)


@pytest.mark.parametrize("address", ["http://me:se/cret@127.0.0.1/a.wav", "http://me:se?cret@127.0.0.1/a.wav"])
def test_a_password_that_breaks_the_address(address: str) -> None:
    with pytest.raises(AudioNotFound, match=r"http://127\.0\.0\.1/a\.wav is not a valid URL: .*%2F") as error:
        load(address)
    assert "se" not in one_line(error).replace("password", "")
    assert "cret" not in str(error.value)


def test_ctrl_c_does_not_wait_for_the_server(site: str) -> None:
    began = time.monotonic()
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        load(site + "/stalls.wav")
    assert time.monotonic() - began < 2


def test_more_than_is_sane(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MAX_BYTES", 10_000)
    with pytest.raises(AudioUnreadable, match="is larger than"):
        load(site + "/clip.wav")


def test_nobody_answers() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    for address in (
        f"http://127.0.0.1:{port}/a.wav",
        "http://no.such.host.invalid/a.wav",
        "http:///a",
    ):
        with pytest.raises(AudioNotFound, match="cannot reach") as error:
            load(address)
        one_line(error)
