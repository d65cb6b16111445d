"""A Jupyter server of this environment with folders of its own: JupyterLab and Notebook 7, kernels that can import
`tests`, no questions and no news. Knows nothing of browsers."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.markdown import ROOT

START_SECONDS = 90  # about 3 s of processor time; 9 s were measured on two cores at a load of 12
IDLE_SECONDS = 1800  # a server whose tests were killed ends by itself


@dataclass(frozen=True)
class Server:
    """url ends with the base URL; root is what the file browser shows; home holds its configuration and its log;
    shared are the sessions of kernels that notebooks have one after the other, by the name that the tests give them."""

    url: str
    token: str
    root: Path
    home: Path
    shared: dict[str, str] = field(default_factory=dict)

    @property
    def log(self) -> str:
        return (self.home / "log").read_text("utf-8", errors="replace")

    def api(self, path: str, method: str = "GET", content: Any = None) -> Any:
        """The JSON of an endpoint below api/; None where it returns nothing."""
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"{self.url}api/{path}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            body = response.read()
        return json.loads(body) if body else None

    def share(self, kernel: str, path: str) -> None:
        """Give the notebook at a path below the root, which is not open yet, the kernel of this name."""
        session = {"path": path, "name": Path(path).name, "type": "notebook"}
        if kernel in self.shared:
            self.api(f"sessions/{self.shared[kernel]}", "PATCH", session)
        else:
            self.shared[kernel] = self.api("sessions", "POST", session | {"kernel": {"name": "python3"}})["id"]

    def forget(self, keep: Collection[str] = ()) -> None:
        """End every kernel but those shared ones; drop settings (a theme that was chosen) and workspaces."""
        for kernel in self.shared.keys() - set(keep):
            del self.shared[kernel]
        for session in self.api("sessions"):
            if session["id"] not in self.shared.values():
                self.api(f"sessions/{session['id']}", "DELETE")
        for kept in ("user-settings", "workspaces"):
            shutil.rmtree(self.home / "config" / "lab" / kept, ignore_errors=True)


@contextmanager
def serve(home: Path, base_url: str = "/") -> Iterator[Server]:
    """A server on a free port, until the context ends. `home` is an empty folder; files are served from home/root."""
    token = secrets.token_hex(16)
    for name in ("config", "data", "runtime", "ipython", "root"):
        (home / name).mkdir(parents=True)
    _configure(home / "config", home / "root", token, base_url)
    with (home / "log").open("wb") as log:
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
        process = subprocess.Popen(command, env=_environment(home), cwd=home, stdout=log, stderr=subprocess.STDOUT)
    try:
        port = _port(process, home)
        yield Server(f"http://localhost:{port}{base_url}", token, home / "root", home)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _configure(config: Path, root: Path, token: str, base_url: str) -> None:
    server = {
        "ServerApp": {
            "port": 0,
            "root_dir": str(root),
            "base_url": base_url,
            "shutdown_no_activity_timeout": IDLE_SECONDS,
        },
        "IdentityProvider": {"token": token},
        "MappingKernelManager": {"cull_idle_timeout": IDLE_SECONDS, "cull_connected": True},
        "LabApp": {
            "expose_app_in_browser": True,  # window.jupyterapp, through which the tests give commands
            "news_url": None,
            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        },
        "JupyterNotebookApp": {"expose_app_in_browser": True},
    }
    page = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}  # asks whether to fetch news
    (config / "jupyter_server_config.json").write_text(json.dumps(server))
    (config / "labconfig").mkdir()
    (config / "labconfig" / "page_config.json").write_text(json.dumps(page))


def _environment(home: Path) -> dict[str, str]:
    """What of this process's environment says where Jupyter keeps things is left out."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "IPYTHON"))}
    return kept | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }


def _port(process: subprocess.Popen[bytes], home: Path) -> int:
    """The port that the server found free: it writes this down when it listens."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        for path in (home / "runtime").glob("jpserver-*.json"):
            try:
                return int(json.loads(path.read_text())["port"])
            except ValueError:  # half written
                pass
        time.sleep(0.05)
    raise RuntimeError(f"the Jupyter server did not start; its log:\n{(home / 'log').read_text('utf-8')}")
