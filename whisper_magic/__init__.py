"""whisper_magic: a notebook kernel as a speech lab.

    %load_ext whisper_magic
    %whisper demo

Importing this module, and `%load_ext`, load neither torch nor transformers: the names below are fetched from
their rooms when they are first used (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from whisper_magic.audio.load import Audio
    from whisper_magic.engine.engine import Engine
    from whisper_magic.errors import WhisperMagicError
    from whisper_magic.options import TranscribeOptions
    from whisper_magic.transcript import Transcript

__version__ = "0.1.0"

__all__ = [
    "Audio",
    "Engine",
    "TranscribeOptions",
    "Transcript",
    "WhisperMagicError",
    "__version__",
    "load_ipython_extension",
    "unload_ipython_extension",
]

_ROOMS = {
    "Audio": "whisper_magic.audio.load",
    "Engine": "whisper_magic.engine.engine",
    "TranscribeOptions": "whisper_magic.options",
    "Transcript": "whisper_magic.transcript",
    "WhisperMagicError": "whisper_magic.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Called by `%load_ext whisper_magic`."""
    from whisper_magic.notebook import extension

    extension.load(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Called by `%unload_ext whisper_magic`, and by `%reload_ext` before it loads again."""
    from whisper_magic.notebook import extension

    extension.unload(ipython)
