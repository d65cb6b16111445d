"""How many tokens to propose a round: as many as write the most text per second, by what was measured.

With acceptance a per token and draft length k, a round writes (1 - a^(k+1)) / (1 - a) tokens on average (Leviathan et
al. 2023, arXiv:2211.17192, equation 1) and takes k draft steps and one pass of the target. Where k = 0 is best,
speculation loses here and is left off, but tried again now and then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MEMORY = 0.95  # weight of what was known, per round: some twenty rounds are remembered
TRY_AGAIN = 32  # rounds between trials while speculation is off


@dataclass(frozen=True)
class Offer:
    """One slot's part of a round: tokens proposed, and how many of them were accepted."""

    proposed: int
    accepted: int


class Pace:
    """A running estimate of acceptance and costs, and the draft length that follows. `longest`: what is possible."""

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self._tried, self._agreed = 2.0, 1.5  # a guess to begin with: three in four
        self._draft_seconds: float | None = None  # per step
        self._verify_seconds: float | None = None  # per pass
        self._idle = 0
        self._trial = False  # whether this round is one of those while speculation is off
        self.rounds = self.rounds_off = 0

    @property
    def acceptance(self) -> float:
        """Estimated chance that a proposed token is accepted, given that those before it were."""
        return self._agreed / self._tried

    @property
    def note(self) -> str:
        """What is to be said of it; '' where speculation was on most of the time."""
        if self.rounds_off * 2 < self.rounds:
            return ""
        share = self.rounds_off / self.rounds
        return f"speculation was off in {share:.0%} of the rounds: here the draft costs more than it saves"

    def length(self) -> int:
        """How many tokens to propose now."""
        self.rounds += 1
        if self._draft_seconds is None or self._verify_seconds is None:
            return min(4, self.longest)
        best = max(range(self.longest + 1), key=self._tokens_per_second)
        if best == 0:
            self.rounds_off += 1
            self._idle += 1
            if self._idle >= TRY_AGAIN:
                self._idle, self._trial = 0, True
                return 1
        return best

    def learn(self, offers: Sequence[Offer], draft_seconds: float, verify_seconds: float) -> None:
        """Take in a round: what became of each slot's proposals, and the wall seconds of its two phases."""
        steps = max((offer.proposed for offer in offers), default=0)
        self._verify_seconds = _blend(self._verify_seconds, verify_seconds)
        if not steps:
            return
        known = None if self._trial else self._draft_seconds  # what was known may be why it is off
        self._draft_seconds = _blend(known, draft_seconds / steps)
        self._trial = False
        # A token behind a rejected one was never judged.
        judged = sum(min(offer.accepted + 1, offer.proposed) for offer in offers)
        self._tried = MEMORY * self._tried + judged
        self._agreed = MEMORY * self._agreed + sum(offer.accepted for offer in offers)

    def _tokens_per_second(self, length: int) -> float:
        assert self._draft_seconds is not None
        assert self._verify_seconds is not None
        chance = min(self.acceptance, 0.999)
        tokens = (1 - chance ** (length + 1)) / (1 - chance)
        return tokens / (length * self._draft_seconds + self._verify_seconds)


def _blend(known: float | None, seen: float) -> float:
    return seen if known is None else MEMORY * known + (1 - MEMORY) * seen
