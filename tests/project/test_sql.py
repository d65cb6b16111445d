"""The library alone speaks SQL: everything else asks it for objects."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.support.markdown import ROOT

SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|CREATE|DROP|ALTER|PRAGMA|BEGIN|COMMIT)\s")
CALLS = {"query", "named_rows", "execute", "executemany", "executescript", "writing", "snapshot"}
PACKAGE = ROOT / "whisper_magic"
OUTSIDE = [path for path in sorted(PACKAGE.rglob("*.py")) if "library" not in path.relative_to(PACKAGE).parts[:1]]


def spoken(source: str) -> Iterator[str]:
    """The places of a module that speak SQL: texts that begin as a statement does, and calls of what takes one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value):
            yield f"line {node.lineno}: {node.value.strip()[:40]!r}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
            yield f"line {node.lineno}: {ast.unparse(node.func)}()"
        if isinstance(node, ast.Import | ast.ImportFrom) and "sqlite3" in ast.unparse(node):
            yield f"line {node.lineno}: {ast.unparse(node)}"


def test_no_module_outside_the_library_speaks_sql() -> None:
    assert len(OUTSIDE) > 100
    found = {str(path.relative_to(PACKAGE)): list(spoken(path.read_text("utf-8"))) for path in OUTSIDE}
    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize(
    "source",
    [
        "store.query(text)",
        'rows = """\n  SELECT id FROM run"""',
        'f"DELETE FROM tag WHERE id = {number}"',
        "import sqlite3",
        "with library.store.writing() as connection: pass",
    ],
)
def test_the_rule_sees_what_it_forbids(source: str) -> None:
    assert list(spoken(source))


def test_the_rule_lets_prose_pass() -> None:
    assert not list(spoken('"""Select what is shown."""\nUPDATE = "Update the models"\nlist(map(str, library.runs))'))
