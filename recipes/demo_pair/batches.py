"""Batches of training windows: features mixed, made noisy and masked; token rows padded.

A step's batch depends on the seed and the step alone, so that a resumed run sees what the killed one would have seen.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray

from recipes.demo_pair.corpus import Utterance
from recipes.demo_pair.mel import FLOOR, normalized
from recipes.demo_pair.recipe import FULL, LONG, MEDIUM, PACKED, SHORT, Recipe, WindowKind
from recipes.demo_pair.tokenizer import SpecialIds
from recipes.demo_pair.windows import (
    IGNORE_INDEX,
    NO_POSITION,
    Layout,
    PromptOptions,
    TokenizedUtterance,
    TokenRow,
    draw_layout,
    token_row,
)

Frames = NDArray[np.float32]

_SOUND_WITH_SPEECH, _SOUND_ALONE = 0.15, 0.7
"""Shares of windows with a sound behind speech, and of those without speech that have one."""
_NOISY, _MASKED = 0.35, 0.5
"""Shares of windows with even noise, and with masks."""
_LN10 = np.float32(np.log(10))


@dataclass(frozen=True)
class Batch:
    """One step's input.

    Attributes:
        mel: Log-mel features, (windows, n_mels, frames).
        offsets: Of the windows in the encoder's positions, (windows,).
        tokens: What the decoder reads, (windows, text).
        labels: Next tokens, (windows, text).
        attend_from: First position at which the next token is spoken, (windows, text).
        attend_to: Last such position, (windows, text).
        ctc_tokens: Bare texts, padded with 0, (windows, longest).
        ctc_lengths: Their lengths, (windows,).
    """

    mel: torch.Tensor
    offsets: torch.Tensor
    tokens: torch.Tensor
    labels: torch.Tensor
    attend_from: torch.Tensor
    attend_to: torch.Tensor
    ctc_tokens: torch.Tensor
    ctc_lengths: torch.Tensor

    def to(self, device: str) -> "Batch":
        """The same batch on another device."""
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


@dataclass(frozen=True)
class TokenizedCorpus:
    """What batches are drawn from.

    Attributes:
        utterances: With their features.
        texts: Tokens of each text.
        english: Tokens of each English translation.
        sounds: Log-mels without speech, (sounds, frames, n_mels).
    """

    utterances: Sequence[Utterance]
    texts: Sequence[Sequence[int]]
    english: Sequence[Sequence[int]]
    sounds: NDArray[np.float16]


@dataclass(frozen=True)
class _UtteranceSource:
    """Where a window's utterances come from, and the language that its prompt names."""

    prompt_language: str
    draw: Callable[[], TokenizedUtterance]


class BatchMaker:
    """Draws batches from a corpus held in memory."""

    def __init__(self, recipe: Recipe, corpus: TokenizedCorpus, ids: SpecialIds) -> None:
        """Sort the corpus into pools by window kind and language."""
        self._recipe, self._corpus, self._ids = recipe, corpus, ids
        utterances = [
            TokenizedUtterance(
                number, (len(utterance.log_mel) + 1) // 2, tuple(text), tuple(english), utterance.language
            )
            for number, (utterance, text, english) in enumerate(
                zip(corpus.utterances, corpus.texts, corpus.english, strict=True)
            )
        ]
        self._pools = {
            (kind, language): [each for each in utterances if each.language == language and _fits(each, kind)]
            for kind in (SHORT, MEDIUM, LONG, FULL)
            for language in recipe.languages
        }

    def batch(
        self,
        step: int,
        kind: WindowKind,
        languages: Sequence[str],
        clean: bool = False,
        packed: float = PACKED,
    ) -> Batch:
        """Draw the batch of a step.

        Args:
            step: The step; with the recipe's seed and `kind` it determines the batch.
            kind: Size of the windows.
            languages: Languages that they are drawn from.
            clean: Leave noise and masks out.
            packed: Share of windows that are filled with sentences to the end.
        """
        rng = random.Random(f"{self._recipe.seed} {step} {kind.positions}")
        numbers = np.random.default_rng(rng.getrandbits(64))
        full = self._recipe.shape.n_audio_ctx
        sources = [self._source(kind, languages, rng) for _ in range(kind.batch)]
        layouts = [draw_layout(kind, source.draw, full, rng, packed) for source in sources]
        rows = [self._row(layout, kind, source, rng) for layout, source in zip(layouts, sources, strict=True)]
        mels = normalized(torch.from_numpy(np.stack([self._mixed(layout, numbers, clean) for layout in layouts])))
        if not clean:
            mels = _masked(mels, numbers)
        return _collated(mels, layouts, rows, self._ids).to(self._recipe.device)

    def _source(self, kind: WindowKind, languages: Sequence[str], rng: random.Random) -> _UtteranceSource:
        """One language throughout. In some longer windows any language, and any in the prompt: a user names one
        language for a whole recording, whatever comes later."""
        weights = [self._recipe.odds.languages[language] for language in languages]
        language = rng.choices(languages, weights)[0]
        pools = [self._pools[kind, language]]
        if kind not in (LONG, FULL) or rng.random() >= self._recipe.odds.mixed:
            return _UtteranceSource(language, lambda: rng.choice(pools[0]))
        if rng.random() < 0.7:
            pools = [self._pools[kind, language] for language in languages]
        return _UtteranceSource(rng.choice(languages), lambda: rng.choice(rng.choices(pools, weights[: len(pools)])[0]))

    def _row(self, layout: Layout, kind: WindowKind, source: _UtteranceSource, rng: random.Random) -> TokenRow:
        odds, language = self._recipe.odds, source.prompt_language
        translate = rng.random() < (odds.translate_english if language == "en" else odds.translate)
        previous: list[int] = []
        if kind == FULL and rng.random() < odds.previous:
            for utterance in rng.choices(self._pools[SHORT, language], k=rng.randint(1, 10)):
                previous += utterance.english if translate else utterance.tokens
        options = PromptOptions(
            timestamps=rng.random() < odds.timestamps,
            task="translate" if translate else "transcribe",
            previous=tuple(previous[-180:]),
            language=language,
        )
        row = token_row(layout, self._ids, options)
        assert len(row.tokens) <= self._recipe.shape.n_text_ctx
        return row

    def _mixed(self, layout: Layout, numbers: np.random.Generator, clean: bool) -> Frames:
        """Log-mel of a window before normalization: (frames, n_mels)."""
        frames = layout.positions * 2
        utterances, sounds = self._corpus.utterances, self._corpus.sounds
        window = np.full((frames, self._recipe.shape.n_mels), FLOOR, np.float32)
        for placed in layout.placed:
            mel = utterances[placed.utterance.index].log_mel[: frames - 2 * placed.start]
            window[2 * placed.start : 2 * placed.start + len(mel)] = mel
        if layout.tail:
            window[: layout.tail] = utterances[layout.placed[0].utterance.index].log_mel[-layout.tail :]
        if clean:
            return window
        if len(sounds) and numbers.random() < (_SOUND_WITH_SPEECH if layout.placed else _SOUND_ALONE):
            level = numbers.uniform(-3.5, -1.0) if layout.placed else numbers.uniform(-2, 1)
            window = _with_sound(window, sounds[numbers.integers(len(sounds))], level, layout.audio_end * 2, numbers)
        return _recorded(window, layout.audio_end * 2, numbers)


def _fits(utterance: TokenizedUtterance, kind: WindowKind) -> bool:
    return utterance.positions <= kind.positions - 4 and utterance.max_tokens <= kind.tokens - 18


def _with_sound(
    window: Frames, sound: NDArray[np.float16], level: float, audio_end: int, numbers: np.random.Generator
) -> Frames:
    """Add a sound to a stretch of the window or all of it. level: its loudest bin against the window's, in decades."""
    first, last = (0, audio_end) if numbers.random() < 0.6 else sorted(numbers.integers(0, audio_end + 1, 2).tolist())
    start = int(numbers.integers(len(sound)))
    added = np.resize(np.roll(sound, -start, axis=0), (last - first, sound.shape[1])).astype(np.float32)
    loudest = window.max() if window.max() > FLOOR else 0.0
    added += loudest + level - np.float32(sound.max())
    window[first:last] = np.logaddexp(window[first:last] * _LN10, added * _LN10) / _LN10
    return window


def _recorded(window: Frames, audio_end: int, numbers: np.random.Generator) -> Frames:
    """Simulate a microphone: level, tone colour, and noise up to ``audio_end``, silence after it."""
    n_mels = window.shape[1]
    band = np.linspace(-1, 1, n_mels, dtype=np.float32)
    tilt = numbers.normal(0, 0.25) * band + numbers.normal(0, 0.15) * np.cos(np.pi * band)
    loud = window + (numbers.uniform(-1.0, 0.3) + tilt).astype(np.float32)
    window = np.where(window > FLOOR, loud, window)
    if numbers.random() < _NOISY:
        level = window.max() + numbers.uniform(-6.5, -3.0) if window.max() > FLOOR else numbers.uniform(-7, 0)
        grain = numbers.standard_exponential((audio_end, n_mels), dtype=np.float32) + 1e-3
        noise = np.log10(grain) + level + numbers.normal(0, 0.5) * band
        window[:audio_end] = np.logaddexp(window[:audio_end] * _LN10, noise * _LN10) / _LN10
    return np.maximum(window, FLOOR).astype(np.float32)


def _masked(mels: torch.Tensor, numbers: np.random.Generator) -> torch.Tensor:
    """SpecAugment (Park et al. 2019): two bands, and about one short stretch per second, set to the window's mean."""
    _, frames, n_mels = mels.shape
    for mel in mels:
        if numbers.random() >= _MASKED:
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
        labels=padded([row.labels for row in rows], IGNORE_INDEX),
        attend_from=padded([row.attend_from for row in rows], NO_POSITION),
        attend_to=padded([row.attend_to for row in rows], NO_POSITION),
        ctc_tokens=padded([row.ctc_tokens for row in rows], 0),
        ctc_lengths=torch.tensor([len(row.ctc_tokens) for row in rows]),
    )
