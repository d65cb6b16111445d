"""The tree in CONTRIBUTING is the package: every source file stands in it, and nothing else does."""

from __future__ import annotations

import re
import subprocess
from pathlib import PurePosixPath

import pytest

from tests.support.markdown import CONTRIBUTING, ROOT, blocks

TOP = {
    *(".ci", ".gitignore", ".pre-commit-config.yaml", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile"),
    *(
        "README.md",
        "benchmarks",
        "constraints.txt",
        "docs",
        "frontend",
        "mkdocs.yml",
        "notebooks",
        "pyproject.toml",
        "recipes",
    ),
    *("tests", "whisper_magic"),
}
DERIVED = {"__init__.py", "__main__.py", "py.typed"}  # every package has them


def drawn() -> set[str]:
    """The paths of whisper_magic's .py and .c files in the tree; a line's folder is the last one less indented."""
    (tree,) = (block.code for block in blocks(CONTRIBUTING, "text") if block.code.startswith("whisper_magic/"))
    folders: list[tuple[int, PurePosixPath]] = []
    paths = set()
    for indent, name in re.findall(r"^( *)([\w./]+)", tree, re.MULTILINE):
        while folders and folders[-1][0] >= len(indent):
            folders.pop()
        path = folders[-1][1] / name if folders else PurePosixPath(name)
        if name.endswith("/"):
            folders.append((len(indent), path))
        elif path.suffix in (".py", ".c"):
            paths.add(str(path))
    return {path for path in paths if path.startswith("whisper_magic/")}


def test_the_tree_is_the_package() -> None:
    sources = (path for path in (ROOT / "whisper_magic").rglob("*") if path.suffix in (".py", ".c"))
    present = {str(path.relative_to(ROOT)) for path in sources if path.name not in DERIVED}
    assert drawn() - {"whisper_magic/__init__.py"} == present


def test_nothing_is_committed_at_the_top_but_what_belongs_there() -> None:
    """Files that tests or experiments left behind have been committed before."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("NOT A GIT CHECKOUT: what is committed is not known")
    top = {PurePosixPath(name).parts[0] for name in listed.stdout.splitlines()}
    assert top == TOP
