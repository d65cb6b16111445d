"""A transcript's player: registered from above, and imported when it is first asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from whisper_magic import hooks
from whisper_magic.errors import PackageMissing
from whisper_magic.transcript import Transcript

TALK = Transcript((), "en", "transcribe", 2.0, "talk.mp3")


def test_a_transcript_asks_whom_the_package_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Players:
        def of(self, transcript: Transcript, source: object = None) -> str:
            asked.append((transcript, source))
            return "the player"

        def edited(self, transcript: Transcript) -> Transcript:
            return transcript

    monkeypatch.setattr(hooks, "_load", None)
    hooks.register_players(Players)  # type: ignore[arg-type] # its player is no widget
    assert TALK.player("talk.wav") == "the player"
    assert asked == [(TALK, "talk.wav")]
    assert TALK.edited is TALK


def test_plain_python_has_players_without_the_extension() -> None:
    code = """
import sys
from whisper_magic import Transcript
talk = Transcript((), "en", "transcribe", 2.0, "talk.mp3")
assert talk.edited is talk
print([name for name in ("IPython", "anywidget", "numpy") if name in sys.modules])
print(type(talk.player()).__name__, talk.player() is talk.player())
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\nPlayer True\n"


@pytest.mark.parametrize("missing", ["anywidget", "traitlets"])
def test_without_a_package_that_it_needs_it_says_so(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("page", "player"):
        monkeypatch.delitem(sys.modules, f"whisper_magic.notebook.widgets.{module}", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(PackageMissing, match=f"^a player needs {missing}: pip install {missing}$"):
        TALK.player()
