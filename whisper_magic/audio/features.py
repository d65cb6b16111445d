"""Samples -> log-mel features, in torch, on the engine's device.

Equal to transformers' `WhisperFeatureExtractor` (fp32, within 1e-4). Filters, window and hop come from the
checkpoint's preprocessor configuration; nothing here knows that Whisper's usual window is 30 seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

Samples = npt.NDArray[np.float32]

DYNAMIC_RANGE = 8.0  # log10 units kept below the loudest bin (openai/whisper `audio.py`)
QUIETEST = 1e-10  # power; there as here
FORGOTTEN_TOGETHER = 6000  # frames: a minute's worth is cut off at a time


@dataclass(frozen=True, eq=False)
class LogMel:
    """The log-mel front end of one checkpoint.

    filters: (n_mels, n_fft // 2 + 1) on the engine's device. window_samples: samples of one model window.
    """

    filters: torch.Tensor
    window: torch.Tensor
    n_fft: int
    hop_length: int
    sample_rate: int
    window_samples: int

    @classmethod
    def build(
        cls,
        mel_filters: npt.NDArray[np.floating],
        *,
        n_fft: int,
        hop_length: int,
        sample_rate: int,
        window_samples: int,
        device: torch.device,
    ) -> LogMel:
        """mel_filters: (n_fft // 2 + 1, n_mels), as the feature extractor holds them."""
        filters = torch.from_numpy(np.ascontiguousarray(mel_filters.T)).to(device, torch.float32)
        window = torch.hann_window(n_fft, device=device)
        return cls(filters, window, n_fft, hop_length, sample_rate, window_samples)

    @property
    def frame_seconds(self) -> float:
        return self.hop_length / self.sample_rate

    def frames(self, samples: int) -> int:
        """How many feature frames this many samples fill."""
        return samples // self.hop_length

    def __call__(self, samples: Samples) -> torch.Tensor:
        """(n,) samples -> (n_mels, frames) float32.

        Shorter than a window: padded with silence to one, as `WhisperFeatureExtractor` does by default. Longer:
        the whole recording at once, as it does with `truncation=False, padding="longest"`.
        """
        stream = LogMelStream(self)
        stream.feed(samples, last=True)
        return stream.part(0, stream.ready)

    def raw(self, sound: torch.Tensor) -> torch.Tensor:
        """(n,) samples with n_fft // 2 more at either end than the frames' centres -> (n_mels, frames) log10 power."""
        spectrum = torch.stft(sound, self.n_fft, self.hop_length, window=self.window, center=False, return_complex=True)
        return (self.filters @ spectrum.abs().square()).clamp_(min=QUIETEST).log10_()


class LogMelStream:
    """The features of one recording, made as its samples come.

    The dynamic range hangs on the loudest moment *so far*: of a recording that is fed whole, of all of it, as in the
    reference; of one that is fed in parts, of those. Frames that were forgotten take no memory.
    """

    def __init__(self, front: LogMel) -> None:
        self.front = front
        self.samples = 0  # fed
        self.ready = 0  # frames that can be had, with those that pad a short recording to a window
        self._kept_from = 0
        self._wanted_from = 0
        self._kept: list[torch.Tensor] = []  # raw, from frame `_kept_from` on
        self._sound = torch.zeros(0, device=front.filters.device)  # from the beginning of frame `ready` on
        self._mirrored = False  # whether what stands before the first sample was put there
        self._loudest = -torch.inf

    def feed(self, samples: Samples, last: bool = False) -> None:
        """(n,) more samples. last: there are no more after these."""
        front, half = self.front, self.front.n_fft // 2
        self.samples += len(samples)
        sound = torch.cat([self._sound, torch.from_numpy(np.ascontiguousarray(samples)).to(front.filters.device)])
        if last and (missing := front.window_samples - self.samples) > 0:
            sound = F.pad(sound, (0, missing))
        if len(sound) > half:  # mirrored at both ends, as by torch.stft(center=True)
            sound = F.pad(sound[None], (0 if self._mirrored else half, half if last else 0), mode="reflect")[0]
            self._mirrored = True
        frames = max(0, (len(sound) - front.n_fft) // front.hop_length + 1) if self._mirrored else 0
        if last:
            frames = max(0, max(self.samples, front.window_samples) // front.hop_length - self.ready)
        if frames:
            raw = front.raw(sound[: front.n_fft + (frames - 1) * front.hop_length])
            self._loudest = max(self._loudest, float(raw.max()))
            self._kept.append(raw)
            self.ready += frames
        self._sound = sound[frames * front.hop_length :]
        self._let_go()

    def part(self, first: int, count: int) -> torch.Tensor:
        """(n_mels, up to `count`) features from frame `first` on; fewer where there are no more by now."""
        if len(self._kept) > 1:
            self._kept = [torch.cat(self._kept, dim=1)]
        begin = first - self._kept_from
        assert begin >= 0, "these frames were forgotten"
        raw = self._kept[0][:, begin : begin + count]
        return (torch.maximum(raw, torch.tensor(self._loudest - DYNAMIC_RANGE, device=raw.device)) + 4.0) / 4.0

    def forget(self, before: int) -> None:
        """Let go of the frames before this one, those that are still to come included."""
        self._wanted_from = max(self._wanted_from, before)
        self._let_go()

    def _let_go(self) -> None:
        count = min(self._wanted_from, self.ready) - self._kept_from
        if count > FORGOTTEN_TOGETHER:
            self._kept = [torch.cat(self._kept, dim=1)[:, count:].clone()]
            self._kept_from += count
