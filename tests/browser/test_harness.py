"""The page objects do what they say; with these, a failure elsewhere in this folder is the extension's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from tests.support.axe import axe_violations

if TYPE_CHECKING:
    from tests.support.lab import Lab

pytestmark = pytest.mark.browser

LOUDEST = """async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false } });
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
  context.createMediaStreamSource(stream).connect(analyser);
  const levels = new Float32Array(analyser.frequencyBinCount);
  await new Promise((resolve) => setTimeout(resolve, 500));
  analyser.getFloatFrequencyData(levels);
  stream.getTracks().forEach((track) => track.stop());
  return (levels.indexOf(Math.max(...levels)) * context.sampleRate) / analyser.fftSize;
}"""


def test_cells_fail_stop_and_run_again_in_a_new_kernel(lab: Lab) -> None:
    from tests.support.lab import CellFailed

    notebook = lab.notebook("known = 6 * 7", "1 / 0", "import time; time.sleep(60)")
    notebook.run(0)
    assert notebook.evaluate("known") == "42"
    with pytest.raises(CellFailed, match="ZeroDivisionError: division by zero"):
        notebook.run(1)
    notebook.start(2)
    notebook.interrupt_kernel()
    with pytest.raises(CellFailed, match="KeyboardInterrupt"):
        notebook.wait(seconds=20)
    notebook.restart_kernel()
    assert notebook.evaluate("'known' in globals()") == "False"
    notebook.run_all(check=False)
    notebook.save()
    notebook.reload()
    assert notebook.evaluate("known") == "42"
    assert "ZeroDivisionError" in notebook.outputs(1).inner_text()


WRONG = """from IPython.display import HTML, Javascript, display
display(HTML('<img src="https://example.com/a.png" alt="">'), HTML('<img src="/missing.png">'))
display(Javascript("console.error('of ours'); setTimeout(() => { throw new Error('thrown') })"))"""


@pytest.mark.parametrize("base_url", ["/user/ada/"])
def test_each_kind_of_problem_is_collected(lab: Lab) -> None:
    notebook = lab.notebook(WRONG)
    page = notebook.page
    with page.expect_event("pageerror"), page.expect_response("**/missing.png"), page.expect_event("requestfailed"):
        notebook.run(0)
    problems = notebook.problems
    host = page.evaluate("location.origin")
    assert lab.server.url == f"{host}/user/ada/"
    assert set(problems.foreign) == {f"{host}/missing.png", "https://example.com/a.png"}
    assert any("of ours" in message for message in problems.console)
    assert [error for error in problems.errors if "thrown" in error]
    assert [failed for failed in problems.failed if failed.endswith("https://example.com/a.png")]
    assert f"404 {host}/missing.png" in problems.failed


@pytest.mark.parametrize("face", ["lab", "notebook"])
def test_axe_sees_what_is_shown(lab: Lab, face: str) -> None:
    """Contrast too, a rule that axe skips where it believes the content to be off screen."""
    faults = '<div id="faults"><button></button><p style="color: #bbb; background: #fff">pale</p></div>'
    notebook = lab.notebook(f"from IPython.display import HTML\nHTML({faults!r})", face=face)
    notebook.run(0)
    assert {found.rule for found in axe_violations(notebook.page, "#faults")} == {"button-name", "color-contrast"}


def test_the_microphone_plays_a_file_to_pages_that_may_listen(lab: Lab, microphone: Path) -> None:
    from playwright.sync_api import Error

    seconds = np.arange(32_000) / 16_000
    soundfile.write(microphone, 0.5 * np.sin(2 * np.pi * 1000 * seconds), 16_000, subtype="PCM_16")
    page = lab.notebook("").page
    with pytest.raises(Error, match="NotAllowedError"):
        page.evaluate(LOUDEST)
    lab.allow_microphone()
    assert page.evaluate(LOUDEST) == pytest.approx(1000, abs=12)
