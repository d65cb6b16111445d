"""The explorer in a real JupyterLab: what a person does with a library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support import made_library
from tests.support.axe import axe_violations

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.support.lab import Lab, Notebook

pytestmark = pytest.mark.browser

OPEN = """
%load_ext whisper_magic
from whisper_magic import Library
library = Library("made.db")
"""
ROOT = "document.querySelector('.wm-live > div:not([class])').shadowRoot"


@dataclass
class Shown:
    """An explorer on a page."""

    notebook: Notebook
    root: Locator

    @property
    def page(self) -> Page:
        return self.notebook.page

    @property
    def rows(self) -> Locator:
        return self.root.locator(".rows .row:not([hidden]):not(.waiting)")

    @property
    def count(self) -> str:
        return self.root.locator(".head [role=status]").first.inner_text()

    def row(self, name: str) -> Locator:
        return self.root.locator(".rows .row", has_text=name)

    def expect(self, condition: str, seconds: float = 10) -> None:
        """Wait until an expression about the shadow root `r` holds."""
        self.page.wait_for_function(f"() => {{ const r = {ROOT}; return {condition} }}", timeout=seconds * 1000)


@pytest.fixture
def explorer(lab: Lab) -> Callable[..., Shown]:
    """Open a notebook that shows a made library."""

    def opened(count: int = 300, code: str = "library", **options: str) -> Shown:
        lab.folder.mkdir(parents=True, exist_ok=True)
        made_library.make(lab.folder / "made.db", count, sound=lab.folder / "sound")
        notebook = lab.notebook(OPEN, code, **options)
        notebook.run_all()
        root = notebook.page.locator(".wm-live > div:not([class])").first
        root.locator(".rows .row").first.wait_for()
        return Shown(notebook, root)

    return opened


def test_look(explorer: Callable[..., Shown], screenshots: Path) -> None:
    shown = explorer()
    shown.page.set_viewport_size({"width": 1500, "height": 1100})
    shown.expect("r.querySelectorAll('.facet').length > 4")
    shown.root.get_by_label("Search what was said").fill("two hundr")
    shown.expect("r.querySelectorAll('mark').length > 3")
    shown.row("talk-1").first.click() if shown.row("talk-1").count() else None
    print(shown.notebook.screenshot(screenshots / "explorer.png"))
    shown.root.get_by_label("Search what was said").fill("")
    shown.row("talk-1").wait_for()
    shown.row("talk-1").dblclick()
    shown.root.locator(".detail .player, .detail div").first.wait_for()
    shown.page.wait_for_timeout(1500)
    shown.notebook.theme("dark")
    print(shown.notebook.screenshot(screenshots / "explorer2.png"))
    print(shown.notebook.problems.all(), shown.count, axe_violations(shown.page, ".wm-live"))
