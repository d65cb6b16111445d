"""Sampling that is lossless token for token: Gumbel noise shared by target and draft.

A sample from softmax(s / T) is argmax(s / T + g) with g independent Gumbel noise (the Gumbel-max trick: Gumbel 1954;
Maddison et al. 2014, arXiv:1411.0030). Here g depends only on (seed, window, position, token), so that target and draft
perturb their scores alike. The target's perturbed argmax *is* its sample; a drafted token is accepted exactly when it
equals it. Verification stays the greedy code path, and the text depends on the seed alone: not on the draft, the draft
length or the batch (drafter-invariant speculative sampling: Daliri et al. 2024, arXiv:2408.07978).

The rejection rule (`acceptance.rejection_choice`) needs independent noise instead: `derive_key` gives a stream of its
own to the draft's samples, to the acceptance draw, and to what the target draws itself.

Shapes: S slots, B rows of each, V vocabulary.
"""

from __future__ import annotations

import torch

Tensor = torch.Tensor

# splitmix64 (Steele et al. 2014, "Fast splittable pseudorandom number generators"), as signed 64-bit numbers
GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
FIRST = 0xBF58476D1CE4E5B9 - (1 << 64)
SECOND = 0x94D049BB133111EB - (1 << 64)
BITS = 23  # of uniform noise: the most whose midpoints float32 holds exactly

DRAFT_NOISE, ACCEPTANCE_NOISE, RESIDUAL_NOISE = 1, 2, 3  # streams of the rejection rule, for `derive_key`


def stream_key(seed: int, window: int) -> int:
    """The 64-bit key of one window's noise."""
    mixed = _mix(_mix(torch.tensor(seed)) + window * 2 + 1)
    return int(mixed)


def derive_key(key: Tensor, stream: int) -> Tensor:
    """Keys of streams that are independent of the given ones. key: (S,)."""
    return _mix(_mix(key) + stream)


def gumbel(key: Tensor, index: Tensor, vocab: int) -> Tensor:
    """Gumbel noise for every token at some positions.

    Args:
        key: (S,), each slot's stream.
        index: (S, B), positions counted from the beginning of the generated text.
        vocab: V.

    Returns:
        (S, B, V) float32.
    """
    return -torch.log(-torch.log(_uniform(key, index, vocab)))


def uniform(key: Tensor, index: Tensor) -> Tensor:
    """One number within 0 to 1 a position. key: (S,), index: (S, B) as for `gumbel`. Returns (S, B) float32."""
    return _uniform(key, index, 1)[..., 0]


def perturbed(scores: Tensor, temperature: Tensor, key: Tensor, index: Tensor) -> Tensor:
    """Scores whose argmax is a sample at each slot's temperature; unchanged at temperature 0.

    Args:
        scores: (S, B, V), after the logit rules.
        temperature: (S,).
        key: (S,), as for `gumbel`.
        index: (S, B), as for `gumbel`.
    """
    samples = (temperature > 0)[:, None, None]
    return torch.where(samples, scaled(scores, temperature) + gumbel(key, index, scores.shape[-1]), scores)


def scaled(scores: Tensor, temperature: Tensor) -> Tensor:
    """(S, B, V) scores divided by each slot's temperature (S,); unchanged at temperature 0."""
    return scores / torch.where(temperature > 0, temperature, 1.0)[:, None, None]


def _uniform(key: Tensor, index: Tensor, vocab: int) -> Tensor:
    position = _mix(key[:, None] + index * GOLDEN)
    tokens = torch.arange(1, vocab + 1, device=key.device) * GOLDEN
    bits = _shift(_mix(position[..., None] + tokens), 64 - BITS)
    return (bits.float() + 0.5) * 2.0**-BITS


def _mix(z: Tensor) -> Tensor:
    """splitmix64's finaliser: 64 bits to 64 well-mixed bits; products wrap around."""
    z = (z ^ _shift(z, 30)) * FIRST
    z = (z ^ _shift(z, 27)) * SECOND
    return z ^ _shift(z, 31)


def _shift(z: Tensor, by: int) -> Tensor:
    """Logical right shift of signed 64-bit numbers."""
    return (z >> by) & ((1 << (64 - by)) - 1)
