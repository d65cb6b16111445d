"""How many tokens to draft a round: as many as write the most text per second, by what was measured.

With acceptance a per token and draft length k, a round writes (1 - a^(k+1)) / (1 - a) tokens on average (Leviathan et
al. 2023, arXiv:2211.17192, equation 1). Its cost is a line over k: each token is a step of the draft, and one more row
of the target's pass, which costs next to nothing on a GPU and something on a CPU. It is another line for another number
of slots: one token more in each of eight slots is eight rows more, which arithmetic bounds, where one slot's passes are
bound by reading the weights. Where k = 0 is best, speculation loses here and is left off.

Now and then a length beside the best one is tried, so that neither a round that was disturbed, nor costs that have
changed, decide for good. The first round that drafts after some that did not is no measure: the draft catches up with
what was written without it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

ACCEPTANCE_DECAY = 0.95  # per round: some twenty rounds count
COST_DECAY = 0.98  # per round: costs change more slowly, some fifty count
RETRY_ROUNDS = 32  # between trials of a length beside the best one
FIRST_LENGTHS = (4, 1)  # to begin with: they show what one token more costs
OUTLIER = 3.0  # a round that takes so many times what was expected was disturbed, and counts as just that


@dataclass(frozen=True)
class SlotAcceptance:
    """One slot's part of a round: tokens proposed, and how many of them were accepted."""

    proposed: int
    accepted: int


@dataclass(frozen=True)
class RoundLoad:
    """What a round's costs depend on besides the draft length: slots that decode, and those of them that sample."""

    active: int = 1
    sampling: int = 0


class RoundCost:
    """Seconds of a round as a line over its draft length: a running least-squares fit."""

    def __init__(self) -> None:
        self._weight = self._length = self._seconds = 0.0  # of the rounds, and their means
        self._squares = self._products = 0.0  # of the deviations from the means
        self._slope = 0.0
        self.first = list(FIRST_LENGTHS)  # lengths to begin with

    def __call__(self, length: float) -> float:
        """Expected seconds; not much less than was ever measured, however steep the line."""
        return max(self._seconds + self._slope * (length - self._length), self._seconds / 5)

    def add(self, length: int, seconds: float) -> None:
        """Take in one round."""
        if self._weight > len(FIRST_LENGTHS):
            seconds = min(seconds, OUTLIER * self(length))
        self._weight = COST_DECAY * self._weight + 1
        longer, slower = length - self._length, seconds - self._seconds
        self._length += longer / self._weight
        self._seconds += slower / self._weight
        self._squares = COST_DECAY * self._squares + longer * (length - self._length)
        self._products = COST_DECAY * self._products + longer * (seconds - self._seconds)
        if self._squares > 1e-3:  # else the length has long been the same, and the slope is what it was
            self._slope = max(0.0, self._products / self._squares)


class DraftLengthController:
    """A running estimate of acceptance and costs, and the draft length that follows."""

    def __init__(self, longest: int) -> None:
        """longest: The longest draft that is possible."""
        self.longest = longest
        self._tried, self._agreed = 2.0, 1.5  # a guess to begin with: three in four
        self._costs: dict[RoundLoad, RoundCost] = defaultdict(RoundCost)
        self._since_trial = self._trial = 0
        self._longer = False  # which neighbour was tried last
        self._length = 1  # of the last round
        self._catches_up = False
        self.rounds = self.rounds_off = 0

    @property
    def acceptance(self) -> float:
        """Estimated probability that a drafted token is accepted, given that those before it were."""
        return self._agreed / self._tried

    @property
    def note(self) -> str:
        """What a transcript's notes say; "" where speculation was on most of the time."""
        if self.rounds_off * 2 < self.rounds:
            return ""
        share = self.rounds_off / self.rounds
        return f"speculation was off in {share:.0%} of the rounds: here the draft costs more than it saves"

    def next_length(self, load: RoundLoad = RoundLoad()) -> int:
        """How many tokens to draft in the next round, of so many slots."""
        self.rounds += 1
        length = self._choose(self._costs[load])
        self._catches_up = length > 0 and self._length == 0
        self._length = length
        return length

    def _choose(self, cost: RoundCost) -> int:
        if cost.first:
            return min(cost.first[0], self.longest)
        best = max(range(self.longest + 1), key=lambda length: self._tokens(length) / cost(length))
        self.rounds_off += best == 0
        self._since_trial += 1
        if self._since_trial < RETRY_ROUNDS:
            return best
        if self._since_trial == RETRY_ROUNDS:  # a neighbour, the shorter and the longer one in turns
            self._longer = best == 0 or (best < self.longest and not self._longer)
            self._trial = best + 1 if self._longer else best - 1
        return self._trial  # until a round of it was measured

    def update(self, slots: Sequence[SlotAcceptance], seconds: float | None, load: RoundLoad = RoundLoad()) -> None:
        """Take in a round: what became of each slot's drafted tokens, its wall seconds, and of what slots it was.

        seconds: None for a round in which something was run for the first time, or captured: no measure of others.
        """
        if seconds is not None and not self._catches_up:
            cost = self._costs[load]
            del cost.first[:1]
            cost.add(max((slot.proposed for slot in slots), default=0), seconds)
            if self._since_trial >= RETRY_ROUNDS:
                self._since_trial = 0
        # A token behind a rejected one was never judged.
        if judged := sum(min(slot.accepted + 1, slot.proposed) for slot in slots):
            self._tried = ACCEPTANCE_DECAY * self._tried + judged
            self._agreed = ACCEPTANCE_DECAY * self._agreed + sum(slot.accepted for slot in slots)

    def _tokens(self, length: int) -> float:
        """Expected tokens of a round, of each slot."""
        chance = min(self.acceptance, 0.999)
        return float((1 - chance ** (length + 1)) / (1 - chance))
