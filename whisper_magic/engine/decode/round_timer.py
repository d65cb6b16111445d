"""What rounds take: seconds by phase, shared among the windows of a round, and what the draft length learns of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

from whisper_magic.engine.decode.draft_length import DraftLengthController, RoundLoad, SlotAcceptance
from whisper_magic.engine.runtime.backend import RoundOutput
from whisper_magic.engine.runtime.model_runner import ModelRunner


@dataclass
class Clock:
    """Wall seconds per phase. What several windows shared is divided among them."""

    encode: float = 0.0
    prefill: float = 0.0
    draft: float = 0.0
    verify: float = 0.0
    align: float = 0.0

    @property
    def total(self) -> float:
        return self.encode + self.prefill + self.draft + self.verify + self.align

    def add(self, other: Clock) -> None:
        """Add another clock's seconds, phase by phase."""
        for phase in fields(self):
            setattr(self, phase.name, getattr(self, phase.name) + getattr(other, phase.name))


class Span:
    """A stretch of the device's own time: that of a `with` block."""

    def __init__(self, runner: ModelRunner) -> None:
        self._runner = runner
        self._began: Any = None
        self._ended: Any = None

    def __enter__(self) -> Span:
        self._began = self._runner.timestamp()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended = self._runner.timestamp()

    @property
    def seconds(self) -> float:
        """How long it took. On a GPU, waits until it is over."""
        return self._runner.elapsed(self._began, self._ended)


class RoundTimer:
    """Times the two halves of each round, for the windows' clocks and for the controller of the draft length."""

    def __init__(self, runner: ModelRunner, longest: int, controller: DraftLengthController | None) -> None:
        """longest: The draft length where there is no controller."""
        self._runner, self._longest, self.controller = runner, longest, controller

    def draft_length(self, load: RoundLoad) -> int:
        """How many tokens to propose in the next round."""
        return self._longest if self.controller is None else self.controller.next_length(load)

    def span(self) -> Span:
        """To be entered around what is timed."""
        return Span(self._runner)

    def settle(
        self,
        load: RoundLoad,
        prefilling: Collection[int],
        draft: Span,
        verify: Span,
        outputs: Sequence[RoundOutput | None],
    ) -> list[Clock]:
        """Take in a round that was verified.

        Args:
            load: What it was of.
            prefilling: Slots whose prompt was not cached.
            draft: The time of proposing.
            verify: The time of verifying.
            outputs: Of each slot.

        Returns:
            Each slot's share of its seconds.
        """
        draft_seconds, verify_seconds = draft.seconds, verify.seconds
        warmed_up = self._runner.backend.warmed_up()
        if self.controller is not None and not prefilling:  # rounds that prefill cost more
            judged = [SlotAcceptance(len(o.proposed), o.accepted) for o in outputs if o is not None and o.written]
            self.controller.update(judged, None if warmed_up else draft_seconds + verify_seconds, load)
        drafting, verifying = draft_seconds / load.active, verify_seconds / load.active
        return [
            Clock(draft=drafting, prefill=verifying) if slot in prefilling else Clock(draft=drafting, verify=verifying)
            for slot in range(len(outputs))
        ]
