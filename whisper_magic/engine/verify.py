"""Acceptance: pure functions from what was proposed and what the target wants to what is written.

Greedy speculative decoding (Leviathan et al. 2023, arXiv:2211.17192; Chen et al. 2023, arXiv:2302.01318, at
temperature 0): accept the proposals up to the first that is not the target's own choice there, then write that
choice. Every written token is thus the target's choice after the text before it, whatever was proposed: lossless.
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
