"""One explorer to a library, and one to the hits of a search."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from whisper_magic.notebook.views import hits as hits_view
from whisper_magic.notebook.views import library as library_view
from whisper_magic.notebook.views import registry
from whisper_magic.notebook.widgets.players import Policy, wanted

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from whisper_magic.library.library import Library
    from whisper_magic.library.search import Hits
    from whisper_magic.notebook.widgets.explorer import Explorer


SEARCHES_KEPT = 16  # whose hits play and open; those of earlier ones stay as text


class Explorers:
    """The explorers of this kernel."""

    def __init__(self) -> None:
        self._explorers: weakref.WeakKeyDictionary[Library, Explorer] = weakref.WeakKeyDictionary()
        self._of_hits: OrderedDict[int, tuple[Hits, Explorer]] = OrderedDict()

    def of(self, library: Library) -> Explorer:
        """The explorer of a library."""
        from whisper_magic.notebook.widgets.explorer import Explorer

        if library not in self._explorers:
            self._explorers[library] = Explorer(library)
        return self._explorers[library]

    def of_hits(self, hits: Hits) -> Explorer | None:
        """The explorer of hits; None where it is not known of which library they are."""
        from whisper_magic.notebook.widgets.explorer import Explorer

        if hits.library is None:
            return None
        if id(hits) not in self._of_hits:  # which keeps them, so that no others get this id
            players = self.of(hits.library).players
            self._of_hits[id(hits)] = (hits, Explorer(hits.library, hits, players))
            while len(self._of_hits) > SEARCHES_KEPT:
                _, (_, oldest) = self._of_hits.popitem(last=False)
                oldest.close()
        return self._of_hits[id(hits)][1]


EXPLORERS = Explorers()


def register(shell: InteractiveShell, policy: Callable[[], Policy]) -> None:
    """Let libraries and hits show their explorer in this shell, if it is a notebook's. Arguments as of `players`."""
    if not registry.in_notebook(shell):
        return
    display = shell.display_formatter
    assert display is not None, "a shell has its formatters from the start"

    def library_html(library: Library) -> str:
        shown = wanted(shell, policy(), sound=True)
        return library_view.html(library, EXPLORERS.of(library).anchor if shown else None)

    def hits_html(hits: Hits) -> str:
        explorer = EXPLORERS.of_hits(hits) if wanted(shell, policy(), sound=True) else None
        return hits_view.html(hits, None if explorer is None else explorer.anchor)

    formatter = display.formatters["text/html"]
    formatter.for_type_by_name("whisper_magic.library.library", "Library", library_html)
    formatter.for_type_by_name("whisper_magic.library.search", "Hits", hits_html)
