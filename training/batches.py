"""Layouts to tensors: log-mels mixed, made noisy and masked; tokens padded. Each step's batch depends on the
seed and the step alone, so that a resumed run sees what the killed one would have seen."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from training.corpus import Utterance
from training.mel import FLOOR, normalised
from training.recipe import FULL, LONG, MEDIUM, SHORT, Recipe, WindowKind
from training.tokenizer import SpecialIds
from training.windows import IGNORED, NOWHERE, Layout, Said, TokenRow, lay_out, token_row

Frames = NDArray[np.float32]


@dataclass(frozen=True)
class Batch:
    """One step's input. mel: (windows, n_mels, frames); offsets: (windows,); tokens, labels, heard_at: (windows, text);
    text: (windows, longest) padded with 0, for CTC, with text_lengths: (windows,)."""

    mel: torch.Tensor
    offsets: torch.Tensor
    tokens: torch.Tensor
    labels: torch.Tensor
    heard_at: torch.Tensor
    text: torch.Tensor
    text_lengths: torch.Tensor


class BatchMaker:
    """Draws batches from a corpus held in memory."""

    def __init__(
        self, recipe: Recipe, utterances: Sequence[Utterance], texts: Sequence[Sequence[int]], ids: SpecialIds
    ):
        self._recipe, self._utterances, self._ids = recipe, utterances, ids
        said = [
            Said(index, (len(utterance.log_mel) + 1) // 2, tuple(tokens), utterance.language)
            for index, (utterance, tokens) in enumerate(zip(utterances, texts, strict=True))
        ]
        self._pools = {kind: [one for one in said if _fits(one, kind)] for kind in (SHORT, MEDIUM, LONG, FULL)}

    def batch(self, step: int, kind: WindowKind, clean: bool = False) -> Batch:
        """The batch of ``step``; ``clean`` leaves noise and masks out."""
        rng = random.Random(f"{self._recipe.seed} {step} {kind.positions}")
        numbers = np.random.default_rng(rng.getrandbits(64))
        full = self._recipe.shape.n_audio_ctx
        layouts = [lay_out(kind, self._pools[kind], full, rng) for _ in range(kind.batch)]
        rows = [self._row(layout, kind, rng) for layout in layouts]
        mels = normalised(torch.from_numpy(np.stack([self._mixed(one, numbers, clean) for one in layouts])))
        if not clean:
            mels = _masked(mels, numbers)
        return _collated(mels, layouts, rows, self._ids)

    def _row(self, layout: Layout, kind: WindowKind, rng: random.Random) -> TokenRow:
        """Half of the rows are timed; a quarter of the full windows follow some previous text."""
        previous: list[int] = []
        if kind == FULL and rng.random() < 0.25:
            for said in rng.choices(self._pools[SHORT], k=rng.randint(1, 10)):
                previous += said.tokens
        row = token_row(layout, self._ids, timestamps=rng.random() < 0.6, previous=previous)
        assert len(row.tokens) <= self._recipe.shape.n_text_ctx
        return row

    def _mixed(self, layout: Layout, numbers: np.random.Generator, clean: bool) -> Frames:
        """Raw log-mel of a window: (frames, n_mels)."""
        frames = layout.positions * 2
        window = np.full((frames, self._recipe.shape.n_mels), FLOOR, np.float32)
        for placed in layout.placed:
            mel = self._utterances[placed.said.index].log_mel[: frames - 2 * placed.start]
            window[2 * placed.start : 2 * placed.start + len(mel)] = mel
        if layout.tail:
            window[: layout.tail] = self._utterances[layout.placed[0].said.index].log_mel[-layout.tail :]
        if clean:
            return window
        return _recorded(window, layout.sound_end * 2, numbers)


def _fits(said: Said, kind: WindowKind) -> bool:
    return said.positions <= kind.positions - 4 and len(said.tokens) <= kind.tokens - 18


def _recorded(window: Frames, sound_end: int, numbers: np.random.Generator) -> Frames:
    """As a microphone might have heard it: level, tone colour, and noise up to ``sound_end``; silence after it."""
    n_mels = window.shape[1]
    band = np.linspace(-1, 1, n_mels, dtype=np.float32)
    tilt = numbers.normal(0, 0.25) * band + numbers.normal(0, 0.15) * np.cos(np.pi * band)
    loud = window + (numbers.uniform(-1.0, 0.3) + tilt).astype(np.float32)
    window = np.where(window > FLOOR, loud, window)
    if numbers.random() < 0.5:
        level = window.max() + numbers.uniform(-6.5, -2.5) if window.max() > FLOOR else numbers.uniform(-7, 0)
        grain = numbers.standard_exponential((sound_end, n_mels), dtype=np.float32) + 1e-3
        noise = np.log10(grain) + level + numbers.normal(0, 0.5) * band
        window[:sound_end] = np.logaddexp(window[:sound_end] * _LN10, noise * _LN10) / _LN10
    return np.maximum(window, FLOOR).astype(np.float32)


_LN10 = np.float32(np.log(10))


def _masked(mels: torch.Tensor, numbers: np.random.Generator) -> torch.Tensor:
    """SpecAugment: two bands and one short stretch a second or so set to the window's mean, on most windows."""
    _, frames, n_mels = mels.shape
    for mel in mels:
        if numbers.random() < 0.3:
            continue
        mean = mel.mean()
        for _ in range(2):
            width = int(numbers.integers(0, 12))
            low = int(numbers.integers(0, n_mels - width))
            mel[:, low : low + width] = mean
        for _ in range(max(1, frames // 160)):
            length = int(numbers.integers(0, 14))
            first = int(numbers.integers(0, frames - length))
            mel[first : first + length] = mean
    return mels


def _collated(mels: torch.Tensor, layouts: list[Layout], rows: list[TokenRow], ids: SpecialIds) -> Batch:
    def padded(sequences: list[tuple[int, ...]], value: int) -> torch.Tensor:
        tensors = [torch.tensor(sequence, dtype=torch.long) for sequence in sequences]
        return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=value)

    return Batch(
        mel=mels.transpose(1, 2).contiguous(),
        offsets=torch.tensor([layout.offset for layout in layouts]),
        tokens=padded([row.tokens for row in rows], ids.eot),
        labels=padded([row.labels for row in rows], IGNORED),
        heard_at=padded([row.heard_at for row in rows], NOWHERE),
        text=padded([row.text for row in rows], 0),
        text_lengths=torch.tensor([len(row.text) for row in rows]),
    )
