"""Sampling that is lossless token for token: Gumbel noise that both models share.

A sample from softmax(s / T) is argmax(s / T + g) with g independent Gumbel noise (the Gumbel-max trick: Gumbel 1954;
Maddison et al. 2014, arXiv:1411.0030). Here g depends on nothing but (seed, window, place in the text, token), so that
target and draft perturb their scores alike. The target's perturbed argmax *is* its sample; a draft's guess is accepted
exactly when it equals it. Verification stays the greedy code path, and the text depends on the seed alone: not on the
draft, the draft length or the batch (drafter-invariant speculative sampling: Daliri et al. 2024, arXiv:2408.07978).

The rejection rule (`verify.chosen_by_rejection`) wants independent noise instead: `separate` makes a key of its own for
the draft's samples, for the coin, and for what the target draws itself.
"""

from __future__ import annotations

import torch

Tensor = torch.Tensor

# splitmix64 (Steele et al. 2014, "Fast splittable pseudorandom number generators"), as signed 64-bit numbers
GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
FIRST = 0xBF58476D1CE4E5B9 - (1 << 64)
SECOND = 0x94D049BB133111EB - (1 << 64)
BITS = 23  # of uniform noise: the most whose midpoints float32 holds exactly


def stream_key(seed: int, window: int) -> int:
    """The 64-bit key of one window's noise."""
    mixed = _mix(_mix(torch.tensor(seed)) + window * 2 + 1)
    return int(mixed)


def gumbel(key: Tensor, index: Tensor, vocab: int) -> Tensor:
    """Noise for places in texts.

    key: (S,) each slot's stream. index: (S, B) places counted from the beginning of the generated text. Returns
    (S, B, vocab) float32.
    """
    return -torch.log(-torch.log(_uniform(key, index, vocab)))


def uniform(key: Tensor, index: Tensor) -> Tensor:
    """One number within 0..1 a place: key (S,), index (S, B) as for `gumbel`; returns (S, B) float32."""
    return _uniform(key, index, 1)[..., 0]


def _uniform(key: Tensor, index: Tensor, vocab: int) -> Tensor:
    place = _mix(key[:, None] + index * GOLDEN)
    tokens = torch.arange(1, vocab + 1, device=key.device) * GOLDEN
    bits = _shift(_mix(place[..., None] + tokens), 64 - BITS)
    return (bits.float() + 0.5) * 2.0**-BITS


DRAFTED, COIN, REDRAWN = 1, 2, 3  # purposes of noise under the rejection rule


def separate(key: Tensor, purpose: int) -> Tensor:
    """Keys of streams that have nothing to do with the given ones."""
    return _mix(_mix(key) + purpose)


def perturbed(scores: Tensor, temperature: Tensor, key: Tensor, index: Tensor) -> Tensor:
    """Scores whose argmax is a sample at each slot's temperature; at 0 they are left alone.

    scores: (S, B, V) after the rules. temperature: (S,). key, index: as for `gumbel`.
    """
    hot = (temperature > 0)[:, None, None]
    return torch.where(hot, heated(scores, temperature) + gumbel(key, index, scores.shape[-1]), scores)


def heated(scores: Tensor, temperature: Tensor) -> Tensor:
    """(S, B, V) scores over each slot's temperature; at 0 as they are."""
    return scores / torch.where(temperature > 0, temperature, 1.0)[:, None, None]


def _mix(z: Tensor) -> Tensor:
    """splitmix64's finaliser: 64 bits to 64 well-mixed bits; products wrap around."""
    z = (z ^ _shift(z, 30)) * FIRST
    z = (z ^ _shift(z, 27)) * SECOND
    return z ^ _shift(z, 31)


def _shift(z: Tensor, by: int) -> Tensor:
    """Logical right shift of signed 64-bit numbers."""
    return (z >> by) & ((1 << (64 - by)) - 1)
