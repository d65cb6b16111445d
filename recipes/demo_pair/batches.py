"""Layouts to tensors: log-mels mixed, made noisy and masked; tokens padded. Each step's batch depends on the
seed and the step alone, so that a resumed run sees what the killed one would have seen."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray

from recipes.demo_pair.corpus import Utterance
from recipes.demo_pair.mel import FLOOR, normalised
from recipes.demo_pair.recipe import CROWDED, FULL, LONG, MEDIUM, SHORT, Recipe, WindowKind
from recipes.demo_pair.tokenizer import SpecialIds
from recipes.demo_pair.windows import IGNORED, NOWHERE, Asked, Layout, Said, TokenRow, lay_out, token_row

Frames = NDArray[np.float32]


@dataclass(frozen=True)
class Batch:
    """One step's input. mel: (windows, n_mels, frames); offsets: (windows,); tokens, labels, heard_from and heard_to:
    (windows, text); text: (windows, longest) padded with 0, for CTC, with text_lengths: (windows,)."""

    mel: torch.Tensor
    offsets: torch.Tensor
    tokens: torch.Tensor
    labels: torch.Tensor
    heard_from: torch.Tensor
    heard_to: torch.Tensor
    text: torch.Tensor
    text_lengths: torch.Tensor

    def to(self, device: str) -> "Batch":
        """The same on another device."""
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


@dataclass(frozen=True)
class Heard:
    """What batches are drawn from: utterances, the tokens of their texts and of their English, and other sounds
    (sounds, frames, n_mels)."""

    utterances: Sequence[Utterance]
    texts: Sequence[Sequence[int]]
    english: Sequence[Sequence[int]]
    sounds: NDArray[np.float16]


@dataclass(frozen=True)
class _Speaker:
    """Who says a window's sentences, and the language that the prompt names."""

    language: str
    draw: Callable[[], Said]


class BatchMaker:
    """Draws batches from a corpus held in memory."""

    def __init__(self, recipe: Recipe, material: Heard, ids: SpecialIds):
        self._recipe, self._material, self._ids = recipe, material, ids
        said = [
            Said(number, (len(utterance.log_mel) + 1) // 2, tuple(text), tuple(english), utterance.language)
            for number, (utterance, text, english) in enumerate(
                zip(material.utterances, material.texts, material.english, strict=True)
            )
        ]
        self._pools = {
            (kind, language): [one for one in said if one.language == language and _fits(one, kind)]
            for kind in (SHORT, MEDIUM, LONG, FULL)
            for language in recipe.languages
        }

    def batch(
        self,
        step: int,
        kind: WindowKind,
        languages: Sequence[str],
        clean: bool = False,
        crowded: float = CROWDED,
    ) -> Batch:
        """The batch of ``step``, drawn from ``languages``; ``clean`` leaves noise and masks out. crowded: the share of
        windows that are filled to the end."""
        rng = random.Random(f"{self._recipe.seed} {step} {kind.positions}")
        numbers = np.random.default_rng(rng.getrandbits(64))
        full = self._recipe.shape.n_audio_ctx
        speakers = [self._speaker(kind, languages, rng) for _ in range(kind.batch)]
        layouts = [lay_out(kind, speaker.draw, full, rng, crowded) for speaker in speakers]
        rows = [self._row(layout, kind, speaker, rng) for layout, speaker in zip(layouts, speakers, strict=True)]
        mels = normalised(torch.from_numpy(np.stack([self._mixed(one, numbers, clean) for one in layouts])))
        if not clean:
            mels = _masked(mels, numbers)
        return _collated(mels, layouts, rows, self._ids).to(self._recipe.device)

    def _speaker(self, kind: WindowKind, languages: Sequence[str], rng: random.Random) -> _Speaker:
        """One language throughout; in some longer windows any, with any language in the prompt: a reader names one
        language for a whole recording, whatever comes later."""
        weights = [self._recipe.odds.languages[language] for language in languages]
        language = rng.choices(languages, weights)[0]
        pools = [self._pools[kind, language]]
        if kind not in (LONG, FULL) or rng.random() >= self._recipe.odds.mixed:
            return _Speaker(language, lambda: rng.choice(pools[0]))
        if rng.random() < 0.7:
            pools = [self._pools[kind, one] for one in languages]
        return _Speaker(rng.choice(languages), lambda: rng.choice(rng.choices(pools, weights[: len(pools)])[0]))

    def _row(self, layout: Layout, kind: WindowKind, speaker: _Speaker, rng: random.Random) -> TokenRow:
        odds, language = self._recipe.odds, speaker.language
        translate = rng.random() < (odds.translate_english if language == "en" else odds.translate)
        previous: list[int] = []
        if kind == FULL and rng.random() < odds.previous:
            for said in rng.choices(self._pools[SHORT, language], k=rng.randint(1, 10)):
                previous += said.english if translate else said.tokens
        asked = Asked(
            timestamps=rng.random() < odds.timestamps,
            task="translate" if translate else "transcribe",
            previous=tuple(previous[-180:]),
            language=speaker.language,
        )
        row = token_row(layout, self._ids, asked)
        assert len(row.tokens) <= self._recipe.shape.n_text_ctx
        return row

    def _mixed(self, layout: Layout, numbers: np.random.Generator, clean: bool) -> Frames:
        """Raw log-mel of a window: (frames, n_mels)."""
        frames = layout.positions * 2
        window = np.full((frames, self._recipe.shape.n_mels), FLOOR, np.float32)
        for placed in layout.placed:
            mel = self._material.utterances[placed.said.index].log_mel[: frames - 2 * placed.start]
            window[2 * placed.start : 2 * placed.start + len(mel)] = mel
        if layout.tail:
            window[: layout.tail] = self._material.utterances[layout.placed[0].said.index].log_mel[-layout.tail :]
        if clean:
            return window
        sounds = self._material.sounds
        if len(sounds) and numbers.random() < (_BEHIND_SPEECH if layout.placed else _INSTEAD):
            level = numbers.uniform(-3.5, -1.0) if layout.placed else numbers.uniform(-2, 1)
            window = _with_sound(window, sounds[numbers.integers(len(sounds))], level, layout.sound_end * 2, numbers)
        return _recorded(window, layout.sound_end * 2, numbers)


_BEHIND_SPEECH, _INSTEAD = 0.15, 0.7
"""How often a sound is heard behind speech, and in windows without any."""
_NOISY, _MASKED = 0.35, 0.5
"""Shares of windows with even noise, and with masks."""


def _with_sound(
    window: Frames, sound: NDArray[np.float16], level: float, sound_end: int, numbers: np.random.Generator
) -> Frames:
    """A sound from somewhere to somewhere, or all the time; ``level`` is its loudest bin's against the window's."""
    first, last = (0, sound_end) if numbers.random() < 0.6 else sorted(numbers.integers(0, sound_end + 1, 2).tolist())
    start = int(numbers.integers(len(sound)))
    heard = np.resize(np.roll(sound, -start, axis=0), (last - first, sound.shape[1])).astype(np.float32)
    loudest = window.max() if window.max() > FLOOR else 0.0
    heard += loudest + level - np.float32(sound.max())
    window[first:last] = np.logaddexp(window[first:last] * _LN10, heard * _LN10) / _LN10
    return window


def _fits(said: Said, kind: WindowKind) -> bool:
    return said.positions <= kind.positions - 4 and said.most_tokens <= kind.tokens - 18


def _recorded(window: Frames, sound_end: int, numbers: np.random.Generator) -> Frames:
    """As a microphone might have heard it: level, tone colour, and noise up to ``sound_end``; silence after it."""
    n_mels = window.shape[1]
    band = np.linspace(-1, 1, n_mels, dtype=np.float32)
    tilt = numbers.normal(0, 0.25) * band + numbers.normal(0, 0.15) * np.cos(np.pi * band)
    loud = window + (numbers.uniform(-1.0, 0.3) + tilt).astype(np.float32)
    window = np.where(window > FLOOR, loud, window)
    if numbers.random() < _NOISY:
        level = window.max() + numbers.uniform(-6.5, -3.0) if window.max() > FLOOR else numbers.uniform(-7, 0)
        grain = numbers.standard_exponential((sound_end, n_mels), dtype=np.float32) + 1e-3
        noise = np.log10(grain) + level + numbers.normal(0, 0.5) * band
        window[:sound_end] = np.logaddexp(window[:sound_end] * _LN10, noise * _LN10) / _LN10
    return np.maximum(window, FLOOR).astype(np.float32)


_LN10 = np.float32(np.log(10))


def _masked(mels: torch.Tensor, numbers: np.random.Generator) -> torch.Tensor:
    """SpecAugment: two bands and one short stretch a second or so set to the window's mean."""
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
        labels=padded([row.labels for row in rows], IGNORED),
        heard_from=padded([row.heard_from for row in rows], NOWHERE),
        heard_to=padded([row.heard_to for row in rows], NOWHERE),
        text=padded([row.text for row in rows], 0),
        text_lengths=torch.tensor([len(row.text) for row in rows]),
    )
