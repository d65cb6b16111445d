"""Two questions about a magic in the running cell: is its result silenced, and does it own the output?

Both answers are read from the syntax tree of the transformed cell, in which `%whisper talk.mp3` has become
`get_ipython().run_line_magic('whisper', 'talk.mp3')`. They are asked while the magic runs, so that they hold in a cell
that loads the extension, too.
"""

from __future__ import annotations

import ast

from IPython.core.interactiveshell import InteractiveShell

from whisper_magic.notebook.line.scanner import without_comment

MAGICS = ("whisper", "transcribe")


def without_semicolon(line: str) -> str:
    """A magic's line without the `;` that ends it and the comment behind; after a backslash it belongs to a name."""
    text = without_comment(line).rstrip()
    return text[:-1].rstrip() if text.endswith(";") and not text.endswith("\\;") else line


def is_silenced(shell: InteractiveShell, line: str) -> bool:
    """Whether a magic returns None because of the `;` that ends its line.

    IPython leaves that `;` inside the string that the magic is called with, where its own rule does not see it; its
    decorator `output_can_be_silenced` would assign None in `x = %whisper talk.mp3;`.

    Args:
        shell: the shell that runs the magic.
        line: the magic's line as it was called.

    Returns:
        True where the running cell has this call as a statement, and nowhere assigns what it returns.
    """
    if without_semicolon(line) == line:
        return False
    calls = [node for node in ast.walk(_parse(_running_cell(shell))) if _magic(node) in MAGICS and _line(node) == line]
    return bool(calls) and all(isinstance(node, ast.Expr) for node in calls)


def owns_output(shell: InteractiveShell) -> bool:
    """Whether nothing but our magic can show anything in the running cell.

    That is so where the magic is the last statement, or is assigned by it, and only imports and `%load_ext` come
    before it.
    """
    if _is_nested(shell):
        return False
    *before, last = _parse(_running_cell(shell)).body or [ast.Pass()]
    silent = all(
        isinstance(statement, ast.Import | ast.ImportFrom) or _magic(statement) == "load_ext" for statement in before
    )
    return silent and _magic(last) in MAGICS


def _running_cell(shell: InteractiveShell) -> str:
    """The transformed source of the innermost cell that is running; '' where none is."""
    result = shell.displayhook.exec_result
    return shell.transform_cell(result.info.raw_cell) if result is not None else ""


def _is_nested(shell: InteractiveShell) -> bool:
    """Whether the running cell may be part of another, as `%%capture` runs them: it is not the last of the history."""
    result, history = shell.displayhook.exec_result, shell.history_manager
    if result is None or history is None:
        return True
    return bool(history.input_hist_raw[-1].rstrip("\n") != result.info.raw_cell.rstrip("\n"))


def _parse(source: str) -> ast.Module:
    """The syntax tree; an empty one for what is no Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _arguments(node: ast.AST) -> list[object]:
    """The constants that a magic is called with: name, line, body; [] where the statement is no magic."""
    if not isinstance(node, ast.Expr | ast.Assign):
        return []
    match node.value:
        case ast.Call(func=ast.Attribute(attr="run_line_magic" | "run_cell_magic"), args=args):
            return [argument.value if isinstance(argument, ast.Constant) else None for argument in args]
    return []


def _magic(node: ast.AST) -> object:
    """The name of the magic that a statement is, or assigns; None where it is none."""
    return next(iter(_arguments(node)), None)


def _line(node: ast.AST) -> object:
    """The line of the magic that a statement is, or assigns."""
    return next(iter(_arguments(node)[1:]), None)
