"""whisper_magic: a notebook kernel as a speech lab.

    %load_ext whisper_magic
    %whisper demo

`__all__` is the public interface: what users pass, receive and catch. Importing this module, and `%load_ext`, import
neither torch nor transformers nor numpy: each name is imported from its module when it is first used (PEP 562). This is
also where the floors are joined: what the data asks of those above it is registered here (`hooks`).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from whisper_magic import hooks

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from whisper_magic.audio.load import Audio
    from whisper_magic.comparison import Candidate, Comparison, Divergence, Runs
    from whisper_magic.engine.engine import Engine, EngineStatus
    from whisper_magic.errors import (
        AudioError,
        AudioInvalid,
        AudioNotFound,
        AudioUnreadable,
        CheckpointError,
        EngineBusy,
        EngineClosed,
        Interrupted,
        LibraryError,
        OptionError,
        PackageMissing,
        SomeFailed,
        TranscriptError,
        WhisperMagicError,
    )
    from whisper_magic.library.job import LibraryReport
    from whisper_magic.library.library import Library
    from whisper_magic.library.search import Hit, Hits
    from whisper_magic.notebook.results import Failure, TranscriptList
    from whisper_magic.options import TranscribeOptions
    from whisper_magic.scoring import ErrorCounts, Stretch, WordErrors
    from whisper_magic.transcript import (
        Event,
        Finished,
        Models,
        Round,
        Segment,
        Started,
        Timing,
        TokenProb,
        Trace,
        Transcript,
        Word,
    )

__version__ = "0.1.0"

__all__ = [
    "Audio",
    "AudioError",
    "AudioInvalid",
    "AudioNotFound",
    "AudioUnreadable",
    "Candidate",
    "CheckpointError",
    "Comparison",
    "Divergence",
    "Engine",
    "EngineBusy",
    "EngineClosed",
    "EngineStatus",
    "ErrorCounts",
    "Event",
    "Failure",
    "Finished",
    "Hit",
    "Hits",
    "Interrupted",
    "Library",
    "LibraryError",
    "LibraryReport",
    "Models",
    "OptionError",
    "PackageMissing",
    "Round",
    "Runs",
    "Segment",
    "SomeFailed",
    "Started",
    "Stretch",
    "Timing",
    "TokenProb",
    "Trace",
    "TranscribeOptions",
    "Transcript",
    "TranscriptError",
    "TranscriptList",
    "WhisperMagicError",
    "Word",
    "WordErrors",
    "__version__",
    "load_ipython_extension",
    "unload_ipython_extension",
]

_MODULES = {
    "audio.load": "Audio",
    "comparison": "Candidate Comparison Divergence Runs",
    "engine.engine": "Engine EngineStatus",
    "errors": "AudioError AudioInvalid AudioNotFound AudioUnreadable CheckpointError EngineBusy EngineClosed "
    "Interrupted LibraryError OptionError PackageMissing SomeFailed TranscriptError WhisperMagicError",
    "library.library": "Library",
    "library.job": "LibraryReport",
    "library.search": "Hit Hits",
    "notebook.results": "Failure TranscriptList",
    "options": "TranscribeOptions",
    "scoring": "ErrorCounts Stretch WordErrors",
    "transcript": "Event Finished Models Round Segment Started Timing TokenProb Trace Transcript Word",
}
_MODULE_OF = {name: f"{__name__}.{module}" for module, names in _MODULES.items() for name in names.split()}


if not TYPE_CHECKING:  # type checkers would take any name for one that exists

    def __getattr__(name: str) -> Any:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return __all__


def _players() -> hooks.TranscriptPlayers:
    from whisper_magic.notebook.widgets.players import PLAYERS

    return PLAYERS


hooks.register_players(_players)


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Called by `%load_ext whisper_magic`."""
    from whisper_magic.notebook import extension

    extension.load(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Called by `%unload_ext whisper_magic`, and by `%reload_ext` before it loads again."""
    from whisper_magic.notebook import extension

    extension.unload(ipython)
