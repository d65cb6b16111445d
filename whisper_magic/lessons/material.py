"""What the notebooks are made of where the learner brings nothing: models that are here, and the bundled recording."""

from __future__ import annotations

from importlib.resources import files

RECORDING = str(files("whisper_magic").joinpath("assets/demo/sample.ogg"))  # short English sentences, then others
REAL = "openai/whisper-base"


def pair() -> str:
    """The name of the target to load: whisper-base with its draft where it is installed, else the bundled pair.

    Nothing is downloaded: lessons work offline.
    """
    from whisper_magic.engine.model import hub  # imports numpy: not with the module

    return REAL if hub.is_here(REAL) else "demo"
