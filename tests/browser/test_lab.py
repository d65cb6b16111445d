"""The extension in a real JupyterLab and Notebook 7: what is shown, what is saved, what is left without a kernel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.axe import axe_violations
from whisper_magic.engine.model.hub import demo_folder

if TYPE_CHECKING:
    from tests.support.lab import Lab, Notebook

pytestmark = pytest.mark.browser

# The text of what reaches beyond the output: scrollWidth alone misses what an element inside cuts off.
CUT_OFF = """output => {
  const { right } = output.getBoundingClientRect();
  const shown = [...output.querySelectorAll("*")].filter((element) => element.getClientRects().length);
  return shown.filter((element) => {
    const beyond = element.getBoundingClientRect().right > right + 1;
    return beyond || (element.clientWidth && element.scrollWidth > element.clientWidth + 1);
  }).map((element) => element.textContent.slice(0, 40));
}"""


def test_the_demo_reads_the_same_once_its_kernel_is_gone(lab: Lab) -> None:
    notebook = lab.notebook("%load_ext whisper_magic\n%whisper demo")
    notebook.run(0)
    shown = notebook.outputs(0).text_content()  # the player may have taken its place
    assert shown is not None
    assert "sixteenth floor" in shown
    assert "widgets" not in notebook.save().metadata
    notebook.shutdown_kernel()
    reopened = lab.open("notebook.ipynb", kernel=False)
    assert reopened.outputs(0).text_content() == shown
    assert "sixteenth floor" in reopened.outputs(0).inner_text()
    assert notebook.problems.all() == reopened.problems.all() == []


@pytest.mark.real
def test_real_weights_write_into_a_notebook(real: Callable[..., Notebook]) -> None:
    notebook = real(f"%whisper '{demo_folder() / 'sample.ogg'}' --end 8")
    notebook.run(1)
    assert "openai/whisper-base" in notebook.outputs(1).inner_text()
    assert notebook.problems.all() == []


@pytest.mark.parametrize("face", ["doc", "notebook"])
def test_it_suits_every_theme_and_width(scripted: Callable[..., Notebook], screenshots: Path, face: str) -> None:
    notebook = scripted("%whisper talk.mp3", face=face)
    notebook.run(1)
    for theme in ("light", "dark"):
        notebook.theme(theme)
        notebook.screenshot(screenshots / f"{face}-{theme}.png")
        assert axe_violations(notebook.page, ".whisper-magic") == []
    notebook.page.set_viewport_size({"width": 420, "height": 900})
    notebook.screenshot(screenshots / f"{face}-narrow.png")
    assert notebook.outputs(1).evaluate(CUT_OFF) == []
    assert notebook.problems.all() == []


def test_somebody_elses_notebook_reads_well_untrusted(lab: Lab, scripted: Callable[..., Notebook]) -> None:
    notebook = scripted("%whisper talk.mp3")
    notebook.run(1)
    received = notebook.save()
    received.metadata["received"] = True  # other content: the signature does not cover it
    lab.write(received, "received.ipynb")
    untrusted = lab.open("received.ipynb", kernel=False)
    shown = untrusted.outputs(1)
    assert shown.get_attribute("data-mime-type") == "text/html"
    text = shown.inner_text()
    assert "talk.mp3 · 0:20 · en 98%" in text  # separators that the style sheet, dropped here, would hide
    assert "A small model reads the room." in text
    assert untrusted.problems.all() == []
