"""The explorer: a made library of 100,000 recordings and a million segments, searched as one types and shown in a real
JupyterLab with Chromium.

Its words follow Zipf's law, as those of a language do.
"""

from __future__ import annotations

import itertools
import random
import resource
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.report.report import Finding, SuiteResult
from benchmarks.settings import Settings
from benchmarks.suites.player import PAINTED, jupyter_lab
from whisper_magic import Library
from whisper_magic.errors import WhisperMagicError

if TYPE_CHECKING:
    from playwright.sync_api import Page

RECORDINGS = 100_000
VOCABULARY = 20_000
OPEN = """
%load_ext whisper_magic
from whisper_magic import Library
library = Library({path!r})
from IPython.display import HTML
HTML("A page's first HTML makes JupyterLab load MathJax, 0.2 s that are none of the explorer's.")
"""
ROWS = ".rows .row:not(.waiting) .text"
SCROLLED = """async () => {
  const table = document.querySelector(".wm-live > div:not([class])").shadowRoot.querySelector(".table");
  const frames = [];
  let before = performance.now();
  for (let frame = 0; frame < 240; frame++) {
    table.scrollTop += frame % 60 === 59 ? 400000 : 90;
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const now = performance.now();
    frames.push(now - before);
    before = now;
  }
  return frames;
}"""
LEAPT = """async () => {
  const table = document.querySelector(".wm-live > div:not([class])").shadowRoot.querySelector(".table");
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const began = performance.now();
  table.scrollTop -= 400000;
  do await frame(); while (table.querySelector(".rows .row.waiting:not([hidden])") !== null);
  await frame();
  return performance.now() - began;
}"""


def run(settings: Settings) -> SuiteResult:
    """Measure the store and the page."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise WhisperMagicError("there is no chromium: make debian installs it")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        words, weights = _vocabulary()
        settings.log(f"making a library of {RECORDINGS:,} recordings")
        path = _made(folder / "made.db", words, weights)
        findings = [*_store_findings(path, words), *_page_findings(chromium, folder, path, settings)]
        return SuiteResult(findings=tuple(findings))


def _vocabulary() -> tuple[list[str], list[float]]:
    """Words of two to four syllables, and how often each is, added up."""
    rng = random.Random(3)
    syllables = ["".join(pair) for pair in itertools.product("bdfgklmnprstvw", ("a", "e", "i", "o", "u", "en", "ar"))]
    words = list(
        dict.fromkeys("".join(rng.choices(syllables, k=rng.choice((1, 2, 2, 3, 4)))) for _ in range(4 * VOCABULARY))
    )
    words = words[:VOCABULARY]
    return words, list(itertools.accumulate(1 / (rank + 3) for rank in range(len(words))))


def _made(path: Path, words: Sequence[str], weights: Sequence[float]) -> Path:
    from tests.support import made_library

    return made_library.make(path, RECORDINGS, sound=path.parent / "sound", words=words, weights=weights)


# -- the store ---------------------------------------------------------------------------------------------------------


def _store_findings(path: Path, words: Sequence[str]) -> Iterator[Finding]:
    opened = [_opened(path) for _ in range(5)]
    yield Finding("opening a library of 1,000,000 segments", 1000 * statistics.median(opened), "ms", 200, True)
    with Library(path) as library:
        typed = [words[rank] for rank in (0, 5, 40, 300, 2_000, 9_000)]
        typed += [
            f"{words[2]} {words[90]}",
            f"{words[10]} {words[700]}",
            f'"{words[0]} {words[1]}"',
            f"*{words[600][1:]}*",
        ]
        _ = [_searched(library, text) for text in typed]  # the file's pages come into memory
        before = _memory()
        times = sorted(_searched(library, text[:end]) for text in typed for end in range(1, len(text) + 1))
        worst = times[int(0.95 * len(times))]
        figures = f"median {1000 * statistics.median(times):.1f}, worst {1000 * times[-1]:.0f}"
        detail = f"{len(times)} searches, a letter at a time; {figures}"
        yield Finding("search as one types, 95th percentile", 1000 * worst, "ms", 50, True, detail)
        yield Finding("memory that these searches take", _memory() - before, "MB", 50, True)


def _opened(path: Path) -> float:
    began = perf_counter()
    with Library(path) as library:
        library.store.query("SELECT name FROM recording LIMIT 1")
    return perf_counter() - began


def _searched(library: Library, text: str) -> float:
    began = perf_counter()
    library.hits(text if text[0] in '"*' else f"{text.rstrip()}*", limit=50)  # the last word may still grow
    return perf_counter() - began


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


# -- the page ----------------------------------------------------------------------------------------------------------


def _page_findings(chromium: str, folder: Path, path: Path, settings: Settings) -> Iterator[Finding]:
    repeats = settings.repeats or 3
    with jupyter_lab(chromium, folder / "server") as lab:
        notebook = lab.notebook(OPEN.format(path=str(path)), *["library"] * (repeats + 1))
        notebook.run(0)
        notebook.page.wait_for_timeout(3000)
        painted = [notebook.page.evaluate(PAINTED, [1, ROWS])]
        notebook.page.wait_for_timeout(3000)
        frames = _frames(notebook.page)
        leaps = [notebook.page.evaluate(LEAPT) for _ in range(repeats)]
        for place in range(repeats):
            painted.append(notebook.page.evaluate(PAINTED, [2 + place, ROWS]))
            notebook.page.wait_for_timeout(3000)
    settings.log(f"painted {painted}, frames {frames[-5:]}, leaps {leaps}")
    cold, *warm = painted
    yield Finding("100,000 recordings: the first explorer of a kernel, to its first rows", cold, "ms", 300, True)
    detail = f"{min(warm):.0f} to {max(warm):.0f} in {len(warm)}"
    yield Finding(
        "100,000 recordings: from the cell's end to the first rows", statistics.median(warm), "ms", 300, True, detail
    )
    detail = f"{len(frames)} frames, with leaps over 10,000 rows; median {statistics.median(frames):.0f} ms"
    yield Finding("100,000 recordings: the longest frame while scrolling", frames[-1], "ms", 50, True, detail)
    detail = f"{min(leaps):.0f} to {max(leaps):.0f}"
    yield Finding(
        "100,000 recordings: from a leap of 10,000 rows to all rows in sight",
        statistics.median(leaps),
        "ms",
        detail=detail,
    )


def _frames(page: Page) -> list[float]:
    times: list[float] = page.evaluate(SCROLLED)
    return sorted(times[1:])
