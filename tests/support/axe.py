"""Accessibility rules of axe-core (MPL-2.0), as the package axe-playwright-python bundles it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

RUN = """async ([selector, tags]) => {
  const options = { resultTypes: ["violations"] };
  if (tags.length) options.runOnly = { type: "tag", values: tags };
  return (await axe.run(selector, options)).violations;
}"""
# Jupyter's body has no height and hides what overflows, its content being positioned absolutely: axe 4.12 believes all
# of it to be off screen and leaves out the rules on what can be seen, contrast among them, without a word.
SEEN = "body { min-height: 100vh !important; overflow: visible !important }"
STANDARD = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


@dataclass(frozen=True)
class Violation:
    """impact: minor, moderate, serious or critical. targets: CSS selectors of what violates the rule."""

    rule: str
    impact: str
    help: str
    targets: tuple[str, ...]


def axe_violations(page: Page, selector: str, tags: tuple[str, ...] = STANDARD) -> list[Violation]:
    """What below a selector violates axe's rules with these tags; () means every rule.

    Rules about a whole page (landmarks, one h1) see only this part, and do not apply.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_source())
    style = page.add_style_tag(content=SEEN)
    try:
        found = page.evaluate(RUN, [selector, list(tags)])
    finally:
        style.evaluate("style => style.remove()")
    return [
        Violation(one["id"], one["impact"], one["help"], tuple(str(node["target"][0]) for node in one["nodes"]))
        for one in found
    ]


@cache
def _source() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
