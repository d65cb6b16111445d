"""Only the probe imports engine internals: everything else uses public names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PUBLIC = {"whisper_magic", "whisper_magic.errors", "whisper_magic.options", "whisper_magic.transcript"}
MODULES = [
    path
    for folder in ("benchmarks", "tests/benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path != ROOT / "benchmarks" / "probe.py"
]


def imported(path: Path) -> Iterator[str]:
    """Modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_are_public(path: Path) -> None:
    assert {name for name in imported(path) if name.partition(".")[0] == "whisper_magic"} <= PUBLIC
