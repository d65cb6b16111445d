"""The text of a magic -> its arguments: split first, then expand `{expression}` and `$name` in each of them, so that a
value with spaces, quotes or a leading dash stays one argument. Nothing goes through `str.format`.

Quoting is the shell's: in "double" quotes expressions still expand, in 'single' quotes nothing does, and a backslash
makes the next character plain. An apostrophe between letters (it's) is a letter.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from IPython.core.error import UsageError

from whisper_magic.wording import near, one_line

_MAX_QUOTE = 60  # characters of the user's text in an error
_NAME = re.compile(r"[^\W\d]\w*")
_DRIVE = re.compile(r"[\"']?[A-Za-z]:\\")


@dataclass(frozen=True)
class Piece:
    """Part of an argument: plain text, the Python of a `{...}`, or the name of a `$...`."""

    kind: Literal["text", "expression", "variable"]
    text: str


@dataclass(frozen=True)
class Argument:
    """One argument.

    Attributes:
        written: its text, with quotes and braces.
        pieces: what it is made of, in order.
    """

    written: str
    pieces: tuple[Piece, ...]

    @property
    def plain(self) -> str | None:
        """Its text where it was written without quotes, escapes or expansion; else None."""
        return self.written if self.pieces == (Piece("text", self.written),) else None


class ObjectArgument(str):
    """An argument that is a Python object. It is a string because argparse takes nothing else.

    Attributes:
        value: the object.
        written: the expression or variable as it stands on the line.
    """

    value: Any
    written: str

    def __new__(cls, value: Any, written: str) -> ObjectArgument:
        argument = super().__new__(cls, f"<{type(value).__name__}>")  # never starts with a dash
        argument.value, argument.written = value, written
        return argument


def split(text: str, *, one_a_line: bool = False) -> list[Argument]:
    """Split the text of a magic. A `#` at the start of an argument begins a comment, as in a shell.

    Args:
        text: a magic's line, or a cell's body.
        one_a_line: of a body: each line is one argument.

    Raises:
        UsageError: for a quote or a brace that is never closed.
    """
    return _Scanner(text, one_a_line).arguments()


def without_comment(text: str) -> str:
    """A magic's line up to its comment.

    Raises:
        UsageError: for a quote or a brace that is never closed.
    """
    scanner = _Scanner(text, one_a_line=False)
    scanner.arguments()
    return text[: scanner.comment]


class _Scanner:
    """Reads from left to right; `at` is the next character, `comment` where the first comment begins."""

    def __init__(self, text: str, one_a_line: bool) -> None:
        self.text, self.one_a_line, self.at = text, one_a_line, 0
        self.separators = "\n" if one_a_line else " \t\r\n"
        self.comment: int | None = None
        self.found: list[Argument] = []
        self.begin: int | None = None  # where the argument being read starts
        self.literal = ""
        self.pieces: list[Piece] = []

    def arguments(self) -> list[Argument]:
        while self.at < len(self.text):
            self._step()
        self._finish()
        return self.found

    def _step(self) -> None:
        char = self.text[self.at]
        if char in self.separators:
            self._finish()
            self.at += 1
        elif self.one_a_line and char.isspace() and self.begin is None:
            self.at += 1
        elif char == "#" and (self.at == 0 or self.text[self.at - 1].isspace()):
            end = self.text.find("\n", self.at)
            self._finish()
            self.comment = self.at if self.comment is None else self.comment
            self.at = len(self.text) if end < 0 else end
        else:
            self.begin = self.at if self.begin is None else self.begin
            if char == '"' or (char == "'" and not self._is_apostrophe()):
                self._quoted(char)
            else:
                self._character()

    def _is_apostrophe(self) -> bool:
        around = self.text[self.at - 1 : self.at] + self.text[self.at + 1 : self.at + 2]
        return len(around) == 2 and around.isalpha()

    def _character(self) -> None:
        """One character outside single quotes: plain, escaped, or the start of an expansion."""
        char = self.text[self.at]
        if char == "{":
            self._expression()
        elif char == "$" and (name := _NAME.match(self.text, self.at + 1)):
            self._piece(Piece("variable", name.group()))
            self.at = name.end()
        else:
            self.at += 1 if char == "\\" and self.at + 1 < len(self.text) and not self._in_windows_path() else 0
            self.literal += self.text[self.at]
            self.at += 1

    def _in_windows_path(self) -> bool:
        """Whether a backslash belongs to a path such as C:\\talks\\a.mp3, and escapes nothing."""
        return _DRIVE.match(self.text, self.begin or 0) is not None

    def _quoted(self, mark: str) -> None:
        opened = self.at
        self.at += 1
        while self.text[self.at : self.at + 1] != mark:
            if self.at >= len(self.text):
                raise UsageError(f"this quote is never closed: {_on_one_line(self.text[opened:])}")
            if mark == '"':
                self._character()
            else:
                self.literal += self.text[self.at]
                self.at += 1
        self.at += 1
        self.pieces = [*self.pieces, Piece("text", self.literal)] if self.literal or not self.pieces else self.pieces
        self.literal = ""

    def _expression(self) -> None:
        """From `{` to the `}` that closes it; braces nest; those in Python's strings and comments do not count."""
        opened, depth = self.at, 0
        while self.at < len(self.text):
            char = self.text[self.at]
            depth += {"{": 1, "}": -1}.get(char, 0)
            if char in "'\"":
                self._skip_python_string(char)
            elif char == "#":
                self.at = (self.text + "\n").index("\n", self.at) - 1
            self.at += 1
            if depth == 0:
                self._piece(Piece("expression", self.text[opened + 1 : self.at - 1].strip()))
                return
        raise UsageError(f"this brace is never closed: {_on_one_line(self.text[opened:])}")

    def _skip_python_string(self, mark: str) -> None:
        self.at += 1
        while self.at < len(self.text) and self.text[self.at] != mark:
            self.at += 2 if self.text[self.at] == "\\" else 1

    def _piece(self, piece: Piece) -> None:
        if self.literal:
            self.pieces.append(Piece("text", self.literal))
        self.literal = ""
        self.pieces.append(piece)

    def _finish(self) -> None:
        if self.begin is None:
            return
        written = self.text[self.begin : self.at].strip()
        literal = self.literal.rstrip() if self.one_a_line and not self.text[self.at - 1].strip() else self.literal
        if literal:
            self.pieces.append(Piece("text", literal))
        self.found.append(Argument(written, tuple(self.pieces)))
        self.begin, self.literal, self.pieces = None, "", []


def expand(argument: Argument, namespace: Mapping[str, Any]) -> str:
    """Fill in the expressions and variables of an argument.

    Args:
        argument: one that `split` found.
        namespace: the variables that expressions may use.

    Returns:
        Its text; an `ObjectArgument` where the whole of it is one expression or variable.

    Raises:
        UsageError: where an expression fails or a name does not exist.
    """
    if len(argument.pieces) == 1 and argument.pieces[0].kind != "text":
        return ObjectArgument(_value(argument.pieces[0], namespace), argument.written)
    return "".join(str(_value(piece, namespace)) for piece in argument.pieces)


def _value(piece: Piece, namespace: Mapping[str, Any]) -> Any:
    if piece.kind == "text":
        return piece.text
    if piece.kind == "variable":
        if piece.text in namespace:
            return namespace[piece.text]
        if piece.text in os.environ:
            return os.environ[piece.text]
        raise UsageError(f"${piece.text}: no variable is called {piece.text!r}{near(piece.text, namespace)}")
    try:
        return eval(f"({piece.text}\n)", dict(namespace))  # the user's Python in the user's namespace
    except Exception as error:
        shown = f"{{{_on_one_line(piece.text)}}}: {type(error).__name__}"
        raise UsageError(f"{shown}: {one_line(error)}" if str(error) else shown) from error


def _on_one_line(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _MAX_QUOTE else f"{line[: _MAX_QUOTE - 1]}…"
