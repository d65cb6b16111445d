"""Acceptance: pure functions from what was proposed and what the target wants to what is written.

Greedy speculative decoding (Leviathan et al. 2023, arXiv:2211.17192; Chen et al. 2023, arXiv:2302.01318, at
temperature 0): accept the proposals up to the first that is not the target's own choice there, then write that
choice. Every written token is thus the target's choice after the text before it, whatever was proposed: lossless.

`chosen_by_rejection` makes choices to the same end for the rule of those papers at temperatures above 0.
"""

from __future__ import annotations

import torch

Tensor = torch.Tensor


def accepted_prefix(proposed: Tensor, choice: Tensor, offered: Tensor) -> Tensor:
    """How many proposals are accepted.

    proposed: (S, K) ids. choice: (S, K) the target's choices at the same places. offered: (S,) how many of the K
    were really proposed. Returns (S,) int64.
    """
    width = proposed.shape[1]
    offered_mask = torch.arange(width, device=proposed.device) < offered[:, None]
    agrees = (proposed == choice) & offered_mask
    return agrees.long().cumprod(dim=1).sum(dim=1)


def chosen_by_rejection(
    target: Tensor, draft: Tensor, proposed: Tensor, offered: Tensor, uniform: Tensor, noise: Tensor
) -> Tensor:
    """The speculative sampling rule (Leviathan et al. 2023, algorithm 1; Chen et al. 2023, algorithm 2).

    A proposal x, drawn from q, is kept with probability min(1, p(x) / q(x)); in place of one that is not, a token is
    drawn from what p has more of than q, max(0, p - q), normalised. What is written then follows p exactly:
    q(x) min(1, p(x)/q(x)) + P(rejected) max(0, p(x) - q(x)) / sum(max(0, p - q)) = p(x).

    target: (S, W, V) probabilities p. draft: (S, K, V) probabilities q, K <= W; a row of zeros stands for certainty,
    as of a drafter that copies. proposed: (S, W) ids. offered: (S,) how many of them were really proposed. uniform:
    (S, W) within 0..1. noise: (S, W, V) Gumbel. Returns (S, W) ids: a proposal that is kept, else another; so that
    `accepted_prefix` finds the kept ones, and the choice after them is the one to write.
    """
    width, taken = target.shape[1], proposed[..., None]
    real = (torch.arange(width, device=proposed.device) < offered[:, None])[..., None]
    q = torch.nn.functional.pad(draft, (0, 0, 0, width - draft.shape[1]))
    q_taken = q.gather(-1, taken)
    q_taken = torch.where(q_taken > 0, q_taken, 1.0)
    q = torch.where(real, q.scatter(-1, taken, q_taken), 0.0)
    kept = real & (uniform[..., None] * q_taken < target.gather(-1, taken))
    rest = (target - q).clamp(min=0)
    other = (rest.log() + noise).argmax(-1, keepdim=True)
    return torch.where(kept, taken, other)[..., 0]


def written(choice: Tensor, accepted: Tensor, eot: int, room: Tensor) -> tuple[Tensor, Tensor]:
    """How many of the target's choices are written, and whether the text ends with them.

    choice: (S, W) the target's choices from the first open place on. accepted: (S,). eot: the end-of-text id. room:
    (S,) places left before the length limit. Returns (S,) counts (accepted + 1, less where the text ends earlier;
    the end-of-text token is counted) and (S,) bool.
    """
    width = choice.shape[1]
    steps = torch.arange(width, device=choice.device)
    ends = (choice == eot) & (steps <= accepted[:, None])
    first_end = torch.where(ends, steps, width).amin(dim=1)
    count = torch.minimum(torch.minimum(accepted, first_end) + 1, room)
    finished = (first_end < count) | (count >= room)
    return count, finished
