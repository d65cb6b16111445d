"""Page objects: a notebook in JupyterLab or Notebook 7, driven through the application's own commands.

    notebook = lab.notebook("%load_ext whisper_magic", "%whisper demo")
    notebook.run_all()
    expect(notebook.outputs(1)).to_contain_text("sixteenth floor")

Knows nothing of servers and browsers being started, which `tests/browser/conftest.py` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import nbformat
from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Locator, Page, Request, Response

from tests.support.jupyter_server import Server

Face = Literal["doc", "lab", "notebook"]
KERNELSPEC = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
HOSTS_OWN = (  # how messages begin that appear with no extension of ours
    "Cannot read properties of undefined (reading 'schema')",  # Notebook 7.6, at every start
    "Command 'filebrowser:open-path' not registered.",  # the same
    "Cannot read properties of null (reading 'kernel')",  # ipywidgets' manager, in a notebook without a kernel
    "Could not restore the debugger state: Canceled future",  # JupyterLab 4.6, when a kernel restarts
)


# What a test leaves in a shared kernel goes: its widgets, its names, its folder.
RESET = """
import os
from ipywidgets import Widget
Widget.close_all()
os.chdir({folder!r})
get_ipython().run_line_magic("reset", "-f")
"""


class CellFailed(AssertionError):
    """A cell raised; the message is what it shows."""


@dataclass(frozen=True)
class Problems:
    """What went wrong in a page, without what the application does wrong on its own.

    console: errors (not warnings) written to the console. errors: exceptions that nobody caught.
    foreign: addresses that do not lie below the server's base URL, whether they answered or not. failed: requests that
    got no answer, or one of 400 and above.
    """

    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def all(self) -> list[str]:
        return [*self.console, *self.errors, *self.foreign, *self.failed]

    def watch(self, page: Page, server: str) -> None:
        def on_console(message: ConsoleMessage) -> None:
            if message.type == "error" and not message.text.startswith(HOSTS_OWN):
                self.console.append(f"{message.text} ({message.location['url']})")

        def on_error(error: Error) -> None:
            if not error.message.startswith(HOSTS_OWN):
                self.errors.append(error.stack or error.message)

        def on_address(url: str) -> None:
            own = url.replace("ws://", "http://", 1).startswith(server)
            if not own and not url.startswith(("data:", "blob:")):
                self.foreign.append(url)

        def on_response(response: Response) -> None:
            if response.status >= 400:
                self.failed.append(f"{response.status} {response.url}")

        def on_failed(request: Request) -> None:
            if request.failure != "net::ERR_ABORTED":  # the page was left
                self.failed.append(f"{request.failure} {request.url}")

        page.on("console", on_console)
        page.on("pageerror", on_error)
        page.on("request", lambda request: on_address(request.url))
        page.on("websocket", lambda socket: on_address(socket.url))
        page.on("response", on_response)
        page.on("requestfailed", on_failed)


@dataclass
class Notebook:
    """A notebook in a page of its own. Times are in seconds; cells are counted from 0."""

    page: Page
    file: Path
    problems: Problems
    kernel: bool = True
    shared: str | None = None  # the name of its kernel, where other notebooks have it too

    def run(self, index: int, *, seconds: float = 180, check: bool = True) -> None:
        """Run a cell and wait for it.

        Raises:
            CellFailed: where the cell raised; with check=False it may.
        """
        self.start(index)
        self.wait(seconds=seconds, check=check)

    def run_all(self, *, seconds: float = 300, check: bool = True) -> None:
        self.page.evaluate("() => whisperLab.startAll()")
        self.wait(seconds=seconds, check=check)

    def start(self, index: int) -> None:
        """Start a cell, and go on as soon as the kernel has begun with it."""
        self._within(60, "the cell's start", "whisperLab.start(argument)", index)

    def wait(self, *, seconds: float = 180, check: bool = True) -> None:
        """Until what was started last has ended."""
        if not self._within(seconds, "the cell's end", "whisperLab.running") and check:
            raise CellFailed("\n".join(self.page.evaluate("() => whisperLab.failures()")))

    def evaluate(self, expression: str) -> str:
        """The repr() of an expression in the kernel, without a cell."""
        ok, value = self._within(30, expression, "whisperLab.evaluate(argument)", expression)
        assert ok, f"{expression}: {value}"
        return str(value)

    def cell(self, index: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def outputs(self, index: int) -> Locator:
        """The outputs of a cell, one by one: a stream, a result, a widget, an error."""
        return self.cell(index).locator(".jp-Cell-outputArea > .jp-OutputArea-child > .jp-OutputArea-output")

    def restart_kernel(self) -> None:
        self._within(60, "restart", "whisperLab.panel().sessionContext.restartKernel()")
        self._ready()

    def shutdown_kernel(self) -> None:
        self._within(60, "shutdown", "whisperLab.panel().sessionContext.shutdown()")
        self.kernel = False

    def interrupt_kernel(self) -> None:
        """As the stop button does."""
        self._within(30, "interrupt", "whisperLab.kernel().interrupt()")

    def reset(self) -> None:
        """Let a shared kernel hold nothing of the test before, and work in this notebook's folder."""
        self.evaluate(f"exec({RESET.format(folder=str(self.file.parent))!r})")

    def kept(self) -> bool:
        """Whether its kernel can serve another test: it answers, and what this test left there is gone."""
        try:
            self._within(10, "the kernel", "whisperLab.idle()")
            self.reset()
        except (Error, AssertionError):
            return False
        return True

    def save(self) -> nbformat.NotebookNode:
        """Save, and read the file."""
        self._within(30, "save", "whisperLab.command('docmanager:save')")
        return nbformat.read(self.file, as_version=4)

    def reload(self) -> None:
        """Reload the page; what was not saved is lost. The kernel, if it has one, lives on."""
        self.page.reload()
        self._ready()

    def theme(self, name: Literal["light", "dark"]) -> None:
        title = f"JupyterLab {name.title()}"
        self._within(30, title, "whisperLab.command('apputils:change-theme', { theme: argument })", title)
        self.page.locator(f'body[data-jp-theme-name="{title}"]').wait_for(state="attached")
        self._unveiled()

    def screenshot(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)
        return path

    def _ready(self) -> None:
        self._within(60, "the notebook", "whisperLab.ready(argument)", self.kernel)
        self.cell(0).wait_for()
        self._unveiled()

    def _unveiled(self) -> None:
        """The splash screen is gone. JupyterLab raises when it is asked for another before that."""
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")

    def _within(self, seconds: float, what: str, promise: str, argument: Any = None) -> Any:
        """What a promise of lab.js becomes; Playwright itself would wait for ever."""
        late = f"([argument, what, ms]) => whisperLab.within(ms, what, {promise})"
        return self.page.evaluate(late, [argument, what, seconds * 1000])


@dataclass
class Lab:
    """A server and a browser, with a folder below the server's root for what one test writes."""

    server: Server
    context: BrowserContext
    folder: Path
    notebooks: list[Notebook] = field(default_factory=list)

    def notebook(
        self, *cells: str, name: str = "notebook.ipynb", face: Face = "doc", shared: str | None = None
    ) -> Notebook:
        """Write a notebook of code cells, none of them run, and open it with a kernel."""
        self.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), name)
        return self.open(name, face=face, shared=shared)

    def write(self, notebook: nbformat.NotebookNode, name: str) -> Path:
        """Write a notebook as somebody else's: Jupyter does not trust it, and cleans its HTML."""
        notebook.metadata.setdefault("kernelspec", KERNELSPEC)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        return path

    def open(self, name: str, *, face: Face = "doc", kernel: bool = True, shared: str | None = None) -> Notebook:
        """Open a notebook of this folder.

        Args:
            name: its path below the folder.
            face: "doc" is JupyterLab's single-document mode, the quickest; "lab" has its sidebars; "notebook" is
                Notebook 7.
            kernel: without one, the notebook opens as it was saved; in JupyterLab only.
            shared: the name of a kernel that lives on for the next test that asks for it. One notebook has it at a
                time. A kernel that the test ends, or leaves busy, is not kept.
        """
        path = self.folder / name
        if shared in {notebook.shared for notebook in self.notebooks}:
            shared = None
        notebook = Notebook(self.context.new_page(), path, Problems(), kernel, shared)
        notebook.problems.watch(notebook.page, self.server.url)
        notebook.page.on("dialog", lambda dialog: dialog.accept())  # leaving with changes that were not saved
        self.notebooks.append(notebook)
        workspace = f"{face}/workspaces/{len(self.notebooks)}"  # a new one shows nothing but what is opened
        below_root = path.relative_to(self.server.root).as_posix()
        if shared is not None:
            self.server.share(shared, below_root)
        if kernel:
            notebook.page.goto(
                self._address(f"notebooks/{below_root}" if face == "notebook" else f"{workspace}/tree/{below_root}")
            )
        else:
            assert face != "notebook", "Notebook 7 always starts a kernel"
            notebook.page.goto(self._address(workspace))
            notebook.page.evaluate("path => whisperLab.openWithoutKernel(path)", below_root)
        notebook._ready()
        if shared is not None:
            notebook.reset()
        return notebook

    def allow_microphone(self) -> None:
        """As if the user had agreed; otherwise a page that asks for the microphone is refused."""
        self.context.grant_permissions(["microphone"])

    def _address(self, path: str) -> str:
        return f"{self.server.url}{path}?token={self.server.token}"

    @contextmanager
    def closing(self) -> Iterator[Lab]:
        """Ends the kernels that are not shared and closes the pages afterwards; the server goes on."""
        try:
            yield self
        finally:
            kept = [notebook.shared for notebook in self.notebooks if notebook.shared and notebook.kept()]
            for notebook in self.notebooks:
                notebook.page.close()
            self.context.clear_permissions()
            self.server.forget({*kept, *(self.server.shared.keys() - {n.shared for n in self.notebooks})})
