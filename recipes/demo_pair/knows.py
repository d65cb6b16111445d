"""The page that lists what the pair knows, written from the grammars."""

import re

from recipes.demo_pair.domain import Grammar, grammar_of, languages

_NAMES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish"}
_SHOWN = 16
"""Fillers of a slot that the page shows at most; the rest are counted."""


def page() -> str:
    """Markdown: every sentence pattern and what fills its slots, by language."""
    parts = [
        "# What the demo pair knows\n\nWritten by `recipes/demo_pair/knows.py` from the grammars; a test keeps both "
        "the same. "
        "A word in braces is a slot; below the patterns stand its fillers. Everything else the pair has never heard.\n"
    ]
    return "\n".join([*parts, *(_section(grammar_of(language)) for language in languages())])


def _section(grammar: Grammar) -> str:
    patterns = "\n".join(f"- {_plain(template.text)}" for template in grammar.templates)
    slots = "\n".join(
        f"- {name}: {_fillers([phrase.text for phrase in filler])}" for name, filler in grammar.slots.items()
    )
    return f"## {_NAMES[grammar.language]}\n\n{patterns}\n\nSlots:\n\n{slots}\n"


def _fillers(texts: list[str]) -> str:
    step = max(1, len(texts) // _SHOWN)
    shown = " · ".join(_plain(text) for text in texts[::step][:_SHOWN])
    return shown if len(texts) <= _SHOWN else f"{shown} … ({len(texts)} in all)"


def _plain(pattern: str) -> str:
    """``{digit:1}`` and ``{food2}`` lose their numbers."""
    return re.sub(r"\{([a-z]+)[\d:]*\}", r"{\1}", pattern)
