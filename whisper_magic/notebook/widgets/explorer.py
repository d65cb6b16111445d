"""The explorer of a library: a table of its recordings, searched, filtered, played, tagged and corrected in the page.

As the player, it holds one trait, its anchor, and is asked by messages (`messages.EXPLORER`); the page shows as many
rows as it has room for, and asks for those.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import OrderedDict
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from whisper_magic.audio.excerpt import Excerpt
from whisper_magic.errors import LibraryError
from whisper_magic.library.columns import EXPLORER, HITS, described, first_rows
from whisper_magic.library.rows import Filters, Rows, row_of
from whisper_magic.library.search import Hits
from whisper_magic.notebook.views import facts
from whisper_magic.notebook.views import library as view
from whisper_magic.notebook.widgets import messages
from whisper_magic.notebook.widgets.messages import Answer
from whisper_magic.notebook.widgets.page import PageWidget, answers
from whisper_magic.notebook.widgets.players import PLAYERS
from whisper_magic.notebook.widgets.sound import SoundSource

if TYPE_CHECKING:
    from whisper_magic.library.library import Library
    from whisper_magic.notebook.widgets.player import Player
    from whisper_magic.scoring import Stretch

FIRST = 100  # rows that come with the first answer
MAX_ROWS = 400  # in an answer
VIEWS_KEPT = 8  # a page may still ask for the rows of an earlier view
PLAYERS_KEPT = 12  # transcripts that were opened
SOUNDS_KEPT = 4  # recordings whose encoding is kept
MAX_DIFFERENCES = 500
MAX_FAILURES = 1000  # that are listed


class StoppableJob(Protocol):
    """What transcribes into the library in the background (`jobs.background.Job`)."""

    @property
    def done(self) -> bool:
        """Whether it has ended."""

    def stop(self) -> None:
        """End it at its next event."""


class Explorer(PageWidget):
    """A library, for a notebook.

    Attributes:
        library: what is shown.
        hits: the hits of a search, where these are shown instead of recordings.
        players: of transcripts, by id.
        jobs: that transcribe into the library in the background.
    """

    requests = messages.EXPLORER
    _esm = Path(__file__).parent / "static" / "explorer.js"

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
        self.jobs: list[StoppableJob] = []
        self._state: dict[str, Any] = {"state": "", "fraction": None, "running": False}
        self._rows: dict[int, Rows] = {}  # by run
        self._views: OrderedDict[int, tuple[int, str, npt.NDArray[np.int64]]] = OrderedDict()  # by token
        self._tokens = itertools.count(1)
        self._sounds: OrderedDict[int, SoundSource] = OrderedDict()
        self.shown = False
        super().__init__()

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

    # -- what people change ------------------------------------------------------------------------------------------

    @answers(messages.TagRequest)
    def _tag(self, request: messages.TagRequest) -> Answer:
        add, remove = " ".join(request.add.split()), request.remove
        self.library.tag(request.recordings, *([add] if add else []), remove=[remove] if remove else [])
        return Answer()

    @answers(messages.NoteRequest)
    def _note(self, request: messages.NoteRequest) -> Answer:
        self.library.note(request.recording, request.text.strip())
        return Answer()

    @answers(messages.AcceptRequest)
    def _accept(self, request: messages.AcceptRequest) -> Answer:
        self.library.accept(request.recordings, request.accepted)
        return Answer()

    @answers(messages.SelectRequest)
    def _select(self, request: messages.SelectRequest) -> Answer:
        selection = request.recordings
        if request.all:
            run, _, places = self._viewed(request.token)
            selection = tuple(self._table(run).ids[places].tolist())
        self.library.selection = selection
        return Answer({"count": len(selection)})

    @answers(messages.StopRequest)
    def _stop(self, request: messages.StopRequest) -> Answer:
        jobs = list(self.jobs)
        for job in jobs:
            job.stop()
        if all(job.done for job in jobs):  # those that waited for their turn
            self.notify("", None, running=False)
        return Answer()

    # -- what is shown -----------------------------------------------------------------------------------------------

    @answers(messages.FirstRequest)
    def _first(self, request: messages.FirstRequest) -> Answer:
        """All that a page needs to draw the first rows."""
        self.shown = True
        store = self.library.store
        about = {"path": str(self.library.path), "readonly": store.read_only, "run": self._state, **self._about()}
        if self.hits is not None:
            rows = [asdict(row_of(hit)) for hit in self.hits]
            hits = {"columns": described(HITS), "query": self.hits.query, "more": self.hits.more}
            return Answer({**about, **hits, "total": len(rows), "seconds": None, "rows": rows})
        totals = self.library.totals()
        rows = [asdict(row) for row in first_rows(store, FIRST)]
        every = {"columns": described(EXPLORER), "query": None, "more": False}
        return Answer({**about, **every, "total": totals.recordings, "seconds": totals.seconds, "rows": rows})

    def _about(self) -> dict[str, Any]:
        """What changes while a library grows."""
        growth = self.library.growth()
        runs = [{"id": run.id, "name": facts.run(run.target, run.dtype, run.options)} for run in growth.runs]
        return {"failures": growth.failures, "scored": growth.scored, "runs": runs}

    @answers(messages.FailuresRequest)
    def _failures(self, request: messages.FailuresRequest) -> Answer:
        return Answer([asdict(unreadable) for unreadable in self.library.unreadable(MAX_FAILURES)])

    def _table(self, run: int) -> Rows:
        if run not in self._rows:
            self._rows[run] = Rows(self.library.store, run or None)
        return self._rows[run]

    @answers(messages.ViewRequest)
    def _view(self, request: messages.ViewRequest) -> Answer:
        table = self._table(request.run)
        table.refresh()
        filters = _filters(request.text, request.filters)
        shown = table.shown(filters, request.sort, descending=request.descending)
        token = next(self._tokens)
        self._views[token] = (request.run, request.text, shown.places)
        while len(self._views) > VIEWS_KEPT:
            self._views.popitem(last=False)
        value = {
            **self._about(),
            "token": token,
            "total": len(shown.places),
            "of": len(table),
            "seconds": shown.seconds,
            "facets": shown.facets,
            "histograms": {name: asdict(histogram) for name, histogram in shown.histograms.items()},
            "rows": [asdict(row) for row in table.read(shown.places[:FIRST].tolist(), request.text)],
        }
        return Answer(value)

    def _viewed(self, token: int) -> tuple[int, str, npt.NDArray[np.int64]]:
        if token not in self._views:
            raise LibraryError("this view is not kept any more: ask for it again")
        return self._views[token]

    @answers(messages.RowsRequest)
    def _rows_of(self, request: messages.RowsRequest) -> Answer:
        run, text, places = self._viewed(request.token)
        end = request.start + min(request.count, MAX_ROWS)
        return Answer([asdict(row) for row in self._table(run).read(places[request.start : end].tolist(), text)])

    @answers(messages.DifferencesRequest)
    def _differences(self, request: messages.DifferencesRequest) -> Answer:
        differences = self.library.differences(request.first, request.second)[:MAX_DIFFERENCES]
        return Answer(
            [
                {
                    "recording": difference.recording,
                    "name": difference.name,
                    "differs": difference.differs if math.isfinite(difference.differs) else None,
                    "first": difference.first,
                    "second": difference.second,
                    "stretches": [_stretch(stretch) for stretch in difference.differences],
                }
                for difference in differences
            ]
        )

    # -- sound and players -------------------------------------------------------------------------------------------

    def _sound(self, recording: int) -> SoundSource:
        if recording not in self._sounds:
            self._sounds[recording] = SoundSource(Excerpt(self.library.source(recording)))
            while len(self._sounds) > SOUNDS_KEPT:
                self._sounds.popitem(last=False)
        return self._sounds[recording]

    @answers(messages.RowSoundRequest)
    def _row_sound(self, request: messages.RowSoundRequest) -> Answer:
        return Answer(self._sound(request.recording).described)

    @answers(messages.RowChunkRequest)
    def _row_chunk(self, request: messages.RowChunkRequest) -> Answer:
        return self._sound(request.recording).encoded(request.offset)

    @answers(messages.OpenRequest)
    def _open(self, request: messages.OpenRequest) -> Answer:
        return Answer({"model": self._player(request.transcript).model_id})

    def _player(self, number: int) -> Player:
        """The player of a transcript, whose corrections are kept in the library; it shows what is kept there now."""
        written = self.library.store.transcript(number, original=True)
        edited = self.library.store.transcript(number)
        if number not in self.players:
            PLAYERS.remember(written, self.library.source(self.library.recording_of(number)))
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
    except (AttributeError, TypeError, ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, LibraryError):
            raise
        raise messages.BadRequest("filters is JSON with facets, ranges and named") from error


def _stretch(stretch: Stretch) -> dict[str, str]:
    return {"kind": stretch.kind, "first": " ".join(stretch.reference), "second": " ".join(stretch.written)}
