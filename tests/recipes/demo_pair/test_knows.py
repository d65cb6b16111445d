"""KNOWS.md agrees with the grammars."""

from recipes.demo_pair.knows import page
from recipes.demo_pair.recipe import ASSETS


def test_the_page_has_every_language_and_its_patterns() -> None:
    written = page()
    for name in ("English", "German", "French", "Spanish"):
        assert f"\n## {name}\n" in written
    assert "- schalte {device} {room} ein" in written
    assert "- city: Londres · Paris · Berlin" in written


def test_the_bundled_page_agrees_with_the_grammars() -> None:
    assert (ASSETS / "KNOWS.md").read_text() == page()
