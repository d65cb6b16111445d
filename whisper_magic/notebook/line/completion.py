"""Tab after `%whisper` and `%transcribe`: commands, options, their values, variables in braces, and files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult
from IPython.core.interactiveshell import InteractiveShell

from whisper_magic.notebook.line.commands import COMMANDS, TRANSCRIBE, WHISPER

_LINE = re.compile(r"^\s*(?:[^%=]+=\s*)?%{1,2}(whisper|transcribe)\s+(.*)$")
_LAST = re.compile(r"""(?:\\.|"[^"]*"|'[^']*'|\{[^}]*\}|[^\s"'{\\])*(?:["'{\\].*)?$""")  # the argument at the cursor
_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*$")
_TO_ESCAPE = re.compile(r"([\s\"'{}$\\;])")


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
        if match := _LINE.match(before):
            word, candidates = self._on_line(match.group(1), match.group(2))
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
        command = COMMANDS.get(earlier[0], WHISPER) if earlier else WHISPER
        command = command if magic == "whisper" else TRANSCRIBE
        option = command.parser.option(earlier[-1]) if earlier else None
        if word.startswith("-"):
            return word, sorted(command.parser.flags)
        if option is not None:
            languages = self._languages() if option.dest == "language" else ()
            return word, (*languages, *command.parser.values(option)) or _sources(word, names)
        first = () if command is WHISPER and earlier else command.suggestions()
        return word, [*first, *_sources(word, names)]


def _sources(word: str, names: Mapping[str, Any], one_a_line: bool = False) -> list[str]:
    """Variables inside an open brace; else files."""
    if word.count("{") > word.count("}"):
        name = _NAME.search(word)
        stem = word[: name.start()] if name else word
        public = sorted(variable for variable in names if not variable.startswith("_"))
        return [] if word.endswith(".") else [stem + variable for variable in public]
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
