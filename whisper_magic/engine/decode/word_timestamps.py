"""Word timestamps: when each token was said, from one teacher-forced pass over the final tokens of a window.

The attention of the checkpoint's alignment heads over the encoder's states is normalised, smoothed and read by dynamic
time warping (openai/whisper `timing.py`), as transformers does for `return_token_timestamps`. How the tokens were
decoded does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from transformers import WhisperTokenizer
from transformers.models.whisper.tokenization_whisper import LANGUAGES, _combine_tokens_into_words

from whisper_magic.engine.model.decoder import DecoderNetwork
from whisper_magic.transcript import Word

Tensor = torch.Tensor
Heads = tuple[tuple[int, int], ...]  # (layer, head)


def attention_of(network: DecoderNetwork, tokens: Sequence[int], cross_kv: Tensor, heads: Heads) -> Tensor:
    """The alignment heads' attention over the encoder's states, in one pass over a whole text.

    Args:
        network: The target's decoder.
        tokens: Prompt and generated ids of the window.
        cross_kv: (layers, 2, 1, H, F, D), of the window.
        heads: (layer, head) pairs.

    Returns:
        (len(heads), len(tokens), F) float32.
    """
    device, count = cross_kv.device, len(tokens)
    self_kv = torch.zeros(*cross_kv.shape[:4], count, cross_kv.shape[5], dtype=cross_kv.dtype, device=device)
    seen: dict[int, Tensor] = {}

    def watch(layer: int, queries: Tensor, keys: Tensor) -> None:
        if any(layer == wanted for wanted, _ in heads):
            seen[layer] = torch.softmax(queries.transpose(1, 2).float() @ keys.float().mT, dim=-1)[0]

    start = torch.zeros(1, dtype=torch.long, device=device)
    network.forward(torch.tensor([tokens], device=device), start, self_kv, cross_kv, watch)
    return torch.stack([seen[layer][head] for layer, head in heads])


def token_ends(attention: Tensor, states: int, median_width: int) -> npt.NDArray[np.int64]:
    """Where each token ends, in encoder states.

    Args:
        attention: (heads, tokens, F), from the first generated token on.
        states: How many of the F belong to the recording.
        median_width: Neighbours that the median filter takes.

    Returns:
        (tokens,) int64.
    """
    weights = attention[..., :states]
    std, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    even = torch.where(std > 0, (weights - mean) / std, 0.0)  # a single token has nothing to stand out from
    weights = _median(even, median_width).mean(dim=0)
    text, time = warp(-weights.double().cpu().numpy())
    first_of_row = np.concatenate([[True], np.diff(text) > 0])
    ends: npt.NDArray[np.int64] = time[first_of_row]
    return ends


def _median(weights: Tensor, width: int) -> Tensor:
    """Median of `width` neighbours along the last dimension, reflected at the ends."""
    pad = width // 2
    if weights.shape[-1] <= pad:
        return weights
    return F.pad(weights, (pad, pad), mode="reflect").unfold(-1, width, 1).sort()[0][..., pad]


def warp(cost: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Dynamic time warping: the cheapest monotone path through cost (N, M), as its row and column indices.

    The table is filled one anti-diagonal at a time, whose cells depend on the two before alone.
    """
    rows, columns = cost.shape
    total = np.full((rows + 1, columns + 1), np.inf, np.float32)
    total[0, 0] = 0
    step = np.full((rows + 1, columns + 1), 2, np.int8)  # 0: from both, 1: from the row above, 2: from the left
    step[:, 0], step[0, :] = 1, 2
    for diagonal in range(2, rows + columns + 1):
        i = np.arange(max(1, diagonal - columns), min(rows, diagonal - 1) + 1)
        j = diagonal - i
        both, above, left = total[i - 1, j - 1], total[i - 1, j], total[i, j - 1]
        from_both, from_above = (both < above) & (both < left), (above < both) & (above < left)
        step[i, j] = np.where(from_both, 0, np.where(from_above, 1, 2))
        best = np.where(from_both, both, np.where(from_above, above, left))
        total[i, j] = cost[i - 1, j - 1] + best
    return _path(step, rows, columns)


def _path(step: npt.NDArray[np.int8], i: int, j: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    path = []
    while i > 0 or j > 0:
        path.append((i - 1, j - 1))
        move = step[i, j]
        i, j = i - (move != 2), j - (move != 1)
    found = np.array(path[::-1], dtype=np.int64)
    return found[:, 0], found[:, 1]


def words_of(
    tokenizer: WhisperTokenizer,
    tokens: Sequence[int],
    times: Sequence[tuple[float, float]],
    probabilities: Sequence[float],
    language: str | None,
) -> tuple[Word, ...]:
    """A segment's text tokens -> words.

    Args:
        tokenizer: Of the checkpoint.
        tokens: Ids of ordinary tokens.
        times: (start, end) of each token, in seconds from the source's start.
        probabilities: Of each token.
        language: Code, None where it is unknown.
    """
    if not tokens:
        return ()
    texts, _, indices = _combine_tokens_into_words(tokenizer, list(tokens), LANGUAGES.get(language or "", "english"))
    return tuple(
        Word(
            text=text,
            start=times[places[0]][0],
            end=times[places[-1]][1],
            probability=sum(probabilities[place] for place in places) / len(places),
        )
        for text, places in zip(texts, indices, strict=True)
    )
