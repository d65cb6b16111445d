"""The kernel's resident engine: which models are wanted, which are loaded, and when they load.

Lives in a submodule so that `%reload_ext`, which reloads the top package alone, keeps it. Knows nothing of IPython.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whisper_magic.errors import EngineClosed, Interrupted, WhisperMagicError

if TYPE_CHECKING:
    from whisper_magic.engine.engine import Engine

OnStage = Callable[[str], None]  # called with what is done now, in words


@dataclass(frozen=True)
class ModelChoice:
    """The models to load, and what on: the arguments of `Engine.load`. None takes its default."""

    target: str
    draft: str | None = None
    device: str | None = None
    dtype: str | None = None
    attention: str | None = None


def check_names(choice: ModelChoice) -> None:
    """Refuse model names that do not exist, before torch is imported and before anything is closed."""
    from whisper_magic.engine.model import hub

    hub.check(choice.target, choice.draft, choice.device)


def described(choice: ModelChoice) -> str:
    """What is loaded, for people; of "auto", what it stands for here, why, and what is downloaded first."""
    from whisper_magic.engine.model import hub

    if choice.target != hub.AUTO:
        return choice.target
    if (chosen := hub.automatic(choice.device)) is None:
        return "the model for this machine"
    download = "" if hub.is_here(chosen.target) else f", {chosen.download} to download"
    return f"{chosen.target} (auto: {chosen.why}{download})"


def load_engine(choice: ModelChoice) -> Engine:
    """Load an engine. The one place where the notebook imports it, and with it torch."""
    import_whole("whisper_magic.engine.engine")
    from whisper_magic.engine.engine import Engine

    placement = {"device": choice.device, "dtype": choice.dtype, "attention": choice.attention}
    return Engine.load(choice.target, choice.draft, **placement)


def import_whole(module: str) -> None:
    """Import in a thread, which goes on where Ctrl-C stops the wait for it: torch and numpy cannot be imported a second
    time after their import was cut off. Errors are those of the import that follows."""
    if module not in sys.modules:
        thread = threading.Thread(target=_try_import, args=(module,), name="whisper-import", daemon=True)
        thread.start()
        thread.join()


def _try_import(module: str) -> None:
    with suppress(Exception):
        importlib.import_module(module)


class Session:
    """At most one engine is resident. It loads at first use, and again when other models are wanted.

    Attributes:
        loader: makes an engine of a choice.
        checker: refuses a choice whose names lead nowhere.
        wanted: the models that the next job uses; None before `register`.
    """

    def __init__(
        self,
        loader: Callable[[ModelChoice], Engine] = load_engine,
        checker: Callable[[ModelChoice], None] = check_names,
    ) -> None:
        self.loader, self.checker = loader, checker
        self.wanted: ModelChoice | None = None
        self._engine: Engine | None = None
        self._loaded: ModelChoice | None = None
        self._registered = False
        self._changing = threading.RLock()  # cells and jobs in the background may want other models at once

    @property
    def resident(self) -> Engine | None:
        """The engine in memory, or None. Loads nothing."""
        return self._engine

    @property
    def resident_wanted(self) -> Engine | None:
        """The engine in memory, where it is the one that the next job uses."""
        return self._engine if self._loaded is not None and self._loaded == self.wanted else None

    def languages(self) -> tuple[str, ...]:
        """The codes that the resident target knows; () where none is resident."""
        return self._engine.status.languages if self._engine is not None else ()

    def register(self, configured: ModelChoice) -> None:
        """The magics were added: from now on `configured` is wanted, unless a choice outlived their reload."""
        self._registered = True
        self.wanted = self.wanted or configured

    @property
    def registered(self) -> bool:
        """Whether the magics are loaded."""
        return self._registered

    def unregister(self) -> None:
        """The magics were removed; models and choice stay until `free_if_unregistered`."""
        self._registered = False

    def free_if_unregistered(self) -> None:
        """Close the engine and forget the choice, unless `register` was called since `unregister`.

        Raises:
            EngineBusy: where the engine is in the middle of its own stream().
        """
        if not self._registered:
            self.wanted = None
            self.unload()

    def load(self, choice: ModelChoice, on_stage: OnStage | None = None) -> Engine:
        """Make these models resident. Others are closed first, as both may not fit in memory, and loaded again if this
        fails or is interrupted.

        Raises:
            CheckpointError: where a model cannot be found, read, or paired with the other.
            OptionError: for a device, dtype or attention that does not exist here.
            Interrupted: after Ctrl-C; the message names what is resident then.
        """
        with self._changing:
            engine = self._resident(choice, on_stage)
            self.wanted = choice
        return engine

    def _resident(self, choice: ModelChoice, on_stage: OnStage | None) -> Engine:
        if self._engine is not None and self._loaded == choice:
            return self._engine
        try:
            return self._replace(choice, on_stage)
        except KeyboardInterrupt:
            kept = "nothing is loaded" if self._loaded is None else f"{self._loaded.target} is loaded as before"
            raise Interrupted(f"stopped while {choice.target} was loading; {kept}") from None

    def _replace(self, choice: ModelChoice, on_stage: OnStage | None) -> Engine:
        self.checker(choice)
        before = self._loaded
        try:
            self.unload()
            engine = self._load(choice, on_stage)
        except BaseException:
            if before is not None and self._engine is None:
                with suppress(WhisperMagicError, KeyboardInterrupt):  # the first failure is the one to report
                    self._become(self._load(before, on_stage), before)
            raise
        self._become(engine, choice)
        return engine

    def _become(self, engine: Engine, choice: ModelChoice) -> None:
        self._engine, self._loaded = engine, choice

    def unload(self) -> str | None:
        """Close the resident engine.

        Returns:
            Its target's name, or None where no engine was resident.
        """
        with self._changing:
            if self._engine is None or self._loaded is None:
                return None
            loaded = self._loaded
            try:
                self._engine.close()  # waits for the call that it serves
            finally:
                if self._engine.closed:  # else the wait was interrupted, and it stays
                    self._engine = self._loaded = None
            return loaded.target

    @contextmanager
    def using(self, choice: ModelChoice | None = None, on_stage: OnStage | None = None) -> Iterator[Engine]:
        """An engine for one job.

        Args:
            choice: models for this job alone: they stay in memory until others are wanted where no engine is resident,
                and are otherwise loaded beside the resident ones and closed afterwards. None uses the models that are
                wanted.
            on_stage: called when models start to load.

        Raises:
            EngineClosed: where the extension was unloaded.
        """
        if choice is None:
            with self._changing:
                if self.wanted is None:  # of a job that outlived the extension
                    raise EngineClosed("whisper_magic was unloaded; %load_ext whisper_magic loads it again")
                engine = self._resident(self.wanted, on_stage)
            yield engine
            return
        with self._changing:
            if self._loaded is None:
                self._resident(choice, on_stage)
            shared = self._engine if self._loaded is not None and self._loaded.target == choice.target else None
        if shared is not None:
            yield shared
            return
        self.checker(choice)
        engine = self._load(choice, on_stage)
        try:
            yield engine
        finally:
            engine.close()

    def _load(self, choice: ModelChoice, on_stage: OnStage | None) -> Engine:
        try:
            if on_stage is not None:
                on_stage(f"Loading {described(choice)}")
            return self.loader(choice)
        except KeyboardInterrupt:
            raise Interrupted(f"stopped while {choice.target} was loading") from None


SESSION = Session()
