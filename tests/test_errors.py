"""The error tree, as an executable test."""

from __future__ import annotations

import inspect

import pytest

from whisper_magic import errors
from whisper_magic.errors import AudioNotFound, Interrupted, SomeFailed, WhisperMagicError

TREE = {
    "WhisperMagicError": ("Exception",),
    "OptionError": ("WhisperMagicError", "ValueError"),
    "AudioError": ("WhisperMagicError",),
    "AudioNotFound": ("AudioError", "FileNotFoundError"),
    "AudioUnreadable": ("AudioError",),
    "AudioInvalid": ("AudioError", "ValueError"),
    "CheckpointError": ("WhisperMagicError",),
    "EngineClosed": ("WhisperMagicError", "RuntimeError"),
    "EngineBusy": ("WhisperMagicError", "RuntimeError"),
    "PackageMissing": ("WhisperMagicError", "ImportError"),
    "SomeFailed": ("WhisperMagicError",),
    "LibraryError": ("WhisperMagicError", "ValueError"),
    "TranscriptError": ("WhisperMagicError", "ValueError"),
    "Interrupted": ("KeyboardInterrupt",),
}
CLASSES = {
    name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and kind.__module__ == errors.__name__
}


def test_the_tree() -> None:
    assert {name: tuple(base.__name__ for base in kind.__bases__) for name, kind in CLASSES.items()} == TREE


def test_the_tree_is_drawn_at_the_top_of_the_file() -> None:
    for name in TREE:
        assert f"{name} " in str(errors.__doc__) or f"{name}\n" in str(errors.__doc__)


@pytest.mark.parametrize("name", sorted(set(TREE) - {"SomeFailed"}))
def test_each_renders_as_one_line(name: str) -> None:
    error = CLASSES[name]("what failed: what to do")
    assert str(error) == "what failed: what to do"
    assert error._render_traceback_() == [f"{name}: what failed: what to do"]


def test_an_interruption_passes_by_except_exception() -> None:
    assert not issubclass(Interrupted, Exception | WhisperMagicError)
    assert Interrupted("stopped", [None, "part", None]).transcript == "part"
    assert Interrupted("stopped").transcript is None


def test_some_failed_keeps_the_others() -> None:
    bad = AudioNotFound("no such file: b.wav")
    error = SomeFailed(["a", None, "c"], {1: bad})
    assert error.transcripts == ("a", None, "c")
    assert error.errors == {1: bad}
    assert str(error) == ("1 of 3 recordings failed, first: no such file: b.wav; the other 2 are in .transcripts")
    assert str(SomeFailed([None], {0: bad})) == "1 of 1 recordings failed, first: no such file: b.wav"


def test_a_missing_file_is_a_missing_file() -> None:
    with pytest.raises(FileNotFoundError, match=r"^no such file: a\.wav$"):
        raise AudioNotFound("no such file: a.wav")
    assert str(AudioNotFound()) == ""
