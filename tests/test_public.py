"""The public interface: what `whisper_magic.__all__` holds."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from dataclasses import is_dataclass
from pathlib import Path
from types import ModuleType

import pytest

import whisper_magic
from whisper_magic import comparison, errors, options, scoring, transcript
from whisper_magic.engine import engine
from whisper_magic.notebook import results

IPYTHON = "IPython.core.interactiveshell"
LIBRARY = ("Hit", "Hits", "Library", "LibraryReport")  # its other classes are its own
FUNCTIONS = {"load_ipython_extension", "unload_ipython_extension"}  # what IPython calls
OF_CLASSES = sorted(set(whisper_magic.__all__) - FUNCTIONS - {"__version__", "Event"})


def classes(module: ModuleType) -> set[str]:
    """The public classes that a module defines, protocols and type aliases apart."""
    return {
        name
        for name, kind in vars(module).items()
        if inspect.isclass(kind)
        and kind.__module__ == module.__name__
        and not name.startswith("_")
        and (is_dataclass(kind) or issubclass(kind, BaseException | tuple))
    }


def test_it_holds_what_users_pass_receive_and_catch() -> None:
    modules = (comparison, engine, errors, options, results, scoring, transcript)
    defined = set().union(*map(classes, modules))
    assert {"Audio", "Engine", "Event", "__version__", *LIBRARY, *FUNCTIONS, *defined} == set(whisper_magic.__all__)


def test_it_is_sorted_and_listed() -> None:
    assert sorted(whisper_magic.__all__) == whisper_magic.__all__ == dir(whisper_magic)
    assert len(set(whisper_magic.__all__)) == len(whisper_magic.__all__)


@pytest.mark.parametrize("name", OF_CLASSES)
def test_each_name_is_its_class_and_documented(name: str) -> None:
    kind = getattr(whisper_magic, name)
    assert inspect.isclass(kind)
    assert kind.__name__ == name
    assert kind.__module__.startswith("whisper_magic.")
    assert (kind.__doc__ or "").strip().partition("\n")[0].endswith((".", ":"))


def test_the_events_are_a_union_for_annotations() -> None:
    members = {whisper_magic.Started, whisper_magic.Round, whisper_magic.Segment, whisper_magic.Finished}
    assert set(whisper_magic.Event.__args__) == members


def test_type_checkers_see_the_same_names_from_the_same_modules() -> None:
    tree = ast.parse(Path(whisper_magic.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.name: node.module for node in imports for alias in node.names if node.module != IPYTHON}
    assert seen == whisper_magic._MODULE_OF
    assert set(seen) == set(whisper_magic.__all__) - FUNCTIONS - {"__version__"}


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'whisper_magic' has no attribute 'Transcripts'"):
        whisper_magic.Transcripts  # noqa: B018


@pytest.mark.parametrize(
    "code",
    [
        "import whisper_magic",
        "import whisper_magic; dir(whisper_magic); whisper_magic.WhisperMagicError, whisper_magic.TranscribeOptions",
        "from whisper_magic import Transcript, TranscriptList, WordErrors, Comparison",
        "import whisper_magic.transcript, whisper_magic.formats, whisper_magic.scoring, whisper_magic.comparison",
    ],
)
def test_nothing_heavy_is_imported(code: str) -> None:
    heavy = ["torch", "transformers", "numpy", "pandas", "IPython", "ipywidgets", "anywidget", "traitlets", "jiwer"]
    code = f"{code}; import sys; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
