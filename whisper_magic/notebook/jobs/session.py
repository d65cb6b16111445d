"""The kernel's resident engine: which models are wanted, which are loaded, and when they load.

Lives in a submodule so that `%reload_ext`, which reloads the top package alone, keeps it. Knows nothing of IPython.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whisper_magic.engine.engine import Engine

Progress = Callable[[str], None]


@dataclass(frozen=True)
class ModelChoice:
    """The models asked for, and on what; None leaves it to `Engine.load`."""

    target: str
    draft: str | None = None
    device: str | None = None
    dtype: str | None = None
    attention: str | None = None


def load_engine(choice: ModelChoice) -> Engine:
    """The one place where the notebook brings in the engine, and with it torch."""
    from whisper_magic.engine.engine import Engine

    placement = {"device": choice.device, "dtype": choice.dtype, "attention": choice.attention}
    return Engine.load(choice.target, choice.draft, **placement)


class Session:
    """At most one engine is resident. It loads at first use, and again when something else is wanted."""

    def __init__(self, loader: Callable[[ModelChoice], Engine] = load_engine) -> None:
        self.loader = loader
        self.wanted: ModelChoice | None = None
        self._engine: Engine | None = None
        self._loaded: ModelChoice | None = None

    @property
    def resident(self) -> Engine | None:
        """The engine in memory, or None. Loads nothing."""
        return self._engine

    def engine(self, on_progress: Progress | None = None) -> Engine:
        """The engine that is wanted, loaded first where it is not resident yet."""
        assert self.wanted is not None, "the magics state what is wanted when they are registered"
        return self.load(self.wanted, on_progress)

    def load(self, choice: ModelChoice, on_progress: Progress | None = None) -> Engine:
        """These models, resident from now on. Others are closed first: both would not fit in the memory."""
        if self._engine is None or self._loaded != choice:
            self.unload()
            self._engine = self._load(choice, on_progress)
        self._loaded = self.wanted = choice
        return self._engine

    def unload(self) -> str | None:
        """Close the resident engine; its target's name, or None where there was none."""
        if self._engine is None or self._loaded is None:
            return None
        engine, loaded = self._engine, self._loaded
        self._engine = self._loaded = None
        engine.close()
        return loaded.target

    def _load(self, choice: ModelChoice, on_progress: Progress | None) -> Engine:
        if on_progress is not None:
            on_progress(f"Loading {choice.target}")
        return self.loader(choice)

    @contextmanager
    def using(self, guest: ModelChoice | None = None, on_progress: Progress | None = None) -> Iterator[Engine]:
        """An engine for one job: the one that is wanted; or `guest`, which stays where no engine is resident, and is
        otherwise loaded beside the resident one and closed after."""
        if guest is None:
            yield self.engine(on_progress)
        elif self._engine is None:
            yield self.load(guest, on_progress)
        elif self._loaded is not None and self._loaded.target == guest.target:
            yield self._engine
        else:
            engine = self._load(guest, on_progress)
            try:
                yield engine
            finally:
                engine.close()


SESSION = Session()
