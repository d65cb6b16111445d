"""What README and docs show is run: Python blocks in a notebook kernel of their page, with the demo pair and recordings
made of its sample; shell blocks name targets, extras and modules that exist. Blocks marked `<!-- needs network -->` are
listed as skipped, and their magics parsed."""

from __future__ import annotations

import ast
import importlib.util
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import soundfile
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient

from tests.support.markdown import PAGES, ROOT, Block, blocks
from whisper_magic.engine.model.hub import demo_folder
from whisper_magic.formats import ENDINGS
from whisper_magic.notebook.line.commands import COMMANDS, parse_whisper
from whisper_magic.notebook.line.scanner import split

SET_UP = "get_ipython().config.WhisperMagics.model = 'demo'"  # in place of the default, which needs the network
ONLINE = "needs network"
SHELL = {
    r"make ([\w-]+)(?: [A-Z]+=\S+)*": lambda name: f"\n{name}:" in (ROOT / "Makefile").read_text(),
    r"pip install \.": lambda _: True,
    r"pip install 'whisper-magic\[(\w+)\]'": lambda extra: extra in _project()["optional-dependencies"],
    r"pip install torch --index-url (\S+)": lambda url: f"TORCH_INDEX ?= {url}\n" in (ROOT / "Makefile").read_text(),
    r"python -m ([\w.]+)[\w /-]*": lambda module: importlib.util.find_spec(module) is not None,
    r"\.venv/bin/([\w-]+) install": lambda tool: any(
        dependency.startswith(tool) for dependency in _project()["optional-dependencies"]["dev"]
    ),
}


def _project() -> dict[str, dict[str, list[str]]]:
    project: dict[str, dict[str, list[str]]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project


def _named(block: Block) -> str:
    return str(block)


PYTHON = {page: tuple(blocks(page, "python")) for page in PAGES}
NETWORK = [block for page in PAGES for block in PYTHON[page] if block.marker == ONLINE]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the recordings that the pages name."""
    samples, rate = soundfile.read(demo_folder() / "sample.ogg")
    (tmp_path / "interviews").mkdir()
    for name, seconds in (("talk", 25), ("interviews/ada", 9), ("interviews/grace", 6)):
        soundfile.write(tmp_path / f"{name}.mp3", samples[: seconds * rate], rate)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if PYTHON[page]], ids=lambda page: page.stem)
def test_python_blocks_run(page: Path, folder: Path) -> None:
    shown = [block for block in PYTHON[page] if block.marker != ONLINE]
    cells = [nbformat.v4.new_code_cell(SET_UP), *map(_cell, shown)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    for block, cell in zip(shown, notebook.cells[1:], strict=True):
        complaints = "".join(out["text"] for out in cell.outputs if out.get("name") == "stderr")
        expected = block.marker.removeprefix("raises ")
        assert expected in complaints if expected else not complaints, f"{block}: {complaints or 'nothing was raised'}"


def _cell(block: Block) -> nbformat.NotebookNode:
    raises = block.marker.startswith("raises ")
    cell: nbformat.NotebookNode = nbformat.v4.new_code_cell(block.code)
    cell.metadata.tags = ["raises-exception"] if raises else []
    return cell


@pytest.mark.parametrize("block", NETWORK, ids=_named)
def test_network_blocks_are_parsed_then_listed(block: Block) -> None:
    ast.parse(TransformerManager().transform_cell(block.code))
    for line in block.code.splitlines():
        parse_whisper(split(line.partition("%whisper ")[2]), {})
    pytest.skip(f"NEEDS A NETWORK, NOT RUN: {block}: {'; '.join(block.code.splitlines())}")


@pytest.mark.parametrize("block", [block for page in PAGES for block in blocks(page, "sh")], ids=_named)
def test_shell_blocks_name_what_exists(block: Block) -> None:
    for line in block.code.splitlines():
        command = line.partition("#")[0].strip()
        assert _exists(command), f"{block}: {command}"


def _exists(command: str) -> bool:
    checks: list[tuple[re.Match[str] | None, Callable[[str], bool]]]
    checks = [(re.fullmatch(pattern, command), check) for pattern, check in SHELL.items()]
    return any(found and check(found[1] if found.groups() else "") for found, check in checks)


def test_the_commands_are_documented() -> None:
    """docs/magics.md has a row for each, and no other."""
    page = (ROOT / "docs/magics.md").read_text("utf-8")
    assert sorted(re.findall(r"^\| `%whisper (\w+)", page, re.MULTILINE)) == sorted(COMMANDS)


def test_the_formats_are_documented() -> None:
    """The table is made of the registry when the documentation is built."""
    spec = importlib.util.spec_from_file_location("hook", ROOT / "docs/formats.py")
    assert spec is not None
    assert spec.loader is not None
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    built = hook.on_page_markdown((ROOT / "docs/python.md").read_text("utf-8"))
    assert re.findall(r"^\| `(\.\w+)` \| \S", built, re.MULTILINE) == list(ENDINGS)


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    kinds = {(str(block), block.kind, block.marker.partition(" ")[0]) for page in PAGES for block in blocks(page)}
    unknown = [k for k in kinds if k[1] not in ("python", "sh", "text") or k[2] not in ("", "needs", "raises")]
    assert not unknown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        assert target.startswith("https://") or (page.parent / target).exists(), target
