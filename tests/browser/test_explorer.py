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
WATCH = """() => {
  window.played = [];
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    window.played.push([this.currentTime, this.src]);
    return play.call(this);
  };
}"""
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
        return self.rows.filter(has_text=name)

    def expect(self, condition: str, seconds: float = 30) -> None:
        """Wait until an expression about the shadow root `r` holds."""
        self.page.wait_for_function(f"() => {{ const r = {ROOT}; return {condition} }}", timeout=seconds * 1000)


@pytest.fixture
def explorer(lab: Lab) -> Callable[..., Shown]:
    """Open a notebook that shows a made library."""

    def opened(count: int = 300, code: str = "library", **options: str) -> Shown:
        lab.folder.mkdir(parents=True, exist_ok=True)
        made_library.make(lab.folder / "made.db", count, sound=lab.folder / "sound")
        notebook = lab.notebook(OPEN, code, shared="explorer", **options)
        notebook.run_all()
        root = notebook.page.locator(".wm-live > div:not([class])").first
        root.locator(".rows .row").first.wait_for()
        return Shown(notebook, root)

    return opened


def test_filters_narrow_the_table_as_one_types_chooses_and_brushes(
    explorer: Callable[..., Shown], screenshots: Path
) -> None:
    shown = explorer()
    shown.expect("r.querySelectorAll('.facet').length > 4")
    shown.root.get_by_label("Search what was said").type("two hundr")
    shown.expect("r.querySelectorAll('.rows .row:not([hidden]) mark:not(:empty)').length > 3")
    found = int(shown.notebook.evaluate("len(set(library.search('two AND hundr*', limit=10**6).recording))"))
    assert shown.count.startswith(f"{found} of 300 recordings")
    assert shown.rows.locator("mark").first.inner_text() in ("two", "hundred")

    shown.root.get_by_label("Search what was said").fill("")
    shown.expect("r.querySelector('.head [role=status]').textContent.startsWith('300 recordings')")
    shown.root.locator("input[value=de]").check()
    shown.expect(
        "[...r.querySelectorAll('.rows .row:not([hidden]) .language')].every(cell => cell.textContent === 'de')"
    )
    german = shown.count.partition(" ")[0]
    assert german == shown.notebook.evaluate("(library.to_pandas().language == 'de').sum().item()")

    low = shown.root.get_by_label("Confidence, least")
    low.focus()
    for _ in range(24):
        low.press("ArrowRight")
    sure = shown.notebook.evaluate("((t := library.to_pandas()).language.eq('de') & t.confidence.ge(0.8)).sum().item()")
    assert int(sure) < int(german)
    shown.expect(f"r.querySelector('.head [role=status]').textContent.startsWith('{sure} of')")

    shown.root.get_by_role("button", name="Clear filters").click()
    shown.expect("r.querySelector('.head [role=status]').textContent.startsWith('300 recordings')")
    shown.root.get_by_role("button", name="WER").click()
    shown.expect("r.querySelector('[data-sort=wer]').getAttribute('aria-sort') === 'descending'")
    worst = shown.notebook.evaluate("round(100 * library.to_pandas().wer.max())")
    shown.expect(f"r.querySelector('.rows [aria-rowindex=\"2\"] .wer').textContent === '{worst} %'")
    shown.root.get_by_label("View").select_option("references")
    expected = shown.notebook.evaluate("((t := library.to_pandas()).wer.ge(.3) & t.confidence.ge(.7)).sum().item()")
    shown.expect(f"r.querySelector('.head [role=status]').textContent.startsWith('{expected} of')")
    print(shown.notebook.screenshot(screenshots / "explorer.png"))
    assert axe_violations(shown.page, ".wm-live") == []
    assert shown.notebook.problems.all() == []


def test_headings_have_room_for_the_arrow_of_the_order(explorer: Callable[..., Shown]) -> None:
    shown = explorer()
    headings = shown.root.get_by_role("columnheader").filter(has=shown.page.get_by_role("button"))
    assert headings.count() == 6
    for heading in headings.all():
        heading.get_by_role("button").click()
        shown.page.wait_for_function("e => e.ariaSort !== 'none'", arg=heading.element_handle())
        assert heading.evaluate("e => e.scrollWidth <= e.clientWidth")


RENAME = """
import sqlite3
with sqlite3.connect("made.db") as file:
    file.execute("UPDATE recording SET name = 'a/folder/far from here/my ada talk.flac' WHERE id = 4")
library
"""


def test_the_folder_gives_way_before_the_name_of_the_file(explorer: Callable[..., Shown]) -> None:
    row = explorer(code=RENAME).row("talk.flac")
    folder, front, ending = (row.locator(part) for part in (".folder", ".front", ".ending"))
    assert (front.inner_text(), ending.inner_text()) == ("my", " ada talk.flac")  # the space too
    assert folder.evaluate("e => e.clientWidth < e.scrollWidth")
    assert front.evaluate("e => e.clientWidth >= e.scrollWidth")


def test_keys_select_tag_accept_and_open_a_player_whose_corrections_stay(explorer: Callable[..., Shown]) -> None:
    shown = explorer()
    table = shown.root.get_by_role("grid")
    table.focus()
    table.press("ArrowDown")
    table.press("x")
    table.press("Shift+ArrowDown")
    shown.expect("r.querySelector('.actions .soft').textContent.startsWith('2 selected')")
    assert shown.notebook.evaluate("list(library.selected.recording)") == "[2, 3]"

    table.press("t")
    shown.root.get_by_role("textbox", name="Tag").type("noisy")
    shown.root.get_by_role("textbox", name="Tag").press("Enter")
    shown.expect("r.querySelectorAll('.rows .tag').length === 2")
    table.focus()
    table.press("a")
    shown.expect("r.querySelectorAll('.rows .accepted:not([hidden])').length === 2")
    state = "[(r.recording, r.tags, r.accepted) for r in library.to_pandas().itertuples() if r.tags]"
    assert shown.notebook.evaluate(state) == "[(2, ('noisy',), True), (3, ('noisy',), True)]"

    table.press("Escape")
    table.press("Home")
    table.press("Enter")
    player = shown.root.locator(".detail .segment").first
    player.wait_for()
    shown.root.get_by_label("Note").fill("check the first name")
    shown.root.get_by_label("Note").blur()
    shown.expect("r.querySelectorAll('.rows .noted:not([hidden])').length === 1")
    shown.root.locator(".detail .word").first.dblclick()
    shown.page.keyboard.type("xylophone")
    shown.page.keyboard.press("Enter")
    shown.root.locator(".detail .segment", has_text="xylophone").wait_for()
    shown.root.get_by_role("button", name="Close").first.click()
    hits = "[(h.recording, h.start) for h in library.hits('xylophone')]"
    assert shown.notebook.evaluate(hits) == "[(1, 0.0)]"
    assert shown.notebook.evaluate("library.to_pandas().note[0]") == "'check the first name'"
    assert shown.notebook.problems.all() == []


def test_a_row_plays_from_its_hit(explorer: Callable[..., Shown]) -> None:
    shown = explorer()
    shown.page.evaluate(WATCH)
    text = shown.notebook.evaluate("library.transcript(2).segments[4].text.split()[:3]")
    shown.root.get_by_label("Search what was said").fill('"' + " ".join(eval(text)) + '"')
    shown.expect("r.querySelector('.rows .row:not([hidden]) mark:not(:empty)') !== null")
    shown.row("talk-2").get_by_role("button", name="Play talk-2.wav").click()
    shown.page.wait_for_function("() => window.played.length === 1")
    second, source = shown.page.evaluate("() => window.played[0]")
    assert abs(second - 8.0) < 0.1
    assert "/files/" in source
    shown.row("talk-2").get_by_role("button", name="Stop talk-2.wav").click()
    shown.row("talk-2").get_by_role("button", name="Play talk-2.wav").wait_for()


def test_hits_are_shown_with_their_second_and_the_table_stays_without_a_kernel(
    explorer: Callable[..., Shown], lab: Lab
) -> None:
    shown = explorer(code="%whisper search harbour --store made.db --limit 20")
    assert shown.count == "20 hits"
    assert shown.rows.count() == 20 or shown.rows.count() > 8
    assert shown.rows.locator("mark").first.inner_text() == "harbour"
    assert axe_violations(shown.page, ".wm-live") == []
    shown.notebook.save()
    shown.notebook.shutdown_kernel()
    static = lab.open(shown.notebook.file.name, kernel=False)
    body = static.page.locator(".whisper-magic [role=list]")
    body.wait_for()
    assert body.locator("b").count() == 20


def test_a_run_in_the_background_fills_the_explorer(lab: Lab) -> None:
    lab.folder.mkdir(parents=True, exist_ok=True)
    for number in range(3):
        made_library.tone(lab.folder / "sound" / f"talk-{number}.wav", 200.0 + number)
    notebook = lab.notebook(
        "%load_ext whisper_magic\n%config WhisperMagics.model = 'demo'",
        "library = %whisper library sound --background\nlibrary",
    )
    notebook.run_all()
    root = notebook.page.locator(".wm-live > div:not([class])").first
    root.locator(".rows .row:not([hidden])").nth(2).wait_for()
    assert notebook.evaluate("(library.job.result(60), len(library))[1]") == "3"
    assert notebook.problems.all() == []
