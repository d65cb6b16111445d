"""What the source of a cell says about the magics in it: is a call silenced, and does it own the cell's output?

Both answers are read from the syntax tree of the transformed cell, in which `%whisper talk.mp3` has become
`get_ipython().run_line_magic('whisper', 'talk.mp3')`.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator

from IPython.core.interactiveshell import InteractiveShell

MAGICS = ("whisper", "transcribe")


def move_semicolon(lines: list[str]) -> list[str]:
    """Move the `;` that ends a magic's line behind the call, where IPython's own rule for it applies.

    An input transformer: `x = %whisper talk.mp3;` assigns and shows nothing, whatever `ast_node_interactivity` says.
    (IPython's decorator `output_can_be_silenced` makes such a call return None, and would assign None.)

    Args:
        lines: a cell after IPython's own transformations, with line ends.

    Returns:
        The same lines, or the lines of the changed cell.
    """
    source = "".join(lines)
    if ";" not in source or not any(name in source for name in MAGICS):
        return lines
    edits = [edit for node in ast.walk(_parse(source)) for edit in _edits(node)]
    return _edited(source, edits).splitlines(keepends=True) if edits else lines


def owns_output(source: str | None) -> bool:
    """Whether nothing but one of our magics can show anything in a cell.

    That is so where the magic is the last statement, or is assigned by it, and only imports and `%load_ext` come
    before it.

    Args:
        source: a transformed cell; None is never owned.
    """
    *before, last = _parse(source or "").body or [ast.Pass()]
    silent = all(isinstance(one, ast.Import | ast.ImportFrom) or _magic_name(one) == "load_ext" for one in before)
    return silent and _magic_name(last) in MAGICS


def running_cell(shell: InteractiveShell) -> str | None:
    """The transformed source of the cell that is running.

    None where no cell runs, and where the one that runs is not the last of the history: `%%capture` and others run
    cells inside cells, and IPython keeps some out of its history.
    """
    result, history = shell.displayhook.exec_result, shell.history_manager
    if result is None or history is None:
        return None
    same = history.input_hist_raw[-1].rstrip("\n") == result.info.raw_cell.rstrip("\n")
    return history.input_hist_parsed[-1] if same else None


def _parse(source: str) -> ast.Module:
    """The syntax tree; an empty one where the cell is no Python, which IPython reports."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _magic_call(node: ast.AST) -> ast.Call | None:
    """The call of a statement that is a magic, or assigns what one returns."""
    if not isinstance(node, ast.Expr | ast.Assign):
        return None
    match node.value:
        case ast.Call(func=ast.Attribute(attr="run_line_magic" | "run_cell_magic")) as call:
            return call
    return None


def _constant(call: ast.Call, place: int) -> ast.Constant | None:
    """The argument at a place: 0 is the magic's name, 1 its line."""
    found = call.args[place] if len(call.args) > place else None
    return found if isinstance(found, ast.Constant) and isinstance(found.value, str) else None


def _magic_name(node: ast.AST) -> str | None:
    call = _magic_call(node)
    name = _constant(call, 0) if call else None
    return str(name.value) if name else None


Position = tuple[int, int]  # line from 1, UTF-8 byte in it from 0: as `ast` counts
Edit = tuple[Position, Position, str]


def _edits(node: ast.AST) -> Iterator[Edit]:
    """What to replace where this statement is one of our magics and its line ends in a `;` without a backslash."""
    call = _magic_call(node)
    line = _constant(call, 1) if call and _magic_name(node) in MAGICS else None
    if call is None or line is None:
        return
    text = str(line.value).rstrip()
    if text.endswith(";") and not text.endswith("\\;"):
        yield (line.lineno, line.col_offset), _end(line), repr(text[:-1].rstrip())
        yield _end(call), _end(call), ";"


def _end(node: ast.expr) -> Position:
    assert node.end_lineno is not None, "a parsed node has its end"
    assert node.end_col_offset is not None, "a parsed node has its end"
    return node.end_lineno, node.end_col_offset


def _edited(source: str, edits: Iterable[Edit]) -> str:
    content = source.encode()
    starts = [0, *itertools.accumulate(len(line) for line in content.splitlines(keepends=True))]
    for begin, end, text in sorted(edits, reverse=True):  # from the end, so that the other positions hold
        first, last = (starts[line - 1] + column for line, column in (begin, end))
        content = content[:first] + text.encode() + content[last:]
    return content.decode()
