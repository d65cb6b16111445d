"""notebooks/explore.ipynb: clean as committed, and it runs from nothing to the worst clips and a corrected export."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXPLORE = Path(__file__).resolve().parents[2] / "notebooks" / "explore.ipynb"


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    read: nbformat.NotebookNode = nbformat.read(EXPLORE, as_version=4)
    return read


def test_it_is_committed_executed_and_holds_no_widgets_and_no_sound(notebook: nbformat.NotebookNode) -> None:
    assert EXPLORE.stat().st_size < 300_000
    assert "widgets" not in notebook.metadata
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert all(output.get("data") != {} for output in outputs)
    assert {kind for output in outputs for kind in output.get("data", {})} <= {"text/plain", "text/html"}


@pytest.mark.slow
def test_it_runs(notebook: nbformat.NotebookNode, tmp_path: Path) -> None:
    NotebookClient(
        notebook, kernel_name="python3", timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    assert list(tmp_path.iterdir()) == []
    text = "".join(
        output.get("text", "") + output.get("data", {}).get("text/plain", "")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
    assert "19 recordings transcribed" in text
    assert "nothing new; 19 known" in text
    assert text.endswith("True")
