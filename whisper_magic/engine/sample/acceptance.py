"""Acceptance: pure functions from drafted tokens and the target's choices to what is written.

Greedy speculative decoding (Leviathan et al. 2023, arXiv:2211.17192; Chen et al. 2023, arXiv:2302.01318, at
temperature 0): accept the drafted tokens up to the first that is not the target's own choice, then write that choice.
Every written token is the target's choice after the text before it, whatever was drafted: lossless.

`rejection_choice` makes choices to the same end for the rule of those papers at temperatures above 0.

Shapes: S slots, W rows of each from the first undecided position on, K <= W drafted, V vocabulary.
"""

from __future__ import annotations

import torch

Tensor = torch.Tensor


def accepted_prefix(proposed: Tensor, choice: Tensor, num_drafted: Tensor) -> Tensor:
    """How many drafted tokens are accepted.

    Args:
        proposed: (S, W) ids.
        choice: (S, W), the target's choices at the same positions.
        num_drafted: (S,), how many of the W were really drafted.

    Returns:
        (S,) int64.
    """
    width = proposed.shape[1]
    drafted = torch.arange(width, device=proposed.device) < num_drafted[:, None]
    agrees = (proposed == choice) & drafted
    return agrees.long().cumprod(dim=1).sum(dim=1)


def rejection_choice(
    target: Tensor, draft: Tensor, proposed: Tensor, num_drafted: Tensor, uniform: Tensor, noise: Tensor
) -> Tensor:
    """The speculative sampling rule (Leviathan et al. 2023, algorithm 1; Chen et al. 2023, algorithm 2).

    A drafted token x, drawn from q, is kept with probability min(1, p(x) / q(x)); where it is not, a token is drawn
    from the residual max(0, p - q), normalised. What is written then follows p exactly: q(x) min(1, p(x)/q(x)) +
    P(rejected) max(0, p(x) - q(x)) / sum(max(0, p - q)) = p(x).

    Args:
        target: (S, W, V), probabilities p.
        draft: (S, K, V), probabilities q; a row of zeros stands for certainty, as of a drafter that copies.
        proposed: (S, W) ids.
        num_drafted: (S,), how many of them were really drafted.
        uniform: (S, W), within 0 to 1.
        noise: (S, W, V), Gumbel noise.

    Returns:
        (S, W) ids: the drafted token where it is kept, else another, so that `accepted_prefix` finds the kept ones and
        the choice after them is the one to write.
    """
    width, taken = target.shape[1], proposed[..., None]
    drafted = (torch.arange(width, device=proposed.device) < num_drafted[:, None])[..., None]
    q = torch.nn.functional.pad(draft, (0, 0, 0, width - draft.shape[1]))
    q_taken = q.gather(-1, taken)
    q_taken = torch.where(q_taken > 0, q_taken, 1.0)
    q = torch.where(drafted, q.scatter(-1, taken, q_taken), 0.0)
    kept = drafted & (uniform[..., None] * q_taken < target.gather(-1, taken))
    residual = (target - q).clamp(min=0)
    other = (residual.log() + noise).argmax(-1, keepdim=True)
    return torch.where(kept, taken, other)[..., 0]


def num_written(choice: Tensor, accepted: Tensor, eot: int, remaining: Tensor) -> tuple[Tensor, Tensor]:
    """How many of the target's choices are written, and whether the text ends with them.

    Args:
        choice: (S, W), the target's choices from the first undecided position on.
        accepted: (S,).
        eot: Id of end-of-text.
        remaining: (S,), positions left before the length limit.

    Returns:
        (S,) counts (accepted + 1, fewer where the text ends earlier; end-of-text is counted) and (S,) bool.
    """
    width = choice.shape[1]
    steps = torch.arange(width, device=choice.device)
    ends = (choice == eot) & (steps <= accepted[:, None])
    first_end = torch.where(ends, steps, width).amin(dim=1)
    count = torch.minimum(torch.minimum(accepted, first_end) + 1, remaining)
    finished = (first_end < count) | (count >= remaining)
    return count, finished
