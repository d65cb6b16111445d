"""The lessons in a real JupyterLab with the demo pair, and in a page without a kernel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from tests.support.axe import axe_violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

    from tests.support.lab import Lab, Notebook

pytestmark = pytest.mark.browser

LOAD = "%load_ext whisper_magic\n%whisper load demo;"
LESSONS = ("race", "stepper", "bench")
LAB = """
from whisper_magic.lessons.measure import LengthFigures, LengthStudy
from whisper_magic.engine.runtime.pass_cost import PassCost
from whisper_magic.notebook.widgets import lesson_contents
from whisper_magic.notebook.widgets.lesson import Lesson
figures = tuple(
    LengthFigures(k, 1 + k / 2, 0.7, 1 / k, 1 + k / 5, 0.1, 1 + k / 2, 1 + k / 2, 1 + k / 5) for k in (1, 3, 5)
)
study = LengthStudy((0.8, 0.7, 0.6, 0.6, 0.5), 0.15, (1.1, 1.2, 1.3), 1.0, figures)
costs = (PassCost(97_000_000, 37_000_000, 116_000_000), PassCost(27_000_000, 12_000_000, 33_000_000))
Lesson(lesson_contents.lab(study, costs, "talk.flac", "a pair"), study)
"""


@pytest.fixture
def lessons(lab: Lab) -> Notebook:
    """A notebook with every lesson."""
    lab.folder.mkdir(parents=True, exist_ok=True)
    cells = [f"%whisper lesson {name} demo --end 9" for name in LESSONS]
    notebook = lab.notebook(LOAD, *cells, LAB)
    notebook.run_all(seconds=240)
    return notebook


def lesson(page: Page, kind: str) -> Locator:
    """A lesson, once its script has drawn it."""
    shown = page.locator(f"[data-whisper-lesson={kind}] .player.lesson")
    shown.wait_for()
    return shown


def walk(page: Page) -> None:
    """What a learner does in each lesson."""
    stepper = lesson(page, "stepper")
    question = stepper.get_by_text("will the target accept?")
    expect(question).to_be_visible()
    stepper.get_by_role("button", name="5 of 5").click()
    expect(stepper).to_contain_text("The target")

    race = lesson(page, "race")
    race.get_by_role("combobox").first.select_option(label="as measured")
    race.get_by_role("button", name="Race").click()
    expect(race.locator("[aria-live], [role=status]").filter(has_text="the same text").first).to_be_visible(
        timeout=20_000
    )

    bench = lesson(page, "bench")
    bench.get_by_role("button", name="Draw 1,000").click()
    expect(bench).to_contain_text("Consistent with the target")
    bench.get_by_role("combobox").first.select_option(label="Broken: no residual")
    for _ in range(4):
        bench.get_by_role("button", name="Draw 1,000").click()
    expect(bench).to_contain_text("NOT the target")

    drawn = lesson(page, "lab")
    length = drawn.get_by_role("slider", name="Length of the draft").first
    length.focus()
    length.press("Home")
    expect(drawn).to_contain_text("1.00 tokens a round")
    drawn.get_by_role("combobox").first.select_option(label="H200")
    expect(drawn).to_contain_text("times as fast")


def test_a_learner_walks_through_every_lesson(
    lessons: Notebook, browser: Browser, screenshots: Path, tmp_path: Path
) -> None:
    """In the notebook, and in a page that is exported once the kernel is gone."""
    walk(lessons.page)
    play = lesson(lessons.page, "stepper").get_by_role("button", name="Play this part")
    play.click()  # the sound comes from the kernel
    expect(lesson(lessons.page, "stepper")).not_to_contain_text("The sound is not in this page")
    for theme in ("light", "dark"):
        lessons.theme(theme)
        for kind in (*LESSONS, "lab"):
            lesson(lessons.page, kind).scroll_into_view_if_needed()
            print(lessons.screenshot(screenshots / f"lesson-{kind}-{theme}.png"))
        assert axe_violations(lessons.page, ".whisper-magic") == []
    assert lessons.problems.all() == []
    teaches_without_a_kernel(lessons, browser, tmp_path)


def teaches_without_a_kernel(lessons: Notebook, browser: Browser, tmp_path: Path) -> None:
    saved = lessons.save()
    assert "widgets" not in saved.metadata
    assert "data:audio" not in str(saved)
    exported, _ = HTMLExporter(template_name="basic").from_notebook_node(saved)
    path = tmp_path / "exported.html"
    path.write_text(f"<!doctype html><html lang=en><meta charset=utf-8><title>x</title>{exported}", "utf-8")
    lessons.shutdown_kernel()
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    walk(page)
    expect(lesson(page, "stepper")).to_contain_text("The sound is not in this page")
    assert axe_violations(page, ".whisper-magic") == []
    assert errors == []
    page.close()
