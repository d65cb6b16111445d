"""The formulas of speculative decoding, each beside its source. Plain Python, no model.

Acceptance is either one number, the probability that a drafted token is accepted given that those before it were, or
one for each place in the draft. Costs are in passes of the target over one token: a draft step that takes a fifth as
long costs 0.2.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, repeat
from operator import mul
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whisper_magic.engine.runtime.pass_cost import PassCost

MAX_LENGTH = 7  # tokens proposed a round, as in `TranscribeOptions.draft_length`

Acceptance = float | Sequence[float]


def expected_tokens(acceptance: Acceptance, length: int) -> float:
    """Tokens that a round writes on average: those accepted, and the target's own.

    The round writes i tokens more where the first i drafted ones are accepted, so that the mean is the sum over i of
    a_1 · a_2 · … · a_i, i from 0 to k. With one acceptance for all places this is the geometric sum
    (1 - a^(k+1)) / (1 - a) (Leviathan et al. 2023, arXiv:2211.17192, equation 1).

    Args:
        acceptance: Of all places, or of each; the last one stands for those behind it.
        length: k, tokens drafted a round; 0 is the target alone.

    Raises:
        ValueError: For an acceptance outside 0 to 1, or a negative length.
    """
    if length < 0:
        raise ValueError(f"a draft has 0 tokens or more, got {length}")
    chances = _chances(acceptance, length)
    return float(1 + sum(accumulate(chances, mul)))


def _chances(acceptance: Acceptance, length: int) -> list[float]:
    given = list(acceptance) if isinstance(acceptance, Iterable) else [float(acceptance)]
    if any(not 0 <= number <= 1 for number in given):
        raise ValueError(f"acceptance is a probability, 0 to 1, got {acceptance}")
    last = given[-1] if given else 0.0
    return list(islice([*given, *repeat(last, max(0, length - len(given)))], length))


def speedup(acceptance: Acceptance, length: int, draft_cost: float, verify_cost: float = 1.0) -> float:
    """How many times as fast as the target alone (Leviathan et al. 2023, theorem 3.8, where `verify_cost` is 1).

    A round writes `expected_tokens` and costs k draft steps and one pass of the target over k + 1 tokens; the target
    alone would pay one pass a token.

    Args:
        acceptance: As of `expected_tokens`.
        length: k.
        draft_cost: Of a draft step.
        verify_cost: Of a target pass over k + 1 tokens. 1 where reading the weights decides, as on a GPU at batch 1;
            more where arithmetic does, as on a CPU.
    """
    return expected_tokens(acceptance, length) / (length * draft_cost + (verify_cost if length else 1.0))


def best_length(acceptance: Acceptance, draft_cost: float, longest: int = MAX_LENGTH) -> int:
    """The draft length that is fastest, 0 to `longest`; 0 where speculation loses. Arguments as of `speedup`."""
    return max(range(longest + 1), key=lambda length: speedup(acceptance, length, draft_cost))


def break_even(length: int, draft_cost: float) -> float:
    """The acceptance above which drafting `length` tokens a round pays; above 1 where it never does.

    Args:
        length: k, at least 1.
        draft_cost: Of a draft step, in passes of the target.
    """
    if speedup(1.0, length, draft_cost) < 1:
        return math.inf
    low, high = 0.0, 1.0
    for _ in range(50):  # the speed-up grows with the acceptance
        middle = (low + high) / 2
        low, high = (middle, high) if speedup(middle, length, draft_cost) < 1 else (low, middle)
    return high


@dataclass(frozen=True)
class Machine:
    """What bounds a pass: how fast memory is read, and how fast numbers are multiplied.

    Attributes:
        name: for people.
        bandwidth: bytes a second.
        flops: floating-point operations a second, at the weights' precision.
    """

    name: str
    bandwidth: float
    flops: float


# Peak figures of the makers' data sheets: dense float16 (NVIDIA H100 SXM and H200 data sheets), and a laptop's two
# channels of DDR5-5600 with eight cores of 16 float32 multiply-adds a cycle at 3 GHz.
MACHINES = (
    Machine("laptop", 90e9, 0.77e12),
    Machine("H100", 3.35e12, 989e12),
    Machine("H200", 4.8e12, 989e12),
)


def pass_seconds(cost: PassCost, machine: Machine, tokens: int = 1, batch: int = 1) -> float:
    """Seconds of a pass by the roofline (Williams et al. 2009): reading or arithmetic, whichever takes longer.

    Args:
        cost: What it reads and multiplies (`Engine.pass_costs`).
        machine: What it runs on.
        tokens: Of each window.
        batch: Windows decoded together.
    """
    reading = (cost.weight_bytes + batch * cost.row_bytes) / machine.bandwidth
    return max(reading, batch * tokens * cost.token_flops / machine.flops)


def roofline_speedup(
    acceptance: Acceptance, length: int, target: PassCost, draft: PassCost, machine: Machine, batch: int = 1
) -> float:
    """`speedup` with the costs of the roofline: passes over more windows, or of another machine.

    Args:
        acceptance: As of `expected_tokens`.
        length: k.
        target: What a pass of the target reads and multiplies.
        draft: The same of the draft.
        machine: What they run on.
        batch: Windows decoded together.
    """
    alone = pass_seconds(target, machine, 1, batch)
    verify = pass_seconds(target, machine, length + 1, batch) / alone
    return speedup(acceptance, length, pass_seconds(draft, machine, 1, batch) / alone, verify)
