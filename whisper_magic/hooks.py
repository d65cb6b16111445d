"""What the data asks of the floors above it, none of which it imports: they register here.

`whisper_magic/__init__.py`, which stands on every floor, registers the notebook's players. They are imported when a
transcript is first asked for its player, so that this costs nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from whisper_magic.notebook.widgets.player import Player
    from whisper_magic.transcript import Transcript


class TranscriptPlayers(Protocol):
    """Shows transcripts, and keeps what is corrected there."""

    def of(self, transcript: Transcript, source: Any = None) -> Player:
        """The player of a transcript; `source` is its recording, where its name does not lead there."""

    def edited(self, transcript: Transcript) -> Transcript:
        """The transcript with the corrections that were made in its player."""


_load: Callable[[], TranscriptPlayers] | None = None


def register_players(load: Callable[[], TranscriptPlayers]) -> None:
    """Say who shows transcripts.

    Args:
        load: called whenever a transcript is asked for its player or its corrections.
    """
    global _load
    _load = load


def players() -> TranscriptPlayers:
    """Who shows transcripts."""
    assert _load is not None, "whisper_magic/__init__.py, which is imported first, registers them"
    return _load()
