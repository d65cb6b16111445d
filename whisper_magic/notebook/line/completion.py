"""Tab after `%whisper` and `%transcribe`: commands, options, their values, variables in braces, and files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult
from IPython.core.interactiveshell import InteractiveShell

from whisper_magic.notebook.line.parsers import (
    COMMANDS,
    COMPARE,
    DEVICES,
    EXERCISE,
    LESSON,
    LESSONS,
    LIBRARY,
    LOAD,
    RECORD,
    SEARCH,
    TRANSCRIBE,
    WHISPER,
)
from whisper_magic.options import PER_WINDOW

_LINE = re.compile(r"^\s*(?:[^%=]+=\s*)?%{1,2}(whisper|transcribe)\s+(.*)$")
_LAST = re.compile(r"""(?:\\.|"[^"]*"|'[^']*'|\{[^}]*\}|[^\s"'{\\])*(?:["'{\\].*)?$""")  # the argument at the cursor
_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*$")
_TO_ESCAPE = re.compile(r"([\s\"'{}$\\;])")

_PARSERS = {
    "load": LOAD,
    "compare": COMPARE,
    "lesson": LESSON,
    "exercise": EXERCISE,
    "record": RECORD,
    "library": LIBRARY,
    "search": SEARCH,
}
_EXERCISES = ("verify", "accept", "sample")  # the module that knows them imports numpy
_TARGETS = (
    "auto",
    "demo",
    *(f"openai/whisper-{size}" for size in ("tiny", "base", "small", "medium", "large-v3", "large-v3-turbo")),
)
_DRAFTS = ("none", "base-draft", "distil-whisper/distil-large-v3", "distil-whisper/distil-large-v2")


class Matcher:
    """A matcher of IPython's completer (version 2 of its API), for one shell."""

    matcher_api_version = 2
    matcher_identifier = "whisper_magic"

    def __init__(self, shell: InteractiveShell, languages: Callable[[], Sequence[str]]) -> None:
        """languages: the codes that the resident target knows; none where no target is resident."""
        self.shell, self._languages = shell, languages
        self.__qualname__ = type(self).__qualname__  # IPython takes matchers for functions

    def __call__(self, context: CompletionContext) -> SimpleMatcherResult:
        """What the argument at the cursor could become."""
        before = context.line_with_cursor[: context.cursor_position]
        in_body = context.cursor_line > 0 and context.full_text.lstrip().startswith("%%transcribe")
        candidates: Iterable[str]
        if found := _LINE.match(before):
            word, candidates = self._on_line(found.group(1), found.group(2))
        elif in_body:
            word, candidates = before.lstrip(), _sources(before.lstrip(), self.shell.user_ns, one_a_line=True)
        else:
            word, candidates = context.token, ()
        completions = [SimpleCompletion(text) for text in candidates if text.startswith(word)]
        return SimpleMatcherResult(completions=completions, matched_fragment=word, suppress=True, ordered=True)

    def _on_line(self, magic: str, text: str) -> tuple[str, Iterable[str]]:
        """The argument at the end of `text`, and what it could become."""
        last, names = _LAST.search(text), self.shell.user_ns
        word = last.group() if last else ""
        earlier = text[: len(text) - len(word)].split()
        command = earlier[0] if magic == "whisper" and earlier else ""
        parser = _PARSERS.get(command, WHISPER if magic == "whisper" else TRANSCRIBE)
        values = parser.choices_after(earlier[-1]) if earlier else None
        if word.startswith("-"):
            return word, sorted(parser.flags)
        if values is not None:
            return word, values or self._usual_values(earlier[-1]) or _sources(word, names)
        first: Iterable[str] = {"load": _TARGETS, "compare": ("demo",), "lesson": LESSONS, "exercise": _EXERCISES}.get(
            command, ()
        )
        commands = COMMANDS if magic == "whisper" and not earlier else first
        return word, [*commands, *_sources(word, names)]

    def _usual_values(self, flag: str) -> Sequence[str]:
        """What an option offers that takes other values too."""
        languages = (*self._languages(), PER_WINDOW)
        usual: dict[str, Sequence[str]] = {
            "--draft": _DRAFTS,
            "--device": DEVICES,
            "--channel": ("mix", "left", "right", "split"),
            "--language": languages,
            "-l": languages,
        }
        return usual.get(flag, ())


def _sources(word: str, names: Mapping[str, Any], one_a_line: bool = False) -> list[str]:
    """Variables inside an open brace; else files."""
    if word.count("{") > word.count("}"):
        name = _NAME.search(word)
        stem = word[: name.start()] if name else word
        return [] if word.endswith(".") else [stem + known for known in sorted(names) if not known.startswith("_")]
    mark = word[:1] if word[:1] in ("'", '"') else ""
    typed = word[1:] if mark else word if one_a_line else re.sub(r"\\(.)", r"\1", word)
    raw = bool(mark) or one_a_line
    return [mark + (path if raw else _TO_ESCAPE.sub(r"\\\1", path)) for path in _files(typed)]


def _files(typed: str) -> list[str]:
    """The files and folders that `typed` starts, folders with a slash; hidden ones only where a dot was typed."""
    start = typed.rpartition("/")[2]
    folder = typed.removesuffix(start)
    try:
        entries = sorted(Path(folder or ".").expanduser().iterdir())
    except (OSError, RuntimeError):  # no such folder, or no such user
        return []
    shown = (entry for entry in entries if entry.name.startswith(start))
    visible = (entry for entry in shown if start.startswith(".") or not entry.name.startswith("."))
    return [folder + entry.name + ("/" if entry.is_dir() else "") for entry in visible]
