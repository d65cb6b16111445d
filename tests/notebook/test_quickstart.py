"""notebooks/quickstart.ipynb: clean as committed, and it runs."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

QUICKSTART = Path(__file__).resolve().parents[2] / "notebooks" / "quickstart.ipynb"


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    read: nbformat.NotebookNode = nbformat.read(QUICKSTART, as_version=4)
    return read


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_it_is_small_and_holds_no_widgets_and_no_sound(notebook: nbformat.NotebookNode) -> None:
    assert QUICKSTART.stat().st_size < 300_000
    assert "widgets" not in notebook.metadata
    kinds = {kind for output in outputs(notebook) for kind in output.get("data", {})}
    assert kinds <= {"text/plain", "text/html"}
    text = QUICKSTART.read_text()
    assert "base64" not in text
    assert "<audio" not in text


def test_it_is_committed_executed_and_tidy(notebook: nbformat.NotebookNode) -> None:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert all(output.get("data") != {} for output in outputs(notebook))
    assert not re.search(r'[ "=]/[\w./-]+/sample\.ogg', QUICKSTART.read_text()), "no path of the machine it ran on"
    assert not any("\x1b" in str(output) for output in outputs(notebook))


@pytest.mark.slow
def test_it_runs(notebook: nbformat.NotebookNode, tmp_path: Path) -> None:
    NotebookClient(
        notebook, kernel_name="python3", timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    assert list(tmp_path.iterdir()) == []
    shown = [output for output in outputs(notebook) if "text/html" in output.get("data", {})]
    assert len(shown) >= 4
    assert any(output.get("data", {}).get("text/plain") == "True" for output in outputs(notebook))
