"""One player to a transcript: where its sound is, and whether it is shown by itself."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from whisper_magic.errors import AudioError, AudioInvalid, AudioNotFound, PackageMissing
from whisper_magic.transcript import Transcript

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from whisper_magic.audio.excerpt import Excerpt
    from whisper_magic.engine.engine import Engine
    from whisper_magic.notebook.views.embedded import Embedded
    from whisper_magic.notebook.widgets.player import Player

Policy = Literal["auto", "always", "never"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
NAME = "whisper_magic.transcript.Transcript"
MAX_EMBEDDED_SECONDS = 2700  # seconds: 10 MB of Opus
CHANNEL = re.compile(r"(.*) \((mix|left|right|\d+)\)", re.DOTALL)  # name of a transcript where each channel has one


class Players:
    """The players of this kernel, by transcript. Each keeps its transcript: the page may ask for its sound.

    Attributes:
        engine_of: the resident engine, where its target wrote a transcript.
    """

    def __init__(self) -> None:
        self.engine_of: Callable[[Transcript], Engine | None] = lambda transcript: None
        self._players: dict[int, Player] = {}
        self._sources: dict[int, Any] = {}
        self._embedded: dict[int, Embedded] = {}

    def remember(self, transcript: Transcript, source: Any) -> None:
        """Note the source of a transcript, as its name alone may not lead there.

        Args:
            transcript: what was said.
            source: what `Engine.transcribe` got.
        """
        self._sources[id(transcript)] = source
        weakref.finalize(transcript, self._sources.pop, id(transcript), None)

    def of(self, transcript: Transcript, source: Any = None) -> Player:
        """The player of a transcript.

        Args:
            transcript: what was said.
            source: the recording, where it is not the file or URL that the transcript names.

        Raises:
            AudioNotFound: where `source` is a file that does not exist.
        """
        from whisper_magic.audio import load  # numpy: not at %load_ext

        if source is not None:
            load.find(source)
            self.remember(transcript, source)
            self._players.pop(id(transcript), None)
        if (player := self._players.get(id(transcript))) is None:
            player = self._players[id(transcript)] = self.make(transcript)
        return player

    def make(self, transcript: Transcript) -> Player:
        """A player that is not kept here.

        Raises:
            PackageMissing: without anywidget, or what else it needs.
        """
        return _player_class()(transcript, self.sound_of(transcript), self._engine)

    def begin(self, transcript: Transcript, source: Any, stop: Callable[[], None]) -> Player:
        """The player of a transcript that is being written; `finish` it.

        Args:
            transcript: as far as it is written.
            source: what `Engine.transcribe` got.
            stop: stops the transcription.
        """
        self.remember(transcript, source)
        return _player_class()(transcript, self.sound_of(transcript), self._engine, stop=stop)

    def several(self, stop: Callable[[], None]) -> Player:
        """A player without sound that shows how far several recordings are.

        Args:
            stop: stops the transcription.
        """
        nothing = Transcript((), None, "transcribe", 0.0, "several recordings", complete=False)
        return _player_class()(nothing, None, stop=stop, several=True)

    def finish(self, player: Player, transcript: Transcript) -> None:
        """Give a player the transcript that was written: from now on it is that transcript's player."""
        self._players[id(transcript)] = player
        player.finish(transcript)

    def _engine(self, transcript: Transcript) -> Engine | None:
        return self.engine_of(transcript)

    def embed(self, transcript: Transcript) -> None:
        """Let a transcript carry its sound wherever it is shown from now on.

        Args:
            transcript: what was said.

        Raises:
            AudioError: where the sound is gone, cannot be encoded, or is too long.
        """
        from whisper_magic.audio.encode import CODINGS, encode
        from whisper_magic.notebook.views.embedded import Embedded

        sound, options = self.sound_of(transcript), transcript.options
        if sound is None:
            raise AudioNotFound(f"{transcript.source} is not here to be embedded")
        if transcript.duration > MAX_EMBEDDED_SECONDS:
            most = f"{MAX_EMBEDDED_SECONDS // 60:g} minutes"
            raise AudioInvalid(f"{most} of sound can be embedded at most: take a part with --start and --end")
        content = encode(replace(sound, start=options.start, end=options.end))
        embedded = Embedded(content, CODINGS["opus"].mime.partition(";")[0], options.start or 0.0)
        self._embedded[id(transcript)] = embedded
        weakref.finalize(transcript, self._embedded.pop, id(transcript), None)

    def embedded(self, transcript: Transcript) -> Embedded | None:
        """The sound that a transcript carries."""
        return self._embedded.get(id(transcript))

    def edited(self, transcript: Transcript) -> Transcript:
        """A transcript with the corrections of its player."""
        player = self._players.get(id(transcript))
        return transcript if player is None else player.edited

    def sound_of(self, transcript: Transcript) -> Excerpt | None:
        """The whole recording of a transcript; None where it is gone, or was a file object, which is read once."""
        from whisper_magic.audio import load
        from whisper_magic.audio.excerpt import Excerpt

        channel, named = transcript.options.channel, transcript.source
        if channel == "split":
            named_channel = CHANNEL.fullmatch(named)
            named, label = named_channel.groups() if named_channel else (named, "mix")
            channel = int(label) if label.isdigit() else label
        source = self._sources.get(id(transcript), named)
        try:
            load.find(source)
        except AudioError:
            return None
        if hasattr(source, "read"):
            return None
        source, rate = source if isinstance(source, tuple) else (source, None)
        return Excerpt(source, rate=rate, channel=channel, stream=transcript.options.stream)


PLAYERS = Players()


def _player_class() -> type[Player]:
    """Imported when the first player is made: not at %load_ext, and an engine without a notebook does without."""
    try:
        from whisper_magic.notebook.widgets.player import Player
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package == "whisper_magic":
            raise
        raise PackageMissing(f"a player needs {package}: pip install {package}") from error
    return Player


def register(shell: InteractiveShell, policy: Callable[[], Policy]) -> None:
    """Let transcripts show their player in this shell, if it is a notebook's.

    Args:
        shell: whose formatters are added to.
        policy: when a player is shown by itself: "auto" where a page ran the cell and the recording is still there,
            "always", "never".
    """
    from whisper_magic.notebook.views import registry
    from whisper_magic.notebook.views import transcript as view

    if not registry.in_notebook(shell):
        return
    display = shell.display_formatter
    assert display is not None, "a shell has its formatters from the start"

    def html(transcript: Transcript) -> str:
        there = PLAYERS.sound_of(transcript) is not None
        anchor = PLAYERS.of(transcript).anchor if wanted(shell, policy(), there) else None
        return view.html(transcript, anchor, PLAYERS.embedded(transcript))

    display.formatters["text/html"].for_type_by_name(*NAME.rsplit(".", 1), html)


def wanted(shell: InteractiveShell, policy: Policy, sound: bool) -> bool:
    """Whether a transcript shows its player by itself.

    Args:
        shell: whose cell runs.
        policy: as of `register`.
        sound: whether the recording is there.
    """
    return policy == "always" or (policy == "auto" and sound and _page_ran_the_cell(shell))


def _page_ran_the_cell(shell: InteractiveShell) -> bool:
    """What executes notebooks without a page (nbclient, papermill, nbconvert) allows no input, and would save the state
    of each widget."""
    kernel: Any = getattr(shell, "kernel", None)  # there is one: `register` looked
    content = kernel.get_parent("shell").get("content", {})
    return bool(content.get("allow_stdin", True))
