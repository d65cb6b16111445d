"""A hook of mkdocs: every notebook is a page, with the outputs that it is committed with.

Formulas become MathML, which browsers draw themselves. Nothing is loaded from elsewhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
FORMULA = re.compile(r"(\$\$?)(?!\s)([^$`]+?)(?<!\s)\1")


def on_files(files: Files, config: Any) -> Files:
    """Add a page for each notebook."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=page(path)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """A link to a notebook leads to its page."""
    return re.sub(r"\]\(\.\./notebooks/(\w+)\.ipynb\)", r"](notebooks/\1.md)", markdown)


def page(path: Path) -> str:
    """A notebook as Markdown."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _linked(FORMULA.sub(_formula, cell.source))
        for output in cell.get("outputs", ()):
            html = output.get("data", {}).get("text/html")
            if html is not None:  # one line: Markdown leaves it alone
                output["data"]["text/html"] = f"<div>{html}</div>".replace("\n\n", "\n")
    body, _ = MarkdownExporter().from_notebook_node(notebook)
    where = f"notebooks/{path.name}"
    return f"{body}\n\n---\n\nThis page is `{where}` of the repository, as it was executed for this version.\n"


def _formula(found: re.Match[str]) -> str:
    marks, latex = found.groups()
    return convert(latex, display="block" if marks == "$$" else "inline")


def _linked(text: str) -> str:
    """Links between notebooks and to the documentation, as they are on the site."""
    return re.sub(r"\]\((\w+)\.ipynb\)", r"](\1.md)", text.replace("](../docs/", "](../"))
