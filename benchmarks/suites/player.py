"""The player in a real JupyterLab with Chromium: from the cell's end to what is seen, from a click to sound, and a
recording of ten hours.

The recordings are made here, and the transcripts with them: no model runs. Needs Chromium and the extra `dev`.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from benchmarks.report.report import Finding, SuiteResult
from benchmarks.settings import Settings
from whisper_magic.errors import WhisperMagicError

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOURS = 10
RATE = 16_000
SEGMENT = 5.0  # seconds
FLAGS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--enable-precise-memory-info"]
SHOW = """
from whisper_magic import Segment, Transcript, Word
words = lambda start: tuple(Word(f" word{{i}}", start + i * 0.6, start + i * 0.6 + 0.5, 0.9) for i in range(8))
def transcript(seconds, path):
    starts = range(0, int(seconds), {segment:.0f})
    segments = tuple(Segment(s, s + 4.9, "".join(w.text for w in words(s)), words=words(s)) for s in starts)
    return Transcript(segments, "en", "transcribe", float(seconds), path)
talk, long = transcript(120, {talk!r}), transcript({hours} * 3600, {long!r})
"""
PAINTED = """async ([index, part]) => {
  const cell = document.querySelectorAll(".jp-Notebook .jp-Cell")[index];
  const hosts = () => [...cell.querySelectorAll(".wm-live > div:not([class])")];
  const seen = () => hosts().some((host) => host.shadowRoot?.querySelector(part));
  await whisperLab.start(index);
  await whisperLab.running;
  const began = performance.now();
  while (!seen()) await new Promise((resolve) => requestAnimationFrame(resolve));
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  return performance.now() - began;
}"""
SEGMENTS = ".segment"
SOUNDED = """async ([index, segment]) => {
  const cell = document.querySelectorAll(".jp-Notebook .jp-Cell")[index];
  const root = cell.querySelector("[data-live] > div:not([class])").shadowRoot;
  const playing = new Promise((resolve) => {
    const play = HTMLMediaElement.prototype.play;
    HTMLMediaElement.prototype.play = function () {
      HTMLMediaElement.prototype.play = play;
      const sought = this.currentTime;
      const look = () => {
        if (!this.paused && !this.seeking && this.currentTime > sought) resolve([performance.now(), this]);
        else setTimeout(look, 1);
      };
      look();
      return play.call(this);
    };
  });
  const began = performance.now();
  root.querySelectorAll(".segment .words")[segment].click();
  const [ended, media] = await playing;
  media.pause();
  return ended - began;
}"""


MARKED = """async ([index, segment, seconds]) => {
  const cell = document.querySelectorAll(".jp-Notebook .jp-Cell")[index];
  const root = cell.querySelector("[data-live] > div:not([class])").shadowRoot;
  const play = HTMLMediaElement.prototype.play;
  let media = null;
  HTMLMediaElement.prototype.play = function () { media = this; return play.call(this); };
  const rows = root.querySelectorAll(".segment");
  const seen = [];
  const watch = new MutationObserver(() => {
    const now = root.querySelector(".word.now");
    if (now === null || media === null || media.seeking) return;
    const row = now.closest(".segment");
    const place = [[...rows].indexOf(row), [...row.querySelectorAll(".word")].indexOf(now)].join();
    if (seen.at(-1)?.[0] !== place) seen.push([place, media.currentTime]);
  });
  watch.observe(root.querySelector(".text"), { subtree: true, attributeFilter: ["class"] });
  rows[segment].querySelector(".words").click();
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  media.pause();
  watch.disconnect();
  HTMLMediaElement.prototype.play = play;
  return seen.map(([place, time]) => [...place.split(",").map(Number), time]);
}"""


def run(settings: Settings) -> SuiteResult:
    """Measure a page."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise WhisperMagicError("there is no chromium: make debian installs it")
    repeats = settings.repeats or 5
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        lab = stack.enter_context(jupyter_lab(chromium, folder))
        settings.log("writing ten hours of sound")
        talk, long = _write(lab.folder / "talk.flac", 120), _write(lab.folder / "long.flac", HOURS * 3600)
        show = SHOW.format(segment=SEGMENT, hours=HOURS, talk=str(talk), long=str(long))
        cells = ["%load_ext whisper_magic", show, *["talk"] * (repeats + 1), "long"]
        notebook = lab.notebook(*cells)
        for cell in (0, 1):
            notebook.run(cell)
        page = notebook.page
        cold, *paints = [page.evaluate(PAINTED, [2 + i, SEGMENTS]) for i in range(repeats + 1)]
        seeks = [page.evaluate(SOUNDED, [2, 3 + 4 * i]) for i in range(repeats)]
        marked = page.evaluate(MARKED, [2, 2, 12])
        late = [1000 * (time - (SEGMENT * row + 0.6 * word)) for row, word, time in marked[1:]]
        before = _heap(page)
        opened = page.evaluate(PAINTED, [3 + repeats, SEGMENTS])
        page.evaluate(SOUNDED, [3 + repeats, 2000])
        heaps = _while_playing(page, lambda: _heap(page))
        settings.log(f"paints {paints}, seeks {seeks}, heaps {heaps}")
    return SuiteResult(findings=tuple(_findings(cold, paints, seeks, late, opened, before, heaps)))


def _findings(
    cold: float,
    paints: list[float],
    seeks: list[float],
    late: list[float],
    opened: float,
    before: float,
    heaps: list[float],
) -> Iterator[Finding]:
    yield Finding("first player of a kernel: from the cell's end to its text", cold, "ms")
    spread = f"{min(paints):.0f} to {max(paints):.0f} in {len(paints)}"
    yield Finding("from the cell's end to the player's text", statistics.median(paints), "ms", 300, True, spread)
    spread = f"{min(seeks):.0f} to {max(seeks):.0f} in {len(seeks)}"
    yield Finding("from a click on a segment to its sound", statistics.median(seeks), "ms", 150, True, spread)
    spread = f"the latest of {len(late)} words; median {statistics.median(late):.0f}"
    yield Finding("a word's mark behind the word's time, while it plays", max(late), "ms", 50, True, spread)
    yield Finding(f"{HOURS} hours, 7,200 segments: to the player's text", opened, "ms", 1000, True)
    detail = f"{before:.0f} before it; JavaScript's heap after collection"
    yield Finding(f"{HOURS} hours: memory of the page", max(heaps), "MB", 150, True, detail)


def _while_playing(page: Page, measure: Callable[[], float]) -> list[float]:
    """At once, and after scrolling through the text."""
    first = measure()
    page.evaluate(
        """async () => { for (const host of document.querySelectorAll("[data-live] > div:not([class])")) {
          const text = host.shadowRoot.querySelector(".text");
          for (let i = 0; i <= 20; i++) {
            text.scrollTop = (i / 20) * text.scrollHeight;
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
        } }"""
    )
    return [first, measure()]


def _heap(page: Page) -> float:
    """MB that JavaScript uses after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used: dict[str, Any] = session.send("Runtime.getHeapUsage")
    session.detach()
    return float(used["usedSize"]) / 1e6


def _write(path: Path, seconds: int) -> Path:
    """A recording of so many seconds: a tone that swells and fades."""
    minute = np.arange(60 * RATE) / RATE
    samples = (0.3 * np.sin(2 * np.pi * 220 * minute) * np.abs(np.sin(2 * np.pi * minute))).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        for _ in range(seconds // 60):
            file.write(samples)
    return path


@contextmanager
def jupyter_lab(chromium: str, folder: Path) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    from tests.support import lab as pages
    from tests.support.jupyter_server import serve

    with serve(folder) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(120_000)
        context.add_init_script(path=Path(pages.__file__).with_name("lab.js"))
        with pages.Lab(server, context, server.root / "measured").closing() as lab:
            yield lab
        browser.close()
