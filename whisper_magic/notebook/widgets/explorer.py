"""The explorer of a library: a table of its recordings, searched, filtered, played, tagged and corrected in the page.

As the player, it holds one trait, its anchor, and is asked by messages (`messages.EXPLORER`); the page shows as many
rows as it has room for, and asks for those.
"""

from __future__ import annotations

import itertools
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import numpy.typing as npt
import traitlets

from whisper_magic.audio.excerpt import Excerpt
from whisper_magic.errors import LibraryError, WhisperMagicError
from whisper_magic.library.columns import EXPLORER, HITS, described, first_rows
from whisper_magic.library.rows import Filters, Rows, row_of
from whisper_magic.library.search import Hits
from whisper_magic.notebook.views import facts
from whisper_magic.notebook.views import library as view
from whisper_magic.notebook.widgets import messages
from whisper_magic.notebook.widgets.players import PLAYERS
from whisper_magic.notebook.widgets.sound import SoundSource
from whisper_magic.wording import one_line

if TYPE_CHECKING:
    from whisper_magic.library.library import Library
    from whisper_magic.notebook.jobs.background import Job
    from whisper_magic.notebook.widgets.player import Player

FIRST = 100  # rows that come with the first answer
MOST_ROWS = 400  # in an answer
VIEWS_KEPT = 8  # a page may still ask for the rows of an earlier view
PLAYERS_KEPT = 12  # transcripts that were opened
SOUNDS_KEPT = 4  # recordings whose encoding is kept
MOST_DIFFERENCES = 500


class Explorer(anywidget.AnyWidget):  # type: ignore[misc] # anywidget is untyped here
    """A library, for a notebook.

    Attributes:
        library: what is shown.
        hits: the hits of a search, where these are shown instead of recordings.
        players: of transcripts, by id.
        jobs: that transcribe into the library in the background.
        anchor: of the static views whose place the explorer takes.
    """

    _esm = Path(__file__).parent / "static" / "explorer.js"
    anchor = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init__(
        self, library: Library, hits: Hits | None = None, players: OrderedDict[int, Player] | None = None
    ) -> None:
        """Make one.

        Args:
            library: what is shown.
            hits: show these instead of its recordings.
            players: of the library's transcripts, shared by its explorers: there is one of each.
        """
        self.library, self.hits = library, hits
        self.players: OrderedDict[int, Player] = OrderedDict() if players is None else players
        self.jobs: list[Job] = []  # that transcribe into the library in the background
        self._state: dict[str, Any] = {"state": "", "fraction": None, "running": False}
        self._rows: dict[int, Rows] = {}  # by run
        self._views: OrderedDict[int, tuple[int, str, npt.NDArray[np.int64]]] = OrderedDict()  # by token
        self._tokens = itertools.count(1)
        self._sounds: OrderedDict[int, SoundSource] = OrderedDict()
        self._lock = threading.RLock()  # two shells may ask at once
        self.shown = False
        self.set_trait("anchor", secrets.token_hex(8))
        super().__init__()
        messages.answer_while_cells_run(self)
        self.on_msg(self._on_message)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/plain": view.text(self.library), "text/html": view.html(self.library, self.anchor)}

    def notify(self, state: str, fraction: float | None, *, running: bool) -> None:
        """Show how far a run in the background is.

        Args:
            state: in words.
            fraction: done, 0 to 1; None where that is not known.
            running: whether it goes on.
        """
        self._state = {"state": state, "fraction": fraction, "running": running}
        if self.shown:
            self.send({"notice": "run", **self._state})

    # -- messages ----------------------------------------------------------------------------------------------------

    def _on_message(self, _: Any, content: Any, buffers: Any) -> None:
        """Answer the page. An error goes back as its line; a fault of ours is reported in the kernel's log as any."""
        name = content.get("id") if isinstance(content, dict) else None
        try:
            request = messages.parse(content, messages.EXPLORER)
            with self._lock:
                value, parts = self._answer(request)
        except (WhisperMagicError, OSError) as error:
            self.send({"id": name if isinstance(name, str) else None, "error": str(error)})
        except Exception as error:  # a fault of ours: the page must not wait for ever
            self.send({"id": name if isinstance(name, str) else None, "error": one_line(error) or "it failed"})
            raise
        else:
            self.send({"id": name, "value": value}, parts)

    def _answer(self, request: messages.Request) -> tuple[Any, list[bytes]]:
        match request:
            case messages.FirstRequest():
                return self._first(), []
            case messages.ViewRequest():
                return self._view(request), []
            case messages.RowsRequest(token=token, start=start, count=count):
                return self._rows_of(token, start, min(count, MOST_ROWS)), []
            case messages.RowSoundRequest(recording=recording):
                return self._sound(recording).described, []
            case messages.RowChunkRequest(recording=recording, offset=offset):
                return self._sound(recording).encoded(offset)
            case messages.OpenRequest(transcript=transcript):
                return {"model": self._player(transcript).model_id}, []
            case messages.DifferencesRequest(first=first, second=second):
                return self._differences(first, second), []
            case messages.FailuresRequest():
                rows = self.library.store.query(
                    "SELECT name, error FROM source WHERE error IS NOT NULL ORDER BY name LIMIT 1000"
                )
                return [{"name": name, "error": error} for name, error in rows], []
            case _:
                return self._changed(request), []

    def _changed(self, request: messages.Request) -> dict[str, Any]:
        match request:
            case messages.TagRequest(recordings=recordings, add=add, remove=remove):
                self.library.tag(recordings, *filter(None, [" ".join(add.split())]), remove=filter(None, [remove]))
            case messages.NoteRequest(recording=recording, text=text):
                self.library.note(recording, text.strip())
            case messages.AcceptRequest(recordings=recordings, accepted=accepted):
                self.library.accept(recordings, accepted)
            case messages.SelectRequest(recordings=recordings, token=token, all=every):
                run, _, places = self._viewed(token) if every else (0, "", np.zeros(0, np.int64))
                chosen = self._table(run).ids[places].tolist() if every else list(recordings)
                self.library.selection = tuple(chosen)
                return {"count": len(chosen)}
            case _:
                for job in self.jobs:
                    job.stop()
                if all(job.done for job in self.jobs):  # those that waited for their turn
                    self.notify("", None, running=False)
        return {}

    # -- what is shown -----------------------------------------------------------------------------------------------

    def _first(self) -> dict[str, Any]:
        """All that a page needs to draw the first rows."""
        self.shown = True
        store = self.library.store
        about = {"path": str(self.library.path), "readonly": store.read_only, "run": self._state, **self._about()}
        if self.hits is not None:
            return {
                **about,
                "columns": described(HITS),
                "query": self.hits.query,
                "more": self.hits.more,
                "total": len(self.hits),
                "seconds": None,
                "rows": [asdict(row_of(hit)) for hit in self.hits],
            }
        total, seconds = store.query("SELECT count(*), total(duration) FROM recording")[0]
        return {
            **about,
            "columns": described(EXPLORER),
            "query": None,
            "more": False,
            "total": total,
            "seconds": seconds,
            "rows": [asdict(row) for row in first_rows(store, FIRST)],
        }

    def _about(self) -> dict[str, Any]:
        """What changes while a library grows."""
        store = self.library.store
        return {
            "failures": store.query("SELECT count(*) FROM source WHERE error IS NOT NULL")[0][0],
            "scored": bool(store.query("SELECT 1 FROM transcript WHERE word_count > 0 LIMIT 1")),
            "runs": [{"id": row[0], "name": facts.run(row[1], row[2], row[3])} for row in self._runs()],
        }

    def _runs(self) -> Sequence[Any]:
        return self.library.store.query(
            """SELECT id, target, dtype, options FROM run
               WHERE EXISTS (SELECT 1 FROM transcript WHERE transcript.run = run.id) ORDER BY id"""
        )

    def _table(self, run: int) -> Rows:
        if run not in self._rows:
            self._rows[run] = Rows(self.library.store, run or None)
        return self._rows[run]

    def _view(self, request: messages.ViewRequest) -> dict[str, Any]:
        table = self._table(request.run)
        table.refresh()
        filters = _filters(request.text, request.filters)
        shown = table.shown(filters, request.sort, descending=request.descending)
        token = next(self._tokens)
        self._views[token] = (request.run, request.text, shown.places)
        while len(self._views) > VIEWS_KEPT:
            self._views.popitem(last=False)
        return {
            **self._about(),
            "token": token,
            "total": len(shown.places),
            "of": len(table),
            "seconds": shown.seconds,
            "facets": shown.facets,
            "histograms": {name: asdict(histogram) for name, histogram in shown.histograms.items()},
            "rows": [asdict(row) for row in table.read(shown.places[:FIRST].tolist(), request.text)],
        }

    def _viewed(self, token: int) -> tuple[int, str, npt.NDArray[np.int64]]:
        if token not in self._views:
            raise LibraryError("this view is not kept any more: ask for it again")
        return self._views[token]

    def _rows_of(self, token: int, start: int, count: int) -> list[dict[str, Any]]:
        run, text, places = self._viewed(token)
        return [asdict(row) for row in self._table(run).read(places[start : start + count].tolist(), text)]

    def _differences(self, first: int, second: int) -> list[dict[str, Any]]:
        from whisper_magic.library.tables import differences

        return [
            {"recording": number, "name": name, "duration": duration, "differs": rate,
             "first": one, "second": other, "stretches": [_stretch(part) for part in parts]}
            for number, name, duration, rate, one, other, _, _, parts in differences(
                self.library.store, first, second
            )[:MOST_DIFFERENCES]
        ]  # fmt: skip

    # -- sound and players -------------------------------------------------------------------------------------------

    def _sound(self, recording: int) -> SoundSource:
        if recording not in self._sounds:
            self._sounds[recording] = SoundSource(Excerpt(self.library.source(recording)))
            while len(self._sounds) > SOUNDS_KEPT:
                self._sounds.popitem(last=False)
        return self._sounds[recording]

    def _player(self, number: int) -> Player:
        """The player of a transcript, whose corrections are kept in the library; it shows what is kept there now."""
        written = self.library.store.transcript(number, original=True)
        edited = self.library.store.transcript(number)
        if number not in self.players:
            (recording,) = self.library.store.query("SELECT recording FROM transcript WHERE id = ?", (number,))[0]
            PLAYERS.remember(written, self.library.source(recording))
            player = self.players[number] = PLAYERS.make(written)
            player.changed = lambda transcript: self.library.correct(number, transcript)
            while len(self.players) > PLAYERS_KEPT:
                self.players.popitem(last=False)[1].close()
        self.players.move_to_end(number)
        self.players[number].take(edited)
        return self.players[number]


def _filters(text: str, filters: str) -> Filters:
    """Filters from a page's JSON.

    Raises:
        BadRequest: where it is not what `messages.ViewRequest` says.
    """
    try:
        given = json.loads(filters)
        facets = {str(name): tuple(map(str, values)) for name, values in given.get("facets", {}).items()}
        ranges = {str(name): (float(least), float(most)) for name, (least, most) in given.get("ranges", {}).items()}
        return Filters(text, facets, ranges, given.get("named", "all"))
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, LibraryError):
            raise
        raise messages.BadRequest("filters is JSON with facets, ranges and named") from error


def _stretch(part: Any) -> dict[str, Any]:
    return {"kind": part.kind, "first": " ".join(part.reference), "second": " ".join(part.written)}
