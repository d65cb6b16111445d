"""Samples -> log-mel features, in torch, on the engine's device.

Equal to transformers' `WhisperFeatureExtractor` (fp32, within 1e-4). Filters, window and hop come from the
checkpoint's preprocessor configuration; nothing here assumes that a window is 30 seconds.
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
DROPPED_AT_A_TIME = 6000  # frames, a minute


@dataclass(frozen=True, eq=False)
class LogMel:
    """The log-mel front end of one checkpoint.

    Attributes:
        filters: (n_mels, n_fft // 2 + 1) float32, on the engine's device.
        window: (n_fft,) Hann window, there too.
        n_fft: Samples of one spectrum.
        hop_length: Samples from one frame to the next.
        sample_rate: Hz.
        window_samples: Samples of one model window.
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
        """Make the front end.

        Args:
            mel_filters: (n_fft // 2 + 1, n_mels), as transformers' feature extractor holds them.
            n_fft: Samples of one spectrum.
            hop_length: Samples from one frame to the next.
            sample_rate: Hz.
            window_samples: Samples of one model window.
            device: Where to compute.
        """
        filters = torch.from_numpy(np.ascontiguousarray(mel_filters.T)).to(device, torch.float32)
        window = torch.hann_window(n_fft, device=device)
        return cls(filters, window, n_fft, hop_length, sample_rate, window_samples)

    @property
    def frame_seconds(self) -> float:
        """Seconds from one frame to the next."""
        return self.hop_length / self.sample_rate

    def frames(self, samples: int) -> int:
        """Returns how many feature frames this many samples fill."""
        return samples // self.hop_length

    def __call__(self, samples: Samples) -> torch.Tensor:
        """Compute the features of a whole recording.

        Shorter than a window, it is padded with silence to one, as `WhisperFeatureExtractor` does by default; longer,
        it is taken as it is, as with `truncation=False, padding="longest"`.

        Args:
            samples: (n,) float32.

        Returns:
            (n_mels, frames) float32.
        """
        stream = LogMelStream(self)
        stream.feed(samples, last=True)
        return stream.part(0, stream.ready)

    def raw(self, sound: torch.Tensor) -> torch.Tensor:
        """Compute log10 power, before the dynamic range is limited.

        Args:
            sound: (n,) samples, with n_fft // 2 more at either end than the frames' centres.

        Returns:
            (n_mels, frames).
        """
        spectrum = torch.stft(sound, self.n_fft, self.hop_length, window=self.window, center=False, return_complex=True)
        return (self.filters @ spectrum.abs().square()).clamp_(min=QUIETEST).log10_()


class LogMelStream:
    """The features of one recording, computed as its samples arrive.

    The dynamic range is limited below the loudest moment *so far*: of the whole recording, as in the reference, where
    it is fed whole; of the parts up to now, where it is fed in parts. Frames that were dropped take no memory.

    Attributes:
        front: The front end.
        samples: Samples fed.
        ready: Frames computed, with those that pad a short recording to a window.
    """

    def __init__(self, front: LogMel) -> None:
        self.front = front
        self.samples = 0
        self.ready = 0
        self._kept_from = 0
        self._wanted_from = 0
        self._kept: list[torch.Tensor] = []  # raw, from frame `_kept_from` on
        self._sound = torch.zeros(0, device=front.filters.device)  # samples from the beginning of frame `ready` on
        self._mirrored = False  # whether the padding before the first sample was added
        self._loudest = -torch.inf

    def feed(self, samples: Samples, last: bool = False) -> None:
        """Compute the features of more samples.

        Args:
            samples: (n,) float32.
            last: There are no more after these.
        """
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
        self._drop()

    def part(self, first: int, count: int) -> torch.Tensor:
        """Return a part of the features.

        Args:
            first: A frame.
            count: How many frames from there on.

        Returns:
            (n_mels, count), fewer where no more were computed by now.
        """
        if len(self._kept) > 1:
            self._kept = [torch.cat(self._kept, dim=1)]
        begin = first - self._kept_from
        assert begin >= 0, "these frames were forgotten"
        raw = self._kept[0][:, begin : begin + count]
        return (torch.maximum(raw, torch.tensor(self._loudest - DYNAMIC_RANGE, device=raw.device)) + 4.0) / 4.0

    def forget(self, before: int) -> None:
        """Drop the frames before this one, also those that are still to be computed."""
        self._wanted_from = max(self._wanted_from, before)
        self._drop()

    def _drop(self) -> None:
        count = min(self._wanted_from, self.ready) - self._kept_from
        if count > DROPPED_AT_A_TIME:
            self._kept = [torch.cat(self._kept, dim=1)[:, count:].clone()]
            self._kept_from += count
