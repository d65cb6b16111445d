"""Word timestamps: when each token was said, from one teacher-forced pass over the final tokens of a window.

The attention of the checkpoint's alignment heads over the encoder's states is normalised, smoothed and read by dynamic
time warping (openai/whisper `timing.py`), as transformers does for `return_token_timestamps`. How the tokens were
decoded does not matter.

The path hands every moment to some token, pauses too. A word therefore begins where the attention to it rises, and
`word_spans` takes from either end what is much quieter than the word: silence belongs to nobody.
"""

from __future__ import annotations

import math
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
Span = tuple[float, float]  # start, end

RISE = 0.25  # of a token's greatest attention: from there on it is being said
QUIET = 15.0  # dB below its loudest frame: no longer the word
EARLY = 0.25  # of the gap up to the next word: the path leaves a word too early by so much
MAX_GAP = 50.0  # frames; a longer one is a pause, which the word does not reach into
MIN_LENGTH, MIN_CROWDED = 6.0, 2.0  # frames of a word: where there is room, and where there is little


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
    seen: dict[int, Tensor] = {}

    def watch(layer: int, queries: Tensor, keys: Tensor) -> None:
        if any(layer == wanted for wanted, _ in heads):
            seen[layer] = torch.softmax(queries.transpose(1, 2).float() @ keys.float().mT, dim=-1)[0]

    network.teacher_forced(tokens, cross_kv, watch)
    return torch.stack([seen[layer][head] for layer, head in heads])


def token_spans(attention: Tensor, states: int, median_width: int) -> list[tuple[int, int]]:
    """Where each token is said, in encoder states: from where the attention to it rises to where the path leaves it.

    Args:
        attention: (heads, tokens, F), from the first generated token on.
        states: How many of the F belong to the recording.
        median_width: Neighbours that the median filter takes.

    Returns:
        (start, end) of each token. The ends never decrease; a token that is passed over has no length.
    """
    weights = attention[..., :states]
    std, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    even = torch.where(std > 0, (weights - mean) / std, 0.0)  # a single token has nothing to stand out from
    weights = _median(even, median_width).mean(dim=0)
    smooth = weights.double().cpu().numpy()
    text, time = warp(-smooth)
    first_of_row = np.concatenate([[True], np.diff(text) > 0])
    ends = time[first_of_row].tolist()
    return [(_rise(row, begin, end), end) for row, begin, end in zip(smooth, [0, *ends], ends, strict=False)]


def _rise(attention: npt.NDArray[np.float64], begin: int, end: int) -> int:
    """Where between begin and end the attention to a token first comes near its greatest."""
    part = attention[begin:end]
    most = part.max(initial=0.0)
    return begin + int(np.argmax(part >= RISE * most)) if most > 0 else begin


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
    steps = np.array(path[::-1], dtype=np.int64)
    return steps[:, 0], steps[:, 1]


def loudness(features: Tensor) -> npt.NDArray[np.float64]:
    """(n_mels, frames) log-mel features, as Whisper scales them -> (frames,) level in dB, of an unknown origin."""
    power = features.double() * 4 * math.log(10)
    level: npt.NDArray[np.float64] = (power.logsumexp(0) * (10 / math.log(10))).cpu().numpy()
    return level


def word_spans(spoken: Sequence[Span], level: npt.NDArray[np.float64], until: float) -> list[Span]:
    """Where the words of a window begin and end.

    Args:
        spoken: (start, end) of each word by its tokens, in feature frames of the window, in order.
        level: (frames,) of the window, dB.
        until: Frame that none may reach beyond.

    Returns:
        (start, end) of each word in frames: in order, none without length, none overlapping the next, none longer at
        either end than what is within `QUIET` of its loudest frame.
    """
    spans: list[Span] = []
    least = min(MIN_CROWDED, until / max(1, len(spoken)))
    free = 0.0
    for i, (start, end) in enumerate(spoken):
        following = spoken[i + 1][0] if i + 1 < len(spoken) else end
        if end < following < end + MAX_GAP:
            end += EARLY * (following - end)
        start = max(start, free)
        start, end = _without_quiet(start, max(end, start + least), level)
        spans.append((start, end))
        free = end
    for i in range(len(spans) - 1, -1, -1):  # those that were pushed beyond the end
        start, end = spans[i]
        end = min(end, until)
        spans[i] = (max(0.0, min(start, end - least)), end)
        until = spans[i][0]
    return spans


def _without_quiet(start: float, end: float, level: npt.NDArray[np.float64]) -> Span:
    """A word's span without what is quiet at its ends; `MIN_LENGTH` frames remain of a longer one."""
    first, last = math.floor(start), min(math.ceil(end), len(level))
    part = level[first:last]
    if end - start <= MIN_LENGTH or len(part) <= MIN_LENGTH:
        return start, end
    loud = np.flatnonzero(part >= part.max() - QUIET)
    begin, stop = max(start, float(first + loud[0])), min(end, float(first + loud[-1] + 1))
    if stop - begin < MIN_LENGTH:
        begin = min(max(start, (begin + stop - MIN_LENGTH) / 2), end - MIN_LENGTH)
        stop = begin + MIN_LENGTH
    return begin, stop


def words_of(
    tokenizer: WhisperTokenizer,
    tokens: Sequence[int],
    times: Sequence[Span],
    probabilities: Sequence[float],
    language: str | None,
) -> tuple[Word, ...]:
    """A segment's text tokens -> words, from the start of their first token to the end of their last.

    Args:
        tokenizer: Of the checkpoint.
        tokens: Ids of ordinary tokens.
        times: (start, end) of each token; the words' are in the same unit.
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
